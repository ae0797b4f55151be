package sqlite

import (
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"replog/replog"
	"replog/sql/internal/storetest"
)

// TestAStoreOfTheFirstVersionCanBeSearched takes away what the second migration
// made.
func TestAStoreOfTheFirstVersionCanBeSearched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := create(t, path)
	add(t, log, storetest.Entry(1, awkward()...))
	refused := storetest.Entry(2, storetest.Insert(1, "again"))
	refused.Outcome, refused.Changes = replog.Conflict, nil
	add(t, log, refused)
	add(t, log, rekeyed(3))
	cancelled := storetest.Entry(4, storetest.Insert(9, "x"), storetest.Insert(9, "y"))
	cancelled.Transaction.SetNet(nil)
	cancelled.Changes = []replog.Change{}
	add(t, log, cancelled)

	db := shell(t, path)
	const query = `
		SELECT 'table', table_name, '', revision FROM touched_table
		UNION ALL
		SELECT 'row', table_name, key, revision FROM touched_row
		ORDER BY 1, 2, 3, 4`
	want := storetest.Lines(t, db, query)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.Exec(t, db, `
		DROP TABLE touched_table; DROP TABLE touched_row;
		DROP INDEX entry_by_arrival; DROP INDEX entry_not_applied; DROP INDEX entry_labelled;
		DELETE FROM goose_db_version WHERE version_id > 1`)
	reopen(t, path, Options{})
	if got := storetest.Lines(t, db, query); !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

// rekeyed moves two of the three columns of a key, in an odd table.
func rekeyed(seq replog.Seq) replog.Entry {
	statement := awkward()[1]
	statement.Key = []replog.Value{replog.Text("]"), replog.Blob([]byte{1}), replog.Integer(7)}
	statement.KeyColumns = []string{"a", `b"`, "c"}
	statement.Columns = []string{"a", "name", `b"`}
	statement.Old = []replog.Value{replog.Text("]"), replog.Text("x"), replog.Blob([]byte{1})}
	statement.New = []replog.Value{replog.Text("\xff\x00"), replog.Text("y"), replog.Real(1)}
	e := storetest.Entry(seq, statement)
	e.Transaction.SetNet([]replog.Change{storetest.Insert(20, "moved")})
	e.Changes, _ = replog.InMemory(e.Transaction.NetChanges())
	return e
}

// TestSearchesReadIndexesInOrder keeps a search from reading the whole log, or
// from sorting what it finds, before it gives anything.
func TestSearchesReadIndexesInOrder(t *testing.T) {
	log := create(t, filepath.Join(t.TempDir(), "log.db"))
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
	device := replog.DeviceID("aaaaaaaa-0000-4000-8000-000000000001")
	for name, f := range map[string]replog.Filter{
		"table":   {Tables: []string{"item"}},
		"key":     {Tables: []string{"item"}, Keys: []string{"[1]"}},
		"outcome": {Outcomes: []replog.Outcome{replog.Conflict}},
		"label":   {Label: "x"},
		"devices": {Devices: []replog.DeviceID{device, device}},
		"most":    {Tables: []string{"item"}, Outcomes: []replog.Outcome{replog.Conflict}, Devices: []replog.DeviceID{device}, Label: "x", Text: "y"},
	} {
		f.Descending = true
		err := log.view(context.Background(), func(s *session) error {
			query, args, err := candidates(s, f)
			if err != nil {
				return err
			}
			return s.rows("EXPLAIN QUERY PLAN "+query, args, func(scan func(...any) error) error {
				var id, parent, unused int
				var step string
				if err := scan(&id, &parent, &unused, &step); err != nil {
					return err
				}
				if strings.Contains(step, "SCAN") || strings.Contains(step, "TEMP B-TREE") {
					t.Errorf("%s: %s", name, step)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
