package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"replog/replog"
)

// Base implements replog.Store: the newest snapshot that is kept.
func (l *Log) Base(ctx context.Context, folder string, upTo replog.Revision) (*replog.Base, error) {
	info, packed, err := l.NewestSnapshot(ctx, upTo)
	if err != nil {
		return nil, fmt.Errorf("content to build a replica from: %w", err)
	}
	defer packed.Close()
	file, err := os.CreateTemp(folder, "base-*.db")
	if err != nil {
		return nil, err
	}
	release := func() error { return os.Remove(file.Name()) }
	if err := errors.Join(unpack(packed, file), file.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("content of revision %d: %w", info.Revision, err), release())
	}
	return &replog.Base{
		Path: file.Name(), Release: release,
		Head: replog.Head{Database: l.id, Epoch: info.Epoch, Revision: info.Revision, Chain: info.Chain},
	}, nil
}

// KeptUpTo is the revision of the newest snapshot that is kept.
func (l *Log) KeptUpTo(ctx context.Context) (newest replog.Revision, err error) {
	err = l.one(ctx, selectKeptUpTo, []any{l.n}, &newest)
	return newest, err
}

// KeepBase keeps a content of the log, whose file is compressed by zstd, as a snapshot.
func (l *Log) KeepBase(ctx context.Context, b replog.Base) error {
	file, info, err := openPacked(b.Path, b.Head)
	if err != nil {
		return err
	}
	defer file.Close()
	info.MadeAt = replog.MillisOf(l.store.options.Now())
	return l.KeepSnapshot(ctx, info, file)
}

// openPacked opens a compressed file, and says what snapshot it is at a head.
func openPacked(path string, at replog.Head) (*os.File, SnapshotInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, SnapshotInfo{}, err
	}
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, SnapshotInfo{}, errors.Join(err, file.Close())
	}
	return file, SnapshotInfo{
		Revision: at.Revision, Epoch: at.Epoch, Chain: at.Chain, Size: size, Digest: hex.EncodeToString(sum.Sum(nil)),
	}, nil
}

// pack compresses a file.
func pack(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	z, err := zstd.NewWriter(dst, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err == nil {
		_, err = io.Copy(z, src)
		err = errors.Join(err, z.Close())
	}
	return errors.Join(err, dst.Close())
}

// unpack decompresses into a file.
func unpack(from io.Reader, to io.Writer) error {
	z, err := zstd.NewReader(from, zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	_, err = io.Copy(to, z)
	return err
}
