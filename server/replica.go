package server

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"replog/applier"
	"replog/replog"
)

//go:embed replica.sql
var replicaSQL string

// replica is the server's own copy of a database. It is written by one
// goroutine. Losing it is harmless, so its commits wait for no disk.
type replica struct {
	*applier.Replica
	head replog.Head // where its committed content stands
	// intents runs those of transactions. What it needs pauses while row statements
	// are written, and rests between the replica's transactions.
	intents *applier.Intents
	// triggers are the texts of the application's, in their order.
	triggers []string
	limits   *Limits
	// altered: the open transaction may have changed the schema.
	altered bool
}

// errNoReplica says that a file is not a replica of the server's.
var errNoReplica = errors.New("not a replica of the server's")

// replicaBusy is how long the writer waits for a snapshot's reader to let go of
// the file: in WAL mode only at moments such as a checkpoint.
const replicaBusy = 10 * time.Second

func openReplica(path string, limits *Limits) (*replica, error) {
	c, err := applier.Open(path, applier.OpenOptions{
		BusyTimeout: replicaBusy,
		Pragmas:     []string{"journal_mode=WAL", "synchronous=NORMAL"},
	})
	if err != nil {
		return nil, err
	}
	r, err := readReplica(c, limits)
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return r, nil
}

func readReplica(c *applier.Conn, limits *Limits) (*replica, error) {
	head, err := replicaHead(c)
	if err != nil {
		return nil, err
	}
	r, err := applier.NewReplica(c)
	if err != nil {
		return nil, err
	}
	triggers, err := stashedTriggers(c)
	if err != nil {
		return nil, err
	}
	intents := applier.NewIntents(r, applier.IntentOptions{Triggers: triggers, Limits: limits.Intents})
	return &replica{Replica: r, head: head, intents: intents, triggers: triggers, limits: limits}, nil
}

// replicaHead reads where a replica stands, as the connection sees it now.
func replicaHead(c *applier.Conn) (replog.Head, error) {
	row, err := c.QueryRow(`SELECT +revision, +epoch, +database, +chain FROM replog_replica`)
	if err != nil {
		return replog.Head{}, err
	}
	if row == nil {
		return replog.Head{}, errNoReplica
	}
	return replog.Head{
		Revision: replog.Revision(row[0].Int64()),
		Epoch:    replog.Epoch(row[1].Bytes()),
		Database: row[2].Bytes(),
		Chain:    replog.Chain(row[3].Bytes()),
	}, nil
}

// buildReplica makes a replica at the head's revision out of a database's content then.
// The file at path must not exist.
func buildReplica(path, base string, head replog.Head) error {
	if err := copyFile(path, base); err != nil {
		return err
	}
	c, err := applier.Open(path, applier.OpenOptions{Pragmas: []string{"journal_mode=WAL", "synchronous=NORMAL"}})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Begin(); err != nil {
		return err
	}
	if err := prepareReplica(c, head); err != nil {
		return errors.Join(err, c.Rollback())
	}
	return c.Commit()
}

func prepareReplica(c *applier.Conn, head replog.Head) error {
	if err := c.Script(replicaSQL); err != nil {
		return err
	}
	err := c.Exec(`INSERT INTO replog_replica (revision, epoch, database, chain) VALUES (?, ?, ?, ?)`,
		replog.Integer(int64(head.Revision)), replog.Text(string(head.Epoch)), replog.Text(head.Database), replog.Text(string(head.Chain)))
	if err != nil {
		return err
	}
	r, err := applier.NewReplica(c)
	if err != nil {
		return err
	}
	derived, err := r.DerivedTriggers()
	if err != nil {
		return err
	}
	// An index that did not show its content would be damaged by its triggers.
	if err := r.RebuildIndexes(true); err != nil {
		return err
	}
	return stashTriggers(c, derived)
}

// stashTriggers copies the triggers into replog_trigger, in the order in which
// they were made, as SQLite fires the last made first, and drops all but those
// that keep full-text indexes.
func stashTriggers(c *applier.Conn, derived map[string]bool) error {
	err := c.Exec(`
		INSERT INTO replog_trigger (position, name, sql)
		SELECT row_number() OVER (ORDER BY rowid), name, sql FROM sqlite_schema WHERE type = 'trigger'`)
	if err != nil {
		return err
	}
	return dropTriggers(c, func(name string) bool { return !derived[name] })
}

func dropTriggers(c *applier.Conn, wanted func(folded string) bool) error {
	var names []string
	err := c.Query(`SELECT name, lower(name) FROM sqlite_schema WHERE type = 'trigger'`, func(row []replog.Value) error {
		if wanted(row[1].Bytes()) {
			names = append(names, row[0].Bytes())
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.Script(`DROP TRIGGER ` + replog.QuoteName(name)); err != nil {
			return err
		}
	}
	return nil
}

// restoreTriggers is the reverse of stashTriggers.
func restoreTriggers(c *applier.Conn) error {
	if err := dropTriggers(c, func(string) bool { return true }); err != nil {
		return err
	}
	texts, err := stashedTriggers(c)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if err := c.Script(text); err != nil {
			return err
		}
	}
	return nil
}

// stashedTriggers are the texts of the application's triggers, in their order.
func stashedTriggers(c *applier.Conn) ([]string, error) {
	texts := []string{} // not nil, which would mean that they are in the schema
	err := c.Query(`SELECT +sql FROM replog_trigger ORDER BY position`, func(row []replog.Value) error {
		texts = append(texts, row[0].Bytes())
		return nil
	})
	return texts, err
}

// moveTo records, within the open transaction, where the replica will stand
// once it commits.
func (r *replica) moveTo(head replog.Head) error {
	return r.Exec(`UPDATE replog_replica SET revision = ?, epoch = ?, chain = ?`,
		replog.Integer(int64(head.Revision)), replog.Text(string(head.Epoch)), replog.Text(string(head.Chain)))
}

// commitAt moves the replica and commits.
func (r *replica) commitAt(head replog.Head) error {
	if err := r.Commit(); err != nil {
		return err
	}
	r.head, r.altered = head, false
	return nil
}

// catchUp applies the log's entries up to its head, in one transaction.
func (r *replica) catchUp(ctx context.Context, log replog.Log, head replog.Head) error {
	if err := r.Begin(); err != nil {
		return err
	}
	// No device made them: all come with their changes.
	err := log.Deliveries(ctx, replog.Wanted{After: r.head.Revision, UpTo: head.Revision, AsChanges: true}, func(d *replog.Delivery) error {
		if err := r.deliver(d); err != nil {
			return fmt.Errorf("revision %d: %w", d.Revision, err)
		}
		return nil
	})
	if err == nil {
		err = r.moveTo(head)
	}
	if err != nil {
		return errors.Join(err, r.Rollback(), r.reread())
	}
	return r.commitAt(head)
}

// deliver applies the changes of one entry.
func (r *replica) deliver(d *replog.Delivery) error {
	if d.Schema {
		return r.repeatSchema(d)
	}
	changes := replog.NewChangeSpill()
	defer changes.Close()
	err := d.Each(func(_ replog.LineKind, text string) error {
		c, err := replog.ParseChange([]byte(text))
		if err != nil {
			return err
		}
		return changes.Add(c)
	})
	if err != nil {
		return err
	}
	return r.Apply(changes)
}

// removeReplica deletes a replica with the files that SQLite keeps beside it.
func removeReplica(path string) error {
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}
