package form

import (
	"fmt"
	"slices"

	"replog/replog"
)

// Delivery makes what is sent of an entry, and tells how many rows it changed. Each
// reads from s when it is called.
func Delivery(s Source, row *Row, w *replog.Wanted) (*replog.Delivery, int, error) {
	var (
		d    replog.Delivery
		v    replog.Verdict
		runs *replog.Digest
	)
	d.Revision, d.Device, d.Seq = row.Revision, row.Device, row.Seq
	v.Hash, v.Outcome = row.Hash, row.Outcome
	d.Applied = v.Outcome == replog.Applied
	own := d.Device == w.To
	said := *row
	if !own {
		said.Parts, said.Tables = nil, nil // of the verdict
	}
	if err := said.decode(&v.Parts, &v.Tables, &runs); err != nil {
		return nil, 0, fmt.Errorf("revision %d: %w", d.Revision, err)
	}
	if own {
		v.Seq, v.Revision, v.AsRecorded, d.Verdict = d.Seq, d.Revision, row.AsRecorded || row.AsRun, &v
		if row.Reason != (replog.Reason{}) {
			reason := row.Reason
			v.Reason = &reason
		}
	}
	list := Made
	switch {
	case row.AsRecorded && row.Net.Valid:
		list = Nets
	case row.AsRecorded:
		list = Statements
	}
	d.Each = func(func(replog.LineKind, string) error) error { return nil }
	byRunning := runs != nil && !w.AsChanges && !slices.Contains(w.Differed, d.Revision)
	switch {
	case len(row.Ends) > 0:
		ends, err := row.ends()
		if err != nil {
			return nil, 0, err
		}
		d.Schema, d.Lines = true, int(row.Lines.Int64)
		d.Each = func(yield func(replog.LineKind, string) error) error {
			return schemaSteps(s, d.Revision, ends, yield)
		}
	case byRunning && own:
		d.Digest = runs
	case byRunning && row.Lines.Valid:
		blocks, err := row.blocks()
		if err != nil {
			return nil, 0, err
		}
		d.Digest, d.Lines = runs, int(row.Lines.Int64)
		d.Each = func(yield func(replog.LineKind, string) error) error {
			return steps(s, d.Revision, blocks, yield)
		}
	case d.Applied && row.Changes.Int64 > 0 && !(own && row.AsRecorded):
		d.Changes = int(row.Changes.Int64)
		d.Each = func(yield func(replog.LineKind, string) error) error { return send(s, list, d.Revision, yield) }
	}
	return &d, int(row.Changes.Int64), nil
}

// Judged makes what became of a device's own transaction.
func Judged(s Source, row *Row) (replog.Judged, error) {
	d, changes, err := Delivery(s, row, &replog.Wanted{To: row.Device})
	if err != nil {
		return replog.Judged{}, err
	}
	return replog.Judged{Verdict: *d.Verdict, Changes: changes}, nil
}
