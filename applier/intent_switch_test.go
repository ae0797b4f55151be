package applier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
)

// Whatever savepoints undo and keep of it, what intents need goes by Off, and is there
// when one runs.
func TestSavepointsDoNotConfuseTheSwitches(t *testing.T) {
	undone := errors.New("undone")
	rapid.Check(t, func(rt *rapid.T) {
		r, x := stashed(t, bank, bankRows)
		schema := r.schemaSQL(t)
		var told []string
		note := func(what string) { told = append(told, what) }
		var some func(depth int) error
		some = func(depth int) error {
			for range rapid.IntRange(1, 5).Draw(rt, "steps") {
				err := error(nil)
				switch what := rapid.SampledFrom([]string{"meter", "guarded", "node", "off", "meter's rows", "node's rows", "within", "within"}).Draw(rt, "what"); {
				case what == "off":
					note("off")
					err = x.Off()
					if after := r.schemaSQL(t); err == nil && !slices.Equal(withoutCapture(schema), withoutCapture(after)) {
						rt.Fatalf("%v: Off leaves the schema\n%s", told, strings.Join(after, "\n"))
					}
				case strings.HasSuffix(what, "rows"):
					note(what)
					err = pausedWrites(r, x, strings.TrimSuffix(what, "'s rows"))
				case what == "within" && depth < 3:
					note("(")
					err = r.Savepoint(func() error {
						if err := some(depth + 1); err != nil {
							return err
						}
						if rapid.Bool().Draw(rt, "undone") {
							return undone
						}
						return nil
					})
					if errors.Is(err, undone) {
						note("undone)")
						err = nil
					} else {
						note("kept)")
					}
				default:
					sql, want := "UPDATE meter SET v = v + 1 WHERE id = 2", 2 // with what its trigger does
					switch what {
					case "guarded":
						sql, want = "UPDATE guarded SET v = v + 1 WHERE id = 1", 1
					case "node":
						sql, want = "UPDATE node SET label = label || 'x'", 5
					}
					note(what)
					result, failed := x.Run(context.Background(), &Intent{SQL: sql})
					if err = failed; err == nil && result.Net.Len() != want {
						rt.Fatalf("%v: %d net changes", told, result.Net.Len())
					}
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		for range 3 {
			if err := r.Begin(); err != nil {
				rt.Fatal(err)
			}
			if err := some(0); err != nil {
				rt.Fatalf("%v: %v", told, err)
			}
			end := r.Rollback
			if rapid.Bool().Draw(rt, "kept") {
				end = func() error { return errors.Join(x.Off(), r.Commit()) }
			}
			if rapid.Bool().Draw(rt, "rests") {
				note("rests")
				end = func() error { return errors.Join(x.Rest(), r.Commit(), atRest(r, schema), pausedWrites(r, x, "")) }
			}
			if err := errors.Join(end(), x.Off()); err != nil {
				rt.Fatalf("%v: %v", told, err)
			}
			if after := r.schemaSQL(t); !slices.Equal(withoutCapture(schema), withoutCapture(after)) {
				rt.Fatalf("%v: what is left\n%s", told, strings.Join(after, "\n"))
			}
			row, err := r.QueryRow("SELECT count(*) FROM temp.sqlite_schema WHERE type = 'trigger'")
			if err != nil || row[0].Int64() != 0 {
				rt.Fatalf("%v: %v temporary triggers are left, %v", told, row, err)
			}
		}
	})
}

// pausedWrites writes rows while intents pause, and looks whether anything fired.
func pausedWrites(r *testReplica, x *Intents, table string) error {
	const told = "SELECT (SELECT n FROM meter_sum), (SELECT count(*) FROM node), (SELECT count(*) FROM main.sqlite_schema WHERE name = 'replog_change')"
	before, err := r.QueryRow(told)
	if err != nil {
		return err
	}
	writes := "UPDATE meter SET v = v + 1"
	if table != "" { // or it rests
		if err := x.Pause(replog.ChangeList{{Table: table}}); err != nil {
			return err
		}
	}
	if table == "node" {
		writes = "DELETE FROM node WHERE id = 3; INSERT INTO node VALUES(3, 2, 'b')"
	}
	if err := r.Script(writes); err != nil {
		return err
	}
	after, err := r.QueryRow(told)
	if err != nil {
		return err
	}
	if !slices.Equal(before, after) {
		return fmt.Errorf("rows of %s are written: %v becomes %v", table, before, after)
	}
	if before[2].Int64() == 0 {
		return nil
	}
	captured, err := r.QueryRow("SELECT count(*) FROM main.replog_change")
	if err == nil && captured[0].Int64() != 0 {
		err = fmt.Errorf("rows of %s are captured", table)
	}
	return err
}

// atRest looks whether other connections see anything of what intents need.
func atRest(r *testReplica, schema []string) error {
	return r.Query("SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM main.sqlite_schema ORDER BY 1", func(row []replog.Value) error {
		if text := row[0].Bytes(); !slices.Contains(schema, text) && len(withoutCapture([]string{text})) > 0 {
			return fmt.Errorf("at rest there is %s", text)
		}
		return nil
	})
}

// withoutCapture leaves out the tables that capture needs, which stay.
func withoutCapture(schema []string) []string {
	return slices.DeleteFunc(slices.Clone(schema), func(sql string) bool {
		return strings.Contains(sql, "CREATE TABLE replog_") || strings.Contains(sql, "CREATE TABLE main.replog_")
	})
}
