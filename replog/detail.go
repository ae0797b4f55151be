package replog

// EntryDetail is a whole entry as `replog show --json` and
// GET /v1/{db}/log/{revision}?form=whole give it.
type EntryDetail struct {
	Revision   Revision `json:"revision"`
	Hash       Hash     `json:"hash"`
	Device     DeviceID `json:"device"`
	Seq        Seq      `json:"seq"`
	Base       Revision `json:"base"`
	Seen       Seq      `json:"seen"`
	Without    []Seq    `json:"without,omitempty"`
	Label      string   `json:"label,omitempty"`
	Marked     bool     `json:"marked,omitempty"`
	Whole      bool     `json:"whole,omitempty"`
	RecordedAt Millis   `json:"recorded_at"`
	ReceivedAt Millis   `json:"received_at"`
	Outcome    Outcome  `json:"outcome"`
	Reason     *Reason  `json:"reason,omitempty"`
	// Parts are what did not share the outcome of the whole, or decided it.
	// Their rows are indexes into Net or, where that is null, into Statements.
	Parts []Part `json:"parts,omitempty"`
	// Tables are those that intents may write, or that schema statements are about.
	Tables []string `json:"tables,omitempty"`
	// Schema is what schema statements made of it.
	Schema     *SchemaVersion    `json:"schema,omitempty"`
	Statements []StatementDetail `json:"statements"`
	// Net are the net changes; null where the row statements are they, empty where
	// those cancel out.
	Net []Change `json:"net"`
	// AsRecorded: Changes are the recorded net changes, each as it was recorded; of
	// a transaction with intents, those that were made on the device.
	AsRecorded bool `json:"as_recorded"`
	// Changes are what the server changed; null where the entry was not
	// applied, empty where it had no effect.
	Changes []Change `json:"changes"`
}

// StatementDetail is one statement: how it reads, what became of it, and what
// it did on the device, as the change of a row statement or, of an intent, in
// numbers.
type StatementDetail struct {
	LogStatement
	Change *Change `json:"change,omitempty"`
	Intent *Ran    `json:"intent,omitempty"`
}

// Ran is what an intent did on the device, and what it asks for elsewhere. See
// Intent.
type Ran struct {
	Affected int64  `json:"affected"`
	Expect   *int64 `json:"expect,omitempty"`
	Optional bool   `json:"optional,omitempty"`
	Changes  int    `json:"changes"`
	Digest   Digest `json:"digest"`
}

func detailOf(s *Statement, line *LogStatement) StatementDetail {
	d := StatementDetail{LogStatement: *line}
	if s.Intent != nil && s.Intent.Schema != "" {
		return d
	}
	if i := s.Intent; i != nil {
		d.Intent = &Ran{Affected: i.Affected, Expect: i.Expect, Optional: i.Optional, Changes: i.Changes, Digest: i.Digest}
		return d
	}
	d.Change = &s.Change
	return d
}

// Detail renders the whole entry for people and programs that read the log. It
// fails where a long entry cannot be read.
func (e *Entry) Detail() (EntryDetail, error) {
	d := e.detailWithout()
	d.Statements = make([]StatementDetail, 0, e.Transaction.RecordedStatements().Len())
	err := e.eachStatement(func(s *Statement, line *LogStatement) error {
		d.Statements = append(d.Statements, detailOf(s, line))
		return nil
	})
	if err != nil {
		return d, err
	}
	net, err := e.Transaction.DistinctNet()
	if net != nil && err == nil {
		d.Net, err = InMemory(net)
	}
	if d.Changes = e.Changes; err == nil && e.LongChanges != nil {
		d.Changes, err = InMemory(e.LongChanges)
	}
	return d, err
}

// detailWithout is the detail without its lists of changes.
func (e *Entry) detailWithout() EntryDetail {
	t := &e.Transaction
	return EntryDetail{
		Revision: e.Revision, Hash: e.Hash, Device: t.Device, Seq: t.Seq, Base: t.Base,
		Seen: t.Seen, Without: t.Without, Label: t.Label, Marked: t.Marked, Whole: t.Whole,
		RecordedAt: t.Time, ReceivedAt: e.Received, Outcome: e.Outcome, Reason: e.reason(),
		Parts: e.Parts, Tables: e.Tables, Schema: e.Schema, AsRecorded: e.AsRecorded(),
	}
}

// Planned are the net changes that the parts' rows are indexes into.
func (d *EntryDetail) Planned() []Change {
	if d.Net != nil {
		return d.Net
	}
	changes := make([]Change, 0, len(d.Statements))
	for i := range d.Statements {
		if c := d.Statements[i].Change; c != nil {
			changes = append(changes, *c)
		}
	}
	return changes
}
