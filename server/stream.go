package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
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
