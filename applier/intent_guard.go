package applier

import (
	"fmt"
	"strings"

	"replog/replog"
)

// guardTable puts triggers on a table that look after the limits. One on the change
// table would have SQLite put every fact into a table of its own first, which takes
// three times as long as all the rest.
//
// They call a function for some of the rows only, as each call is dear, but at least
// once in 64 facts, even where a row has up to 16.
func (x *Intents) guardTable(t *Table) error {
	if !x.mode.guarded {
		if err := x.r.define(guardFunction, x.watch); err != nil {
			return err
		}
		x.mode.guarded = true
	}
	const facts = "(SELECT max(id) FROM replog_change)"
	when := facts + " % 64 > 47"
	if limit := x.o.Limits.Changes; limit > 0 {
		when += fmt.Sprintf(" OR %s > %d", facts, limit)
	}
	for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
		name := fmt.Sprintf("%sguard_%s_%s", ownPrefix, strings.ToLower(event), t.Name)
		err := x.r.Script(fmt.Sprintf("CREATE TRIGGER temp.%s AFTER %s ON main.%s WHEN %s BEGIN SELECT %s(%s); END",
			replog.QuoteName(name), event, replog.QuoteName(t.Name), when, guardFunction, facts))
		if err != nil {
			return fmt.Errorf("limits: %w", err)
		}
	}
	return nil
}
