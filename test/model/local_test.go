package model

import (
	"fmt"
	"time"

	"replog/replog"
)

// addMore lets a table of the device have a column that the server does not know,
// or a program write it. That is no business of the model's, but for what the
// application's triggers make of it.
func (n *node) addMore() error {
	t := pickOne(n.g, n.family.tables, "table")
	sql := fmt.Sprintf("UPDATE main.%s SET more = %d", t.quoted, n.g.upTo(5, "more"))
	if !n.more[t.Name] {
		n.more[t.Name] = true
		n.count.add("columns that the server does not know")
		sql = "ALTER TABLE main." + t.quoted + " ADD COLUMN more INTEGER" + pickOne(n.g, []string{"", " DEFAULT 7", " NOT NULL DEFAULT 7"}, "default")
	}
	n.logf("device %d: %s", n.number, sql)
	last, err := n.number1("SELECT coalesce(max(id), 0) FROM replog_change")
	if err != nil {
		return err
	}
	start := replog.MillisOf(time.Now()) - 1
	events, err := n.app.run(&local{steps: []step{{sql: sql}}})
	if err != nil {
		return err
	}
	during, err := n.clockWrite(last, Span{start, replog.MillisOf(time.Now()) + 1})
	if err != nil {
		return err
	}
	n.model.tell(events, during)
	return nil
}
