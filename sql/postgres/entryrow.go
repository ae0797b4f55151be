package postgres

import "replog/sql/internal/form"

// entryRow is the row of an entry.
type entryRow struct {
	form.Row
	label      string
	hasIntents bool
	size       int64 // of the bodies
}

// scanEntry reads what selectEntry and selectJudged give.
func scanEntry(scan func(...any) error) (*entryRow, error) {
	var e entryRow
	err := scan(&e.Revision, &e.Received, &e.Device, &e.Seq, &e.Outcome, &e.Reason.Code, &e.Reason.Detail, &e.Hash, &e.First,
		&e.Statements, &e.Net, &e.Changes, &e.AsRecorded, &e.AsRun,
		(*[]byte)(&e.Parts), (*[]byte)(&e.Blocks), (*[]byte)(&e.Tables), (*[]byte)(&e.Digest), (*[]byte)(&e.Ends), &e.Lines,
		&e.label, &e.hasIntents, &e.size)
	e.label, e.Reason.Code, e.Reason.Detail = unescaped(e.label), unescaped(e.Reason.Code), unescaped(e.Reason.Detail)
	return &e, err
}

// bytes is about how much memory the row takes.
func (e *entryRow) bytes() int {
	return 512 + len(e.First) + len(e.Parts) + len(e.Blocks) + len(e.Tables) + len(e.Ends) + len(e.label) + len(e.Reason.Detail)
}
