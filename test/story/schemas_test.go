package story

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"replog/client"
)

func TestAWideTableIsReplicatedLikeAnother(t *testing.T) {
	var columns, set []string
	for i := range 1999 {
		columns = append(columns, fmt.Sprintf("c%d", i))
		set = append(set, fmt.Sprintf("c%[1]d = %[1]d + id", i))
	}
	w := newWorld(t)
	a := w.publish("a.db", "CREATE TABLE wide("+strings.Join(columns, ", ")+", id INTEGER PRIMARY KEY); CREATE TABLE narrow(id INTEGER PRIMARY KEY, v);"+
		"INSERT INTO wide(id) VALUES(1), (2), (3); INSERT INTO narrow VALUES(1, 'a')")
	b := w.clone("b.db")
	a.write("UPDATE wide SET " + strings.Join(set, ", ") + " WHERE id < 3")
	a.write("UPDATE narrow SET v = 'b'")
	b.write("UPDATE wide SET c3 = 'x', c1998 = 'y', id = 30 WHERE id = 3")
	w.converge(a, b)
	a.write("UPDATE wide SET c1000 = 'a' WHERE id = 1")
	b.write("UPDATE wide SET c1001 = 'b' WHERE id = 1")
	w.converge(a, b)
	a.shows("SELECT c1000, c1001 FROM wide WHERE id = 1", `["a","b"]`)
	b.drift("DELETE FROM wide")
	b.repair()
	w.converge(b, a)
}

func TestIndexesAndCollationsOfEveryKindConverge(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", `
		CREATE TABLE person(name TEXT COLLATE NOCASE PRIMARY KEY, email TEXT COLLATE RTRIM UNIQUE, born, gone);
		CREATE UNIQUE INDEX living ON person(born) WHERE gone IS NULL;
		CREATE UNIQUE INDEX domain ON person(lower(substr(email, instr(email, '@'))), born);
		CREATE INDEX age ON person(2026 - born DESC) WHERE born > 0;
		CREATE VIEW alive AS SELECT name, email FROM person WHERE gone IS NULL;
		CREATE TRIGGER die INSTEAD OF DELETE ON alive BEGIN UPDATE person SET gone = 2026 WHERE name = OLD.name; END;
		CREATE TRIGGER meet INSTEAD OF INSERT ON alive BEGIN INSERT INTO person(name, email) VALUES(NEW.name, NEW.email); END;
		INSERT INTO person VALUES('Ada', 'ada@X.org', 1815, NULL), ('Brook', 'b@y.org', 1990, NULL);`)
	b := w.clone("b.db")
	a.write("DELETE FROM alive WHERE name = 'ADA'")
	a.write("INSERT INTO person VALUES('Ida', 'ida@z.org', 1815, NULL)")
	b.write("INSERT INTO alive VALUES('Cem', 'cem@y.org')")
	b.write("UPDATE person SET name = 'BROOK', email = 'B@y.org  ' WHERE name = 'brook'")
	w.converge(a, b)
	a.shows("SELECT group_concat(name, ' ') FROM (SELECT name FROM person ORDER BY name)", `["Ada BROOK Cem Ida"]`)
	a.shows("PRAGMA integrity_check", `["ok"]`)
	b.shows("PRAGMA integrity_check", `["ok"]`)
}

const searched = `
	CREATE TABLE page(id INTEGER PRIMARY KEY, text);
	CREATE VIRTUAL TABLE search USING fts5(text, content='page', content_rowid='id');
	CREATE TRIGGER page_insert AFTER INSERT ON page BEGIN INSERT INTO search(rowid, text) VALUES(new.id, new.text); END;
	CREATE TRIGGER page_delete AFTER DELETE ON page BEGIN INSERT INTO search(search, rowid, text) VALUES('delete', old.id, old.text); END;
	CREATE TRIGGER page_update AFTER UPDATE ON page BEGIN
		INSERT INTO search(search, rowid, text) VALUES('delete', old.id, old.text);
		INSERT INTO search(rowid, text) VALUES(new.id, new.text);
	END;
	INSERT INTO page VALUES(1, 'first words'), (2, 'other words');`

func TestAnIndexFollowsWhatIsUndoneToo(t *testing.T) {
	w := newWorld(t)
	a, b := w.shellFile("a.db", searched), w.shellFile("b.db", "PRAGMA encoding = 'UTF-16le';"+searched)
	a.init(client.InitRequest{Publish: true})
	b.init(client.InitRequest{})
	a.write("UPDATE page SET text = 'first letters' WHERE id = 1")
	b.write("UPDATE page SET text = 'first numbers' WHERE id = 1; INSERT INTO page VALUES(3, 'third words ä')")
	a.write("INSERT INTO page VALUES(3, 'clashes')")
	a.write("DELETE FROM page WHERE id = 2")
	w.converge(a, b)
	for _, d := range []*device{a, b, w.clone("c.db")} {
		d.shows("SELECT (SELECT group_concat(rowid) FROM search WHERE search MATCH 'words'), (SELECT group_concat(rowid) FROM search WHERE search MATCH 'first')",
			d.read("SELECT (SELECT group_concat(id) FROM page WHERE text LIKE '%words%'), (SELECT group_concat(id) FROM page WHERE text LIKE '%first%')"))
		d.write("INSERT INTO search(search, rank) VALUES('integrity-check', 1)")
	}
}

// shellFile makes a file by the sqlite3 shell, which has FTS5.
func (w *world) shellFile(name, sql string) *device {
	w.t.Helper()
	d := &device{w: w, path: filepath.Join(w.dir, name)}
	shell := exec.Command("sqlite3", "-bail", d.path)
	shell.Stdin = strings.NewReader(sql)
	if out, err := shell.CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	return d
}
