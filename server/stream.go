package server

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"replog/replog"
)

// responseWriter notes what is answered, and gives up on a peer that takes
// nothing, or sends nothing, for too long; big transfers may take their time.
type responseWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	status  int // 0 until the answer begins
	bytes   int64
	stalled bool // the peer sent nothing for too long
}

func newResponseWriter(w http.ResponseWriter, stall time.Duration) *responseWriter {
	out := &responseWriter{ResponseWriter: w, control: http.NewResponseController(w), stall: stall}
	out.extend() // what the connection's last request left may be over
	return out
}

// extend moves the deadline of writing. A transport without deadlines has none
// to move.
func (w *responseWriter) extend() { _ = w.control.SetWriteDeadline(time.Now().Add(w.stall)) }

func (w *responseWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

// begin commits to the answer: an error from here on cuts the connection.
func (w *responseWriter) begin() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

func (w *responseWriter) Write(b []byte) (int, error) {
	w.begin()
	w.extend()
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// patientReader reads a request's body, and gives up on a peer that stalls. The
// deadline holds during Read only: later it would cancel the request.
type patientReader struct {
	w    *responseWriter
	body io.Reader
}

func (p patientReader) Read(b []byte) (int, error) {
	p.w.extend() // the first Read may send 100 Continue
	_ = p.w.control.SetReadDeadline(time.Now().Add(p.w.stall))
	n, err := p.body.Read(b)
	if p.w.stalled = errors.Is(err, os.ErrDeadlineExceeded); !p.w.stalled {
		_ = p.w.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// leave bounds what net/http does once the handler has returned: it reads what
// the handler left of the body.
func (w *responseWriter) leave() {
	if !w.stalled {
		_ = w.control.SetReadDeadline(time.Now().Add(w.stall))
	}
}

// boundedReader fails with a too-large problem past its limit.
type boundedReader struct {
	r     io.Reader
	limit int64
	read  int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.read += int64(n)
	if b.read > b.limit {
		return 0, tooLarge(b.limit)
	}
	return n, err
}

// maxWindow bounds the memory that a zstd upload may ask for.
const maxWindow = 32 << 20

// body gives the request's body decompressed, up to the limit. The caller
// closes it.
func (c *call) body(limit int64) (*boundedBody, error) {
	raw := &boundedReader{r: patientReader{c.w, c.r.Body}, limit: limit}
	switch encoding := c.r.Header.Get("Content-Encoding"); encoding {
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
		p := malformed("content encoding %q is not known: use zstd or gzip", encoding)
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

// answerStream is the body of an answer, compressed where the client takes it.
type answerStream struct {
	*bufio.Writer
	zstd *zstd.Encoder // nil where it is sent as it is
}

// stream begins an answer of any length.
func (c *call) stream(contentType string) (*answerStream, error) {
	c.w.Header().Set("Content-Type", contentType)
	c.w.Header().Set("Vary", "Accept-Encoding")
	a := &answerStream{}
	if !c.acceptsZstd() {
		a.Writer = bufio.NewWriterSize(c.w, 64<<10)
		return a, nil
	}
	z, err := zstd.NewWriter(c.w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	c.w.Header().Set("Content-Encoding", "zstd")
	a.zstd, a.Writer = z, bufio.NewWriterSize(z, 64<<10)
	return a, nil
}

// finish sends what is left. An answer that is not finished is cut.
func (a *answerStream) finish() error {
	err := a.Flush()
	if a.zstd != nil {
		err = errors.Join(err, a.zstd.Close())
	}
	return err
}

// push sends what there is so far.
func (a *answerStream) push(w *responseWriter) error {
	err := a.Flush()
	if a.zstd != nil {
		err = errors.Join(err, a.zstd.Flush())
	}
	return errors.Join(err, w.control.Flush())
}

func (c *call) acceptsZstd() bool {
	for coding := range strings.SplitSeq(strings.Join(c.r.Header.Values("Accept-Encoding"), ","), ",") {
		name, parameters, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "zstd") {
			continue
		}
		q, weighted := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !weighted || err == nil && weight > 0
	}
	return false
}

func formatRevision(r replog.Revision) string { return strconv.FormatInt(int64(r), 10) }
