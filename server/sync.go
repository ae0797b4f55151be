package server

import (
	"errors"
	"io"

	"replog/replog"
)

// A job goes to the writer when it has this many transactions or bytes, so that
// an upload of any size takes bounded memory.
const (
	jobTransactions = 1000
	jobBytes        = 1 << 20
)

// sync takes an upload and answers it. Transactions that came whole are kept
// even where the upload is cut or one of them is refused.
func (s *Server) sync(c *call) error {
	body, err := c.body(s.cfg.Limits.UploadBytes)
	if err != nil {
		return err
	}
	defer body.close()
	lines := replog.NewLineReader(body)
	header, err := lines.SyncHeader()
	if err != nil {
		return unreadable(err)
	}
	epoch, err := c.checkHeader(&header)
	if err != nil {
		return err
	}
	verdicts, err := s.receive(c, &header, epoch, lines, body)
	if err != nil {
		return err
	}
	return s.answer(c, &header, epoch, verdicts)
}

// checkHeader refuses devices that do not fit the database as it is now. It returns the
// epoch in which they do.
func (c *call) checkHeader(h *replog.SyncHeader) (replog.Epoch, error) {
	if h.Device != c.token.Device {
		return "", forbidden("the token is another device's")
	}
	if h.Database != c.db.id {
		return "", replaced(h.Database, c.db.id)
	}
	if h.SyncPoint < 0 || h.LastSeq < 0 {
		return "", malformed("negative sync point or seq")
	}
	place, err := c.checkHistory(h)
	if err != nil {
		return "", err
	}
	if err := c.checkSchema(h.Schema, place.Head.Revision); err != nil {
		return "", err
	}
	if h.LastSeq < place.LastSeq {
		return "", forked(h.LastSeq, place.LastSeq)
	}
	return place.Head.Epoch, nil
}

// receive reads transactions and has them judged, a job at a time, while it
// reads the next. On an error what came whole before it has been judged all the
// same.
func (s *Server) receive(c *call, h *replog.SyncHeader, epoch replog.Epoch, lines *replog.LineReader, body *boundedBody) (verdicts []replog.Verdict, err error) {
	judged := func() result { return result{} } // waits for the job under way
	collect := func() error {
		r := judged()
		judged = func() result { return result{} }
		verdicts = append(verdicts, r.verdicts...)
		return r.err
	}
	for total := 0; ; {
		forms, end := s.readForms(lines, body, &total)
		if err := collect(); err != nil {
			closeForms(forms)
			return nil, err
		}
		if len(forms) > 0 {
			wait := c.db.submit(&job{
				device: h.Device, lastSeq: h.LastSeq, schema: c.token.Schema, epoch: epoch, rejoined: h.Rejoined, forms: forms,
			})
			judged = func() result {
				defer closeForms(forms)
				return wait()
			}
		}
		if end == nil {
			continue
		}
		if err := collect(); err != nil {
			return nil, err
		}
		if errors.Is(end, io.EOF) && !errors.Is(end, replog.ErrForm) {
			return verdicts, nil
		}
		return nil, unreadable(end)
	}
}

// readForms reads the transactions of one job, and counts them in total. What
// comes with an error is whole; io.EOF ends the upload.
func (s *Server) readForms(lines *replog.LineReader, body *boundedBody, total *int) (forms []*replog.Form, err error) {
	begun := body.read
	for len(forms) < jobTransactions && body.read-begun < jobBytes {
		form, err := lines.Form()
		if err != nil {
			return forms, err
		}
		if *total++; *total > s.cfg.Limits.UploadTransactions {
			closeForms([]*replog.Form{form})
			return forms, tooMany(s.cfg.Limits.UploadTransactions)
		}
		forms = append(forms, form)
	}
	return forms, nil
}

// closeForms lets go of forms. Where a temporary file cannot be closed, nothing
// is lost.
func closeForms(forms []*replog.Form) {
	for _, f := range forms {
		_ = f.Close()
	}
}
