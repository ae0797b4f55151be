package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"time"

	"replog/applier"
	"replog/replog"
)

// readLog answers with the entries that the query selects, as replog.ParseFilter
// reads it. form= says how: statements, the default, is a replog.LogLine a line,
// stat a replog.LogStat a line, sql a script.
func (s *Server) readLog(c *call) error {
	f, form, err := logQuery(c.r.URL.Query(), "statements", "stat", "sql")
	if err != nil {
		return err
	}
	head, err := c.db.log.Head(c.r.Context())
	if err != nil {
		return err
	}
	c.setHead(head)
	if form == "sql" {
		return s.answerScript(c, f)
	}
	stream, err := c.stream(typeNDJSON)
	if err != nil {
		return err
	}
	lines := &lineWriter{stream: stream, w: c.w, clock: s.cfg.Clock}
	c.w.begin()
	err = c.db.log.Entries(c.r.Context(), f, func(e replog.Entry) error {
		if form == "stat" {
			stat, err := e.Stat()
			if err != nil {
				return err
			}
			return lines.write(func(w io.Writer) error { return writeJSON(w, stat) })
		}
		return lines.write(e.WriteLine)
	})
	if err != nil {
		return err
	}
	return stream.finish()
}

// logQuery takes form=, one of forms, out of a query and reads the rest.
func logQuery(q url.Values, forms ...string) (f replog.Filter, form string, err error) {
	if form, err = formOf(q, forms); err != nil {
		return f, "", err
	}
	q.Del("form")
	if f, err = replog.ParseFilter(q); err != nil {
		err = malformed("%v", err)
	}
	return f, form, err
}

// formOf is the query's form, the first of forms where it names none.
func formOf(q url.Values, forms []string) (string, error) {
	form := q.Get("form")
	if form == "" {
		return forms[0], nil
	}
	for _, known := range forms {
		if form == known {
			return form, nil
		}
	}
	return "", malformed("form=%q: use one of %q", form, forms)
}

// answerScript answers with SQL. The database's first content, which nobody
// writes, tells what the tables are like.
func (s *Server) answerScript(c *call, f replog.Filter) error {
	first, err := c.db.log.Base(c.r.Context(), s.incomingFolder(), 0)
	if err != nil {
		return err
	}
	defer func() { _ = first.Release() }() // nothing is lost; the next start cleans up
	base, err := applier.Open(first.Path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer base.Close()
	stream, err := c.stream(typeSQL)
	if err != nil {
		return err
	}
	c.w.begin()
	if err := applier.WriteScript(c.r.Context(), base, c.db.log, f, stream); err != nil {
		return err
	}
	return stream.finish()
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// lineWriter sends lines. What a search finds is sent at once:
// the next may take long to come.
type lineWriter struct {
	stream *answerStream
	w      *responseWriter
	clock  func() time.Time
	sent   time.Time
}

// pushEvery is how long a line may wait in the buffers while others follow it.
const pushEvery = 100 * time.Millisecond

func (l *lineWriter) write(line func(io.Writer) error) error {
	if err := line(l.stream); err != nil {
		return err
	}
	if now := l.clock(); now.Sub(l.sent) >= pushEvery {
		l.sent = now
		return l.stream.push(l.w)
	}
	return nil
}

// readEntry answers with one entry, whatever its outcome: as replog.LogLine, or
// with form=whole as replog.EntryDetail.
func (s *Server) readEntry(c *call) error {
	revision, err := replog.ParseRevision(c.r.PathValue("revision"))
	if err != nil {
		return malformed("%v", err)
	}
	form, err := formOf(c.r.URL.Query(), []string{"statements", "whole"})
	if err != nil {
		return err
	}
	e, err := c.db.log.Entry(c.r.Context(), revision)
	if errors.Is(err, replog.ErrNotFound) {
		return notFound("revision")
	}
	if err != nil {
		return err
	}
	defer e.Close()
	stream, err := c.stream(typeJSON)
	if err != nil {
		return err
	}
	c.w.begin()
	write := e.WriteLine
	if form == "whole" {
		write = e.WriteDetail
	}
	if err := write(stream); err != nil {
		return err
	}
	return stream.finish()
}
