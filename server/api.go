package server

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"replog/replog"
)

// call is a request that a token allows.
type call struct {
	w     *responseWriter
	r     *http.Request
	token *Token
	name  string    // the database's, as asked for
	db    *database // nil only where the call makes it
}

// routes has one line a call of the wire, with the kinds of token, beside an
// administrator's, that it takes.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /metrics", s.metrics)
	for pattern, h := range map[string]http.HandlerFunc{
		"POST /v1/{db}/sync":           s.call(s.sync, DeviceToken),
		"GET /v1/{db}/log":             s.call(s.readLog, DeviceToken),
		"GET /v1/{db}/log/{revision}":  s.call(s.readEntry, DeviceToken),
		"GET /v1/{db}/schema":          s.call(s.readSchema, DeviceToken, EnrolmentToken),
		"GET /v1/{db}/events":          s.call(s.events, DeviceToken),
		"GET /v1/{db}/snapshot":        s.call(s.readSnapshot, DeviceToken, EnrolmentToken),
		"POST /v1/{db}/devices":        s.call(s.enrolDevice, EnrolmentToken),
		"GET /v1/{db}/devices":         s.call(s.listDevices),
		"DELETE /v1/{db}/devices/{id}": s.call(s.removeDevice),
		"PUT /v1/{db}":                 s.handle(s.publishCall),
		"/":                            s.handle(s.unknown),

		"GET /v1/{db}/devices/{id}/verdicts":  s.call(s.readVerdicts, DeviceToken),
		"POST /v1/{db}/devices/{id}/standing": s.call(s.standing, DeviceToken),
	} {
		mux.HandleFunc(pattern, h)
	}
	return mux
}

// handler does one call. An error becomes a problem document.
type handler func(c *call) error

// call wraps a handler for a database that exists.
func (s *Server) call(h handler, kinds ...TokenKind) http.HandlerFunc {
	return s.handle(func(c *call) error {
		if err := s.authorise(c, kinds); err != nil {
			return err
		}
		return h(c)
	})
}

// handle wraps a handler with what all requests share: the count of those that
// run, authentication, deadlines and the log.
func (s *Server) handle(h handler) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		w := newResponseWriter(rw, s.cfg.Limits.Stall)
		begun := s.cfg.Clock()
		c := &call{w: w, r: r, name: r.PathValue("db")}
		defer func() { s.logRequest(c, begun) }()
		if !s.enter() {
			s.fail(w, r, busy("the server is stopping"))
			return
		}
		defer s.leave()
		defer w.leave()
		err := s.authenticate(c)
		if err == nil {
			err = h(c)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// logRequest never logs headers or queries: tokens are in none of what it does.
func (s *Server) logRequest(c *call, begun time.Time) {
	level := slog.LevelInfo
	if c.w.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	attributes := []slog.Attr{
		slog.String("method", c.r.Method), slog.String("path", c.r.URL.Path),
		slog.Int("status", c.w.status), slog.Int64("bytes", c.w.bytes),
		slog.Duration("duration", s.cfg.Clock().Sub(begun)), slog.String("remote", c.r.RemoteAddr),
	}
	if c.token != nil {
		attributes = append(attributes, slog.String("token", c.token.ID))
		if c.token.Device != "" {
			attributes = append(attributes, slog.String("device", string(c.token.Device)))
		}
	}
	s.cfg.Logger.LogAttrs(c.r.Context(), level, "request", attributes...)
}

func (s *Server) unknown(*call) error { return notFound("call") }

// answerJSON answers with one JSON document.
func (c *call) answerJSON(status int, document any) error {
	c.w.Header().Set("Content-Type", typeJSON)
	c.w.WriteHeader(status)
	return json.NewEncoder(c.w).Encode(document)
}

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
	typeSQLite = "application/vnd.sqlite3"
	typeSQL    = "application/sql"
)

// setHead puts where a log stands into an answer's headers.
func (c *call) setHead(h replog.Head) {
	head := c.w.Header()
	head.Set(replog.HeaderRevision, formatRevision(h.Revision))
	head.Set(replog.HeaderEpoch, string(h.Epoch))
	head.Set(replog.HeaderDatabase, h.Database)
	head.Set(replog.HeaderChain, string(h.Chain))
}

func formatRevision(r replog.Revision) string { return strconv.FormatInt(int64(r), 10) }
