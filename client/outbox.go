package client

import (
	"bytes"
	"encoding/json"
	"fmt"

	"replog/applier"
	"replog/replog"
)

// pending is one transaction in the outbox.
type pending struct {
	seq      replog.Seq
	uploaded bool
	effect   bool
	why      string
	hash     replog.Hash
	recorded []byte
	undo     []byte
	// transaction is decoded from recorded.
	transaction replog.Transaction
}

// outbox reads what waits, in order of seq.
func (d *Device) outbox() ([]*pending, error) { return readOutbox(d.replica) }

func readOutbox(r *applier.Replica) ([]*pending, error) {
	var list []*pending
	err := r.Query("SELECT seq, uploaded, effect, why, hash, recorded, undo FROM main.replog_outbox ORDER BY seq", func(row []replog.Value) error {
		p := &pending{
			seq: replog.Seq(row[0].Int64()), uploaded: row[1].Int64() != 0, effect: row[2].Int64() != 0, why: row[3].Bytes(),
			hash: replog.Hash(row[4].Bytes()), recorded: []byte(row[5].Bytes()), undo: []byte(row[6].Bytes()),
		}
		var err error
		if p.transaction, _, err = replog.DecodeTransaction(p.recorded); err != nil {
			return fmt.Errorf("outbox, transaction %d: %w", p.seq, err)
		}
		list = append(list, p)
		return nil
	})
	return list, err
}

// add puts a new transaction, whose changes are in the tables, into the outbox.
func (d *Device) add(t *replog.Transaction, images []applier.RowImage) error {
	recorded, hash := t.Encode()
	return d.replica.Exec("INSERT INTO main.replog_outbox VALUES(?, 0, 1, '', ?, ?, ?)",
		replog.Integer(int64(t.Seq)), replog.Text(string(hash)), replog.Blob(recorded), replog.Text(string(encodeImages(images))))
}

// update writes what a replay changed.
func (d *Device) update(p *pending) error {
	effect := int64(0)
	if p.effect {
		effect = 1
	}
	return d.replica.Exec("UPDATE main.replog_outbox SET effect = ?, why = ?, undo = ? WHERE seq = ?",
		replog.Integer(effect), replog.Text(p.why), replog.Text(string(p.undo)), replog.Integer(int64(p.seq)))
}

func (d *Device) drop(p *pending) error {
	return d.replica.Exec("DELETE FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
}

// storedImage is a row image in the outbox. Values run along Columns.
type storedImage struct {
	Table   string         `json:"table"`
	Columns []string       `json:"columns"`
	Key     []replog.Value `json:"key"`
	Before  []replog.Value `json:"before"`
	After   []replog.Value `json:"after"`
}

func encodeImages(images []applier.RowImage) []byte {
	stored := make([]storedImage, len(images))
	for i, m := range images {
		stored[i] = storedImage{m.Table.Name, m.Table.ColumnNames(), m.Key, m.Before, m.After}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the form in which values are read back
	if err := enc.Encode(stored); err != nil {
		panic(err) // names and values always encode
	}
	return b.Bytes()
}

// images decodes the undo images, against the schema as it is now.
func (p *pending) images(s *applier.Schema) ([]applier.RowImage, error) {
	var stored []storedImage
	if err := json.Unmarshal(p.undo, &stored); err != nil {
		return nil, fmt.Errorf("outbox, undo images of transaction %d: %w", p.seq, err)
	}
	images := make([]applier.RowImage, len(stored))
	for i, m := range stored {
		t := s.Table(m.Table)
		if t == nil {
			return nil, fmt.Errorf("outbox, undo images of transaction %d: %w: no table %q", p.seq, applier.ErrSchema, m.Table)
		}
		images[i] = applier.RowImage{Table: t, Key: m.Key}
		var err error
		if images[i].Before, err = t.Arrange(m.Columns, m.Before); err != nil {
			return nil, err
		}
		if images[i].After, err = t.Arrange(m.Columns, m.After); err != nil {
			return nil, err
		}
	}
	return images, nil
}
