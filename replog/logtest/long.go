package logtest

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"replog/replog"
)

// lengthen has every entry appended as a long one: its recorded form is on disk,
// and so are its changes. Both are gone once it is appended.
func lengthen(open Open) Open {
	return func(t *testing.T) (replog.Log, func() replog.Log) {
		log, reopen := open(t)
		return longLog{log}, func() replog.Log { return longLog{reopen()} }
	}
}

type longLog struct{ replog.Log }

func (l longLog) Begin(ctx context.Context) (replog.LogTx, error) {
	tx, err := l.Log.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return longTx{tx}, nil
}

type longTx struct{ replog.LogTx }

func (x longTx) Append(e replog.Entry) error {
	form, err := onDisk(&e.Transaction)
	if err != nil {
		return err
	}
	asRecorded := e.AsRecorded()
	e.Transaction, e.Form = form.Transaction, form
	made := replog.NewChangeSpill()
	switch {
	case e.Outcome != replog.Applied:
	case asRecorded && !e.Transaction.HasIntents():
		e.LongChanges = form.NetChanges()
	default:
		err = addAll(made, replog.ChangeList(e.Changes))
		e.LongChanges = made
	}
	e.Changes = nil
	if err == nil {
		err = x.LogTx.Append(e)
	}
	return errors.Join(err, form.Close(), made.Close())
}

// onDisk makes a long transaction of one in memory.
func onDisk(t *replog.Transaction) (*replog.Form, error) {
	b, _ := t.Encode()
	return replog.NewLineReader(bytes.NewReader(b)).Form()
}

func addAll(to *replog.Spill[replog.Change], changes replog.Changes) error {
	return replog.EachChange(changes, func(_ int, c *replog.Change) error { return to.Add(*c) })
}

func testEqualList(t *testing.T, open Open) {
	log, _ := open(t)
	e := sealed(applied(anna, 1, insert(1, 10), insert(2, 20)), 1)
	made := replog.NewChangeSpill()
	must(t, addAll(made, replog.ChangeList(e.Changes)))
	e.LongChanges = made
	tx := begin(t, log)
	if long, ok := tx.(longTx); ok {
		form, err := onDisk(&e.Transaction)
		must(t, err)
		t.Cleanup(func() { must(t, form.Close()) })
		e.Transaction, e.Form, tx = form.Transaction, form, long.LogTx
	}
	want := e.Changes
	e.Changes = nil
	must(t, tx.Append(e))
	must(t, made.Close())
	past, err := tx.Concurrent(want[1].Row(), 0, bert)
	must(t, err)
	same(t, "concurrent", past, []replog.PastChange{{Revision: 1, Device: anna, Change: want[1]}})
	must(t, tx.Commit())
	same(t, "changes", readOne(t, log, 1).Changes, want)
}
