package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"replog/applier"
	"replog/replog"
)

// database is one open database. Its writer goroutine alone writes the log and
// the replica; anybody may read the log.
type database struct {
	cfg    *Config
	name   string
	folder string
	id     string
	epoch  replog.Epoch
	log    Store
	// schemas are fingerprints that the log is known to have.
	schemas sync.Map

	queue   chan *job
	stopped chan struct{} // closed when the writer has ended
	replica *replica      // the writer's; nil where it has to be built again
	last    lastSeqs
	heads   heads // moved by the writer

	// files guards the replica's files against being replaced while a reader
	// opens them.
	files     sync.RWMutex
	snapshots *snapshots

	dead     atomic.Bool  // a fault point fired
	differed atomic.Int64 // intents of which devices said that they came out differently
	broken   atomic.Bool  // no replica agrees with the log: uploads are refused
}

// openDatabase opens the log, brings the replica to its head, and starts the
// writer.
func openDatabase(ctx context.Context, cfg *Config, name, folder string) (*database, error) {
	log, err := cfg.Stores.Open(folder)
	if err != nil {
		return nil, err
	}
	d := &database{
		cfg: cfg, name: name, folder: folder, log: log,
		queue: make(chan *job, cfg.Limits.Queue), stopped: make(chan struct{}),
		snapshots: newSnapshots(cfg),
	}
	if err := d.start(ctx); err != nil {
		if d.replica != nil {
			err = errors.Join(err, d.replica.Close())
		}
		return nil, errors.Join(err, log.Close())
	}
	go d.write()
	return d, nil
}

func (d *database) start(ctx context.Context) error {
	if err := os.RemoveAll(d.snapshotsFolder()); err != nil {
		return err
	}
	if err := publishSchema(ctx, d.log, d.basePath()); err != nil {
		return err
	}
	tx, err := d.log.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	d.id, d.epoch = tx.Head().Database, tx.Head().Epoch
	d.heads.move(tx.Head())
	if d.replica, err = openReplica(d.replicaPath(), &d.cfg.Limits); err != nil {
		d.cfg.Logger.Warn("the replica cannot be used and is built again", "database", d.name, "error", err)
	}
	// One database that is broken must not keep the others from being served.
	if err := d.levelOrBreak(ctx, tx.Head()); err != nil && !d.broken.Load() {
		return err
	}
	return nil
}

func (d *database) replicaPath() string { return filepath.Join(d.folder, "replica.db") }

func (d *database) basePath() string { return filepath.Join(d.folder, "base.db") }

func (d *database) snapshotsFolder() string { return filepath.Join(d.folder, "snapshots") }

// level brings the replica to the log's head, whose lock the caller holds: by
// applying what it lacks, or, where it is ahead of the log, of another epoch or
// damaged, by building it again.
func (d *database) level(ctx context.Context, head replog.Head) error {
	if d.replica == nil || !d.replica.precedes(head) {
		return d.rebuild(ctx, head)
	}
	if d.replica.head.Revision == head.Revision {
		return nil
	}
	err := d.replica.catchUp(ctx, d.log, head.Revision)
	if contradicts(err) {
		d.cfg.Logger.Error("the replica cannot follow the log", "database", d.name, "error", err)
		return d.rebuild(ctx, head)
	}
	return err
}

// contradicts tells whether an error means that a replica does not hold what
// the log says. Others, such as a full disk, may pass.
func contradicts(err error) bool {
	var diverged *applier.DivergenceError
	var schema *applier.SchemaError
	return errors.As(err, &diverged) || errors.As(err, &schema) || errors.Is(err, applier.ErrSchema) || applier.IsNotDatabase(err)
}

// precedes tells whether the replica is at a revision of the log that has this
// head.
func (r *replica) precedes(head replog.Head) bool {
	return r.head.Database == head.Database && r.head.Epoch == head.Epoch && r.head.Revision <= head.Revision
}

// rebuild makes the replica again out of the first content and the log.
func (d *database) rebuild(ctx context.Context, head replog.Head) error {
	d.files.Lock()
	defer d.files.Unlock()
	if d.replica != nil {
		d.cfg.Logger.Warn("the replica is built again", "database", d.name, "replica", d.replica.head.Revision, "log", head.Revision)
		d.replica.Close()
		d.replica = nil
	}
	if err := removeReplica(d.replicaPath()); err != nil {
		return err
	}
	if err := buildReplica(d.replicaPath(), d.basePath(), head); err != nil {
		return fmt.Errorf("build the replica: %w", err)
	}
	r, err := openReplica(d.replicaPath(), &d.cfg.Limits)
	if err != nil {
		return err
	}
	d.replica = r
	if err := r.catchUp(ctx, d.log, head.Revision); err != nil {
		return fmt.Errorf("build the replica: %w", err)
	}
	return nil
}

// errBroken says that no replica agrees with the log.
var errBroken = errors.New("the log and the first content contradict each other")

// ready fails where the database cannot be read or takes no uploads.
func (d *database) ready(ctx context.Context) error {
	switch {
	case d.dead.Load():
		return errKilled
	case d.broken.Load():
		return errBroken
	}
	_, err := d.log.Head(ctx)
	return err
}

// close ends the writer, after what is in its queue, and closes the log and the
// replica. No request may be running.
func (d *database) close() error {
	close(d.queue)
	<-d.stopped
	var err error
	if d.replica != nil {
		err = d.replica.Close()
	}
	return errors.Join(err, d.log.Close())
}
