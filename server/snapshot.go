package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"replog/applier"
	"replog/replog"
)

// readSnapshot answers with the replica, at its revision, as a SQLite file. It
// may be asked for in ranges: the ETag names the revision. Compressed, which is
// made as it is sent, it cannot, and the ETag is a weak one.
func (s *Server) readSnapshot(c *call) error {
	f, head, err := c.db.snapshot()
	if err != nil {
		return err
	}
	defer f.Close()
	c.setHead(head)
	etag := fmt.Sprintf(`"%s-%d"`, head.Epoch, head.Revision)
	if c.acceptsZstd() && c.r.Header.Get("Range") == "" && c.r.Header.Get("If-None-Match") == "" {
		c.w.Header().Set("ETag", "W/"+etag)
		return c.compress(f)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", etag)
	c.w.Header().Set("Content-Type", typeSQLite)
	c.w.Header().Set("Vary", "Accept-Encoding")
	http.ServeContent(c.w, c.r, "", info.ModTime(), f)
	return nil
}

func (c *call) compress(f *os.File) error {
	stream, err := c.stream(typeSQLite)
	if err != nil {
		return err
	}
	c.w.begin()
	if _, err := io.Copy(stream, f); err != nil {
		return err
	}
	return stream.finish()
}

// snapshot opens the newest snapshot, which is made if there is none of the
// replica's revision. The writer goes on meanwhile.
func (d *database) snapshot() (*os.File, replog.Head, error) {
	if d.broken.Load() {
		return nil, replog.Head{}, errBroken
	}
	d.snapshots.Lock()
	defer d.snapshots.Unlock()
	d.files.RLock()
	defer d.files.RUnlock()
	c, err := applier.Open(d.replicaPath(), applier.OpenOptions{BusyTimeout: replicaBusy})
	if err != nil {
		return nil, replog.Head{}, err
	}
	defer c.Close()
	// One view from here on: the revision and the content belong together.
	if err := c.BeginRead(); err != nil {
		return nil, replog.Head{}, err
	}
	head, err := replicaHead(c)
	if err != nil {
		return nil, replog.Head{}, err
	}
	path := filepath.Join(d.snapshotsFolder(), fmt.Sprintf("%s-%d.db", head.Epoch, head.Revision))
	f, err := os.Open(path)
	if !errors.Is(err, os.ErrNotExist) {
		return f, head, err
	}
	if err := d.makeSnapshot(c, path); err != nil {
		return nil, replog.Head{}, fmt.Errorf("make a snapshot: %w", err)
	}
	f, err = os.Open(path)
	return f, head, err
}

// makeSnapshot copies the replica as the connection sees it, and removes older
// snapshots. Those who read one keep it until they are done.
func (d *database) makeSnapshot(c *applier.Conn, path string) error {
	if err := os.MkdirAll(d.snapshotsFolder(), 0o700); err != nil {
		return err
	}
	older, err := filepath.Glob(filepath.Join(d.snapshotsFolder(), "*"))
	if err != nil {
		return err
	}
	made := path + ".new"
	if err := removeReplica(made); err != nil {
		return err
	}
	if err := c.Backup(made); err != nil {
		return err
	}
	if err := finishSnapshot(made); err != nil {
		return errors.Join(err, removeReplica(made))
	}
	if err := syncFile(made); err != nil {
		return err
	}
	if err := os.Rename(made, path); err != nil {
		return err
	}
	for _, old := range older {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			d.cfg.Logger.Warn("an old snapshot stays", "path", old, "error", err)
		}
	}
	return nil
}

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
		err = c.Script(`DROP TABLE replog_trigger; DROP TABLE replog_replica`)
	}
	if err != nil {
		return errors.Join(err, c.Rollback())
	}
	if err := c.Commit(); err != nil {
		return err
	}
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

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
