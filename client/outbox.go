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
	long     int64        // the id in replog_long; 0 where it is short
	without  []replog.Seq // see replog.Transaction
}

// outbox is what a device has recorded and whose verdict it has not processed.
type outbox struct{ *applier.Replica }

func (d *Device) outbox() outbox { return outbox{d.replica} }

// list tells what waits, in order of seq.
func (o outbox) list() ([]*pending, error) {
	var list []*pending
	err := o.Query("SELECT seq, uploaded, effect, replayed, size, long, without FROM main.replog_outbox ORDER BY seq", func(row []replog.Value) error {
		p := &pending{
			seq: replog.Seq(row[0].Int64()), uploaded: row[1].Int64() != 0, effect: row[2].Int64() != 0,
			replayed: row[3].Int64() != 0, size: int(row[4].Int64()), long: row[5].Int64(),
		}
		list = append(list, p)
		if row[6].Bytes() == "" {
			return nil
		}
		return json.Unmarshal([]byte(row[6].Bytes()), &p.without)
	})
	return list, err
}

// stored reads a transaction's columns recorded and long.
func (o outbox) stored(p *pending) (recorded, long replog.Value, err error) {
	row, err := o.QueryRow("SELECT recorded, long FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
	if err != nil {
		return recorded, long, err
	}
	if row == nil {
		return recorded, long, fmt.Errorf("outbox: transaction %d is gone", p.seq)
	}
	return row[0], row[1], nil
}

// hash reads a transaction's hash, and why it is without effect.
func (o outbox) hash(p *pending) (hash replog.Hash, why string, err error) {
	row, err := o.QueryRow("SELECT hash, why FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
	if err != nil || row == nil {
		return "", "", err
	}
	return replog.Hash(row[0].Bytes()), row[1].Bytes(), nil
}

// load reads a transaction; the lists of a long one are read from the file when
// they are needed.
func (o outbox) load(p *pending) (*replog.Transaction, error) {
	recorded, long, err := o.stored(p)
	if err != nil {
		return nil, err
	}
	t, err := decodeStored(o.Conn, recorded, long)
	if err != nil {
		return nil, fmt.Errorf("outbox, transaction %d: %w", p.seq, err)
	}
	return t, nil
}

// made reads the changes of a transaction that are in the tables.
func (o outbox) made(p *pending) (replog.Changes, error) {
	if p.long > 0 {
		if made, err := longList(o.Conn, p.long, listMade); made != nil || err != nil {
			return made, err
		}
	}
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
	var list replog.ChangeList
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
// outbox.
func (o outbox) add(t *replog.Transaction) error {
	if t.IsLong() {
		return o.addLong(t, bodiesOf(t))
	}
	return o.addEncoded(t, t.EncodeChanges())
}

// addEncoded is add given the lines for the changes.
func (o outbox) addEncoded(t *replog.Transaction, changes []byte) error {
	if len(changes) >= longFrom {
		return o.addLong(t, bodiesIn(changes))
	}
	form, hash := t.Frame(changes)
	return o.insert(t, hash, form, len(form), replog.Value{})
}

func (o outbox) insert(t *replog.Transaction, hash replog.Hash, recorded []byte, size int, long replog.Value) error {
	without := ""
	if len(t.Without) > 0 {
		b, err := json.Marshal(t.Without)
		if err != nil {
			return err
		}
		without = string(b)
	}
	return o.Exec("INSERT INTO main.replog_outbox VALUES(?, 0, 1, 0, '', ?, ?, ?, NULL, ?, ?)",
		replog.Integer(int64(t.Seq)), replog.Text(without), replog.Text(string(hash)), replog.Blob(recorded), replog.Integer(int64(size)), long)
}

// replayed notes that a replay made changes of t, or that it made none and why.
func (o outbox) replayed(p *pending, t *replog.Transaction, made replog.Changes, why string) error {
	p.effect = why == ""
	effect, undo := int64(0), replog.Value{}
	var others replog.Changes // than the net changes
	if p.effect {
		effect = 1
		same, err := replog.SameChanges(made, t.NetChanges())
		if err != nil {
			return err
		}
		if !same {
			others = made
		}
	}
	if p.long > 0 {
		if err := o.noteMade(p.long, others); err != nil {
			return err
		}
	} else if others != nil {
		b, err := lines(others)
		if err != nil {
			return err
		}
		undo = replog.Blob(b)
	}
	return o.Exec("UPDATE main.replog_outbox SET effect = ?, replayed = 1, why = ?, made = ? WHERE seq = ?",
		replog.Integer(effect), replog.Text(why), undo, replog.Integer(int64(p.seq)))
}

func lines(changes replog.Changes) (b []byte, err error) {
	err = replog.EachChange(changes, func(_ int, c *replog.Change) error {
		b = append(c.AppendJSON(b), '\n')
		return nil
	})
	return b, err
}

// take takes a transaction out of the outbox; the lists of a long one are kept.
func (o outbox) take(p *pending) error {
	return o.Exec("DELETE FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
}

// drop takes a transaction out of the outbox for good.
func (o outbox) drop(p *pending) error {
	if err := o.take(p); err != nil {
		return err
	}
	return forgetLong(o.Conn, p.long)
}
