package applier

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// manyTables is the SQL of n tables like those of applications.
func manyTables(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `CREATE TABLE t%[1]d(id INTEGER PRIMARY KEY, name TEXT NOT NULL, code TEXT UNIQUE, a INT, b REAL, c BLOB, note TEXT DEFAULT '', parent INTEGER REFERENCES t0(id));
			CREATE INDEX i%[1]d ON t%[1]d(name); INSERT INTO t%[1]d(name, code) VALUES('n', 'c');`, i)
	}
	return b.String()
}

// BenchmarkTables measures what a number of tables, or a wide one beside them,
// costs: installing capture, looking whether it is as it should be, opening the
// file with it, and a small transaction.
func BenchmarkTables(b *testing.B) {
	for _, bc := range []struct{ name, schema string }{
		{"1", manyTables(1)}, {"200", manyTables(200)}, {"1 and a wide one", manyTables(1) + wideTable(2000, keyFirst, "")},
	} {
		path := filepath.Join(b.TempDir(), "x.db")
		c, err := Open(path, OpenOptions{Create: true, Pragmas: []string{"synchronous=OFF"}})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Script(bc.schema); err != nil {
			b.Fatal(err)
		}
		r, err := NewReplica(c)
		if err != nil {
			b.Fatal(err)
		}
		run := func(what string, f func() error) {
			b.Run(bc.name+"/"+what, func(b *testing.B) {
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("install", func() error {
			if err := r.Uninstall(); err != nil {
				return err
			}
			return r.Install()
		})
		run("look", func() error {
			_, err := r.MendCapture()
			return err
		})
		run("open", func() error {
			c, err := Open(path, OpenOptions{})
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = NewReplica(c)
			return err
		})
		run("transaction", func() error { return r.Exec("UPDATE t0 SET a = ifnull(a, 0) + 1 WHERE id = 1") })
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
