package server

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/klauspost/compress/zstd"
)

// packed is what pack learned of a file.
type packed struct {
	size       int64
	digest     [32]byte // SHA-256 of the file
	zstdDigest [32]byte // and of its compressed form
}

// packBuffer is how much is compressed or decompressed at a time.
const packBuffer = 1 << 20

// pack compresses the file from into the new file to. It favours speed: level 1
// of zstd, on the cores there are.
func pack(from, to string) (p packed, err error) {
	src, err := os.Open(from)
	if err != nil {
		return p, err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	plain, coded := sha256.New(), sha256.New()
	z, err := zstd.NewWriter(io.MultiWriter(dst, coded), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(min(runtime.GOMAXPROCS(0), 4)))
	if err != nil {
		return p, err
	}
	p.size, err = copyAll(io.MultiWriter(z, plain), src)
	if err = errors.Join(err, z.Close()); err != nil {
		return p, fmt.Errorf("compress %s: %w", from, err)
	}
	plain.Sum(p.digest[:0])
	coded.Sum(p.zstdDigest[:0])
	return p, nil
}

// unpack decompresses into the new file to.
func unpack(from io.Reader, to string) (err error) {
	z, err := zstd.NewReader(from, zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = copyAll(dst, z)
	return errors.Join(err, dst.Close())
}

// copyAll copies in large pieces: the shortcuts of io.Copy would choose their
// own.
func copyAll(to io.Writer, from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, packBuffer))
}
