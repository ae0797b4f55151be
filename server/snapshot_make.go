package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"replog/applier"
	"replog/replog"
)

// openSnapshot opens the snapshot that is wanted, and makes its file where none
// will do. Requests that come meanwhile wait for that one. The writer waits for
// none of it.
func (d *database) openSnapshot(ctx context.Context, w wanted) (*snapshotFile, error) {
	if d.broken.Load() {
		return nil, errBroken
	}
	if w.newest && d.shared != nil {
		if err := d.levelled(ctx); err != nil {
			return nil, err
		}
	}
	head, err := d.readHead()
	if err != nil {
		return nil, err
	}
	for range makeTries {
		f, err := d.snapshots.open(head, w)
		if f != nil || err != nil {
			return f, err
		}
		if err := d.makeFile(ctx, head, w); err != nil {
			return nil, fmt.Errorf("make a snapshot: %w", err)
		}
	}
	return nil, busy("the replica is being built again")
}

// makeTries bounds how often a request sees a snapshot made that it cannot have:
// one whose files somebody removed, or of a replica that lost revisions.
const makeTries = 3

// readHead reads where the replica stands.
func (d *database) readHead() (head replog.Head, err error) {
	err = d.readReplica(func(c *applier.Conn) error {
		head, err = replicaHead(c)
		return err
	})
	return head, err
}

// readReplica runs f on one view of the replica, whose files stay meanwhile.
func (d *database) readReplica(f func(*applier.Conn) error) error {
	d.files.RLock()
	defer d.files.RUnlock()
	c, err := applier.Open(d.replicaPath(), applier.OpenOptions{BusyTimeout: replicaBusy})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.BeginRead(); err != nil {
		return err
	}
	return f(c)
}

// makeFile makes the file that open did not find, unless somebody else does so
// first.
func (d *database) makeFile(ctx context.Context, head replog.Head, w wanted) error {
	select {
	case d.snapshots.making <- struct{}{}:
		defer func() { <-d.snapshots.making }()
	case <-ctx.Done():
		return ctx.Err()
	}
	f, err := d.snapshots.open(head, w)
	if err != nil {
		return err
	}
	if f != nil {
		f.close()
		return nil
	}
	if w.plain {
		w.plain = false
		if f, err = d.snapshots.open(head, w); err != nil {
			return err
		}
		if f != nil {
			defer f.close()
			return d.snapshots.addPlain(f)
		}
	}
	made, err := d.makeSnapshot()
	if err != nil {
		return err
	}
	d.snapshots.add(made)
	return nil
}

// makeSnapshot copies the replica, turns the copy into what devices get, checks
// it and compresses it.
func (d *database) makeSnapshot() (_ *snapshot, err error) {
	begun := d.cfg.Clock()
	if err := os.MkdirAll(d.snapshotsFolder(), 0o700); err != nil {
		return nil, err
	}
	made := &snapshot{}
	copied := filepath.Join(d.snapshotsFolder(), "copy.db")
	if err := removeReplica(copied); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, removeReplica(copied)) }()
	err = d.readReplica(func(c *applier.Conn) error {
		if made.head, err = replicaHead(c); err != nil {
			return err
		}
		return c.Backup(copied, "synchronous=OFF") // it need not outlive the process
	})
	if err != nil {
		return nil, err
	}
	if err := finishSnapshot(copied); err != nil {
		return nil, err
	}
	checked := make(chan error, 1)
	go func() { checked <- checkSnapshot(copied) }()
	packed, err := pack(copied, copied+".zst")
	if err = errors.Join(err, <-checked); err != nil {
		return nil, errors.Join(err, removeReplica(copied+".zst"))
	}
	made.size, made.digest = packed.size, packed.digest
	made.zstd.tag, made.plain.tag = etag(packed.zstdDigest), etag(packed.digest)
	made.zstd.path = filepath.Join(d.snapshotsFolder(), fmt.Sprintf("%d-%x.db.zst", made.head.Revision, packed.zstdDigest[:8]))
	if err := os.Rename(copied+".zst", made.zstd.path); err != nil {
		return nil, err
	}
	now := d.cfg.Clock()
	made.until, made.used = now.Add(max(d.cfg.Limits.SnapshotAge, 10*now.Sub(begun))), now
	return made, nil
}

// etag is a strong ETag: it is made of the bytes themselves.
func etag(digest [32]byte) string { return `"` + hex.EncodeToString(digest[:16]) + `"` }

// finishSnapshot turns a copy of the replica into what devices get: without
// what the server added, with the application's triggers, as one file.
func finishSnapshot(path string) error {
	c, err := applier.Open(path, applier.OpenOptions{Pragmas: []string{"journal_mode=DELETE", "synchronous=OFF"}})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Begin(); err != nil {
		return err
	}
	err = restoreTriggers(c)
	if err == nil {
		err = takeOwnAway(c)
	}
	if err != nil {
		return errors.Join(err, c.Rollback())
	}
	return c.Commit()
}

// takeOwnAway leaves the database as applications know it, with the full-text indexes
// that no trigger keeps made anew.
func takeOwnAway(c *applier.Conn) error {
	r, err := applier.NewReplica(c)
	if err != nil {
		return err
	}
	if err := r.RebuildIndexes(false); err != nil {
		return err
	}
	keeps, err := applier.KeepsRowIDs(c)
	if err == nil {
		err = r.Uninstall()
	}
	if err != nil || !keeps {
		return err
	}
	return r.KeepRowIDs() // whoever reads it has to know
}

func checkSnapshot(path string) error {
	c, err := applier.Open(path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	return checkIntegrity(c)
}

// errDamaged says that a SQLite file is damaged.
var errDamaged = errors.New("the file is damaged")

// checkIntegrity reads every page once, but does not compare indexes with
// their tables.
func checkIntegrity(c *applier.Conn) error {
	row, err := c.QueryRow(`PRAGMA quick_check(1)`)
	if err != nil {
		return err
	}
	if row[0].Bytes() != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, row[0].Bytes())
	}
	return nil
}
