package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"replog/replog"
)

// retryAfter is what a busy server asks for, in seconds.
const retryAfter = "2"

func malformed(format string, args ...any) *replog.Problem {
	return &replog.Problem{Status: http.StatusBadRequest, Code: replog.CodeMalformed,
		Title: "malformed request", Detail: fmt.Sprintf(format, args...)}
}

func forbidden(detail string) *replog.Problem {
	return &replog.Problem{Status: http.StatusForbidden, Code: replog.CodeForbidden,
		Title: "the token does not allow this", Detail: detail}
}

// otherLog tells a device that has to ask again that the log is another.
const otherLog = "the log has just given up revisions"

func notFound(what string) *replog.Problem {
	return &replog.Problem{Status: http.StatusNotFound, Code: replog.CodeNotFound, Title: "no such " + what}
}

func busy(detail string) *replog.Problem {
	return &replog.Problem{Status: http.StatusServiceUnavailable, Code: replog.CodeBusy,
		Title: "the server is busy", Detail: detail}
}

func tooLarge(limit int64) *replog.Problem {
	return &replog.Problem{Status: http.StatusRequestEntityTooLarge, Code: replog.CodeTooLarge,
		Title: "the request is too large", Detail: fmt.Sprintf("at most %d bytes, decompressed, are taken", limit)}
}

func tooMany(limit int) *replog.Problem {
	return &replog.Problem{Status: http.StatusRequestEntityTooLarge, Code: replog.CodeTooLarge,
		Title: "the request is too large", Detail: fmt.Sprintf("at most %d transactions are taken at once", limit)}
}

func conflict(code, title, format string, args ...any) *replog.Problem {
	return &replog.Problem{Status: http.StatusConflict, Code: code, Title: title, Detail: fmt.Sprintf(format, args...)}
}

func forked(device, server replog.Seq) *replog.Problem {
	return conflict(replog.CodeFork, "the device was copied or restored",
		"the device has given out %d transactions, the log holds %d of it", device, server)
}

func ahead(what string, revision, head replog.Revision) *replog.Problem {
	return conflict(replog.CodeAhead, "the device is ahead of the log",
		"%s is revision %d, the log's head %d", what, revision, head)
}

func behind(at, horizon replog.Revision) *replog.Problem {
	return &replog.Problem{Status: http.StatusGone, Code: replog.CodeHorizon, Title: "the log no longer reaches back so far",
		Detail: fmt.Sprintf("this device is at revision %d, and the log begins at %d", at, horizon)}
}

// problemOf turns any error into what the other side is told. Internals stay
// inside.
func problemOf(err error) *replog.Problem {
	var p *replog.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, replog.ErrHorizon):
		return &replog.Problem{Status: http.StatusGone, Code: replog.CodeHorizon, Title: "the log no longer reaches back so far"}
	case errors.Is(err, replog.ErrUnknownOutcome):
		return busy("the log did not say whether it took the upload: send it again")
	default:
		return &replog.Problem{Status: http.StatusInternalServerError, Code: replog.CodeInternal,
			Title: "the server could not do this", Detail: "its log says why"}
	}
}

// fail answers with an error. Where an answer has begun, or the server plays
// dead, the connection is cut instead.
func (s *Server) fail(w *responseWriter, r *http.Request, err error) {
	if errors.Is(err, errKilled) {
		panic(http.ErrAbortHandler)
	}
	p := problemOf(err)
	if p.Code == replog.CodeInternal && s.cfg.Stores.Unavailable(err) {
		s.cfg.Logger.Warn("the log store cannot be reached", "method", r.Method, "path", r.URL.Path, "error", err)
		p = busy("the log store cannot be reached at the moment")
	}
	if p.Status >= http.StatusInternalServerError && p.Code != replog.CodeBusy && !errors.Is(err, context.Canceled) {
		s.cfg.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	head := w.Header()
	for name := range head {
		head.Del(name)
	}
	head.Set("Content-Type", "application/problem+json")
	switch p.Status {
	case http.StatusUnauthorized:
		head.Set("WWW-Authenticate", `Bearer realm="replog"`)
	case http.StatusUnsupportedMediaType:
		head.Set("Accept-Encoding", takenCodings)
	case http.StatusServiceUnavailable:
		head.Set("Retry-After", retryAfter)
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(replog.MarshalProblem(p))
}
