package applier

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"replog/replog"
)

// derivedCases are virtual tables that follow a table of articles.
var derivedCases = []struct {
	name, schema string
	// kept are the triggers that stay on; unkept the tables that cannot follow.
	kept, unkept []string
	// check fails where an index does not show its content.
	check  string
	unlike bool // it is expected not to follow
}{
	{"FTS5 with external content, by triggers", `
		CREATE VIRTUAL TABLE f USING fts5(title, body, content='a', content_rowid='id');
		CREATE TRIGGER ins AFTER INSERT ON a BEGIN INSERT INTO f(rowid, title, body) VALUES(new.id, new.title, new.body); END;
		CREATE TRIGGER del AFTER DELETE ON a BEGIN INSERT INTO f(f, rowid, title, body) VALUES('delete', old.id, old.title, old.body); END;
		CREATE TRIGGER upd AFTER UPDATE ON a BEGIN INSERT INTO f(f, rowid, title, body) VALUES('delete', old.id, old.title, old.body);
			INSERT INTO f(rowid, title, body) VALUES(new.id, new.title, new.body); END;`,
		[]string{"del", "ins", "upd"}, nil, "INSERT INTO f(f, rank) VALUES('integrity-check', 1)", false},
	{"FTS5 with external content, by hand", `
		CREATE VIRTUAL TABLE "f" USING FTS5(title, body, content = "a", content_rowid=id, tokenize='porter');
		INSERT INTO f(f) VALUES('rebuild');`,
		nil, nil, "INSERT INTO f(f, rank) VALUES('integrity-check', 1)", false},
	{"FTS5 with the content of a view", `
		CREATE VIEW v AS SELECT a.id AS id, title, body || ' ' || name AS body FROM a JOIN w ON w.id = a.writer;
		CREATE VIRTUAL TABLE f USING fts5(title, body, content=v, content_rowid=id);
		INSERT INTO f(f) VALUES('rebuild');`,
		nil, nil, "INSERT INTO f(f, rank) VALUES('integrity-check', 1)", false},
	{"FTS5 with content of its own, by triggers", `
		CREATE VIRTUAL TABLE f USING fts5(title, body);
		CREATE TRIGGER ins AFTER INSERT ON a WHEN new.title IS NOT NULL BEGIN INSERT INTO f(rowid, title, body) VALUES(new.id, new.title, new.body); END;
		CREATE TRIGGER del AFTER DELETE ON a BEGIN DELETE FROM f WHERE rowid = old.id; END;
		CREATE TRIGGER upd AFTER UPDATE OF title, body ON a BEGIN UPDATE f SET title = new.title, body = new.body WHERE rowid = old.id; END;`,
		[]string{"del", "ins", "upd"}, nil, "", false},
	{"FTS5 without content, by triggers", `
		CREATE VIRTUAL TABLE f USING fts5(title, body, content='');
		CREATE TRIGGER ins AFTER INSERT ON a BEGIN INSERT INTO f(rowid, title, body) VALUES(new.id, new.title, new.body); END;
		CREATE TRIGGER del BEFORE DELETE ON a BEGIN INSERT INTO f(f, rowid, title, body) VALUES('delete', old.id, old.title, old.body); END;
		CREATE TRIGGER upd AFTER UPDATE ON a BEGIN INSERT INTO f(f, rowid, title, body) VALUES('delete', old.id, old.title, old.body);
			INSERT INTO f(rowid, title, body) VALUES(new.id, new.title, new.body); END;`,
		[]string{"del", "ins", "upd"}, nil, "", false},
	{"FTS4 with external content, by triggers", `
		CREATE VIRTUAL TABLE f USING fts4(content="a", title, body);
		CREATE TRIGGER upd1 BEFORE UPDATE ON a BEGIN DELETE FROM f WHERE docid = old.rowid; END;
		CREATE TRIGGER del BEFORE DELETE ON a BEGIN DELETE FROM f WHERE docid = old.rowid; END;
		CREATE TRIGGER upd2 AFTER UPDATE ON a BEGIN INSERT INTO f(docid, title, body) VALUES(new.rowid, new.title, new.body); END;
		CREATE TRIGGER ins AFTER INSERT ON a BEGIN INSERT INTO f(docid, title, body) VALUES(new.rowid, new.title, new.body); END;`,
		[]string{"del", "ins", "upd1", "upd2"}, nil, "INSERT INTO f(f) VALUES('integrity-check')", false},
	{"FTS3 with content of its own, by triggers", `
		CREATE VIRTUAL TABLE f USING fts3(title, body);
		CREATE TRIGGER ins AFTER INSERT ON a BEGIN INSERT INTO f(docid, title, body) VALUES(new.id, new.title, new.body); END;
		CREATE TRIGGER del AFTER DELETE ON a BEGIN DELETE FROM f WHERE docid = old.id; END;
		CREATE TRIGGER upd AFTER UPDATE ON a BEGIN UPDATE f SET title = new.title, body = new.body WHERE docid = old.id; END;`,
		[]string{"del", "ins", "upd"}, nil, "", false},
	{"a trigger that writes to a table too, on an index with external content", `
		CREATE TABLE log(id INTEGER PRIMARY KEY, what);
		CREATE VIRTUAL TABLE f USING fts5(title, body, content='a', content_rowid='id');
		CREATE TRIGGER ins AFTER INSERT ON a BEGIN INSERT INTO f(rowid, title, body) VALUES(new.id, new.title, new.body); INSERT INTO log(what) VALUES(new.id); END;
		CREATE TRIGGER del AFTER DELETE ON a BEGIN INSERT INTO f(f, rowid, title, body) VALUES('delete', old.id, old.title, old.body); END;
		CREATE TRIGGER upd AFTER UPDATE ON a BEGIN INSERT INTO f(f, rowid, title, body) VALUES('delete', old.id, old.title, old.body);
			INSERT INTO f(rowid, title, body) VALUES(new.id, new.title, new.body); END;`,
		nil, nil, "INSERT INTO f(f, rank) VALUES('integrity-check', 1)", false},
	{"a trigger that may refuse a row, on an index with content of its own", `
		CREATE VIRTUAL TABLE f USING fts5(title, body);
		CREATE TRIGGER ins AFTER INSERT ON a BEGIN SELECT raise(ABORT, 'no') WHERE new.id < 0; INSERT INTO f(rowid, title, body) VALUES(new.id, new.title, new.body); END;`,
		nil, []string{"f"}, "", true},
	{"content without the index's columns", `
		CREATE VIRTUAL TABLE f USING fts5(title, other, content='a', content_rowid='id');`,
		nil, nil, "", true},
	{"a tokenizer that is not there", `
		CREATE VIRTUAL TABLE f USING fts5(title, body, content='a', content_rowid='id');
		CREATE TRIGGER ins AFTER INSERT ON a BEGIN INSERT INTO f(rowid, title, body) VALUES(new.id, new.title, new.body); END;
		PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'content_rowid=''id''', 'content_rowid=''id'', tokenize=other') WHERE name = 'f'; PRAGMA writable_schema = OFF`,
		nil, []string{"f"}, "", true},
}

const articles = `
	CREATE TABLE w(id INTEGER PRIMARY KEY, name);
	CREATE TABLE a(id INTEGER PRIMARY KEY, title TEXT UNIQUE, body, writer REFERENCES w(id));
	INSERT INTO w VALUES(1, 'ada'), (2, 'brook');`

const someArticles = `
	INSERT INTO a VALUES(1, 'one', 'red green', 1), (2, 'two', 'green blue', 2), (3, 'three', 'blue', 1)`

func TestVirtualTablesFollowWhatReplogWrites(t *testing.T) {
	for _, tc := range derivedCases {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			live, other := filepath.Join(dir, "live.db"), filepath.Join(dir, "other.db")
			rows := someArticles
			if tc.unlike {
				rows = ""
			}
			makeFile(t, live, articles, tc.schema, rows)
			if !tc.unlike && tc.kept == nil {
				makeFile(t, live, "INSERT INTO f(f) VALUES('rebuild')")
			}
			copyFile(t, live, other)
			installCapture(t, live)
			installCapture(t, other)
			r := openReplica(t, other)
			kept, err := r.DerivedTriggers()
			if got := slices.Sorted(maps.Keys(kept)); err != nil || !slices.Equal(got, tc.kept) {
				t.Errorf("stay on: %q, want %q, %v", got, tc.kept, err)
			}
			if got, err := r.UnkeptTables(); err != nil || !slices.Equal(got, tc.unkept) {
				t.Errorf("do not follow: %q, want %q, %v", got, tc.unkept, err)
			}
			if tc.unlike {
				r.write(t, "write", func() error { return r.RebuildIndexes(true) })
				return
			}
			checkFollows(t, live, r, tc.check)
		})
	}
}

func checkFollows(t *testing.T, live string, r *testReplica, check string) {
	before := contentOf(t, r, theirs)
	(shell{}).run(t, live, nil, stmts(
		"INSERT INTO a VALUES(4, 'four', 'red red', 1), (5, 'five', NULL, 2)", "UPDATE a SET body = 'blue yellow' WHERE id = 1",
		"UPDATE a SET title = 'zwei', body = 'green' WHERE id = 2", "DELETE FROM a WHERE id = 3",
		"UPDATE a SET title = NULL WHERE id = 4", "UPDATE a SET title = 'four' WHERE id = 5", "UPDATE a SET title = 'vier' WHERE id = 4",
		"UPDATE w SET name = 'cem' WHERE id = 2"))
	list := openReplica(t, live).gather(t)
	apply := func() error {
		for _, c := range recorded(t, list) {
			if err := r.Apply(replog.ChangeList(c)); err != nil {
				return err
			}
		}
		return nil
	}
	revert := func() error {
		for _, c := range slices.Backward(recorded(t, list)) {
			if err := r.Revert(replog.ChangeList(c)); err != nil {
				return err
			}
		}
		return nil
	}
	first := searches(t, r.Path(), check)
	r.write(t, "apply", apply)
	// An index that the application makes anew now and then is so on this side.
	if check != "" {
		(shell{}).run(t, live, nil, stmts("INSERT INTO f(f) VALUES('rebuild')"))
	}
	if got, want := searches(t, r.Path(), check), searches(t, live, check); got != want {
		t.Errorf("applied: %s\nwant %s", got, want)
	}
	r.write(t, "revert", revert)
	if got := searches(t, r.Path(), check); got != first {
		t.Errorf("reverted: %s\nwant %s", got, first)
	}
	r.write(t, "apply and revert", func() error {
		if err := apply(); err != nil {
			return err
		}
		return revert()
	})
	if got := searches(t, r.Path(), check); got != first {
		t.Errorf("applied and reverted: %s\nwant %s", got, first)
	}
	if got := contentOf(t, r, theirs); got != before {
		t.Errorf("triggers are %s\nwant %s", got, before)
	}
	from := reopened(t, live)
	r.write(t, "load", func() error { return r.LoadFrom(from) })
	if got, want := searches(t, r.Path(), check), searches(t, live, check); got != want {
		t.Errorf("loaded: %s\nwant %s", got, want)
	}
}

// searches is what the shell finds, and what it says of the index.
func searches(t *testing.T, path, check string) string {
	t.Helper()
	var run []step
	for _, word := range []string{"one", "two", "zwei", "three", "four", "vier", "five", "red", "green", "blue", "yellow", "ada", "brook", "cem"} {
		run = append(run, step{sql: "SELECT '" + word + "', group_concat(rowid) FROM (SELECT rowid FROM f WHERE f MATCH '" + word + "' ORDER BY 1)"})
	}
	if check != "" {
		run = append(run, step{sql: check})
	}
	o := (shell{}).run(t, path, nil, run)
	if o.failed > 0 {
		t.Errorf("%s", o.results)
	}
	return o.results[0]
}

func TestTablesOfOtherKindsFollowToo(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", `
		CREATE TABLE p(id INTEGER PRIMARY KEY, x, y);
		CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, y0, y1);
		CREATE TRIGGER ins AFTER INSERT ON p BEGIN INSERT INTO box VALUES(new.id, new.x, new.x, new.y, new.y); END;
		CREATE TRIGGER del AFTER DELETE ON p BEGIN DELETE FROM box WHERE id = old.id; END;
		CREATE TRIGGER both AFTER INSERT ON p BEGIN UPDATE p SET y = 0 WHERE y IS NULL AND id = new.id; END;`))
	r.in(t, "install", r.Install)
	before := contentOf(t, r, theirs)
	r.write(t, "write", func() error { return r.Script("INSERT INTO p VALUES(1, 2, 3), (2, 4, 4); DELETE FROM p WHERE id = 2") })
	if got := contentOf(t, r, "SELECT * FROM box"); got != "[1,2.0,2.0,3.0,3.0]" {
		t.Error(got)
	}
	if got := contentOf(t, r, theirs); got != before {
		t.Errorf("triggers are %s\nwant %s", got, before)
	}
}
