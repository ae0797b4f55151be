package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"replog/applier"
	"replog/replog"
)

// Everybody gets an entry with schema statements as its statements and what the
// server changed between them, in order, its own device, too, whatever it asks for.
func TestSchemaStatementsAreDeliveredInOrder(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a, b := h.enrol("bank"), h.enrol("bank")
	b.record(setMemo(1, "old", "x"))
	b.sync()
	a.clock += 10
	const add = "ALTER TABLE note ADD COLUMN more DEFAULT 'm'"
	a.steps(schemaStatement(createNote), putNote("note", 1, "text", "x"), setMemo(1, "old", "x"), derivedStatement(add), putNote("note", 2, "text", "y", "more", "z"))
	a.sync()
	want := "4 lines, schema: " + createNote + "; insert note [1]; " + add + "; insert note [2]"
	start := map[*double]replog.SyncHeader{a: a.header, b: b.header}
	for d, header := range start {
		for name, change := range map[string]func(*replog.SyncHeader){
			"as it is": func(*replog.SyncHeader) {}, "as changes": func(h *replog.SyncHeader) { h.AsChanges = true },
			"differed": func(h *replog.SyncHeader) { h.Differed = []replog.Revision{2} },
		} {
			d.header = header
			d.header.SyncPoint, d.header.Chain = 0, ""
			change(&d.header)
			got := d.sync()
			if e := got.entries[len(got.entries)-1]; e.describe() != want {
				t.Errorf("%s: %s\nwant %s", name, e.describe(), want)
			}
			for _, v := range got.verdicts {
				if v.AsRecorded && v.Revision == 2 {
					t.Errorf("%s: the verdict says that nothing comes", name)
				}
			}
		}
	}
}

func TestADeviceMayAskForTheChangesOfAllIntents(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a, b := h.enrol("bank"), h.enrol("bank")
	a.steps(having(take(5, 1), setBalance(1, 10, 5), setTotal(60, 55)))
	a.sync()
	b.header.AsChanges = true
	if e := b.sync().entries[0]; e.describe() != "2 changes: update account [1]; update total [1]" {
		t.Errorf("%s", e.describe())
	}
}

func TestTheSchemaOfARevision(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a := h.enrol("bank")
	first := h.schema("bank", "")
	a.steps(schemaStatement(createNote))
	a.record(putNote("note", 1))
	a.steps(schemaStatement("CREATE VIEW notes AS SELECT id FROM note"))
	a.steps(schemaStatement("CREATE TABLE note AS SELECT 1"))
	a.sync()
	for at, want := range map[string]struct {
		revision replog.Revision
		names    string
	}{
		"0": {0, "account total booking slip memo account_total"}, "1": {1, "account total booking slip memo note account_total"},
		"2": {1, "account total booking slip memo note account_total"}, "3": {3, "account total booking slip memo note notes account_total"},
		"4": {3, "account total booking slip memo note notes account_total"}, "": {3, "account total booking slip memo note notes account_total"},
	} {
		v := h.schema("bank", at)
		list, err := applier.ParseObjects(v.Objects)
		h.must(err)
		var names []string
		for _, o := range list {
			names = append(names, o.Name)
		}
		if v.Revision != want.revision || strings.Join(names, " ") != want.names || v.Fingerprint != applier.FingerprintObjects(list) {
			t.Errorf("at %q: revision %d, %q", at, v.Revision, names)
		}
	}
	if v := h.schema("bank", "0"); v != first {
		t.Error("the first has changed")
	}
	h.expect(h.do("GET", "/v1/bank/schema?at=5", a.token, nil), http.StatusNotFound, replog.CodeNotFound)
	h.expect(h.do("GET", "/v1/bank/schema?at=x", a.token, nil), http.StatusBadRequest, replog.CodeMalformed)
	h.expect(h.do("GET", "/v1/bank/schema", "nonsense", nil), http.StatusUnauthorized, replog.CodeUnauthorized)
	h.ok(h.do("GET", "/v1/bank/schema", h.enrolmentToken("bank"), nil), http.StatusOK)
}

// A device goes on with the schema that it agreed on, however many there were since;
// one that no revision had is refused, with what both have.
func TestTheSchemaOfADevice(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a, b := h.enrol("bank"), h.enrol("bank")
	for i := range 3 {
		a.steps(schemaStatement(fmt.Sprintf("CREATE TABLE t%d(id INTEGER PRIMARY KEY)", i)))
	}
	a.sync()
	h.restart()
	b.record(setMemo(1, "old", "x"))
	if v := b.sync().verdicts[0]; v.Outcome != replog.Applied {
		t.Errorf("%s %v", v.Outcome, v.Reason)
	}
	b.header.Schema = "another"
	r, err := b.send(b.upload())
	h.must(err)
	p := h.expect(r, http.StatusConflict, replog.CodeSchema)
	for _, part := range []string{`"another"`, h.schema("bank", "").Fingerprint, "revision 3", "memo(id, text)", "t2(id)"} {
		if !strings.Contains(p.Detail, part) {
			t.Errorf("%s is not in %s", part, p.Detail)
		}
	}
}

func TestASnapshotHasTheSchemaOfItsRevision(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a := h.enrol("bank")
	a.steps(take(1, 1))
	a.steps(schemaStatement("ALTER TABLE account RENAME TO konto"), schemaStatement("CREATE TRIGGER second AFTER UPDATE ON konto BEGIN UPDATE memo SET text = 'u'; END"), schemaStatement("CREATE VIEW v AS SELECT * FROM konto"))
	a.sync()
	r := h.do("GET", "/v1/bank/snapshot", a.token, nil)
	h.ok(r, http.StatusOK)
	path := h.t.TempDir() + "/snapshot.db"
	h.must(writePrivate(path, r.body))
	list := h.baseObjects(path)
	if v := h.schema("bank", r.Header.Get(replog.HeaderRevision)); v.Revision != 2 || v.Objects != applier.FormatObjects(list) {
		t.Errorf("the snapshot has\n%s\nwant\n%s", applier.FormatObjects(list), v.Objects)
	}
	if got := h.rows(path, "SELECT name FROM sqlite_schema WHERE name LIKE 'replog%'"); got != "" {
		t.Errorf("of ours: %s", got)
	}
	if _, err := h.srv.opened("bank").log.SchemaAt(context.Background(), 0); err != nil {
		t.Error(err)
	}
}
