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

// database is one open database. Its writer goroutine alone writes the log, for this
// server, and the replica; anybody may read the log.
type database struct {
	cfg    *Config
	name   string
	folder string // of the replica and snapshots
	id     string
	log    replog.Store
	shared SharedStores // nil where this server alone writes the log
	// schemas are fingerprints that the log is known to have.
	schemas sync.Map
	epoch   replog.Epoch // in which schemas were filled; the writer's

	queue   chan *job
	behind  chan chan<- error // asks the writer to bring the replica to the head
	stopped chan struct{}     // closed when the writer has ended
	replica *replica          // the writer's; nil where it has to be built again
	heads   heads             // moved by the writer and by those who follow others'

	// files guards the replica's files against being replaced while a reader
	// opens them.
	files     sync.RWMutex
	snapshots *snapshots
	keeping   keeping

	dead     atomic.Bool  // a fault point fired
	differed atomic.Int64 // intents of which devices said that they came out differently
	broken   atomic.Bool  // no replica agrees with the log: uploads are refused
}

// startDatabase brings the replica to the log's head, and starts the writer. On an
// error it closes the log.
func startDatabase(ctx context.Context, cfg *Config, name, folder string, log replog.Store, shared SharedStores) (*database, error) {
	d := &database{
		cfg: cfg, name: name, folder: folder, log: log, shared: shared,
		queue: make(chan *job, cfg.Limits.Queue), behind: make(chan chan<- error, 1), stopped: make(chan struct{}),
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
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return err
	}
	var err error
	if d.replica, err = openReplica(d.replicaPath(), &d.cfg.Limits); err != nil && exists(d.replicaPath()) {
		d.cfg.Logger.Warn("the replica cannot be used and is built again", "database", d.name, "error", err)
	}
	head, err := d.soundHead(ctx)
	if err != nil {
		return err
	}
	d.id = head.Database
	d.heads.move(head)
	// One database that is broken must not keep the others from being served.
	if err := d.levelOrBreak(ctx, head); err != nil && !d.broken.Load() {
		return err
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (d *database) replicaPath() string { return filepath.Join(d.folder, "replica.db") }

func (d *database) snapshotsFolder() string { return filepath.Join(d.folder, "snapshots") }

// level brings the replica to a head of the log: by applying what it lacks, or, where
// it is ahead of that, at a revision that the log has given up, or damaged, by building
// it again.
func (d *database) level(ctx context.Context, head replog.Head) error {
	follows := false
	if d.replica != nil {
		var err error
		if follows, err = d.replica.precedes(ctx, d.log, head); err != nil {
			return err
		}
	}
	if !follows {
		return d.rebuild(ctx, head)
	}
	if d.replica.head == head {
		return nil
	}
	err := d.replica.catchUp(ctx, d.log, head)
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
// head. Its chain tells, whatever the epoch.
func (r *replica) precedes(ctx context.Context, log replog.Log, head replog.Head) (bool, error) {
	if r.head.Database != head.Database || r.head.Chain == "" {
		return false, nil
	}
	return holds(ctx, log, head, r.head.Revision, r.head.Chain)
}

// rebuild makes the replica again out of the newest content that is kept, and the log.
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
	if err := d.build(ctx, head); err != nil {
		return fmt.Errorf("build the replica: %w", err)
	}
	r, err := openReplica(d.replicaPath(), &d.cfg.Limits)
	if err != nil {
		return err
	}
	d.replica = r
	if err := r.catchUp(ctx, d.log, head); err != nil {
		return fmt.Errorf("build the replica: %w", err)
	}
	return nil
}

func (d *database) build(ctx context.Context, head replog.Head) error {
	base, err := d.log.Base(ctx, d.folder, head.Revision)
	if err != nil {
		return err
	}
	at := head
	at.Revision, at.Chain = base.Head.Revision, base.Head.Chain
	return errors.Join(buildReplica(d.replicaPath(), base.Path, at), base.Release())
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
	d.keeping.running.Wait()
	var err error
	if d.replica != nil {
		err = d.replica.Close()
	}
	return errors.Join(err, d.log.Close())
}
