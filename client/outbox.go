package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"replog/applier"
	"replog/client/gathered"
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
	long     int64        // the id in replog_long; 0 where nothing is long
	without  []replog.Seq // see replog.Transaction
	intents  bool         // or schema statements
	schema   schemaKind
	// tables are those that its intents may write, once a replay found out.
	tables []string
	// rejoined places it on the log's history, where it was recorded on another.
	rejoined *replog.Rejoined
}

// outbox is what a device has recorded and whose verdict it has not processed.
type outbox struct{ *applier.Replica }

func (d *Device) outbox() outbox { return outbox{d.replica} }

// list tells what waits, in order of seq.
func (o outbox) list() ([]*pending, error) {
	rejoined, err := o.rejoined()
	if err != nil {
		return nil, err
	}
	var list []*pending
	err = o.Query("SELECT seq, uploaded, effect, replayed, size, long, without, intents, schema FROM main.replog_outbox ORDER BY seq", func(row []replog.Value) error {
		p := &pending{
			seq: replog.Seq(row[0].Int64()), uploaded: row[1].Int64() != 0, effect: row[2].Int64() != 0,
			replayed: row[3].Int64() != 0, size: int(row[4].Int64()), long: row[5].Int64(), intents: row[7].Int64() != 0, schema: schemaKind(row[8].Int64()),
			rejoined: rejoined,
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

// load reads a transaction, in its place on the log's history; the lists of a long one
// are read from the file when they are needed.
func (o outbox) load(p *pending) (*replog.Transaction, error) {
	recorded, long, err := o.stored(p)
	if err != nil {
		return nil, err
	}
	t, err := decodeStored(o.Conn, recorded, long)
	if err != nil {
		return nil, fmt.Errorf("outbox, transaction %d: %w", p.seq, err)
	}
	p.rejoined.Place(t)
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
		if p.schema != noSchema {
			if err := o.undoSchema(p); err != nil {
				return err
			}
			continue
		}
		made, err := o.made(p)
		if err != nil {
			return err
		}
		if err := o.Revert(o.Widen(made)); err != nil {
			return err
		}
	}
	return nil
}

// add puts a new transaction, whose net changes are in the tables, into the
// outbox.
func (o outbox) add(t *replog.Transaction) error {
	if t.IsLong() {
		return o.addLong(t, bodiesOf(t), "")
	}
	return o.addEncoded(t, t.EncodeChanges(), "")
}

// addEncoded is add given the lines for the changes.
func (o outbox) addEncoded(t *replog.Transaction, changes []byte, ran string) error {
	if len(changes) >= longFrom {
		return o.addLong(t, bodiesIn(changes), ran)
	}
	form, hash := t.Frame(changes)
	return o.insert(&outboxRow{t: t, hash: hash, recorded: form, size: len(form), ran: ran})
}

// outboxRow is what the outbox keeps of a new transaction.
type outboxRow struct {
	t        *replog.Transaction
	hash     replog.Hash
	recorded []byte
	size     int
	made     replog.Value
	long     replog.Value
	intents  bool
	schema   schemaKind
	ran      string
}

func (o outbox) insert(r *outboxRow) error {
	without, err := seqsValue(r.t.Without)
	if err != nil {
		return err
	}
	return o.Exec("INSERT INTO main.replog_outbox VALUES(?, 0, 1, 0, '', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		replog.Integer(int64(r.t.Seq)), without, replog.Text(string(r.hash)), replog.Blob(r.recorded), r.made,
		replog.Integer(int64(r.size)), r.long, replog.Truth(r.intents), replog.Integer(int64(r.schema)), replog.Text(r.ran))
}

// seqsValue keeps a list of seqs in a column.
func seqsValue(seqs []replog.Seq) (replog.Value, error) {
	if len(seqs) == 0 {
		return replog.Text(""), nil
	}
	b, err := json.Marshal(seqs)
	return replog.Text(string(b)), err
}

// replayed notes that a replay made changes of t, or that it made none and why.
func (o outbox) replayed(p *pending, t *replog.Transaction, made replog.Changes, why string) error {
	p.effect = why == ""
	var others replog.Changes // than the net changes
	if p.effect {
		same := false
		if !t.HasIntents() || t.Schema {
			var err error
			if same, err = replog.SameChanges(made, t.NetChanges()); err != nil {
				return err
			}
		}
		switch {
		case !same && t.Schema: // in which a row may come twice
			if err := o.Exec("UPDATE main.replog_outbox SET schema = ? WHERE seq = ?", replog.Integer(int64(schemaChanges)), replog.Integer(int64(p.seq))); err != nil {
				return err
			}
		case !same:
			others = made
		}
	}
	undo, long, err := o.keepMade(p.long, others)
	if err != nil {
		return err
	}
	p.long = long
	return o.Exec("UPDATE main.replog_outbox SET effect = ?, replayed = 1, why = ?, made = ?, long = nullif(?, 0) WHERE seq = ?",
		replog.Truth(p.effect), replog.Text(why), undo, replog.Integer(p.long), replog.Integer(int64(p.seq)))
}

// keepMade keeps changes that are in the tables, nil for the net changes: in the
// value that it returns or, where they are long, in replog_long, where long is the
// transaction's id, or 0.
func (o outbox) keepMade(long int64, made replog.Changes) (replog.Value, int64, error) {
	if made == nil && long == 0 {
		return replog.Value{}, 0, nil
	}
	if long == 0 {
		b, whole, err := lines(made)
		if err != nil || whole {
			return replog.Blob(b), 0, err
		}
		if long, err = newLongID(o.Conn); err != nil {
			return replog.Value{}, 0, err
		}
	}
	return replog.Value{}, long, o.noteMade(long, made)
}

// lines renders changes, a line each, unless they are long.
func lines(changes replog.Changes) (b []byte, whole bool, err error) {
	for i := range changes.Len() {
		c, err := changes.At(i)
		if err != nil {
			return nil, false, err
		}
		if b = append(c.AppendJSON(b), '\n'); len(b) >= longFrom {
			return nil, false, nil
		}
	}
	return b, true, nil
}

// take takes a transaction out of the outbox; what is long of its recorded form is
// kept.
func (o outbox) take(p *pending) error {
	if p.long > 0 {
		if err := o.noteMade(p.long, nil); err != nil {
			return err
		}
	}
	return o.Exec("DELETE FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
}

// ran reads what is kept of a transaction's statements.
func (o outbox) ran(p *pending) ([]RanAs, error) {
	row, err := o.QueryRow("SELECT ran FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
	if err != nil || row == nil {
		return nil, err
	}
	return gathered.DecodeRan(row[0].Bytes())
}
