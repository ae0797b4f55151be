package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"replog/replog"
)

// keepLog copies the log of the shop while the server is stopped; putBack puts it back,
// and takes the replica away.
func (h *harness) keepLog() []byte {
	h.t.Helper()
	h.stop()
	defer h.start()
	b, err := os.ReadFile(h.logPath())
	h.must(err)
	return b
}

func (h *harness) putBack(log []byte, replica string) {
	h.t.Helper()
	h.stop()
	defer h.start()
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(h.logPath() + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			h.t.Fatal(err)
		}
	}
	h.must(os.WriteFile(h.logPath(), log, 0o600))
	h.must(removeReplica(replica))
}

func (h *harness) logPath() string {
	return filepath.Join(h.cfg.Data, "databases", "shop", "log.db")
}

func (h *harness) epoch() replog.Epoch {
	h.t.Helper()
	head, err := h.srv.opened("shop").log.Head(h.t.Context())
	h.must(err)
	return head.Epoch
}

// ask sends a header alone.
func (d *double) ask(change func(*replog.SyncHeader)) *reply {
	d.h.t.Helper()
	header := d.header
	change(&header)
	r, err := d.send(replog.EncodeSyncHeader(header))
	d.h.must(err)
	return r
}

func TestAReplicaOfALostHistoryIsBuiltAgainAndTheEpochChanges(t *testing.T) {
	for name, others := range map[string]int{"below": 0, "at the same number": 2, "above": 3} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.shop()
			a, b := h.enrol("shop"), h.enrol("shop")
			log := h.keepLog()
			for id := int64(10); id < 12; id++ {
				a.insert(id, "lost")
				a.sync()
			}
			path := h.srv.opened("shop").replicaPath()
			h.stop()
			ahead, err := os.ReadFile(path)
			h.must(err)
			h.start()
			epoch := h.epoch()

			// The history goes on without the server's knowing; then its replica is that of
			// the lost one.
			h.putBack(log, path)
			want := "[1]\n"
			for id := range others {
				b.insert(int64(20+id), "new")
				b.sync()
				want += fmt.Sprintf("[%d]\n", 20+id)
			}
			if others > 0 && h.epoch() != epoch {
				t.Fatal("the epoch changed before anybody knew")
			}
			h.stop()
			h.must(removeReplica(path))
			h.must(os.WriteFile(path, ahead, 0o600))
			h.start()
			if h.epoch() == epoch {
				t.Error("the epoch is the same")
			}
			if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != want {
				t.Errorf("rows: %s", rows)
			}
			changed := h.epoch()
			h.restart()
			if h.epoch() != changed {
				t.Error("the epoch changed again")
			}
		})
	}
}

func TestAServerThatRunsFindsOutWithTheNextUpload(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	a.insert(10, "lost")
	a.sync()
	d, epoch := h.srv.opened("shop"), h.epoch()
	// What a fail-over to a standby that was behind looks like from here.
	for _, table := range []string{"entry", "recorded_statement", "recorded_net", "effect", "changed_row", "touched_table", "touched_row"} {
		h.rows(h.logPath(), "DELETE FROM "+table)
	}
	h.rows(h.logPath(), `UPDATE head SET revision = 0, chain = '`+string(replog.FirstChain(d.id))+`', last_changed = 0, other_changed = 0`)
	b.insert(11, "new")
	r, err := b.send(b.upload())
	h.must(err)
	if r.StatusCode == http.StatusServiceUnavailable { // it was let in before that was known
		r, err = b.send(b.upload())
		h.must(err)
	}
	h.ok(r, http.StatusOK)
	if h.epoch() == epoch {
		t.Error("the epoch is the same")
	}
	if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[11]\n" {
		t.Errorf("rows: %s", rows)
	}
}

func TestADeviceProvesOnceThatRevisionsWereLost(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	a.insert(10, "kept")
	done := a.sync()
	if done.Chain == "" || done.Chain != h.standing(a).Chain {
		t.Fatalf("the chain is %q", done.Chain)
	}
	b.sync()
	first := h.epoch()
	for name, change := range map[string]func(*replog.SyncHeader){
		"ahead":         func(s *replog.SyncHeader) { s.SyncPoint, s.Chain = 7, done.Chain },
		"another chain": func(s *replog.SyncHeader) { s.SyncPoint, s.Chain = 1, "0123456789abcdef0123456789abcdef" },
		"another below": func(s *replog.SyncHeader) { s.SyncPoint, s.Chain = 0, done.Chain },
	} {
		before := h.epoch()
		current := func(s *replog.SyncHeader) { s.Epoch = before; change(s) }
		h.expect(a.ask(current), http.StatusConflict, replog.CodeEpoch)
		changed := h.epoch()
		if changed == before {
			t.Errorf("%s: the epoch is the same", name)
		}
		h.expect(a.ask(current), http.StatusConflict, replog.CodeEpoch)
		h.expect(a.ask(func(s *replog.SyncHeader) { s.Epoch = first; change(s) }), http.StatusConflict, replog.CodeEpoch)
		if h.epoch() != changed {
			t.Errorf("%s: a device of an older epoch changed it", name)
		}
	}
	// One that knows nothing that is not the log's goes on, whatever its epoch.
	b.insert(11, "new")
	answer := b.sync()
	if answer.Epoch != h.epoch() || answer.Revision != 2 || answer.Chain == "" {
		t.Errorf("%+v", answer.SyncDone)
	}
	// Without a chain nobody can tell.
	h.expect(b.ask(func(s *replog.SyncHeader) { s.Epoch, s.Chain = first, "" }), http.StatusConflict, replog.CodeEpoch)
	if h.replicaRows("shop", `SELECT +epoch FROM replog_replica`) != fmt.Sprintf("[%q]\n", h.epoch()) {
		t.Error("the replica is of another epoch")
	}
}

func (h *harness) standing(d *double, points ...replog.Point) (s replog.Standing) {
	h.t.Helper()
	body, err := json.Marshal(replog.StandingRequest{Points: points})
	h.must(err)
	r := h.do("POST", d.path("devices/"+string(d.header.Device)+"/standing"), d.token, body)
	h.ok(r, http.StatusOK)
	h.must(json.Unmarshal(r.body, &s))
	return s
}

func TestTheStandingOfADevice(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	points := []replog.Point{{Chain: replog.FirstChain(a.header.Database)}}
	for id := int64(10); id < 13; id++ {
		a.insert(id, "item")
		done := a.sync()
		points = append([]replog.Point{{Revision: done.Revision, Chain: done.Chain}}, points...)
	}
	s := h.standing(a, points...)
	if s.Head != 3 || s.Common != 3 || s.LastSeq != 3 || s.Epoch != h.epoch() || s.Chain != points[0].Chain {
		t.Errorf("%+v", s)
	}
	points[0].Chain, points[1].Chain = points[1].Chain, points[0].Chain
	if s := h.standing(a, append([]replog.Point{{Revision: 9, Chain: "x"}}, points...)...); s.Common != 1 {
		t.Errorf("%+v", s)
	}
	if s := h.standing(a); s.Common != 0 {
		t.Errorf("%+v", s)
	}
	for _, body := range []string{"", "{", `{"points":[{"revision":1}]}`, `{"points":[{"revision":-1,"chain":"x"}]}`,
		`{"points":[` + string(bytes.Repeat([]byte(`{"revision":1,"chain":"x"},`), replog.MostPoints)) + `{"revision":1,"chain":"x"}]}`} {
		h.expect(h.do("POST", a.path("devices/"+string(a.header.Device)+"/standing"), a.token, []byte(body)), http.StatusBadRequest, replog.CodeMalformed)
	}
	h.expect(h.do("POST", a.path("devices/x/standing"), a.token, []byte("{}")), http.StatusBadRequest, replog.CodeMalformed)
}

// What a device had recorded on a history that is no more is placed on that which is:
// its base and the verdicts that it saw count up to where the two part.
func TestADeviceThatRejoinedIsPlacedOnTheLog(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	b.clock = 500
	b.record(rename(1, "by b", "lamp"))
	b.sync()
	change := a.record(rename(1, "by a", "lamp"))
	change.Base, change.Seen = 9, 0
	r, err := a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusConflict, replog.CodeAhead)
	a.header.Rejoined = &replog.Rejoined{UpTo: 1, Base: 0, Seen: 0}
	if v := a.sync().verdicts; len(v) != 1 || v[0].Outcome != replog.Applied {
		t.Fatalf("%+v", v)
	}
	// One above UpTo is taken at its word.
	a.record(rename(1, "again", "by a")).Base = 9
	r, err = a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusConflict, replog.CodeAhead)
}

func rename(id int64, to, from string) replog.Change {
	return replog.Change{
		Table: "item", Op: replog.Update, Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"},
		Columns: []string{"name"}, Old: []replog.Value{replog.Text(from)}, New: []replog.Value{replog.Text(to)},
	}
}
