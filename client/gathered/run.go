package gathered

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"

	"replog/applier"
	"replog/replog"
)

// SchemaSQL creates the table that says what the device knows of its schema.
//
//go:embed state.sql
var SchemaSQL string

// RunSchema runs a schema statement of the application's, in its transaction, whose
// mark is open, and records it: what capture has gathered of the table is put aside
// before. An error leaves nothing behind.
func RunSchema(r *applier.Replica, s *applier.SchemaStatement, o applier.SchemaOptions) error {
	return r.Savepoint(func() error {
		if err := setAsideFor(r, s); err != nil {
			return err
		}
		// What the statement does to the rows of other tables comes after it.
		ran := applier.RanStatement{SQL: s.SQL, Schema: true, Legacy: s.Legacy}
		if err := r.Exec("INSERT INTO main.replog_statement(body) VALUES(?)", replog.Text(string(ran.AppendJSON(nil)))); err != nil {
			return err
		}
		return Follow(r, func() error {
			_, err := r.RunSchema(s, o)
			return err
		})
	})
}

func setAsideFor(r *applier.Replica, s *applier.SchemaStatement) error {
	waits, err := r.Waits(s)
	if err != nil || !waits {
		return err
	}
	row, err := r.QueryRow("SELECT last_time FROM main.replog_device")
	if err != nil {
		return err
	}
	return SetAside(r, replog.Millis(row[0].Int64()))
}

// Follow runs f, which changes the schema together with what the log is to know of
// it, in the caller's transaction. What was compared before counts as compared
// afterwards.
func Follow(r *applier.Replica, f func() error) error {
	found, err := Found(r)
	if err != nil {
		return err
	}
	captured := r.Schema.Describe()
	if err := f(); err != nil {
		return err
	}
	now, err := Found(r)
	if err != nil {
		return err
	}
	return r.Exec("UPDATE main.replog_schema SET found = CASE found WHEN ? THEN ? ELSE found END, captured = CASE captured WHEN ? THEN ? ELSE captured END",
		replog.Text(found), replog.Text(now), replog.Text(captured), replog.Text(r.Schema.Describe()))
}

// IsLocal tells whether a schema statement is to run without being recorded (see
// [applier.Replica.IsLocal]).
func IsLocal(r *applier.Replica, s *applier.SchemaStatement) (bool, error) {
	row, err := r.QueryRow("SELECT found FROM main.replog_schema")
	if err != nil {
		return false, err
	}
	var settled []applier.Object
	if found := row[0].Bytes(); found != "" {
		if settled, err = applier.ParseObjects(found); err != nil {
			return false, err
		}
	}
	return r.IsLocal(s, settled)
}

// Found are the objects of a file as text, in an order that capture leaves alone
// when it creates triggers again.
func Found(r *applier.Replica) (string, error) {
	list, err := r.Objects()
	if err != nil {
		return "", err
	}
	rank := map[string]int{"table": 1, "index": 2, "view": 3, "trigger": 4}
	slices.SortStableFunc(list, func(a, b applier.Object) int {
		if a.Type == "trigger" && b.Type == "trigger" {
			return 0
		}
		return cmp.Or(rank[a.Type]-rank[b.Type], strings.Compare(a.Name, b.Name))
	})
	return applier.FormatObjects(list), nil
}
