package client

import (
	"context"
	"errors"
	"os"
	"slices"

	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// Status says where a device stands.
type Status struct {
	Device    replog.DeviceID `json:"device"`
	Database  string          `json:"database"`
	Server    string          `json:"server"`
	SyncPoint replog.Revision `json:"sync_point"`
	// Pending counts the transactions in the outbox, those included that have
	// been gathered and will be closed by the next sync.
	Pending int `json:"pending"`
	// Conflicts counts those that wait for a person.
	Conflicts int `json:"conflicts"`
	// LastSync is when the last sync ended; nil for never.
	LastSync *replog.Millis `json:"last_sync"`
}

// Status reads where the device stands; it writes nothing and asks nobody.
func (d *Device) Status(ctx context.Context) (*Status, error) {
	s := &Status{}
	err := d.read(func() error {
		id, err := d.identity()
		if err != nil {
			return err
		}
		s.Device, s.Database, s.Server, s.SyncPoint = id.Device, id.Name, id.Server+"/"+id.Name, id.SyncPoint
		if id.LastSync != 0 {
			s.LastSync = &id.LastSync
		}
		pending, err := d.outbox().list()
		if err != nil {
			return err
		}
		row, err := d.replica.QueryRow("SELECT count(*) FROM main.replog_gathered WHERE part = 0 AND NOT follows")
		if err != nil {
			return err
		}
		s.Pending = len(pending) + int(row[0].Int64())
		err = d.replica.GatherBack(id.LastTime, func(g *applier.Gathered) error {
			if !g.Follows {
				s.Pending++
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.Conflicts, err = d.waiting()
		return err
	})
	return s, err
}

// read runs f on one state of the file, with the schema of that state.
func (d *Device) read(f func() error) error {
	if err := d.replica.BeginRead(); err != nil {
		return busy(d.path, err)
	}
	err := d.replica.Refresh()
	if err == nil {
		err = f()
	}
	return busy(d.path, errors.Join(err, d.replica.Rollback()))
}

// The states of a pending transaction.
const (
	PendingGathered = "gathered" // not closed yet: the next sync does
	PendingClosed   = "closed"
	PendingUploaded = "uploaded" // the server has it; its verdict comes with the next sync
)

// Pending is one transaction that waits in the outbox.
type Pending struct {
	Seq        replog.Seq      `json:"seq"` // 0 while it is not closed
	State      string          `json:"state"`
	Marked     bool            `json:"marked"`
	Label      string          `json:"label,omitempty"`
	Base       replog.Revision `json:"base"`
	RecordedAt replog.Millis   `json:"recorded_at"`
	// Effect: its changes are in the tables. Where they are not, Why says why.
	Effect bool   `json:"effect"`
	Why    string `json:"why,omitempty"`
	// Statements are what is uploaded: intents as the application ran them, and row
	// statements for the rest. AsRows says of what the driver saw of the rest why it
	// does not travel as it was run.
	Statements []replog.LogStatement `json:"statements"`
	AsRows     []RanAs               `json:"as_rows,omitempty"`
}

// Pending lists what waits, in order; it writes nothing.
func (d *Device) Pending(ctx context.Context) ([]Pending, error) {
	var list []Pending
	err := d.read(func() error {
		id, err := d.identity()
		if err != nil {
			return err
		}
		list, err = d.pending(id)
		return err
	})
	return list, err
}

func (d *Device) pending(id *identity) ([]Pending, error) {
	pending, err := d.outbox().list()
	if err != nil {
		return nil, err
	}
	var list []Pending
	for _, p := range pending {
		t, err := d.outbox().load(p)
		if err != nil {
			return nil, err
		}
		_, why, err := d.outbox().hash(p)
		if err != nil {
			return nil, err
		}
		state := PendingClosed
		if p.uploaded {
			state = PendingUploaded
		}
		next := Pending{
			Seq: p.seq, State: state, Marked: t.Marked, Label: t.Label, Base: t.Base, RecordedAt: t.Time,
			Effect: p.effect, Why: why,
		}
		if next.AsRows, err = d.outbox().ran(p); err != nil {
			return nil, err
		}
		if next.Statements, err = renderAll(t); err != nil {
			return nil, err
		}
		list = append(list, next)
	}
	w := waitingSteps{list: list, base: id.SyncPoint}
	aside := gathered.OpenAside(d.replica.Conn)
	if err := aside.Each(w.addStep); err != nil {
		return nil, errors.Join(err, aside.Close())
	}
	steps, err := d.replica.Gather(id.LastTime)
	for _, g := range steps {
		w.add(g)
	}
	return w.list, errors.Join(err, aside.Close())
}

// renderedMost is how many statements of a transaction Pending has.
const renderedMost = 10_000

var errEnough = errors.New("these are enough")

func renderAll(t *replog.Transaction) ([]replog.LogStatement, error) {
	lines := []replog.LogStatement{}
	err := t.EachStatement(func(n int, s *replog.Statement) error {
		if n == renderedMost {
			return errEnough
		}
		lines = append(lines, rendered(s))
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return lines, err
}

func render(statements []replog.Statement) []replog.LogStatement {
	lines := make([]replog.LogStatement, len(statements))
	for i := range statements {
		lines[i] = rendered(&statements[i])
	}
	return lines
}

func rendered(s *replog.Statement) replog.LogStatement {
	sql, args := s.SQL()
	line := replog.LogStatement{SQL: sql, Args: args, RecordedAt: s.When()}
	if s.Intent != nil {
		line.Schema = s.Intent.Schema
	}
	return line
}

// Confirmed writes a copy of the file to dst, which must not exist, with
// everything that is pending undone and replog's tables taken out: the state of
// the log at the sync point, which is returned.
func (d *Device) Confirmed(ctx context.Context, dst string) (replog.Revision, error) {
	if _, err := os.Stat(dst); err == nil {
		return 0, &ExistsError{What: dst + " exists", Hint: "name a file that does not"}
	}
	at, err := d.confirmed(dst)
	if err != nil {
		return 0, errors.Join(err, removeFile(dst))
	}
	return at, nil
}

func (d *Device) confirmed(dst string) (replog.Revision, error) {
	if err := d.replica.Backup(dst); err != nil {
		return 0, busy(d.path, err)
	}
	r, err := openReplica(dst, d.options)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	copied := &Device{path: dst, options: d.options, replica: r}
	var at replog.Revision
	err = copied.write(func() error {
		id, err := copied.identity()
		if err != nil {
			return err
		}
		at = id.SyncPoint
		return r.WithoutTriggers(func() error { return copied.undoAll(id) })
	})
	if err != nil {
		return 0, err
	}
	return at, copied.write(func() error {
		keeps, err := applier.KeepsRowIDs(r.Conn)
		if err == nil {
			err = r.Uninstall()
		}
		if err != nil || !keeps {
			return err
		}
		return r.KeepRowIDs()
	})
}

var errSchemaWaits = errors.New("schema statements wait to be sent, beneath which nothing can be undone: sync first")

// undoAll undoes what was gathered, then the outbox.
func (d *Device) undoAll(id *identity) error {
	if aside, err := gathered.OpenAside(d.replica.Conn).Any(); err != nil || aside {
		return errors.Join(err, errSchemaWaits)
	}
	gathered, err := d.replica.Gather(id.LastTime)
	if err != nil {
		return err
	}
	for _, g := range slices.Backward(gathered) {
		if err := d.replica.Revert(replog.ChangeList(g.Net)); err != nil {
			return err
		}
	}
	return d.outbox().undo()
}
