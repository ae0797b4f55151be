package client

import (
	"errors"
	"io"
	"maps"

	"replog/replog"
)

// answer is a whole answer of the server, or several in a row. Its verdicts are
// in memory, its entries are read from where the answer is kept.
type answer struct {
	first    replog.SyncAnswer
	verdicts []replog.Verdict
	done     replog.SyncDone
	// made are the revisions at which own transactions were applied with other
	// changes than they record.
	made map[replog.Revision]bool
	// rerun are those at which own transactions are to be run again, and change
	// something.
	rerun map[replog.Revision]bool
	// steps: there are entries of other devices that are to be run.
	steps bool
	// schema: there are entries with schema statements, and foreignSchema those of
	// other devices.
	schema, foreignSchema bool
	// dropped: something was left out of what was applied.
	dropped bool
	// foreign counts the entries of other devices.
	foreign int
	kept    []*spool
}

// readAnswer takes an answer to a device's request to its end.
// io.ErrUnexpectedEOF where it was cut. The caller closes it, whatever it says.
func readAnswer(body io.Reader, device replog.DeviceID) (*answer, error) {
	kept := &spool{}
	a := &answer{made: map[replog.Revision]bool{}, rerun: map[replog.Revision]bool{}, kept: []*spool{kept}}
	var err error
	a.done, err = replog.NewLineReader(io.TeeReader(body, kept)).ScanAnswer(
		func(first replog.SyncAnswer) error { a.first = first; return nil },
		func(v replog.Verdict) error { a.verdicts = append(a.verdicts, v); return nil },
		func(e replog.EntryHeader) error {
			a.schema = a.schema || e.Schema
			switch {
			case e.Device != device:
				a.foreign++
				a.steps = a.steps || e.Digest != nil || e.Schema
				a.foreignSchema = a.foreignSchema || e.Schema
			case e.Changes > 0:
				a.made[e.Revision] = true
			case e.Digest != nil && *e.Digest != replog.Digest{}:
				a.rerun[e.Revision] = true
			}
			return nil
		})
	return a, err
}

// add appends the answer to a request that went on from where a ends.
func (a *answer) add(next *answer) {
	a.verdicts = append(a.verdicts, next.verdicts...)
	a.kept = append(a.kept, next.kept...)
	a.foreign += next.foreign
	a.steps = a.steps || next.steps
	a.schema, a.foreignSchema = a.schema || next.schema, a.foreignSchema || next.foreignSchema
	maps.Copy(a.made, next.made)
	maps.Copy(a.rerun, next.rerun)
	a.first, a.done = next.first, next.done
}

// entries reads the applied entries, in order.
func (a *answer) entries(each func(*replog.Download) error) error {
	for _, s := range a.kept {
		kept, err := s.reader()
		if err == nil {
			err = readAhead(kept, each)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entriesAhead is how many entries are read ahead of the one at hand.
const entriesAhead = 4

var errNotWanted = errors.New("nobody wants further entries")

// readAhead reads the entries of an answer, the next ones while each is given
// one.
func readAhead(kept io.Reader, each func(*replog.Download) error) error {
	entries, enough, failed := make(chan *replog.Download, entriesAhead), make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(entries)
		_, err := replog.NewLineReader(kept).ReadAnswer(
			func(replog.SyncAnswer) error { return nil },
			func(replog.Verdict) error { return nil },
			func(e replog.Download) error {
				select {
				case entries <- &e:
					return nil
				case <-enough:
					return errors.Join(errNotWanted, e.Close())
				}
			})
		failed <- err
	}()
	var err error
	for e := range entries {
		if err == nil {
			if err = each(e); err != nil {
				close(enough)
			}
		}
		err = errors.Join(err, e.Close())
	}
	if read := <-failed; err == nil {
		err = read
	}
	return err
}

// changed tells whether an own transaction was applied with changes.
func (a *answer) changed(v *replog.Verdict) bool {
	return v.AsRecorded || a.made[v.Revision] || a.rerun[v.Revision]
}

// close lets go of the entries.
func (a *answer) close() error {
	var err error
	for _, s := range a.kept {
		err = errors.Join(err, s.close())
	}
	return err
}
