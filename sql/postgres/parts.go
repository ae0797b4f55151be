package postgres

import (
	"context"
	_ "embed"
	"errors"
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
// It is done in a transaction of its own, which is committed before anything goes to the
// new parts: a commit is seen a moment before the other servers' processes are told of
// new parts, and a reader that knows of the commit only would miss what is in them.
//
// A part is entry_7_p3000000 and so on: of database 7, from revision 3,000,000 on. Only
// Prune drops old ones: it moves the horizon, so that nobody misses what they held.
func (t *Tx) makeParts(revision int64) error {
	width := t.log.store.options.PartitionRevisions
	k := t.known
	if k.partsTo > revision+width/2 {
		return nil
	}
	// Another process may have made some, for entries that it gave up.
	if err := t.c.row(selectPartsTo, []any{t.log.n}, &k.partsTo); err != nil {
		return err
	}
	if k.partsTo < 0 {
		k.partsTo = revision / width * width
	}
	for k.partsTo <= revision+width/2 {
		from, to := k.partsTo, (k.partsTo/width+1)*width
		err := t.makePart(from, to)
		if hasState(err, lockNotAvailable) && revision < k.partsTo {
			return nil // somebody works on the tables; there is time
		}
		if err != nil {
			return fmt.Errorf("make the part of the log from revision %d on: %w", from, err)
		}
		k.partsTo = to
	}
	return nil
}

func (t *Tx) makePart(from, to int64) error {
	if t.creates { // nobody else sees the tables yet
		return t.log.makePart(t.c, from, to)
	}
	c, err := beginWriter(context.Background(), t.log.store.writers)
	if err != nil {
		return err
	}
	if err := c.runAll(partTimeout); err != nil {
		return errors.Join(err, c.rollback())
	}
	if err := t.log.makePart(c, from, to); err != nil {
		return errors.Join(err, c.rollback())
	}
	return c.commit()
}

// partTimeout bounds the wait for who works on the tables, and may wait in turn for the
// transaction that the parts are made for.
const partTimeout = `SET LOCAL lock_timeout = '5s'`

func (l *Log) makePart(c *writer, from, to int64) error {
	var s strings.Builder
	for _, table := range divided {
		whole := fmt.Sprintf("replog.%s_%d", table, l.n)
		fmt.Fprintf(&s, "CREATE TABLE %[1]s_p%[2]d (LIKE %[1]s INCLUDING CONSTRAINTS);\n", whole, from)
		fmt.Fprintf(&s, "ALTER TABLE %[1]s ATTACH PARTITION %[1]s_p%[2]d FOR VALUES FROM (%[2]d) TO (%[3]d);\n", whole, from, to)
	}
	err := c.runAll(s.String())
	if err == nil {
		err = c.run(insertPart, l.n, from, to)
	}
	return err
}
