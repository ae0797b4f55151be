package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"replog/replog"
)

// SnapshotInfo says of which revision a snapshot is, and what file it is.
type SnapshotInfo struct {
	Revision replog.Revision
	Epoch    replog.Epoch
	Chain    replog.Chain
	// Size is that of the file as it is stored, in bytes. Digest is the caller's.
	Size   int64
	Digest string
	MadeAt replog.Millis
}

// snapshotPart is how much of a snapshot is in one row, in bytes.
const snapshotPart = 1 << 20

// KeepSnapshot stores a snapshot of the log, in place of an earlier one of its revision,
// and lets go of all but that of revision 0 and the newest two. ErrOtherChain where it
// is not of this log, and io.ErrUnexpectedEOF where the file has another size. Writers
// of the log do not wait for it.
func (l *Log) KeepSnapshot(ctx context.Context, info SnapshotInfo, file io.Reader) error {
	err := l.keepSnapshot(ctx, info, file)
	if err != nil {
		return fmt.Errorf("keep a snapshot of revision %d: %w", info.Revision, because(ctx, err))
	}
	return nil
}

func (l *Log) keepSnapshot(ctx context.Context, info SnapshotInfo, file io.Reader) error {
	c, err := beginWriter(ctx, l.store.writers)
	if err != nil {
		return err
	}
	if err = c.run(lockSnapshots, l.n); err == nil {
		err = l.writeSnapshot(ctx, c, info, file)
	}
	if err == nil {
		err = l.checkSnapshot(ctx, info)
	}
	if err == nil {
		err = c.run(deleteOldSnapshots, l.n)
	}
	if err != nil {
		return errors.Join(err, c.rollback())
	}
	return c.commit()
}

// checkSnapshot makes sure that the log, as it stands now, has the snapshot's chain.
func (l *Log) checkSnapshot(ctx context.Context, info SnapshotInfo) error {
	head, err := l.Head(ctx)
	if err != nil {
		return err
	}
	chain := head.Chain
	if head.Revision != info.Revision {
		chain, err = l.ChainAt(ctx, info.Revision)
	}
	if errors.Is(err, replog.ErrNotFound) || err == nil && chain != info.Chain {
		return ErrOtherChain
	}
	return err
}

// KeepSnapshot stores a snapshot of the revision at which the transaction began or
// stands, in the same PostgreSQL transaction.
func (t *Tx) KeepSnapshot(info SnapshotInfo, file io.Reader) error {
	if info.Revision == t.head.Revision && info.Chain != t.head.Chain {
		return fmt.Errorf("keep a snapshot of revision %d: %w", info.Revision, ErrOtherChain)
	}
	err := t.c.run(lockSnapshots, t.log.n)
	if err == nil {
		err = t.log.writeSnapshot(context.Background(), t.c, info, file)
	}
	if err != nil {
		t.broken = errors.Join(t.broken, err)
		return fmt.Errorf("keep a snapshot of revision %d: %w", info.Revision, err)
	}
	return nil
}

func (l *Log) writeSnapshot(ctx context.Context, c *writer, info SnapshotInfo, file io.Reader) error {
	if err := c.run(deleteSnapshot, l.n, int64(info.Revision)); err != nil {
		return err
	}
	err := c.run(insertSnapshot, l.n, int64(info.Revision), string(info.Epoch), string(info.Chain), info.Size, info.Digest, int64(info.MadeAt))
	if err != nil {
		return err
	}
	part := make([]byte, snapshotPart)
	size := int64(0)
	for n := 0; ; n++ {
		read, err := io.ReadFull(file, part)
		if size += int64(read); read > 0 {
			if err := c.run(insertSnapshotPart, l.n, int64(info.Revision), int64(n), part[:read]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			if size != info.Size {
				return fmt.Errorf("the file has %d bytes, not %d: %w", size, info.Size, io.ErrUnexpectedEOF)
			}
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// NewestSnapshot gives the newest snapshot of a revision up to upTo that is of this log
// as it stands now, or replog.ErrNotFound. The caller closes the file, which holds a
// connection; what others store meanwhile does not change it.
func (l *Log) NewestSnapshot(ctx context.Context, upTo replog.Revision) (SnapshotInfo, io.ReadCloser, error) {
	var info SnapshotInfo
	v, err := l.openView(ctx, l.store.writers)
	if err != nil {
		return info, nil, err
	}
	err = v.conn.QueryRowContext(ctx, l.text(selectSnapshot), int64(upTo), string(replog.FirstChain(l.id))).
		Scan(&info.Revision, &info.Epoch, &info.Chain, &info.Size, &info.Digest, &info.MadeAt)
	if err != nil {
		v.close()
		if errors.Is(err, sql.ErrNoRows) {
			err = replog.ErrNotFound
		}
		return SnapshotInfo{}, nil, because(ctx, err)
	}
	return info, &snapshotFile{v: v, log: l, info: info, left: info.Size}, nil
}

// snapshotFile reads the parts of a snapshot. It implements io.ReadCloser.
type snapshotFile struct {
	v    *view // nil when it is closed
	log  *Log
	info SnapshotInfo
	n    int64 // of the next part
	part []byte
	left int64
}

// Read implements io.Reader.
func (f *snapshotFile) Read(b []byte) (int, error) {
	switch {
	case f.v == nil:
		return 0, io.ErrClosedPipe
	case f.left == 0:
		return 0, io.EOF
	case len(f.part) == 0:
		err := f.v.conn.QueryRowContext(f.v.ctx, selectSnapshotPart, f.log.n, int64(f.info.Revision), f.n).Scan(&f.part)
		if errors.Is(err, sql.ErrNoRows) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, because(f.v.ctx, err)
		}
		f.n++
	}
	n := copy(b, f.part)
	f.part = f.part[n:]
	f.left -= int64(n)
	return n, nil
}

// Close implements io.Closer.
func (f *snapshotFile) Close() error {
	if f.v != nil {
		f.v.close()
		f.v = nil
	}
	return nil
}
