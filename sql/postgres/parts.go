package postgres

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed database.sql
var createDatabase string

// divided are the tables that are divided by revision.
var divided = []string{"entry", "recorded_statement", "recorded_net", "effect", "changed_row", "touched_table", "touched_row"}

// makeParts makes the parts of the tables for the revisions that come after revision,
// well ahead, so that revision and as many as half a part after it have one. Neither
// CREATE nor ATTACH takes a lock that readers wait for.
//
// A part is entry_7_p3000000 and so on: of database 7, from revision 3,000,000 on. To
// drop old ones, DETACH each CONCURRENTLY from its table, and DROP it.
func (t *Tx) makeParts(revision int64) error {
	width := t.log.store.options.PartitionRevisions
	if t.partsTo == 0 {
		t.partsTo = revision / width * width
	}
	for t.partsTo <= revision+width/2 {
		from := t.partsTo
		to := (from/width + 1) * width
		var s strings.Builder
		for _, table := range divided {
			whole := fmt.Sprintf("replog.%s_%d", table, t.log.n)
			fmt.Fprintf(&s, "CREATE TABLE %[1]s_p%[2]d (LIKE %[1]s INCLUDING CONSTRAINTS);\n", whole, from)
			fmt.Fprintf(&s, "ALTER TABLE %[1]s ATTACH PARTITION %[1]s_p%[2]d FOR VALUES FROM (%[2]d) TO (%[3]d);\n", whole, from, to)
		}
		if err := t.c.runAll(s.String()); err != nil {
			return fmt.Errorf("make parts of the log from revision %d on: %w", from, err)
		}
		t.partsTo = to
	}
	return nil
}
