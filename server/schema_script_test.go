package server

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"replog/applier"
	"replog/replog"
)

// The script of a log with schema statements, run by the shell on the first content,
// makes what a snapshot has.
func TestTheScriptOfALogHasItsSchemaStatements(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a := h.enrol("bank")
	a.steps(schemaStatement(createNote), putNote("note", 1, "text", "x"), schemaStatement("CREATE UNIQUE INDEX note_text ON note(text)"), putNote("note", 2, "text", "y"))
	a.steps(schemaStatement(createNote+" -- again"), schemaStatement("ALTER TABLE account RENAME TO konto"))
	a.steps(intent("UPDATE konto SET balance = balance - 2 WHERE id = 1"))
	a.steps(schemaStatement("CREATE TABLE memo_new(extra TEXT DEFAULT 'e', text, id INTEGER PRIMARY KEY) -- new"),
		putNote("memo_new", 1, "text", "old"), schemaStatement("DROP TABLE memo"), schemaStatement("ALTER TABLE memo_new RENAME TO memo"))
	a.steps(derivedStatement("CREATE TRIGGER t AFTER INSERT ON memo BEGIN DELETE FROM total; END"), schemaStatement("DROP INDEX note_text"), schemaStatement("ALTER TABLE note DROP COLUMN text")).Label = "x"
	a.record(putNote("memo", 7, "text", "z", "extra", "q"))
	for _, v := range a.sync().verdicts {
		if v.Outcome != replog.Applied {
			t.Fatalf("%s: %v", describeVerdict(&v), v.Reason)
		}
	}
	h.sameRebuilt("bank")
	snapshot := t.TempDir() + "/snapshot.db"
	r := h.do("GET", "/v1/bank/snapshot", a.token, nil)
	h.ok(r, http.StatusOK)
	h.must(os.WriteFile(snapshot, r.body, 0o600))
	if strings.Contains(h.scriptFrom("bank", "", a.token, h.basePath("bank"), snapshot), "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT) -- again\n;") {
		t.Error("what was there already is made again")
	}
	// From a revision on, the schema is that of the log.
	at := t.TempDir() + "/at.db"
	h.must(copyFile(at, h.basePath("bank")))
	h.shell(at, string(h.do("GET", "/v1/bank/log?form=sql&upto=3", a.token, nil).body))
	h.scriptFrom("bank", "&after=3", a.token, at, snapshot)
}

// scriptFrom runs the script of a log on a copy of a file, and compares.
func (h *harness) scriptFrom(database, query, token, from, want string) string {
	h.t.Helper()
	r := h.do("GET", "/v1/"+database+"/log?form=sql"+query, token, nil)
	h.ok(r, http.StatusOK)
	path := h.t.TempDir() + "/made.db"
	h.must(copyFile(path, from))
	h.shell(path, string(r.body))
	schemas := make([]string, 2)
	for i, p := range []string{path, want} {
		list := h.baseObjects(p)
		schemas[i] = applier.FormatObjects(list)
	}
	if schemas[0] != schemas[1] {
		h.t.Errorf("the script makes\n%s\nwant\n%s", schemas[0], schemas[1])
	}
	a, err := applier.Open(path, applier.OpenOptions{ReadOnly: true})
	h.must(err)
	defer a.Close()
	s, err := applier.ReadSchema(a)
	h.must(err)
	for _, table := range s.Tables {
		query := "SELECT * FROM " + table.Name + " ORDER BY 1"
		if got, rows := h.rows(path, query), h.rows(want, query); got != rows {
			h.t.Errorf("table %s is\n%s\nwant\n%s", table.Name, got, rows)
		}
	}
	return string(r.body)
}

func (h *harness) shell(path, script string) {
	h.t.Helper()
	cmd := exec.CommandContext(context.Background(), "sqlite3", "-batch", path)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("%v: %s\n%s", err, out, script)
	}
}
