package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"replog/replog"
	"replog/sql/internal/storetest"
)

// Who reads statements alone does not wait for the changes of an intent, which may be
// millions: here they are gone.
func TestChangesOfIntentsAreReadOnlyWhereSomebodyAsks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := create(t, path)
	e := storetest.Entry(1)
	e.Transaction.Statements = nil
	e.Transaction.Steps = []replog.Step{{Intent: &replog.Intent{SQL: "UPDATE item SET name = 'x'"}}}
	e.Changes = []replog.Change{storetest.Insert(1, "one"), storetest.Insert(2, "two")}
	add(t, log, e)
	storetest.Exec(t, shell(t, path), "UPDATE effect SET body = 'gone'")
	err := log.Entries(context.Background(), replog.Filter{}, func(e replog.Entry) error {
		line, err := e.Line()
		if err != nil || len(line.Statements) != 1 || e.Made().Len() != 2 {
			t.Errorf("%+v of %d changes, %v", line, e.Made().Len(), err)
		}
		if c, err := e.Made().At(0); err == nil {
			t.Errorf("read %+v", c)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := log.Entry(context.Background(), 1); err == nil {
		t.Error("what cannot be read is no error")
	}
}
