package applier

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"replog/replog"
)

// session is a program that knows nothing of replog, with one connection to a file.
type session struct {
	in  io.Writer
	out *bufio.Reader
}

func startSession(t *testing.T, path string) *session {
	t.Helper()
	cmd := exec.Command("python3", filepath.Join("testdata", "schema_foreign.py"), path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("python3, whose sqlite3 module this test writes with: %v", err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("python3: %v", err)
		}
	})
	return &session{in, bufio.NewReader(out)}
}

func (s *session) run(t *testing.T, sql string) {
	t.Helper()
	line, err := json.Marshal(sql)
	if err == nil {
		_, err = s.in.Write(append(line, '\n'))
	}
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := s.out.ReadString('\n'); err != nil || answer != "ok\n" {
		t.Errorf("%s: %s, %v", sql, strings.TrimSpace(answer), err)
	}
}

// Programs with open connections and cached statements go on writing while the
// schema changes, in either journal mode, and nothing that they write is missed.
func TestForeignProgramsWriteWhileTheSchemaChanges(t *testing.T) {
	for _, mode := range []string{"WAL", "DELETE"} {
		t.Run(mode, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "device", "PRAGMA journal_mode="+mode, household))
			r.script(t, "PRAGMA busy_timeout = 20000")
			r.in(t, "install", r.Install)
			s := startSession(t, r.Path())
			own := reopened(t, r.Path())
			write := func(i int) {
				s.run(t, "UPDATE parent SET n = n + 1 WHERE id = 1")
				s.run(t, "INSERT INTO child(a, b, parent) VALUES(hex(randomblob(8)), 1, 2)")
				s.run(t, "INSERT OR REPLACE INTO strict(k, v) VALUES('s', 'python')")
				if err := own.Exec("INSERT OR REPLACE INTO strict(k, v) VALUES('s', ?)", replog.Integer(int64(i))); err != nil {
					t.Error(err)
				}
				cmd := exec.Command("sqlite3", "-batch", "-bail", r.Path(), ".timeout 20000", fmt.Sprintf("UPDATE parent SET name = 'shell %d' WHERE id = 2", i))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("sqlite3: %v %s", err, out)
				}
			}
			const each = 5 // facts of one round: update, insert, update, update, update
			write(0)
			for i, sql := range []string{
				"ALTER TABLE parent ADD COLUMN c INT DEFAULT 5", "CREATE TABLE more(id INTEGER PRIMARY KEY)", "CREATE UNIQUE INDEX u ON parent(c) WHERE c > 5",
				wideTable(90, nil, "PRIMARY KEY(c0)"), "ALTER TABLE strict ADD COLUMN x INT", "DROP VIEW short", "ALTER TABLE more RENAME TO most",
				"CREATE TRIGGER tr BEFORE UPDATE ON parent BEGIN SELECT 1; END", "ALTER TABLE parent DROP COLUMN c", "DROP TABLE most",
			} {
				if strings.Contains(sql, "DROP COLUMN c") {
					r.in(t, "drop", func() error { _, err := r.runSchema("DROP INDEX u", SchemaOptions{}); return err })
				}
				if err := r.Refresh(); err != nil {
					t.Fatal(err)
				}
				r.in(t, sql, func() error {
					list, err := r.Gather(0)
					if err != nil {
						return err
					}
					if got := len(list[0].Statements); len(list) != 1 || got < each {
						t.Errorf("before %s: %d statements, want %d:%s", sql, got, each, describeGathered(list))
					}
					if err := r.Forget(); err != nil {
						return err
					}
					_, err = r.runSchema(sql, SchemaOptions{})
					return err
				})
				r.checkCapture(t)
				write(i + 1)
			}
			if row, err := r.QueryRow("PRAGMA integrity_check"); err != nil || row[0] != replog.Text("ok") {
				t.Errorf("%v, %v", row, err)
			}
		})
	}
}

// A writer beside migrations, which does not wait for them: every row that it writes is
// captured once, before or after.
func TestNoWriteGoesUnseenBesideAMigration(t *testing.T) {
	for _, mode := range []string{"WAL", "DELETE"} {
		t.Run(mode, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "device", "PRAGMA journal_mode="+mode, household))
			r.script(t, "PRAGMA busy_timeout = 20000")
			r.in(t, "install", r.Install)
			s := startSession(t, r.Path())
			const rows, each = 200, 5
			wrote := make(chan bool, rows)
			go func() {
				defer close(wrote)
				for i := range rows {
					s.run(t, fmt.Sprintf("INSERT INTO counted(id, n) VALUES(%d, 1)", 100+i))
					wrote <- true
				}
			}()
			seen, column := 0, 0
			gather := func() error {
				list, err := r.Gather(0)
				for _, g := range list {
					seen += len(g.Net)
				}
				if err != nil {
					return err
				}
				return r.Forget()
			}
			step := func(schema bool) {
				if err := r.Begin(); err != nil {
					t.Fatal(err)
				}
				err := r.Refresh()
				if err == nil {
					err = gather()
				}
				if err == nil && schema {
					column++
					_, err = r.runSchema(fmt.Sprintf("ALTER TABLE counted ADD COLUMN c%d DEFAULT %[1]d", column), SchemaOptions{})
				}
				if err == nil {
					err = r.Commit()
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for n := 0; <-wrote; n++ { // false once the writer is done
				if n%each == 0 {
					step(true)
				}
			}
			step(false)
			if seen != rows || column == 0 {
				t.Errorf("%d of %d rows were seen beside %d statements", seen, rows, column)
			}
			r.checkCapture(t)
		})
	}
}

// The statements that another connection of ours keeps see the wider change table.
func TestAnotherConnectionReadsAWiderChangeTable(t *testing.T) {
	for _, engine := range []string{"go-sqlite3 of mattn", "go-sqlite3 of ncruces"} {
		t.Run(engine, func(t *testing.T) {
			path := scripted(t, "device", household).Path()
			if engine == "go-sqlite3 of ncruces" {
				withWords(t, path)
			}
			r, other := openReplica(t, path), openReplica(t, path)
			r.in(t, "install", r.Install)
			if err := other.Refresh(); err != nil {
				t.Fatal(err)
			}
			r.script(t, "UPDATE parent SET n = 8 WHERE id = 1")
			if got := summarize(other.gather(t)); len(got) != 1 {
				t.Fatalf("%q", got)
			}
			r.in(t, "widen", func() error {
				_, err := r.runSchema(wideTable(60, nil, "PRIMARY KEY(c0)"), SchemaOptions{})
				return err
			})
			r.script(t, "INSERT INTO t(c0, c59) VALUES(1, 'last')")
			r.in(t, "forget", r.Forget)
			r.script(t, "DELETE FROM t")
			if err := other.Refresh(); err != nil {
				t.Fatal(err)
			}
			list := other.gather(t)
			if len(list) != 1 || list[0].Net[0].Old[59] != replog.Text("last") {
				t.Errorf("%s", describeGathered(list))
			}
		})
	}
}

// withWords gives a file a full-text index of FTS5, which triggers keep, so that it
// is opened by the engine that has that.
func withWords(t *testing.T, path string) {
	t.Helper()
	e, err := openFTS5("file:"+path, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Exec(`CREATE VIRTUAL TABLE words USING fts5(name, content='parent', content_rowid='id'); INSERT INTO words(words) VALUES('rebuild');
		CREATE TRIGGER words_insert AFTER INSERT ON parent BEGIN INSERT INTO words(rowid, name) VALUES(NEW.id, NEW.name); END;
		CREATE TRIGGER words_delete AFTER DELETE ON parent BEGIN INSERT INTO words(words, rowid, name) VALUES('delete', OLD.id, OLD.name); END;
		CREATE TRIGGER words_update AFTER UPDATE ON parent BEGIN INSERT INTO words(words, rowid, name) VALUES('delete', OLD.id, OLD.name); INSERT INTO words(rowid, name) VALUES(NEW.id, NEW.name); END`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}
