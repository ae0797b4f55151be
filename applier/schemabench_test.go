package applier

import (
	"fmt"
	"testing"
)

// BenchmarkSchema measures what a schema statement costs by a number of tables:
// looking at it, running it with capture, and telling a drift of one column.
func BenchmarkSchema(b *testing.B) {
	for _, tables := range []int{1, 200} {
		r, err := NewReplica(scripted(b, fmt.Sprint(tables), manyTables(tables)))
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Install(); err != nil {
			b.Fatal(err)
		}
		run := func(what string, f func(n int) error) {
			b.Run(fmt.Sprintf("%d/%s", tables, what), func(b *testing.B) {
				n := 0
				for b.Loop() {
					if err := f(n); err != nil {
						b.Fatal(err)
					}
					n++
				}
			})
		}
		run("inspect", func(int) error {
			_, err := r.InspectSchema("ALTER TABLE t0 ADD COLUMN more", SchemaOptions{})
			return err
		})
		run("run", func(n int) error {
			s, err := r.InspectSchema(fmt.Sprintf("CREATE TABLE x%d(id INTEGER PRIMARY KEY)", n%2), SchemaOptions{})
			if err != nil {
				return err
			}
			if s.Already {
				s, err = r.InspectSchema(fmt.Sprintf("DROP TABLE x%d", n%2), SchemaOptions{})
				if err != nil {
					return err
				}
			}
			_, err = r.RunSchema(s, SchemaOptions{})
			return err
		})
		from, err := r.Objects()
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Script("ALTER TABLE t0 ADD COLUMN more"); err != nil {
			b.Fatal(err)
		}
		to, err := r.Objects()
		if err != nil {
			b.Fatal(err)
		}
		run("drift", func(int) error {
			_, err := Drift(from, to)
			return err
		})
		run("same", func(int) error {
			SameObjects(from, to)
			return nil
		})
	}
}
