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
	after, upTo := asked.After, asked.UpTo
	head, err := c.db.log.Head(c.r.Context())
	if err != nil {
		return err
	}
	if upTo == 0 || upTo > head.Revision {
		upTo = head.Revision
	}
	stream, err := c.stream(typeNDJSON)
	if err != nil {
		return err
	}
	c.w.begin()
	if after < upTo {
		err = c.db.log.Deliveries(c.r.Context(), replog.Wanted{To: device, After: after, UpTo: upTo}, func(d *replog.Delivery) error {
			if d.Verdict == nil {
				return nil
			}
			return replog.WriteAnswerLine(stream, replog.AnswerLine{Verdict: d.Verdict})
		})
	}
	if err == nil {
		err = replog.WriteAnswerLine(stream, replog.AnswerLine{Done: &replog.SyncDone{Revision: upTo}})
	}
	if err != nil {
		return err
	}
	return stream.finish()
}
