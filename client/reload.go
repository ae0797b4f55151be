package client

import (
	"context"
	"errors"
	"fmt"

	"replog/applier"
	"replog/replog"
)

// loading makes the tables again from the server's snapshot, in one transaction: the
// schema statements that wait are taken back, those of the log are run, the content
// is loaded, and the outbox replayed.
type loading struct {
	*Device
	from *snapshot
	// as is the device as it asks for what comes after the snapshot, nil for as it is.
	as *identity
	// before and after come within the transaction, where the tables are as they were,
	// and as they are in the end.
	before func(*identity) error
	after  func(*move) error
	a      *answer
	result *SyncResult // unless nil
}

// loadAgain loads the tables from the server's snapshot, in a folder that is gone
// afterwards.
func (r *run) loadAgain(ctx context.Context) error {
	return r.loadWith(ctx, &loading{Device: r.Device, result: r.result})
}

func (d *Device) loadWith(ctx context.Context, l *loading) error {
	folder := PartialPath(d.path)
	if err := openFolder(folder); err != nil {
		return err
	}
	return closeFolder(folder, l.download(ctx, folder, func() error { return nil }))
}

// download gets what is to be loaded, and loads it; ready comes between the two.
func (l *loading) download(ctx context.Context, folder string, ready func() error) error {
	id := l.as
	if id == nil {
		var err error
		if id, err = l.identity(); err != nil {
			return err
		}
	}
	var err error
	if l.from, err = l.newest(ctx, id, snapshotRequest{folder: folder, keep: true}); err != nil {
		return err
	}
	if l.a, err = l.catchUp(ctx, id, l.from.revision); err != nil {
		return err
	}
	defer l.a.close()
	if err := l.from.goesWith(l.a, l.server.address()); err != nil {
		return err
	}
	if l.from.revision < id.SyncPoint { // what is between the two would be missing
		return &UnreachableError{URL: l.server.address(), Err: errOldSnapshot}
	}
	if err := l.options.Fault(FaultAnswered); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	return l.load()
}

// load replaces the tables' content, in one transaction.
func (l *loading) load() error {
	content, err := applier.Open(l.from.path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer content.Close()
	err = l.write(func() error {
		id, err := l.identity()
		if err != nil {
			return err
		}
		if err := l.close(id); err != nil {
			return err
		}
		if l.before != nil {
			if err := l.before(id); err != nil {
				return err
			}
		}
		m, err := l.newMove(id, l.a)
		if err != nil {
			return err
		}
		err = l.replica.WithoutTriggers(func() error {
			err := m.advance(func() (replog.Revision, error) { return l.from.revision, m.confirmFrom(content, l.from.revision) })
			if err == nil {
				err = m.replay()
			}
			if err == nil && l.after != nil {
				err = l.after(m)
			}
			return errors.Join(err, m.intentsOff())
		})
		if err == nil {
			err = m.noteSchema()
		}
		if err != nil {
			return err
		}
		if l.result != nil {
			m.addTo(l.result)
		}
		if err := l.options.Fault(FaultRebased); err != nil {
			return err
		}
		return l.finish(id, l.a)
	})
	return l.diverged(err)
}

// confirmFrom brings the tables to the state of a revision, whose content is given.
func (m *move) confirmFrom(content *applier.Conn, at replog.Revision) error {
	var waits []*replog.Intent
	for _, p := range m.pending {
		if p.schema == noSchema {
			continue
		}
		t, err := m.outbox().load(p)
		if err != nil {
			return err
		}
		if waits, err = addStatements(waits, t); err != nil {
			return err
		}
	}
	if waits != nil {
		was, err := m.agreed()
		if err != nil {
			return err
		}
		m.schemas, m.takenBack = true, true
		if err := m.changeSchema(func() error { return m.replica.TakeBack(was, waits) }); err != nil {
			return err
		}
	}
	err := m.answer.entries(func(e *replog.Download) error {
		if e.Revision > at || !e.Schema || e.Steps == nil {
			return nil
		}
		return replog.EachStep(e.Steps, func(s *replog.Step) error {
			if s.Intent == nil {
				return nil
			}
			return m.runSchema(s.Intent)
		})
	})
	if err != nil {
		return err
	}
	if err := m.sameLogTables(content); err != nil {
		return err
	}
	return m.replica.LoadFrom(content)
}

// takeContent has capture know the tables and columns that the log has too, and loads
// the content. What the application wrote to them counts where the log does not know
// better: in rows that the log does not have, and where it has the default.
func (s *settling) takeContent(ctx context.Context) error {
	var unseen *applier.Gathered
	l := &loading{Device: s.Device, result: s.run.result}
	l.before = func(id *identity) error {
		log, err := objectsIn(l.from.path)
		if err != nil {
			return err
		}
		return s.changeSchema(func() error {
			adopted, err := s.replica.AdoptSchema(log)
			if err != nil {
				return err
			}
			unseen, err = s.replica.GatherUnseen(adopted, id.LastTime)
			return err
		})
	}
	l.after = func(m *move) error {
		m.schemas = true
		if unseen == nil {
			return nil
		}
		return m.addBetter(unseen)
	}
	s.last = maxSeq
	return s.loadWith(ctx, l)
}

// addBetter writes what was gathered where the log has nothing of its own, and puts
// that into the outbox.
func (m *move) addBetter(g *applier.Gathered) error {
	better := replog.NewChangeSpill()
	defer better.Close()
	err := replog.EachChange(g.NetChanges(), func(_ int, c *replog.Change) error {
		news, err := m.replica.IsNews(c)
		if err != nil || !news {
			return err
		}
		return better.Add(*c)
	})
	if err != nil || better.Len() == 0 {
		return err
	}
	if err := m.intentsOff(); err != nil {
		return err
	}
	t := replog.Transaction{Time: g.Time, Whole: m.id.Whole}
	t.SetLong(better, nil)
	if err := m.place(m.id, &t); err != nil {
		return err
	}
	t.Base = m.answer.done.Revision
	err = m.replica.Savepoint(func() error {
		_, err := m.replica.Replay(better)
		return err
	})
	refused := applier.Refused(err)
	if err != nil && !refused {
		return err
	}
	why := ""
	if refused {
		why = err.Error()
	}
	if err := m.number(m.id, &t); err != nil {
		return err
	}
	if err := m.addRows(&t); err != nil || why == "" {
		return err
	}
	return m.replica.Exec("UPDATE main.replog_outbox SET effect = 0, replayed = 1, why = ? WHERE seq = ?", replog.Text(why), replog.Integer(int64(t.Seq)))
}

// addRows puts a transaction of row statements into the outbox, as a long one only
// where it is long.
func (d *Device) addRows(t *replog.Transaction) error {
	_, short, err := lines(t.NetChanges())
	if err == nil && short {
		inMemory, failed := t.InMemory()
		t, err = &inMemory, failed
	}
	if err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	return d.outbox().add(t)
}

// sameLogTables checks that a snapshot has all that capture knows.
func (d *Device) sameLogTables(c *applier.Conn) error {
	s, err := applier.ReadSchema(c)
	if err != nil {
		return err
	}
	for _, t := range d.replica.Schema.Tables {
		there := s.Table(t.Name)
		if there == nil {
			return d.otherTables("table " + t.Name)
		}
		for _, name := range t.ColumnNames() {
			if there.Column(name) < 0 {
				return d.otherTables("column " + t.Name + "." + name)
			}
		}
	}
	return nil
}

func (d *Device) otherTables(what string) error {
	return &MismatchError{Path: d.path, Code: replog.CodeSchema, Detail: "its tables differ from the server's, which does not have " + what}
}
