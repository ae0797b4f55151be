package applier

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ranRows is what the driver records of a statement that does not travel as one.
const ranRows = `INSERT INTO replog_statement(body) VALUES('{"sql":"","affected":0,"class":"asked"}')`

// odd is no record at all, but what another program may write.
const odd = `INSERT INTO replog_statement(body) VALUES('{"sql":1}'), (NULL)`

// The steps of a transaction, however it is cut into batches, are its statements in
// order, row statements together, and composed they are the transaction.
func TestStepsAreTheTransaction(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := writer{r, rapid.SampledFrom(scenes).Draw(r, "scene")}
		each := sceneReplica(r, w.scene.schema, "", nil, nil)
		defer each.Close()
		w.scene.keepRowIDs(r, each)
		each.in(r, "install", each.Install)
		if rapid.Bool().Draw(r, "trigger") {
			each.script(r, w.trigger("newer", "", "AFTER"))
		}
		each.script(r, "BEGIN; "+mark)
		var ran []string
		for range rapid.IntRange(1, 12).Draw(r, "statements") {
			sql := w.statement(nil)
			if each.Script("SAVEPOINT s; "+sql+"; RELEASE s") != nil {
				each.script(r, "ROLLBACK TO s; RELEASE s")
				continue
			}
			record := w.pick("record", ranRows, recordStatement, recordStatement, odd, "")
			if record != "" {
				each.script(r, record)
			}
			ran = append(ran, sql+"; "+record)
		}
		each.script(r, "COMMIT")
		whole := each.duplicate(r)
		defer whole.Close()
		whole.script(r, "DELETE FROM replog_change WHERE op = 11")
		want := mustGather(r, whole)
		list, err := each.Gather(0)
		if err != nil {
			r.Fatal(err)
		}
		rows := false
		for i, g := range list {
			if g.Follows != (i < len(list)-1) || g.Marked != (i == 0) || g.Intent != nil && g.Ran != nil || g.Intent == nil && rows {
				r.Errorf("step %d of %d: %+v", i+1, len(list), g)
			}
			rows = g.Intent == nil
		}
		for _, size := range []batchSize{{2, 2}, {5, math.MaxInt}, {7, 9}} {
			each.sameInBatches(r, size, list)
		}
		replaces := strings.Contains(w.scene.schema+strings.Join(ran, ""), "REPLACE")
		mustCompose(r, each, want, !replaces)
		if r.Failed() {
			r.Logf("%s\n%s\nsteps%s", w.scene.schema, strings.Join(ran, "\n"), describeGathered(list))
		}
	})
}
