package client

import (
	"errors"

	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// closing makes a transaction of steps, which come oldest first.
type closing struct {
	*Device
	id   *identity
	t    *replog.Transaction
	form stepForm
	made *applier.Composition
	ran  []gathered.RanAs
}

// newClosing begins a transaction with its oldest step, n; its number comes at the
// end.
func (d *Device) newClosing(id *identity, without []replog.Seq, n *gathered.Step) *closing {
	return &closing{
		Device: d, id: id, form: stepForm{conn: d.replica.Conn}, made: applier.NewComposition(d.replica.Schema),
		t: &replog.Transaction{
			Device: id.Device, Marked: n.Marked || n.Schema, Whole: id.Whole && !n.Marked && !n.Schema, Label: n.Label, Schema: n.Schema,
			Base: id.SyncPoint, Seen: id.Seen, Without: without, Time: n.Time,
		},
	}
}

// add adds a step.
func (c *closing) add(n *gathered.Step) error {
	c.t.Time = max(c.t.Time, n.Time)
	ran, err := gathered.DecodeRan(n.Ran)
	if err != nil {
		return err
	}
	for _, s := range ran {
		c.ran = gathered.AddRan(c.ran, s)
	}
	if err := c.addMade(n); err != nil {
		return err
	}
	if n.Rows != nil {
		return c.form.addRows(n.Rows)
	}
	if n.Intent && n.Schema {
		t, err := n.Transaction()
		if err != nil {
			return err
		}
		c.form.schema = max(c.form.schema, kindOf(t.Steps[0].Intent))
	}
	return c.form.add(n.Lines)
}

// addMade adds what the step has made of the tables. That is not kept of a
// transaction with schema statements, which is never undone.
func (c *closing) addMade(n *gathered.Step) error {
	if c.t.Schema {
		return nil
	}
	net, err := n.NetChanges()
	if err != nil {
		return err
	}
	return c.made.Add(net)
}

// end numbers the transaction and puts it into the outbox, if it changed anything.
func (c *closing) end() (err error) {
	defer func() { err = errors.Join(err, c.made.Close()) }()
	made := c.made.List()
	if made.Len() == 0 && !c.t.Schema {
		return c.form.forget()
	}
	if err := c.number(c.id, c.t); err != nil {
		return err
	}
	row, err := c.form.end(c.t)
	if err != nil {
		return err
	}
	if row.ran, err = gathered.EncodeRan(c.ran); err != nil {
		return err
	}
	if c.t.Schema {
		made = nil
	}
	return c.outbox().insertMade(row, c.form.long, made)
}

// insertMade is insert with changes that are in the tables; long is the id in
// replog_long, or 0.
func (o outbox) insertMade(row *outboxRow, long int64, made replog.Changes) (err error) {
	if row.made, long, err = o.keepMade(long, made); err != nil {
		return err
	}
	if long > 0 {
		row.long = replog.Integer(long)
	}
	return o.insert(row)
}
