package server

import (
	"replog/replog"
)

// readVerdicts answers with the verdicts on one device's transactions, in order
// of revision, in the form of an answer to a sync: after= and upto= bound the
// revisions. By them a copied file that becomes a device of its own learns what
// of its outbox the log has, by hash. Any device may ask, as any may read the log.
func (s *Server) readVerdicts(c *call) error {
	device, err := replog.ParseDeviceID(c.r.PathValue("id"))
	if err != nil {
		return malformed("%v", err)
	}
	asked, err := replog.ParseFilter(c.r.URL.Query())
	if err != nil {
		return malformed("%v", err)
	}
	f := replog.Filter{After: asked.After, UpTo: asked.UpTo, Devices: []replog.DeviceID{device}}
	head, err := c.db.log.Head(c.r.Context())
	if err != nil {
		return err
	}
	if f.UpTo == 0 || f.UpTo > head.Revision {
		f.UpTo = head.Revision
	}
	stream, err := c.stream(typeNDJSON)
	if err != nil {
		return err
	}
	c.w.begin()
	if f.After < f.UpTo {
		err = c.db.log.Entries(c.r.Context(), f, func(e replog.Entry) error {
			v := e.Verdict()
			return replog.WriteAnswerLine(stream, replog.AnswerLine{Verdict: &v})
		})
	}
	if err == nil {
		err = replog.WriteAnswerLine(stream, replog.AnswerLine{Done: &replog.SyncDone{Revision: f.UpTo}})
	}
	if err != nil {
		return err
	}
	return stream.finish()
}
