package client

import (
	"bytes"

	"replog/applier"
	"replog/replog"
)

// stepForm makes the recorded form of a transaction with intents, of which the
// lines between the first and the last come in order. Where they are long they are
// in replog_long.
type stepForm struct {
	conn  *applier.Conn
	lines []byte
	long  int64 // the id there; 0 for none
	parts partWriter
	// schema is of the schema statements that were added.
	schema schemaKind
}

// add adds lines, each with its line feed.
func (f *stepForm) add(lines []byte) error {
	if f.long == 0 {
		f.lines = append(f.lines, lines...)
		if len(f.lines) < longFrom {
			return nil
		}
		lines, f.lines = f.lines, nil
		var err error
		if f.long, err = newLongID(f.conn); err != nil {
			return err
		}
		f.parts = partWriter{conn: f.conn, id: f.long, list: listLines}
	}
	for line := range bytes.Lines(lines) {
		if err := f.parts.add(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return err
		}
	}
	return nil
}

// addRows adds the row statements of a transaction without intents.
func (f *stepForm) addRows(t *replog.Transaction) error {
	var w replog.FormWriter
	return bodiesOf(t)(func(list int, body []byte) error {
		switch {
		case body == nil:
			return f.add(w.NoNet())
		case list == listNet:
			return f.add(w.Net(body))
		}
		return f.add(w.Statement(body))
	})
}

// addSteps adds all steps of a transaction.
func (f *stepForm) addSteps(t *replog.Transaction) error {
	return replog.EachStep(t.AllSteps(), func(s *replog.Step) error {
		if s.Intent != nil {
			f.schema = max(f.schema, kindOf(s.Intent))
			return f.add(s.Intent.AppendLine(nil))
		}
		rows := &replog.Transaction{}
		rows.SetLong(s.Statements, s.Net)
		return f.addRows(rows)
	})
}

// end gives the row of the outbox, but for what is in the tables.
func (f *stepForm) end(t *replog.Transaction) (*outboxRow, error) {
	row := &outboxRow{t: t, intents: true, schema: f.schema}
	if f.long == 0 {
		row.recorded, row.hash = t.Frame(f.lines)
		row.size = len(row.recorded)
		return row, nil
	}
	if err := f.parts.end(); err != nil {
		return nil, err
	}
	form := longForm{conn: f.conn, id: f.long, begin: t, list: -1}
	for {
		part, err := form.next()
		if err != nil {
			return nil, err
		}
		if part == nil {
			row.hash = form.hash
			return row, nil
		}
		if row.recorded == nil {
			row.recorded = bytes.Clone(part)
		}
		row.size += len(part)
	}
}

// forget gives it up.
func (f *stepForm) forget() error { return forgetLong(f.conn, f.long) }
