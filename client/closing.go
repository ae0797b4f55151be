package client

import (
	"bytes"
	"errors"

	"replog/applier"
	"replog/replog"
)

// closing makes a transaction of steps, which come oldest first.
type closing struct {
	*Device
	id   *identity
	t    *replog.Transaction
	form stepForm
	made *applier.Composition
	ran  []RanAs
}

// newClosing begins a transaction with its oldest step, n; its number comes at the
// end.
func (d *Device) newClosing(id *identity, without []replog.Seq, n *numberless) *closing {
	return &closing{
		Device: d, id: id, form: stepForm{conn: d.replica.Conn}, made: applier.NewComposition(d.replica.Schema),
		t: &replog.Transaction{
			Device: id.Device, Marked: n.marked, Whole: id.Whole && !n.marked, Label: n.label,
			Base: id.SyncPoint, Seen: id.Seen, Without: without, Time: n.time,
		},
	}
}

// add adds a step.
func (c *closing) add(n *numberless) error {
	ran, err := decodeRan(n.ran)
	if err != nil {
		return err
	}
	for _, s := range ran {
		c.ran = addRan(c.ran, s)
	}
	net, err := n.netChanges()
	if err == nil {
		err = c.made.Add(net)
	}
	if err != nil {
		return err
	}
	if rows, long := n.long.(*longRowLists); long {
		return c.form.addRows(rows.of)
	}
	return c.form.add(n.lines)
}

// netChanges are those of a step.
func (n *numberless) netChanges() (replog.Changes, error) {
	if n.long != nil {
		return n.long, nil
	}
	var statements, net replog.ChangeList
	var parser replog.ChangeParser
	to := func(list *replog.ChangeList) func([]byte) error {
		return func(body []byte) error {
			if body == nil {
				net = replog.ChangeList{}
				return nil
			}
			c, err := parser.Parse(body)
			*list = append(*list, c)
			return err
		}
	}
	if !n.intent {
		err := replog.EachBody(n.lines, to(&statements), to(&net))
		if net == nil {
			net = statements
		}
		return net, err
	}
	for line := range bytes.Lines(n.net) {
		if err := to(&net)(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return nil, err
		}
	}
	return net, nil
}

// end numbers the transaction and puts it into the outbox, if it changed anything.
func (c *closing) end() (err error) {
	defer func() { err = errors.Join(err, c.made.Close()) }()
	made := c.made.List()
	if made.Len() == 0 {
		return c.form.forget()
	}
	if err := c.number(c.id, c.t); err != nil {
		return err
	}
	row, err := c.form.end(c.t)
	if err != nil {
		return err
	}
	if row.ran, err = encodeRan(c.ran); err != nil {
		return err
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
