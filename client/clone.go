package client

import (
	"context"
	"errors"
	"fmt"
	"os"

	"replog/applier"
	"replog/replog"
)

// Clone makes a new device from the server's snapshot. path must not exist. What
// a cut download brought is kept in PartialPath(path), and the next Clone goes
// on from there.
func Clone(ctx context.Context, url, path, token, label string, o Options) (*InitResult, error) {
	o = o.withDefaults()
	base, name, err := ParseServer(url)
	if err != nil {
		return nil, err
	}
	c := cloning{path: path, label: label, options: o, server: server{http: o.HTTP, retries: o.retries(), url: base, name: name, token: token}}
	if err := c.checkAbsent(); err != nil {
		return nil, err
	}
	var result *InitResult
	err = locked(ctx, path, o, func() error {
		if err := c.checkAbsent(); err != nil { // another one was faster
			return err
		}
		result, err = c.run(ctx)
		if err != nil {
			err = errors.Join(err, removeFile(lockPath(path)))
		}
		return err
	})
	return result, err
}

// cloning is one Clone.
type cloning struct {
	path, label string
	options     Options
	server      server
}

func (c *cloning) checkAbsent() error {
	for _, p := range []string{c.path, TokenPath(c.path)} {
		if _, err := os.Lstat(p); err == nil {
			return &ExistsError{What: p + " exists", Hint: "nothing was changed; name a file that does not exist"}
		}
	}
	return nil
}

func (c *cloning) run(ctx context.Context) (*InitResult, error) {
	folder := PartialPath(c.path)
	if err := openFolder(folder); err != nil {
		return nil, err
	}
	result, err := c.make(ctx, folder)
	if err = closeFolder(folder, err); err != nil {
		return nil, err
	}
	if result.log > result.Head {
		c.pull(ctx, result)
	}
	return result, nil
}

// make makes the device in a folder and puts it in its place.
func (c *cloning) make(ctx context.Context, folder string) (*InitResult, error) {
	from, err := c.server.snapshot(ctx, snapshotRequest{folder: folder, keep: true}, &c.options)
	if err != nil {
		return nil, err
	}
	if from, err = c.withSchema(ctx, from, folder); err != nil {
		return nil, err
	}
	result, err := c.enrol(ctx, from)
	if err != nil {
		return nil, err
	}
	// The token first: a database without one could not be completed.
	if err := os.Link(TokenPath(from.path), TokenPath(c.path)); err != nil {
		return nil, fmt.Errorf("place the token: %w", err)
	}
	if err := os.Link(from.path, c.path); err != nil {
		return nil, errors.Join(fmt.Errorf("place the clone: %w", err), os.Remove(TokenPath(c.path)))
	}
	return result, nil
}

// withSchema takes the newest snapshot where the log's schema has changed since: what
// applications elsewhere made of theirs does not come by the log.
func (c *cloning) withSchema(ctx context.Context, from *snapshot, folder string) (*snapshot, error) {
	log, err := c.server.schema(ctx, "")
	if err != nil {
		return nil, err
	}
	list, err := objectsIn(from.path)
	if err != nil || applier.FingerprintObjects(list) == log.Fingerprint {
		return from, err
	}
	return c.server.snapshot(ctx, snapshotRequest{folder: folder, keep: true, newest: true, least: log.Revision}, &c.options)
}

// enrol turns the snapshot into a device. Its transactions are durable, and with
// them the whole file.
func (c *cloning) enrol(ctx context.Context, from *snapshot) (*InitResult, error) {
	r, err := openReplica(from.path, c.options)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	d := &Device{path: from.path, options: c.options, replica: r, server: c.server}
	if err := d.write(func() error { return d.install(false) }); err != nil {
		return nil, err
	}
	return d.enrol(ctx, c.label, from)
}

// pull brings the new device from its snapshot to the log's head. It is a
// device whether or not that succeeds.
func (c *cloning) pull(ctx context.Context, result *InitResult) {
	err := func() error {
		d, err := Open(c.path, c.options)
		if err != nil {
			return err
		}
		defer d.Close()
		synced, err := d.sync(ctx, PullOnly)
		if err == nil {
			result.Head = synced.SyncPoint
		}
		return err
	}()
	if err != nil {
		result.Warnings = append(result.Warnings, fmt.Sprintf(
			"revisions %d to %d are still to be downloaded, by `replog sync`: %v", result.Head+1, result.log, err))
	}
}

// newest downloads the newest snapshot of the log that the device was enrolled in.
func (d *Device) newest(ctx context.Context, id *identity, request snapshotRequest) (*snapshot, error) {
	request.newest, request.least = true, id.SyncPoint
	s, err := d.server.snapshot(ctx, request, &d.options)
	if err != nil {
		return nil, err
	}
	return s, s.sameDatabase(d.path, id.Database)
}

// sameDatabase makes sure that a snapshot belongs to the database that a device was
// enrolled in. Whether it belongs to the log's history, the server tells whoever asks
// for what comes after it.
func (s *snapshot) sameDatabase(path string, database string) error {
	if s.database != database {
		return &MismatchError{Path: path, Code: replog.CodeDatabase, Detail: "the server's database was replaced after the snapshot was made"}
	}
	return nil
}

// goesWith makes sure that a snapshot and what the log has after it are of one history.
func (s *snapshot) goesWith(a *answer, address string) error {
	if s.epoch != a.first.Epoch {
		return &UnreachableError{URL: address, Err: errOtherEpoch}
	}
	return nil
}

// errOtherEpoch says that the log gave up revisions between two requests.
var errOtherEpoch = errors.New("the server gave up revisions after its snapshot was made")
