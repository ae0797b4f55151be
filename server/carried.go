package server

import (
	"fmt"

	"replog/applier"
	"replog/replog"
)

// carried completes the INSERT of a key change by a device with an older schema, which
// does not know all that the row has. Where more than one row moves, nobody can tell
// which is which: that is applier.ErrSchema.
func (j *judgement) carried(net replog.Changes, c *replog.Change) (*replog.Change, error) {
	insert := *c
	var from *replog.Change
	others := 0
	err := replog.EachChange(net, func(_ int, o *replog.Change) error {
		if o.Unit != insert.Unit || o.Row() == insert.Row() {
			return nil
		}
		others++
		if o.Op == replog.Delete && o.Table == insert.Table {
			found := *o
			from = &found
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if others != 1 || from == nil {
		return nil, fmt.Errorf("%w: rows of table %q change places, and the device does not have all of their columns", applier.ErrSchema, insert.Table)
	}
	return j.replica.Carry(&insert, from)
}
