package server

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"replog/replog"
)

func TestUploadReachesOtherDevices(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	a.insert(2, "chair")
	a.insert(3, "desk")
	got := a.sync()
	if got.Revision != 2 || got.More || got.Head != 2 || len(got.verdicts) != 2 || len(got.entries) != 2 {
		t.Fatalf("answer to the writer: %+v", got)
	}
	for i, v := range got.verdicts {
		if v.Outcome != replog.Applied || !v.AsRecorded || v.Seq != replog.Seq(i+1) || v.Revision != replog.Revision(i+1) {
			t.Errorf("verdict %d: %+v", i, v)
		}
		if len(got.entries[i].List) != 0 {
			t.Errorf("entry %d sends the device what it has recorded itself", i)
		}
	}
	other := b.sync()
	if other.Revision != 2 || len(other.verdicts) != 0 || len(other.entries) != 2 {
		t.Fatalf("answer to the reader: %+v", other)
	}
	if c := other.entries[1].List; len(c) != 1 || c[0].New[1] != replog.Text("desk") {
		t.Errorf("second entry: %+v", c)
	}
	want := "[1,\"lamp\",12.5]\n[2,\"chair\",1.0]\n[3,\"desk\",1.0]\n"
	if rows := h.replicaRows("shop", allItems); rows != want {
		t.Errorf("the server's replica holds\n%s", rows)
	}
}

func TestApplicationTriggersDoNotFireOnTheServer(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	if rows := h.replicaRows("shop", `SELECT * FROM audit`); rows != "" {
		t.Errorf("a trigger fired: %s", rows)
	}
}

func TestConflictGoesToItsDeviceOnly(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	b.insert(2, "stool")
	got := b.sync()
	if len(got.verdicts) != 1 || got.verdicts[0].Outcome != replog.Conflict || got.verdicts[0].Reason.Code != replog.ReasonExists {
		t.Fatalf("verdicts: %+v", got.verdicts)
	}
	if got.Revision != 2 || len(got.entries) != 1 || got.entries[0].Revision != 1 {
		t.Fatalf("entries: %+v, revision %d", got.entries, got.Revision)
	}
	if seen := a.sync(); len(seen.entries) != 0 || seen.Revision != 2 {
		t.Fatalf("the other device sees %+v", seen)
	}
}

func TestResendGetsTheFirstVerdict(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	body := a.upload()
	first, err := a.send(body)
	h.must(err)
	again, err := a.send(body)
	h.must(err)
	if !bytes.Equal(first.body, again.body) {
		t.Errorf("first\n%s\nagain\n%s", first.body, again.body)
	}
	if got := a.sync(); got.Revision != 1 {
		t.Errorf("the log has %d entries", got.Revision)
	}
}

func TestAnotherTransactionOfAKnownSeqIsAFork(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	copied := *a
	a.insert(2, "chair")
	a.sync()
	copied.insert(3, "desk")
	r, err := copied.send(copied.upload())
	h.must(err)
	h.expect(r, http.StatusConflict, replog.CodeFork)
	if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[2]\n" {
		t.Errorf("rows: %s", rows)
	}
}

func TestADeviceThatKnowsLessThanTheLogIsAFork(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	restored := *a
	a.insert(2, "chair")
	a.sync()
	for _, when := range []string{"as the log was written", "after a restart"} {
		r, err := restored.send(restored.upload())
		h.must(err)
		if p := h.expect(r, http.StatusConflict, replog.CodeFork); p.Detail == "" {
			t.Errorf("%s: no detail", when)
		}
		h.restart()
	}
}

func TestAGapNamesTheExpectedSeq(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.insert(3, "desk")
	a.insert(4, "shelf")
	a.outbox = append(a.outbox[:1], a.outbox[2])
	r, err := a.send(a.upload())
	h.must(err)
	if p := h.expect(r, http.StatusConflict, replog.CodeGap); p.ExpectedSeq != 2 {
		t.Errorf("expected seq %d", p.ExpectedSeq)
	}
	if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[2]\n" {
		t.Errorf("what came before the gap is not kept: %s", rows)
	}
}

func TestHeaderThatDoesNotFitIsRefused(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, other := h.enrol("shop"), h.enrol("shop")
	for _, c := range []struct {
		name   string
		change func(*replog.SyncHeader)
		status int
		code   string
	}{
		{"database", func(s *replog.SyncHeader) { s.Database = "x" }, 409, replog.CodeDatabase},
		{"epoch", func(s *replog.SyncHeader) { s.Epoch, s.Chain = "x", "" }, 409, replog.CodeEpoch},
		{"seq whose verdict it saw", func(s *replog.SyncHeader) { s.Seen, s.LastSeq = 1, 1 }, 409, replog.CodeEpoch},
		{"negative sync point", func(s *replog.SyncHeader) { s.SyncPoint = -1 }, 400, replog.CodeMalformed},
		{"schema", func(s *replog.SyncHeader) { s.Schema = "x" }, 409, replog.CodeSchema},
		{"device", func(s *replog.SyncHeader) { s.Device = other.header.Device }, 403, replog.CodeForbidden},
		{"version", func(s *replog.SyncHeader) { s.Version = 99 }, 400, replog.CodeMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := a.header
			c.change(&header)
			r, err := a.send(replog.EncodeSyncHeader(header))
			h.must(err)
			h.expect(r, c.status, c.code)
		})
	}
}

func TestTransactionThatDoesNotFitIsRefused(t *testing.T) {
	h := newHarness(t)
	h.shop()
	other := h.enrol("shop")
	for _, c := range []struct {
		name   string
		change func(*replog.Transaction)
		code   string
	}{
		{"of another device", func(x *replog.Transaction) { x.Device = other.header.Device }, replog.CodeMalformed},
		{"on a base above the head", func(x *replog.Transaction) { x.Base = 1 }, replog.CodeAhead},
		{"on a negative base", func(x *replog.Transaction) { x.Base = -1 }, replog.CodeMalformed},
		{"that has seen itself", func(x *replog.Transaction) { x.Seen = 1 }, replog.CodeMalformed},
		{"without itself", func(x *replog.Transaction) { x.Without = []replog.Seq{1} }, replog.CodeMalformed},
		{"without changes", func(x *replog.Transaction) { x.Statements = nil }, replog.CodeMalformed},
		{"with seq 0", func(x *replog.Transaction) { x.Seq = 0 }, replog.CodeMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := h.enrol("shop")
			c.change(a.insert(2, "chair"))
			r, err := a.send(a.upload())
			h.must(err)
			var status = http.StatusConflict
			if c.code == replog.CodeMalformed {
				status = http.StatusBadRequest
			}
			h.expect(r, status, c.code)
		})
	}
	if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n" {
		t.Errorf("rows: %s", rows)
	}
}

func TestPushOnlyAnswersVerdictsAndMovesNothing(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	b.insert(9, "rug")
	b.sync()
	a.insert(2, "chair")
	a.header.PushOnly = true
	r, err := a.send(a.upload())
	h.must(err)
	got, err := readAnswer(r.body)
	h.must(err)
	if len(got.verdicts) != 1 || got.verdicts[0].Revision != 2 || len(got.entries) != 0 || got.Revision != 0 {
		t.Fatalf("answer: %+v", got)
	}
	a.header.PushOnly = false
	a.outbox = nil
	if got := a.sync(); len(got.verdicts) != 1 || len(got.entries) != 2 || got.Revision != 2 {
		t.Fatalf("the next sync: %+v", got)
	}
}

func TestAnswersStopAtTheByteLimit(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Limits.AnswerBytes = 1 })
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	for i := range 3 {
		a.insert(int64(i+2), "chair")
	}
	a.sync()
	for want := range replog.Revision(3) {
		got := b.sync()
		if got.Revision != want+1 || len(got.entries) != 1 || got.More != (want < 2) {
			t.Fatalf("answer %d: %+v", want, got)
		}
	}
}

func TestUploadCutAtEveryByteKeepsWholeTransactions(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.insert(3, "desk")
	body := a.upload()
	header := len(replog.EncodeSyncHeader(a.header))
	one, _ := a.outbox[0].Encode()
	ends := []int{header + len(one), len(body)}
	for cut := range body {
		want := 0
		for _, end := range ends {
			if cut >= end {
				want++
			}
		}
		r, err := a.send(body[:cut])
		h.must(err)
		// A body that ends between two transactions cannot be told from a whole one.
		if whole := cut == header || cut == ends[0]; whole {
			h.ok(r, http.StatusOK)
		} else {
			h.expect(r, http.StatusBadRequest, replog.CodeMalformed)
		}
		head, err := h.srv.opened("shop").log.Head(t.Context())
		h.must(err)
		if int(head.Revision) != want {
			t.Fatalf("cut at byte %d: the log is at %d, want %d", cut, head.Revision, want)
		}
	}
	if got := a.sync(); got.Revision != 2 || len(got.verdicts) != 2 {
		t.Fatalf("the sync that follows: %+v", got)
	}
}

func TestBytesBetweenTransactionsAreRefused(t *testing.T) {
	h := newHarness(t)
	h.shop()
	for _, tail := range []string{"\n", "{}\n", "null\n", "{\n", "\x00\n", `{"sync":{}}` + "\n"} {
		a := h.enrol("shop")
		r, err := a.send(append(a.upload(), tail...))
		h.must(err)
		h.expect(r, http.StatusBadRequest, replog.CodeMalformed)
	}
}

func TestTooManyTransactionsAreRefusedAfterTheLimit(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Limits.UploadTransactions = 2 })
	h.shop()
	a := h.enrol("shop")
	for i := range 3 {
		a.insert(int64(i+2), "chair")
	}
	r, err := a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusRequestEntityTooLarge, replog.CodeTooLarge)
	if rows := h.replicaRows("shop", `SELECT count(*) FROM item`); rows != "[3]\n" {
		t.Errorf("items: %s", rows)
	}
}

func TestManyDevicesUploadAtOnceWithoutGaps(t *testing.T) {
	h := newHarness(t)
	h.shop()
	const devices, each = 8, 10
	done := make(chan error, devices)
	for n := range devices {
		d := h.enrol("shop")
		go func() {
			for i := range each {
				d.insert(int64(100+n*each+i), "x")
				if _, err := d.try(); err != nil {
					done <- fmt.Errorf("device %d: %w", n, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range devices {
		h.must(<-done)
	}
	next := replog.Revision(1)
	h.must(h.srv.opened("shop").log.Entries(t.Context(), replog.Filter{}, func(e replog.Entry) error {
		if e.Revision != next || e.Outcome != replog.Applied {
			t.Errorf("revision %d (%s), want %d", e.Revision, e.Outcome, next)
		}
		next++
		return nil
	}))
	if next != devices*each+1 {
		t.Errorf("%d entries", next-1)
	}
}
