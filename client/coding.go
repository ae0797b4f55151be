package client

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/zstd"

	"replog/replog"
)

// The codings of bodies, as Content-Encoding names them.
const (
	codingZstd    = "zstd"
	codingColumns = replog.ColumnCoding + ", " + codingZstd // in this order
)

// newCompressor writes the zstd form. The fastest level is also the smallest
// for rows with random keys.
func newCompressor(w io.Writer) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithAllLitEntropyCompression(true))
}

// newCoder writes the form that a coding names.
func newCoder(w io.Writer, coding string) (io.WriteCloser, error) {
	z, err := newCompressor(w)
	if err != nil || coding == codingZstd {
		return z, err
	}
	return &columnCoder{replog.NewColumnWriter(z), z}, nil
}

type columnCoder struct {
	*replog.ColumnWriter
	zstd *zstd.Encoder
}

func (c *columnCoder) Close() error { return errors.Join(c.ColumnWriter.Close(), c.zstd.Close()) }

// decoder reads what comes over a wire in some coding.
type decoder struct {
	io.Reader
	close func()
}

// decode reads the body of an answer with that header.
func decode(wire *counter, header http.Header) (*decoder, error) {
	coding := strings.ToLower(strings.ReplaceAll(strings.Join(header.Values("Content-Encoding"), ","), " ", ""))
	compressed, columns := strings.CutPrefix(coding, replog.ColumnCoding+",")
	if compressed != codingZstd {
		return &decoder{wire, func() {}}, nil
	}
	z, err := zstd.NewReader(wire, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	d := &decoder{&decompressor{z, wire}, z.Close}
	if columns {
		d.Reader = replog.NewColumnReader(d.Reader)
	}
	return d, nil
}

// decompressor decompresses what comes over a wire. Zstd takes a wire that breaks
// between two frames, or before the first, for the end.
type decompressor struct {
	zstd *zstd.Decoder
	wire *counter
}

func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.zstd.Read(p)
	if errors.Is(err, io.EOF) && d.wire.err != nil {
		err = d.wire.err
	}
	return n, err
}
