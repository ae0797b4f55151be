package client

import (
	"fmt"
	"math"
	"slices"

	"replog/applier"
	"replog/replog"
)

// maxRevision is past every head.
const maxRevision = replog.Revision(math.MaxInt64)

// forking is the change of a file's identity, in one write transaction.
type forking struct {
	*Device
	next   replog.DeviceID
	answer *answer // to the next device, with the verdicts on the former's
	result *ForkResult
	// past lists who changed the rows of the outbox, in order of revision; nil
	// where nothing in it may build on an entry of the former identity.
	past map[replog.RowID][]pastEntry
	// content is the state of a revision, where the outbox cannot be undone: nil where
	// it can.
	content *applier.Conn
	from    *snapshot // that it is of
	// at is the revision that content is of, or else the sync point.
	at replog.Revision
	// part is where the file's history and the log part, nil where the log has all of it.
	part *parting
}

// pastEntry is an entry that changed a row.
type pastEntry struct {
	revision replog.Revision
	own      bool // the file knew of it when it recorded what is in the outbox
}

// rename makes the file the next device's.
func (f *forking) rename() error {
	id, err := f.identity()
	if err != nil {
		return err
	}
	if id.Device != f.result.Former {
		return fmt.Errorf("%s is device %s now, not %s", f.path, id.Device, f.result.Former)
	}
	if err := f.close(id); err != nil {
		return err
	}
	if f.part != nil {
		if err := f.comeBack(id); err != nil {
			return err
		}
	}
	if err := f.sort(id); err != nil {
		return err
	}
	m, err := f.newMove(id, f.answer)
	if err != nil {
		return err
	}
	// What the former identity did comes from the next one's point of view: with
	// all changes, as of any other device.
	m.former, id.Device = id.Device, f.next
	err = f.replica.WithoutTriggers(func() error {
		if err := m.advance(func() (replog.Revision, error) { return f.confirm(m) }); err != nil {
			return err
		}
		if err := f.renew(m); err != nil {
			return err
		}
		if err := m.replay(); err != nil {
			return err
		}
		return m.intentsOff()
	})
	if err == nil {
		err = m.noteSchema()
	}
	if err != nil {
		return err
	}
	f.result.Pending = len(m.pending)
	for _, p := range m.pending {
		if !p.effect {
			f.result.Without++
		}
	}
	if f.result.Waiting, err = f.waiting(); err != nil {
		return err
	}
	if err := f.options.Fault(FaultRebased); err != nil {
		return err
	}
	err = f.replica.Exec("UPDATE main.replog_device SET device = ?, server = ?, name = ?",
		replog.Text(string(f.next)), replog.Text(f.server.url), replog.Text(f.server.name))
	if err != nil {
		return err
	}
	return f.finish(id, f.answer)
}

// comeBack puts what the log gave up, as far as it is kept, back into the outbox.
func (f *forking) comeBack(id *identity) error {
	last, err := f.standing(id, f.part, f.answer.verdicts)
	if err != nil {
		return err
	}
	if _, err := f.takeBack(id, f.part, last); err != nil {
		return err
	}
	return f.schemaAgain(id, f.part.schema)
}

// confirm brings the tables to a confirmed state.
func (f *forking) confirm(m *move) (replog.Revision, error) {
	if f.content == nil {
		return m.undone()
	}
	return f.at, m.confirmFrom(f.content, f.at)
}

// sort picks from what the log holds of the former identity what this file knows:
// the verdicts on transactions of its outbox, by seq and hash. The rest is another
// copy's.
func (f *forking) sort(id *identity) error {
	pending, err := f.outbox().list()
	if err != nil {
		return err
	}
	hashes := map[replog.Seq]replog.Hash{}
	for _, p := range pending {
		if hashes[p.seq], _, err = f.outbox().hash(p); err != nil {
			return err
		}
	}
	all := len(f.answer.verdicts)
	f.answer.verdicts = slices.DeleteFunc(f.answer.verdicts, func(v replog.Verdict) bool { return hashes[v.Seq] != v.Hash })
	f.result.Known = len(f.answer.verdicts)
	f.result.Alike = f.result.Known == all && f.part == nil
	shared := map[replog.Seq]bool{}
	for _, v := range f.answer.verdicts {
		shared[v.Seq] = true
	}
	own := func(e *replog.Download) bool {
		return e.Device == id.Device && (e.Seq <= id.Seen || shared[e.Seq])
	}
	builds := false
	err = f.answer.entries(func(e *replog.Download) error {
		if own(e) && rowsOf(e).Len() > 0 {
			f.answer.made[e.Revision] = true
			builds = true
		}
		return nil
	})
	if err != nil || !builds {
		return err
	}
	return f.readPast(pending, own)
}

func (f *forking) readPast(pending []*pending, own func(*replog.Download) bool) error {
	f.past = map[replog.RowID][]pastEntry{}
	for _, p := range pending {
		t, err := f.outbox().load(p)
		if err != nil {
			return err
		}
		err = replog.EachChange(t.NetChanges(), func(_ int, c *replog.Change) error {
			f.past[c.Row()] = nil
			return nil
		})
		if err != nil {
			return err
		}
	}
	return f.answer.entries(func(e *replog.Download) error {
		return replog.EachChange(rowsOf(e), func(_ int, c *replog.Change) error {
			row := c.Row()
			if _, ok := f.past[row]; ok {
				f.past[row] = append(f.past[row], pastEntry{e.Revision, own(e)})
			}
			return nil
		})
	})
}

// base is what a transaction's base becomes under the new identity, which the
// server does not know to have made the former one's entries: where the
// transaction builds on one of these above its base, the base moves up to that,
// unless an entry that the file did not know, and that has to count as
// concurrent, changed one of its rows before.
func (f *forking) base(t *replog.Transaction) (replog.Revision, error) {
	reach, concurrent := t.Base, replog.Revision(math.MaxInt64)
	err := replog.EachChange(t.NetChanges(), func(_ int, c *replog.Change) error {
		for _, e := range f.past[c.Row()] {
			switch {
			case e.own:
				reach = max(reach, e.revision)
			case e.revision > t.Base:
				concurrent = min(concurrent, e.revision)
			}
		}
		return nil
	})
	if concurrent < reach {
		reach = t.Base
	}
	return reach, err
}
