package replog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// WireVersion is the version of the forms in this file.
const WireVersion = 1

// SyncHeader is the first line of an upload: {"sync":{…}}.
type SyncHeader struct {
	Version  int      `json:"version"`
	Database string   `json:"database"` // the database's id
	Epoch    Epoch    `json:"epoch"`
	Device   DeviceID `json:"device"`
	// SyncPoint: verdicts and entries after it are wanted. Chain is its chain, "" where
	// the device does not know.
	SyncPoint Revision `json:"sync_point"`
	Chain     Chain    `json:"chain,omitempty"`
	// LastSeq is the highest seq that the device has given out.
	LastSeq Seq `json:"last_seq"`
	// Seen is the highest own seq whose verdict it has processed.
	Seen Seq `json:"seen,omitempty"`
	// Clock is the device's time when it sent this.
	Clock Millis `json:"clock"`
	// Schema is the fingerprint of the schema that the device last agreed on with
	// the log.
	Schema string `json:"schema"`
	// PushOnly: no entries are wanted, and verdicts are not processed.
	PushOnly bool `json:"push_only,omitempty"`
	// Differed lists entries after the sync point whose intents made other changes
	// here than their digest says: their changes are wanted.
	Differed []Revision `json:"differed,omitempty"`
	// AsChanges: the changes of all entries are wanted.
	AsChanges bool `json:"as_changes,omitempty"`
	// Rejoined is what a device says that came back after the log gave up revisions.
	Rejoined *Rejoined `json:"rejoined,omitempty"`
}

// SyncAnswer is the first line of an answer: {"answer":{…}}.
type SyncAnswer struct {
	Version int      `json:"version"`
	Epoch   Epoch    `json:"epoch"`
	Head    Revision `json:"head"`
	// LastSeq is the highest seq of the device in the log.
	LastSeq Seq `json:"last_seq,omitempty"`
}

// EntryHeader announces an applied entry; its changes follow, one a line. Own
// entries whose verdict says AsRecorded come without changes.
//
// An entry with a digest is to be made by running its steps again, on the state of
// the revision before: what follows is an intent or a change of row statements a
// line, in order, and nothing of an own entry, which the device knows. Changes is 0.
type EntryHeader struct {
	Revision Revision `json:"revision"`
	Device   DeviceID `json:"device"`
	Seq      Seq      `json:"seq"`
	Changes  int      `json:"changes"`
	Lines    int      `json:"lines,omitempty"`
	Digest   *Digest  `json:"digest,omitempty"` // of what running it has to change
	// Schema: the entry has schema statements. What follows is one of these or a
	// change of row statements a line, in order, also of an own entry; there is no
	// digest.
	Schema bool `json:"schema,omitempty"`
}

// SyncDone is the last line of an answer: {"done":{…}}. An answer without it
// was cut and counts for nothing.
type SyncDone struct {
	// Revision is how far the verdicts and entries above reach, and Chain its chain.
	Revision Revision `json:"revision"`
	Chain    Chain    `json:"chain,omitempty"`
	// More: the answer stops before the head.
	More bool `json:"more,omitempty"`
}

// Download is one entry of an answer with its changes or, where it has a digest or
// schema statements, its steps; nil of an own entry with a digest. Whoever gets it
// closes it.
type Download struct {
	EntryHeader
	List  Changes
	Steps Steps
}

// Close lets go of what the lists take on disk.
func (d *Download) Close() error {
	if steps, ok := d.Steps.(*LineSteps); ok {
		return steps.lines.(*Spill[[]byte]).Close()
	}
	if list, ok := d.List.(*Spill[Change]); ok {
		return list.Close()
	}
	return nil
}

// AnswerLine is one line of an answer; exactly one field is set.
type AnswerLine struct {
	Answer  *SyncAnswer  `json:"answer,omitempty"`
	Verdict *Verdict     `json:"verdict,omitempty"`
	Entry   *EntryHeader `json:"entry,omitempty"`
	Change  *Change      `json:"change,omitempty"`
	Done    *SyncDone    `json:"done,omitempty"`
}

type syncLine struct {
	Sync *SyncHeader `json:"sync"`
}

// EncodeSyncHeader gives the header's line.
func EncodeSyncHeader(h SyncHeader) []byte {
	return appendLine(nil, syncLine{Sync: &h})
}

// SyncHeader reads the header's line.
func (l *LineReader) SyncHeader() (SyncHeader, error) {
	raw, err := l.next()
	if err != nil {
		return SyncHeader{}, err
	}
	var line syncLine
	if err := l.decode(raw, &line); err != nil {
		return SyncHeader{}, err
	}
	if line.Sync == nil {
		return SyncHeader{}, fmt.Errorf("%w: the upload does not begin with a sync line", ErrForm)
	}
	if line.Sync.Version != WireVersion {
		return SyncHeader{}, fmt.Errorf("%w: wire version %d; this side speaks %d", ErrForm, line.Sync.Version, WireVersion)
	}
	return *line.Sync, nil
}

const changeStart = `{"change":`

// WriteAnswerLine writes one line of an answer.
func WriteAnswerLine(w io.Writer, line AnswerLine) error {
	var b []byte
	switch {
	case line.Change != nil:
		b = appendChangeLine(b, changeStart, line.Change)
	case line.Verdict != nil && len(line.Verdict.Parts) > 0:
		b = verdictLine(line.Verdict)
	default:
		b = appendLine(b, line)
	}
	_, err := w.Write(b)
	return err
}

// WriteDelivery writes an entry's header, and its changes or steps.
func WriteDelivery(w io.Writer, d *Delivery) error {
	b := appendLine(nil, AnswerLine{Entry: &d.EntryHeader})
	err := d.Each(func(kind LineKind, body string) error {
		if len(b) >= lineBuffer {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
		start := changeStart
		if kind == LineIntent {
			start = intentStart
		}
		b = append(append(b, start...), body...)
		b = append(b, '}', '\n')
		return nil
	})
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// AnswerLine reads the next line of an answer. io.EOF and io.ErrUnexpectedEOF
// mean that the answer was cut, as no caller reads past a Done line.
func (l *LineReader) AnswerLine() (AnswerLine, error) {
	raw, err := l.next()
	if err != nil {
		return AnswerLine{}, err
	}
	if c, ok, err := l.change(raw, changeStart); ok {
		return AnswerLine{Change: &c}, err
	}
	var line AnswerLine
	if err := l.decode(raw, &line); err != nil {
		return AnswerLine{}, err
	}
	if line.fields() != 1 {
		return AnswerLine{}, l.at(fmt.Errorf("%w: not one thing a line", ErrForm))
	}
	return line, nil
}

func (a *AnswerLine) fields() int {
	n := 0
	for _, set := range []bool{a.Answer != nil, a.Verdict != nil, a.Entry != nil, a.Change != nil, a.Done != nil} {
		if set {
			n++
		}
	}
	return n
}

// ReadAnswer reads a whole answer: its first line, then each verdict and entry
// through the callbacks, up to the closing line. A cut answer is
// io.ErrUnexpectedEOF.
func (l *LineReader) ReadAnswer(first func(SyncAnswer) error, verdict func(Verdict) error, entry func(Download) error) (SyncDone, error) {
	return l.readAnswer(first, verdict, func(head EntryHeader) error { return l.readEntry(head, entry) })
}

// ScanAnswer is ReadAnswer for a reader that wants no changes: it gives the
// entries' headers, and what follows them is skipped unread.
func (l *LineReader) ScanAnswer(first func(SyncAnswer) error, verdict func(Verdict) error, entry func(EntryHeader) error) (SyncDone, error) {
	return l.readAnswer(first, verdict, func(head EntryHeader) error {
		for range head.Changes + head.Lines {
			raw, err := l.within()
			if err != nil {
				return err
			}
			if !bytes.HasPrefix(raw, []byte(changeStart)) && (!head.inSteps() || !bytes.HasPrefix(raw, []byte(intentStart))) {
				return l.fewerChanges(head)
			}
		}
		return entry(head)
	})
}

func (l *LineReader) readAnswer(first func(SyncAnswer) error, verdict func(Verdict) error, entry func(EntryHeader) error) (SyncDone, error) {
	for n := 0; ; n++ {
		line, err := l.AnswerLine()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return SyncDone{}, err
		}
		switch {
		case (line.Answer != nil) != (n == 0):
			err = fmt.Errorf("%w: the answer line is not the first", ErrForm)
		case line.Answer != nil:
			err = first(*line.Answer)
		case line.Verdict != nil:
			err = verdict(*line.Verdict)
		case line.Entry != nil:
			if err = line.Entry.check(); err == nil {
				err = entry(*line.Entry)
			}
			err = l.at(err)
		case line.Done != nil:
			return *line.Done, nil
		default:
			err = fmt.Errorf("%w: unexpected line in an answer", ErrForm)
		}
		if err != nil {
			return SyncDone{}, err
		}
	}
}

// inSteps tells whether steps follow, not changes.
func (h *EntryHeader) inSteps() bool { return h.Digest != nil || h.Schema }

func (h *EntryHeader) check() error {
	if h.Changes < 0 || h.Lines < 0 || h.Lines > 0 && !h.inSteps() || h.Changes > 0 && h.inSteps() || h.Schema && h.Digest != nil {
		return fmt.Errorf("%w: entry %d has %d changes and %d lines", ErrForm, h.Revision, h.Changes, h.Lines)
	}
	return nil
}

func (l *LineReader) fewerChanges(head EntryHeader) error {
	return fmt.Errorf("%w: entry %d has fewer changes than it says", ErrForm, head.Revision)
}

func (l *LineReader) readEntry(head EntryHeader, entry func(Download) error) error {
	if head.inSteps() {
		return l.readSteps(head, entry)
	}
	list := NewChangeSpill()
	for range head.Changes {
		raw, err := l.within()
		if err != nil {
			return err
		}
		c, ok, err := l.change(raw, changeStart)
		if err != nil {
			return err
		}
		if !ok {
			return l.fewerChanges(head)
		}
		if err := list.Add(c); err != nil {
			return err
		}
	}
	return entry(Download{EntryHeader: head, List: list})
}

// readSteps reads an entry that is made by running its steps.
func (l *LineReader) readSteps(head EntryHeader, entry func(Download) error) error {
	if head.Lines == 0 {
		return entry(Download{EntryHeader: head})
	}
	lines := newLineSpill()
	steps := &LineSteps{lines: lines, start: changeStart}
	for range head.Lines {
		if err := l.readStepLine(head, lines, steps); err != nil {
			return errors.Join(err, lines.Close())
		}
	}
	return entry(Download{EntryHeader: head, Steps: steps})
}

func (l *LineReader) readStepLine(head EntryHeader, lines *Spill[[]byte], steps *LineSteps) error {
	raw, err := l.within()
	if err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(raw, []byte(intentStart)):
		steps.note(lines.Len(), partIntent)
	case bytes.HasPrefix(raw, []byte(changeStart)):
		steps.note(lines.Len(), partStatements)
	default:
		return l.fewerChanges(head)
	}
	return lines.Add(bytes.Clone(raw))
}

// Problem is an error answer (RFC 9457, application/problem+json) with a
// stable code.
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail,omitempty"`
	// ExpectedSeq goes with CodeGap.
	ExpectedSeq Seq `json:"expected_seq,omitempty"`
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// The codes of Problem.
const (
	CodeUnauthorized = "unauthorized"      // no token, or an unknown or revoked one: 401
	CodeForbidden    = "forbidden"         // the token does not allow this: 403
	CodeNotFound     = "not-found"         // no such database, device or revision: 404
	CodeExists       = "exists"            // publish: the name is taken: 409
	CodeSchema       = "schema-differs"    // 409
	CodeFork         = "forked"            // the device was copied or restored: 409
	CodeGap          = "gap"               // a seq is missing: 409, with ExpectedSeq
	CodeEpoch        = "epoch-changed"     // 409
	CodeDatabase     = "database-replaced" // another database under this name: 409
	CodeAhead        = "ahead"             // a transaction's base is past the head: 409
	CodeHorizon      = "behind-horizon"    // the log no longer reaches back: 410
	CodeMalformed    = "malformed"         // 400
	CodeTooLarge     = "too-large"         // 413
	CodeBusy         = "busy"              // 503 with Retry-After
	CodeInternal     = "internal"          // 500
)

// MarshalProblem gives the JSON body.
func MarshalProblem(p *Problem) []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return b
}
