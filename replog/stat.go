package replog

import (
	"cmp"
	"slices"
)

// LogStat is an entry as `replog log --stat --json` gives it: how many rows it
// changed in each table. What was not applied changed none.
type LogStat struct {
	Revision   Revision `json:"revision"`
	Device     DeviceID `json:"device"`
	Seq        Seq      `json:"seq"`
	Base       Revision `json:"base"`
	Label      string   `json:"label,omitempty"`
	RecordedAt Millis   `json:"recorded_at"`
	ReceivedAt Millis   `json:"received_at"`
	Outcome    Outcome  `json:"outcome"`
	Reason     *Reason  `json:"reason,omitempty"`
	Statements int      `json:"statements"`
	// Schema counts the schema statements that were run.
	Schema int         `json:"schema,omitempty"`
	Tables []TableStat `json:"tables"`
}

// TableStat counts rows of one table. A key change is a row deleted and a row
// inserted.
type TableStat struct {
	Table    string `json:"table"`
	Inserted int64  `json:"inserted"`
	Updated  int64  `json:"updated"`
	Deleted  int64  `json:"deleted"`
}

// Add adds the counts of another.
func (t *TableStat) Add(o TableStat) {
	t.Inserted += o.Inserted
	t.Updated += o.Updated
	t.Deleted += o.Deleted
}

// Stat counts what the entry changed, by table in order of name. It fails where a
// long entry cannot be read.
func (e *Entry) Stat() (LogStat, error) {
	t := &e.Transaction
	statements, err := t.CountStatements()
	if err != nil {
		return LogStat{}, err
	}
	s := LogStat{
		Revision: e.Revision, Device: t.Device, Seq: t.Seq, Base: t.Base, Label: t.Label,
		RecordedAt: t.Time, ReceivedAt: e.Received, Outcome: e.Outcome,
		Statements: statements, Tables: []TableStat{},
	}
	if e.Reason != (Reason{}) {
		reason := e.Reason
		s.Reason = &reason
	}
	if t.Schema && e.Outcome == Applied {
		s.Schema = statements - t.RecordedStatements().Len() // the others are row statements
	}
	at := map[string]int{}
	err = EachChange(e.Made(), func(_ int, c *Change) error {
		n, ok := at[c.Table]
		if !ok {
			n = len(s.Tables)
			at[c.Table] = n
			s.Tables = append(s.Tables, TableStat{Table: c.Table})
		}
		switch c.Op {
		case Insert:
			s.Tables[n].Inserted++
		case Update:
			s.Tables[n].Updated++
		case Delete:
			s.Tables[n].Deleted++
		}
		return nil
	})
	slices.SortFunc(s.Tables, func(a, b TableStat) int { return cmp.Compare(a.Table, b.Table) })
	return s, err
}
