package server

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"replog/replog"
)

// takenCodings are those of bodies. Columns come before another or none.
const takenCodings = "zstd, gzip, " + replog.ColumnCoding

// maxWindow bounds the memory that a zstd upload may ask for.
const maxWindow = 32 << 20

// body gives the request's body decoded, up to the limit. The caller closes it.
func (c *call) body(limit int64) (*boundedBody, error) {
	coding := strings.ToLower(strings.ReplaceAll(strings.Join(c.r.Header.Values("Content-Encoding"), ","), " ", ""))
	under, columns := strings.CutPrefix(coding+",", replog.ColumnCoding+",")
	b, err := c.decompressed(strings.TrimSuffix(under, ","), limit)
	if err == nil && columns {
		b.boundedReader = &boundedReader{r: replog.NewColumnReader(b.boundedReader), limit: limit}
	}
	return b, err
}

func (c *call) decompressed(coding string, limit int64) (*boundedBody, error) {
	raw := &boundedReader{r: patientReader{c.w, c.r.Body}, limit: limit}
	switch coding {
	case "", "identity":
		return &boundedBody{boundedReader: raw, close: func() {}}, nil
	case "gzip":
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, unreadable(err)
		}
		return &boundedBody{&boundedReader{r: z, limit: limit}, func() { z.Close() }}, nil
	case "zstd":
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, unreadable(err)
		}
		return &boundedBody{&boundedReader{r: z, limit: limit}, z.Close}, nil
	default:
		p := malformed("content encoding %q is not known: use zstd or gzip", c.r.Header.Get("Content-Encoding"))
		p.Status = http.StatusUnsupportedMediaType
		return nil, p
	}
}

type boundedBody struct {
	*boundedReader
	close func()
}

// unreadable says why a body could not be read. That it could not be kept is the
// server's own fault.
func unreadable(err error) error {
	var p *replog.Problem
	if errors.As(err, &p) {
		return p
	}
	var spill *replog.SpillError
	if errors.As(err, &spill) {
		return err
	}
	return malformed("the body cannot be read: %v", err)
}

// answerStream is the body of an answer of any length, coded as the client takes
// it.
type answerStream struct {
	*bufio.Writer
	coder *coder
}

// stream begins an answer of any length.
func (c *call) stream(contentType string) (*answerStream, error) {
	c.w.Header().Set("Content-Type", contentType)
	c.w.Header().Set("Vary", "Accept-Encoding")
	k := &coder{c: c, lines: contentType == typeNDJSON}
	return &answerStream{bufio.NewWriterSize(k, 64<<10), k}, nil
}

// finish sends what is left. An answer that is not finished is cut.
func (a *answerStream) finish() error {
	err := a.Flush()
	return errors.Join(err, a.coder.finish())
}

// push sends what there is so far.
func (a *answerStream) push(w *responseWriter) error {
	err := a.Flush()
	return errors.Join(err, a.coder.flush(), w.control.Flush())
}

// coder codes an answer. How is settled when the first bytes come: short ones do
// not gain by columns.
type coder struct {
	c       *call
	lines   bool // of JSON
	to      io.Writer
	columns *replog.ColumnWriter // nil where it is not put in columns
	zstd    *zstd.Encoder        // nil where it is not compressed
}

func (k *coder) Write(b []byte) (int, error) {
	if k.to == nil {
		if err := k.begin(len(b)); err != nil {
			return 0, err
		}
	}
	return k.to.Write(b)
}

// begin settles the coding for an answer of which so many bytes are there.
func (k *coder) begin(length int) error {
	if k.to = k.c.w; !k.c.accepts("zstd") {
		return nil
	}
	var err error
	k.zstd, err = zstd.NewWriter(k.c.w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		return err
	}
	coding := "zstd"
	k.to = k.zstd
	if k.lines && length >= replog.ColumnsFrom && k.c.accepts(replog.ColumnCoding) {
		k.columns = replog.NewColumnWriter(k.zstd)
		coding, k.to = replog.ColumnCoding+", zstd", k.columns
	}
	k.c.w.Header().Set("Content-Encoding", coding)
	return nil
}

func (k *coder) flush() error {
	switch {
	case k.columns != nil:
		return k.columns.Flush()
	case k.zstd != nil:
		return k.zstd.Flush()
	}
	return nil
}

func (k *coder) finish() error {
	var err error
	if k.to == nil {
		err = k.begin(0)
	}
	if k.columns != nil {
		err = errors.Join(err, k.columns.Close())
	}
	if k.zstd != nil {
		err = errors.Join(err, k.zstd.Close())
	}
	return err
}

// accepts tells whether the client takes a coding.
func (c *call) accepts(coding string) bool {
	for item := range strings.SplitSeq(strings.Join(c.r.Header.Values("Accept-Encoding"), ","), ",") {
		name, parameters, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, weighted := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !weighted || err == nil && weight > 0
	}
	return false
}
