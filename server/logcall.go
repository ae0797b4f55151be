package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"replog/replog"
)

// readLog answers with replog.LogLine, one a line: applied entries, or with
// all=1 every entry; after= and upto= bound the revisions, device= and limit=
// narrow them, and order=desc gives the newest first.
func (s *Server) readLog(c *call) error {
	f, err := logFilter(c.r.URL.Query())
	if err != nil {
		return err
	}
	head, err := c.db.log.Head(c.r.Context())
	if err != nil {
		return err
	}
	c.setHead(head)
	stream, err := c.stream(typeNDJSON)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(stream)
	enc.SetEscapeHTML(false)
	c.w.begin()
	err = c.db.log.Entries(c.r.Context(), f, func(e replog.Entry) error { return enc.Encode(e.Line()) })
	if err != nil {
		return err
	}
	return stream.finish()
}

func logFilter(q url.Values) (replog.Filter, error) {
	var f replog.Filter
	var problems []error
	number := func(name string) int64 {
		text := q.Get(name)
		if text == "" {
			return 0
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			problems = append(problems, malformed("%s=%q is not a whole number, 0 or above", name, text))
		}
		return n
	}
	f.After, f.UpTo = replog.Revision(number("after")), replog.Revision(number("upto"))
	f.Limit = int(number("limit"))
	choice := func(name, on, off string) bool {
		switch text := q.Get(name); text {
		case on:
			return true
		case "", off:
		default:
			problems = append(problems, malformed("%s=%q: use %s or %s", name, text, on, off))
		}
		return false
	}
	f.AppliedOnly = !choice("all", "1", "0")
	f.Descending = choice("order", "desc", "asc")
	if text := q.Get("device"); text != "" {
		device, err := replog.ParseDeviceID(text)
		if err != nil {
			problems = append(problems, malformed("%v", err))
		}
		f.Device = device
	}
	if len(problems) > 0 {
		return f, problems[0]
	}
	return f, nil
}

// readEntry answers with one entry, whatever its outcome.
func (s *Server) readEntry(c *call) error {
	revision, err := replog.ParseRevision(c.r.PathValue("revision"))
	if err != nil {
		return malformed("%v", err)
	}
	e, err := c.db.log.Entry(c.r.Context(), revision)
	if errors.Is(err, replog.ErrNotFound) {
		return notFound("revision")
	}
	if err != nil {
		return err
	}
	return c.answerJSON(http.StatusOK, e.Line())
}
