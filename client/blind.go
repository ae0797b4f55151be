package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// blindError says that capture does not see all changes of some tables. Nothing
// was changed.
type blindError struct{ tables []*applier.Table }

func (e *blindError) Error() string {
	var names []string
	for _, t := range e.tables {
		names = append(names, t.Name)
	}
	return "another program has just made anew: " + strings.Join(names, ", ")
}

// untilSeen runs f, which begins by seeAgain, once more where another program made
// a table anew since.
func untilSeen(f func() error) error {
	for {
		err := f()
		var blind *blindError
		if !errors.As(err, &blind) {
			return err
		}
	}
}

// seeAgain looks for tables that capture is blind to. If there are any, it
// installs capture on them again, and records what was written meanwhile as one
// unmarked transaction, which a comparison with what they should hold tells: the
// state of the log at the sync point, and the outbox on it. The server's snapshot
// is brought to that by its log, as the device as. It returns how many rows were
// missed.
func (d *Device) seeAgain(ctx context.Context, as *identity) (missed int, err error) {
	var blind []*applier.Table
	err = d.read(func() error { blind, err = d.replica.Blind(); return err })
	if err != nil || len(blind) == 0 {
		return 0, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(d.path), ".replog-")
	if err != nil {
		return 0, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	expected, err := d.expect(ctx, as, dir)
	if err != nil {
		return 0, d.diverged(err)
	}
	defer expected.Close()
	err = d.write(func() error {
		missed, err = d.recordMissed(expected)
		return err
	})
	return missed, d.diverged(err)
}

// expect makes a file, in a folder, of what the tables should hold.
func (d *Device) expect(ctx context.Context, as *identity, folder string) (*applier.Replica, error) {
	from, err := d.newest(ctx, as, snapshotRequest{folder: folder})
	if err != nil {
		return nil, err
	}
	a, err := d.catchUp(ctx, as, from.revision)
	if err != nil {
		return nil, err
	}
	defer a.close()
	if err := from.goesWith(a, d.server.address()); err != nil {
		return nil, err
	}
	if from.revision < as.SyncPoint {
		return nil, &UnreachableError{URL: d.server.address(), Err: errOldSnapshot}
	}
	m, err := d.newMove(as, a)
	if err != nil {
		return nil, err
	}
	r, err := openReplica(from.path, d.options)
	if err != nil {
		return nil, err
	}
	if err = m.bringBack(r, from.revision); err == nil {
		err = d.sameLogTables(r.Conn)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// bringBack turns the state at a revision into that at the sync point, with the
// outbox on it.
func (m *move) bringBack(r *applier.Replica, at replog.Revision) error {
	if err := r.Begin(); err != nil {
		return err
	}
	err := r.DropTriggers()
	if err == nil {
		err = m.revert(r, at)
	}
	for _, p := range m.pending {
		if err != nil || !p.effect {
			continue
		}
		if p.schema != noSchema {
			err = m.repeatOn(r, p)
			continue
		}
		var made replog.Changes
		if made, err = m.outbox().made(p); err == nil {
			err = r.Apply(r.Widen(made))
		}
	}
	if err == nil {
		err = m.repeatGathered(r)
	}
	if err != nil {
		return errors.Join(err, r.Rollback())
	}
	return r.Commit()
}

// repeatGathered does what was put aside, and the schema statements that capture has
// gathered; rows that it has gathered are compared.
func (m *move) repeatGathered(r *applier.Replica) error {
	aside := gathered.OpenAside(m.replica.Conn)
	err := aside.Each(func(n *gathered.Step) error {
		if !n.Intent || !n.Schema {
			net, err := n.NetChanges()
			if err != nil {
				return err
			}
			return r.Apply(r.Widen(net))
		}
		t, err := n.Transaction()
		if err != nil {
			return err
		}
		return repeatStatement(r, t.Steps[0].Intent)
	})
	if err = errors.Join(err, aside.Close()); err != nil {
		return err
	}
	ran, err := m.replica.GatheredSchema()
	for i := 0; i < len(ran) && err == nil; i++ {
		err = repeatStatement(r, &replog.Intent{SQL: ran[i].SQL, Legacy: ran[i].Legacy})
	}
	return err
}

// repeatOn does a transaction with schema statements on another file.
func (m *move) repeatOn(r *applier.Replica, p *pending) error {
	t, err := m.outbox().load(p)
	if err != nil {
		return err
	}
	return replog.EachStep(t.AllSteps(), func(s *replog.Step) error {
		if s.Intent == nil {
			return r.Apply(r.Widen(s.NetChanges()))
		}
		return repeatStatement(r, s.Intent)
	})
}

func repeatStatement(r *applier.Replica, in *replog.Intent) error {
	o := applier.SchemaOptions{Legacy: in.Legacy}
	looked, err := r.InspectSchema(in.SQL, o)
	if err == nil && looked.Refused == nil {
		_, err = r.RunSchema(looked, o)
	}
	return err
}

// revert takes back the entries up to a revision, the newest first, which have to
// be in memory for that.
func (m *move) revert(r *applier.Replica, at replog.Revision) error {
	var after []replog.ChangeList
	err := m.answer.entries(func(e *replog.Download) error {
		if e.Revision > at {
			return nil
		}
		changes, err := m.changes(e)
		if err != nil {
			return err
		}
		list, err := replog.InMemory(changes)
		after = append(after, list)
		return err
	})
	for i := len(after) - 1; i >= 0 && err == nil; i-- {
		err = r.Revert(r.Widen(after[i]))
	}
	return err
}

// recordMissed lets capture see again, and closes what it saw together with what
// it did not, in the caller's write transaction.
func (d *Device) recordMissed(expected *applier.Replica) (int, error) {
	id, err := d.identity()
	if err != nil {
		return 0, err
	}
	if err := d.checkTables(id); err != nil {
		return 0, err
	}
	blind, err := d.replica.Blind()
	if err != nil {
		return 0, err
	}
	missed, err := d.missed(expected, blind)
	if err != nil {
		return 0, err
	}
	if err := d.replica.ResumeCapture(blind); err != nil {
		return 0, err
	}
	return applier.CountMissed(missed), d.closeWith(id, missed)
}

// missed compares the blind tables with what they should hold, with what capture
// has gathered on it. It reads by a connection of its own, as one that writes
// cannot, before anything is written.
func (d *Device) missed(expected *applier.Replica, blind []*applier.Table) ([]applier.RowImage, error) {
	reader, err := applier.Open(d.path, applier.OpenOptions{ReadOnly: true, BusyTimeout: d.options.BusyTimeout})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return d.replica.Missed(expected, reader, blind)
}
