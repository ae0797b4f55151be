package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"replog/replog"
)

// history is what became of a case: all that anybody sees of it.
type history struct {
	verdicts           []replog.Verdict
	rows, log, details string
	downloads          []download
}

// run plays a case on a server whose random numbers and clock are always the same.
func (h *harness) run(first, then func(*double)) (got history) {
	h.t.Helper()
	h.publish("shop", longSchema)
	a, b, c := h.enrol("shop"), h.enrol("shop"), h.enrol("shop")
	a.clock = 5000
	if first != nil {
		first(a)
	}
	then(b)
	for _, d := range []*double{a, b} {
		for i := range d.outbox {
			d.outbox[i].Nonce = fmt.Sprint(i)
		}
	}
	a.sync()
	got.verdicts = b.sync().verdicts
	got.rows = h.replicaRows("shop", longRows)
	got.downloads = c.sync().entries
	got.log = h.logText(c.token, "")
	for _, query := range []string{"?all=1&form=stat", "?all=1&text=renamed", "?all=1&table=item&key=45", "?form=sql", "/1?form=whole", "/2?form=whole", "/2"} {
		got.details += h.logText(c.token, query)
	}
	h.stop()
	h.must(removeReplica(h.cfg.Data + "/databases/shop/replica.db"))
	h.start()
	if rows := h.replicaRows("shop", longRows); rows != got.rows {
		h.t.Errorf("the replica that is built again has\n%s, it had\n%s", rows, got.rows)
	}
	return got
}

const longRows = `SELECT 'item', id, name, n FROM item UNION ALL SELECT 'part', id, item, code FROM part ORDER BY 1, 2`

func (h *harness) logText(token, query string) string {
	h.t.Helper()
	return string(h.do("GET", "/v1/shop/log"+query, token, nil).body)
}

// foreseeable makes a server whose ids and times are the same in every run.
func foreseeable(c *Config) {
	c.Random = rand.NewChaCha8([32]byte{1})
	c.Clock = func() time.Time { return time.UnixMilli(1_700_000_000_000) }
}

func TestALongTransactionIsJudgedAsAShortOne(t *testing.T) {
	for _, tc := range longCases {
		t.Run(tc.name, func(t *testing.T) {
			long := newHarness(t, foreseeable).run(tc.first, tc.then)
			restore := replog.SetMemory(1<<20, 1<<20)
			short := newHarness(t, foreseeable).run(tc.first, tc.then)
			restore()
			var got []string
			for i := range long.verdicts {
				v := &long.verdicts[i]
				got = append(got, strings.TrimSpace(string(v.Outcome)+map[bool]string{true: " as recorded"}[v.AsRecorded]))
			}
			if s := strings.Join(got, ", "); s != tc.want {
				t.Errorf("%s, want %s", s, tc.want)
			}
			for what, pair := range map[string][2]string{
				"verdicts":  {asText(long.verdicts), asText(short.verdicts)},
				"rows":      {long.rows, short.rows},
				"the log":   {long.log, short.log},
				"details":   {long.details, short.details},
				"downloads": {asText(long.downloads), asText(short.downloads)},
			} {
				if n := commonPrefix(pair[0], pair[1]); pair[0] != pair[1] {
					t.Errorf("%s: of the long transaction …%.300s\nof the short one …%.300s", what, pair[0][n:], pair[1][n:])
				}
			}
		})
	}
}

// commonPrefix is where two texts begin to differ, with a little before it.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return max(0, n-100)
}

func asText(v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
