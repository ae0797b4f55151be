package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"replog/applier"
	"replog/replog"
)

// pending is one transaction in the outbox, without what it recorded: that is
// read when it is needed (see outbox.load), as all of it may be large.
type pending struct {
	seq      replog.Seq
	uploaded bool
	effect   bool
	replayed bool         // since when no constraint or foreign key is violated by it
	size     int          // of the recorded form, in bytes
	without  []replog.Seq // see replog.Transaction
}

// outbox is what a device has recorded and whose verdict it has not processed.
type outbox struct{ *applier.Replica }

func (d *Device) outbox() outbox { return outbox{d.replica} }

// list tells what waits, in order of seq.
func (o outbox) list() ([]*pending, error) {
	var list []*pending
	err := o.Query("SELECT seq, uploaded, effect, replayed, length(recorded), without FROM main.replog_outbox ORDER BY seq", func(row []replog.Value) error {
		p := &pending{
			seq: replog.Seq(row[0].Int64()), uploaded: row[1].Int64() != 0, effect: row[2].Int64() != 0,
			replayed: row[3].Int64() != 0, size: int(row[4].Int64()),
		}
		list = append(list, p)
		if row[5].Bytes() == "" {
			return nil
		}
		return json.Unmarshal([]byte(row[5].Bytes()), &p.without)
	})
	return list, err
}

// form reads a transaction's recorded form.
func (o outbox) form(p *pending) ([]byte, error) {
	row, err := o.QueryRow("SELECT recorded FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, fmt.Errorf("outbox: transaction %d is gone", p.seq)
	}
	return []byte(row[0].Bytes()), nil
}

// hash reads a transaction's hash, and why it is without effect.
func (o outbox) hash(p *pending) (hash replog.Hash, why string, err error) {
	row, err := o.QueryRow("SELECT hash, why FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
	if err != nil || row == nil {
		return "", "", err
	}
	return replog.Hash(row[0].Bytes()), row[1].Bytes(), nil
}

// load reads a transaction.
func (o outbox) load(p *pending) (*replog.Transaction, error) {
	form, err := o.form(p)
	if err != nil {
		return nil, err
	}
	t, _, err := replog.DecodeTransaction(form)
	if err != nil {
		return nil, fmt.Errorf("outbox, transaction %d: %w", p.seq, err)
	}
	return &t, nil
}

// made reads the changes of a transaction that are in the tables.
func (o outbox) made(p *pending) ([]replog.Change, error) {
	row, err := o.QueryRow("SELECT made FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
	if err != nil {
		return nil, err
	}
	if row == nil || row[0].IsNull() {
		t, err := o.load(p)
		if err != nil {
			return nil, err
		}
		return t.NetChanges(), nil
	}
	var list []replog.Change
	for line := range bytes.Lines([]byte(row[0].Bytes())) {
		c, err := replog.ParseChange(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return nil, fmt.Errorf("outbox, changes of transaction %d: %w", p.seq, err)
		}
		list = append(list, c)
	}
	return list, nil
}

// undo takes all that waits out of the tables, the newest first: what is left is
// the confirmed state.
func (o outbox) undo() error {
	list, err := o.list()
	if err != nil {
		return err
	}
	for _, p := range slices.Backward(list) {
		if !p.effect {
			continue
		}
		made, err := o.made(p)
		if err != nil {
			return err
		}
		if err := o.Revert(made); err != nil {
			return err
		}
	}
	return nil
}

// add puts a new transaction, whose net changes are in the tables, into the
// outbox, given the lines for its changes.
func (o outbox) add(t *replog.Transaction, changes []byte) error {
	form, hash := t.Frame(changes)
	without := ""
	if len(t.Without) > 0 {
		b, err := json.Marshal(t.Without)
		if err != nil {
			return err
		}
		without = string(b)
	}
	return o.Exec("INSERT INTO main.replog_outbox VALUES(?, 0, 1, 0, '', ?, ?, ?, NULL)",
		replog.Integer(int64(t.Seq)), replog.Text(without), replog.Text(string(hash)), replog.Blob(form))
}

// replayed notes that a replay made changes of t, or that it made none and why.
func (o outbox) replayed(p *pending, t *replog.Transaction, made []replog.Change, why string) error {
	p.effect = why == ""
	effect, undo := int64(0), replog.Value{}
	if p.effect {
		effect = 1
		if !replog.SameChanges(made, t.NetChanges()) {
			undo = replog.Blob(lines(made))
		}
	}
	return o.Exec("UPDATE main.replog_outbox SET effect = ?, replayed = 1, why = ?, made = ? WHERE seq = ?",
		replog.Integer(effect), replog.Text(why), undo, replog.Integer(int64(p.seq)))
}

func lines(changes []replog.Change) (b []byte) {
	for i := range changes {
		b = append(changes[i].AppendJSON(b), '\n')
	}
	return b
}

func (o outbox) drop(p *pending) error {
	return o.Exec("DELETE FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
}
