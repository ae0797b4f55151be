package replog

// EnrolRequest is the body of POST /v1/{db}/devices, sent with an enrolment or
// an administrator's token.
type EnrolRequest struct {
	// Name is a label for people, such as the machine's name.
	Name string `json:"name"`
}

// Enrolment is its answer. Token is the device's; the server keeps only its
// SHA-256 and cannot show it again.
type Enrolment struct {
	Device     DeviceID `json:"device"`
	Token      string   `json:"token"`
	Name       string   `json:"database_name"`
	DatabaseID string   `json:"database"`
	Epoch      Epoch    `json:"epoch"`
	Head       Revision `json:"head"`
	Chain      Chain    `json:"chain,omitempty"` // of the head
}

// The headers that come with a snapshot, the replica at a revision as a SQLite
// file without replog's tables. Size, in bytes, and digest, a SHA-256 in
// hexadecimal, are those of the file, however it is encoded on the wire.
const (
	HeaderRevision = "Replog-Revision"
	HeaderEpoch    = "Replog-Epoch"
	HeaderDatabase = "Replog-Database"
	HeaderChain    = "Replog-Chain"
	HeaderSize     = "Replog-Size"
	HeaderDigest   = "Replog-Digest"
)

// LogLine is an entry as `replog log --json` and GET /v1/{db}/log give it, one
// a line.
type LogLine struct {
	Revision   Revision       `json:"revision"`
	Device     DeviceID       `json:"device"`
	Seq        Seq            `json:"seq"`
	Base       Revision       `json:"base"`
	Label      string         `json:"label,omitempty"`
	Marked     bool           `json:"marked,omitempty"`
	RecordedAt Millis         `json:"recorded_at"`
	ReceivedAt Millis         `json:"received_at"`
	Outcome    Outcome        `json:"outcome"`
	Reason     *Reason        `json:"reason,omitempty"`
	Statements []LogStatement `json:"statements"`
}

// LogStatement is one statement of a LogLine: SQL text with its arguments, and
// what became of it.
type LogStatement struct {
	SQL        string  `json:"sql"`
	Args       []Value `json:"args"`
	RecordedAt Millis  `json:"recorded_at"`
	// Schema says whence a schema statement comes; "" for others.
	Schema SchemaSource `json:"schema,omitempty"`
	// Outcome is "" while there is none: the statement is pending.
	Outcome Outcome `json:"outcome,omitempty"`
	Reason  *Reason `json:"reason,omitempty"`
}

// Line renders an entry for people and programs that read the log. It fails where
// a long entry cannot be read.
func (e *Entry) Line() (LogLine, error) {
	l := e.lineWithout()
	err := e.eachStatement(func(s *Statement, line *LogStatement) error {
		l.Statements = append(l.Statements, *line)
		return nil
	})
	return l, err
}

// lineWithout is the line without its statements.
func (e *Entry) lineWithout() LogLine {
	t := &e.Transaction
	return LogLine{
		Revision: e.Revision, Device: t.Device, Seq: t.Seq, Base: t.Base,
		Label: t.Label, Marked: t.Marked,
		RecordedAt: t.Time, ReceivedAt: e.Received, Outcome: e.Outcome, Reason: e.reason(),
		Statements: []LogStatement{},
	}
}

func (e *Entry) reason() *Reason {
	if e.Reason == (Reason{}) {
		return nil
	}
	reason := e.Reason
	return &reason
}

// eachStatement calls each for every statement, with how it reads.
func (e *Entry) eachStatement(each func(*Statement, *LogStatement) error) error {
	fates, err := e.Fates()
	if err != nil {
		return err
	}
	shared := e.reason()
	if e.Outcome == Applied {
		shared = nil
	}
	return e.Transaction.EachStatement(func(n int, s *Statement) error {
		sql, args := s.SQL()
		line := LogStatement{SQL: sql, Args: args, RecordedAt: s.When(), Outcome: e.Outcome, Reason: shared}
		if s.Intent != nil {
			line.Schema = s.Intent.Schema
		}
		if part := fates.Of(n, s); part != nil {
			reason := part.Reason
			line.Outcome, line.Reason = part.Outcome, &reason
		}
		return each(s, &line)
	})
}

// Fates are the parts that decided statements.
type Fates struct {
	rows       map[RowID]*Part
	statements map[int]*Part
}

// Of returns the part that decided the n-th statement of the transaction; nil for
// one that shares the outcome of the entry.
func (f *Fates) Of(n int, s *Statement) *Part {
	if s.Intent != nil {
		return f.statements[n]
	}
	return f.rows[s.Row()]
}

// Fates finds the parts that decided statements. Parts that concern only some
// columns of a row decide none. It fails where a long transaction cannot be read.
func (e *Entry) Fates() (*Fates, error) {
	f := &Fates{rows: map[RowID]*Part{}, statements: map[int]*Part{}}
	if len(e.Parts) == 0 {
		return f, nil
	}
	net := e.Transaction.NetChanges()
	for i := range e.Parts {
		p := &e.Parts[i]
		for _, n := range p.Statements {
			f.statements[n] = p
		}
		if len(p.Columns) > 0 || p.Outcome == e.Outcome && len(p.Rows) == net.Len() {
			continue
		}
		for _, n := range p.Rows {
			if n < 0 || n >= net.Len() {
				continue
			}
			c, err := net.At(n)
			if err != nil {
				return nil, err
			}
			f.rows[c.Row()] = p
		}
	}
	return f, nil
}
