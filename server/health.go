package server

import (
	"fmt"
	"io"
	"net/http"
)

// healthz tells that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

// readyz tells whether every call can be served: the registry and each log can
// be read, and no database refuses uploads. It names no database, as it asks
// for no token.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !s.enter() {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	defer s.leave()
	if _, err := s.registry.databaseID(r.Context(), ""); err != nil {
		s.notReady(w, "registry", err)
		return
	}
	for _, d := range s.allDatabases() {
		if err := d.ready(r.Context()); err != nil {
			s.notReady(w, d.name, err)
			return
		}
	}
	fmt.Fprintln(w, "ready")
}

func (s *Server) notReady(w http.ResponseWriter, what string, err error) {
	s.cfg.Logger.Warn("not ready", "what", what, "error", err)
	http.Error(w, "not ready; the server's log says why", http.StatusServiceUnavailable)
}

// metrics gives counters in Prometheus' text form
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Like readyz it names
// no database.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	var differed int64
	for _, d := range s.allDatabases() {
		differed += d.differed.Load()
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	metric(w, "replog_intents_differed_total", "counter", "Entries of which a device said that running their intents changed something else there.", differed)
	stores, ok := s.cfg.Stores.(RowStores)
	if !ok {
		return
	}
	rows, leftOut, err := stores.Misfits(r.Context())
	if err != nil { // a metric that is absent says so
		s.cfg.Logger.Warn("misfits cannot be counted", "error", err)
		return
	}
	metric(w, "replog_misfit_rows", "gauge", "Rows that do not fit their tables in the log store.", rows)
	metric(w, "replog_left_out", "gauge", "Constraints and columns that the tables in the log store had to leave out.", leftOut)
}

func metric(w io.Writer, name, kind, help string, value int64) {
	fmt.Fprintf(w, "# HELP %[1]s %[3]s\n# TYPE %[1]s %[2]s\n%[1]s %[4]d\n", name, kind, help, value)
}
