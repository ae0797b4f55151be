package client

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// close makes transactions of what capture has gathered, in the caller's write
// transaction, and puts them into the outbox. It updates id. Where the tables
// have changed nothing can be made of it: *MismatchError. Where capture does not
// see all of them, it first has to be found out what it missed: *blindError.
func (d *Device) close(id *identity) error {
	if err := d.checkTables(id); err != nil {
		return err
	}
	blind, err := d.replica.Blind()
	if err != nil {
		return err
	}
	if len(blind) > 0 && !d.giveUpMissed {
		return &blindError{blind}
	}
	if err := d.replica.ResumeCapture(blind); err != nil {
		return err
	}
	return d.closeWith(id, nil)
}

// closeWith is close with rows that capture missed.
func (d *Device) closeWith(id *identity, missed []applier.RowImage) error {
	if _, err := d.replica.MendCapture(); err != nil {
		return err
	}
	before := id.LastSeq
	if err := d.closeGathered(id, missed); err != nil {
		return err
	}
	if id.LastSeq > before {
		if err := d.save(id); err != nil {
			return err
		}
	}
	return d.replica.Forget()
}

// closeGathered numbers the transactions that were gathered, with the rows that
// capture missed. They come newest first, so that they have to wait for their
// numbers.
func (d *Device) closeGathered(id *identity, missed []applier.RowImage) error {
	without, err := d.withoutEffect(id)
	if err != nil {
		return err
	}
	aside := gathered.OpenAside(d.replica.Conn)
	last, err := aside.Last()
	if err != nil {
		return err
	}
	w := unnumbered{conn: d.replica.Conn, long: map[int64]*gathered.Step{}}
	if err := d.replica.GatherBackWith(max(id.LastTime, last), missed, w.put); err != nil {
		return errors.Join(err, w.close())
	}
	var open *closing
	next := func(n *gathered.Step) error {
		if open == nil && !n.Follows && !n.Intent {
			return d.closeRows(id, without, n)
		}
		if open == nil {
			open = d.newClosing(id, without, n)
		}
		if err := open.add(n); err != nil || n.Follows {
			return err
		}
		whole := open
		open = nil
		return whole.end()
	}
	if err = aside.Each(next); err == nil {
		err = w.each(next)
	}
	if err == nil && last > 0 {
		err = aside.Forget()
	}
	return errors.Join(err, w.close(), aside.Close())
}

// closeRows closes a transaction of row statements alone.
func (d *Device) closeRows(id *identity, without []replog.Seq, n *gathered.Step) error {
	t := d.newClosing(id, without, n).t
	if err := d.number(id, t); err != nil {
		return err
	}
	if n.Rows == nil {
		return d.outbox().addEncoded(t, n.Lines, n.Ran)
	}
	t.SetLong(n.Rows.RecordedStatements(), n.Rows.RecordedNet())
	return d.outbox().addLong(t, bodiesOf(t), n.Ran)
}

// place says of a transaction where in history it is recorded: now.
func (d *Device) place(id *identity, t *replog.Transaction) (err error) {
	t.Device, t.Base, t.Seen = id.Device, id.SyncPoint, id.Seen
	t.Without, err = d.withoutEffect(id)
	return err
}

// number gives a transaction what only one that is kept gets.
func (d *Device) number(id *identity, t *replog.Transaction) (err error) {
	if t.Nonce, err = d.nonce(); err != nil {
		return err
	}
	id.LastSeq++
	id.LastTime = max(id.LastTime, t.Time)
	t.Seq = id.LastSeq
	return nil
}

// withoutEffect lists the seqs above seen that are pending without effect.
func (d *Device) withoutEffect(id *identity) ([]replog.Seq, error) {
	var seqs []replog.Seq
	err := d.replica.Query("SELECT seq FROM main.replog_outbox WHERE effect = 0 AND seq > ? ORDER BY seq", func(row []replog.Value) error {
		seqs = append(seqs, replog.Seq(row[0].Int64()))
		return nil
	}, replog.Integer(int64(id.Seen)))
	return seqs, err
}

func (d *Device) nonce() (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(d.options.Random, b); err != nil {
		return "", fmt.Errorf("random nonce: %w", err)
	}
	return hex.EncodeToString(b), nil
}
