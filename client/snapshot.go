package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"replog/applier"
	"replog/replog"
)

// snapshot is a downloaded and checked copy of the server's replica.
type snapshot struct {
	path     string
	revision replog.Revision
	epoch    replog.Epoch
	database string
	chain    replog.Chain // of the revision
}

// snapshotRequest says which snapshot is wanted.
type snapshotRequest struct {
	// folder is where it goes, and where what an earlier download left may be.
	folder string
	// keep says that the folder stays where the download is cut.
	keep bool
	// newest asks for one of the log's head; otherwise a recent one will do.
	newest bool
	// least is the lowest revision that will do.
	least replog.Revision
}

// maxStarts bounds how often a download begins anew.
const maxStarts = 5

// snapshot downloads the database's content and checks it. A download that was
// cut goes on where it stopped, also where another process was cut. Where it
// fails for good, errors are those of do, or a *DamagedError.
func (s *server) snapshot(ctx context.Context, req snapshotRequest, o *Options) (_ *snapshot, err error) {
	part, err := openPartial(req.folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, part.close()) }()
	if part.of.Revision < req.least {
		if err := part.clear(); err != nil {
			return nil, err
		}
	}
	damaged := false
	for range maxStarts {
		d := &download{ctx: ctx, server: s, options: o, part: part, newest: req.newest, keep: req.keep}
		result, err := d.load(filepath.Join(req.folder, contentName))
		var damage *DamagedError
		switch {
		case errors.Is(err, errChanged):
			continue
		case errors.As(err, &damage) && !damaged:
			damaged = true // on the way, or in the partial: once more from the start
			if err := part.clear(); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			if damage != nil {
				err = errors.Join(err, part.clear())
			}
			return nil, err
		}
		return result, checkContent(s.address(), result.path)
	}
	return nil, &UnreachableError{URL: s.address(), Err: errChanged}
}

// load downloads into a file. The file is not synced: what is made of it is.
func (d *download) load(path string) (*snapshot, error) {
	if err := d.start(); err != nil {
		return nil, err
	}
	defer d.hangUp()
	defer func() { d.options.Progress(StageSnapshot, d.part.have, d.part.have) }()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	size, err := d.decode(io.MultiWriter(f, sum))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := d.compare(size, sum); err != nil {
		return nil, &DamagedError{URL: d.server.address(), Err: err}
	}
	return &snapshot{path: path, revision: d.of.Revision, epoch: d.of.Epoch, database: d.of.Database, chain: d.of.Chain}, nil
}

// decode decompresses while it downloads.
func (d *download) decode(to io.Writer) (int64, error) {
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	d.ctx = ctx
	from := io.MultiReader(d.part.stored(), d)
	most := d.of.Size + 1 // more than announced is damage, and must not fill the disk
	if d.of.Encoding == "" {
		return d.judge(copyAll(to, io.LimitReader(from, most)))
	}
	z, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return 0, err
	}
	// It reads ahead in a goroutine of its own, which must not wait for the
	// network when it is closed.
	defer z.Close()
	defer cancel()
	return d.judge(copyAll(to, io.LimitReader(z, most)))
}

// maxWindow bounds the memory that decompressing may take.
const maxWindow = 32 << 20

// judge tells why copying failed. What ended the download comes first: zstd
// takes a stream that breaks between two of its frames for the end.
func (d *download) judge(size int64, err error) (int64, error) {
	if ended := d.err.get(); ended != nil {
		return 0, ended
	}
	var disk *fs.PathError
	if err == nil || errors.As(err, &disk) {
		return size, err
	}
	return 0, &DamagedError{URL: d.server.address(), Err: err}
}

// compare compares what came with what was announced.
func (d *download) compare(size int64, sum hash.Hash) error {
	if size != d.of.Size {
		return fmt.Errorf("%d bytes came of %d", size, d.of.Size)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != d.of.Digest {
		return fmt.Errorf("its SHA-256 is %s and should be %s", got, d.of.Digest)
	}
	return nil
}

// checkContent makes sure that SQLite finds nothing wrong with the file. The
// server has found nothing: this is for what no digest tells, such as a disk
// that does not give back what it was given.
func checkContent(address, path string) error {
	c, err := applier.Open(path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return &DamagedError{URL: address, Err: err}
	}
	defer c.Close()
	row, err := c.QueryRow("PRAGMA quick_check(1)")
	if err == nil && row[0].Bytes() != "ok" {
		err = errors.New(row[0].Bytes())
	}
	if err != nil {
		return &DamagedError{URL: address, Err: err}
	}
	return nil
}

// copyAll copies in large pieces: the shortcuts of io.Copy would choose their
// own.
func copyAll(to io.Writer, from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 1<<20))
}
