package server

import (
	"context"
	"errors"
	"io"

	"replog/replog"
)

// answer sends what a device needs to move its sync point: in order of
// revision, the verdicts on its own transactions and the applied entries. Both
// stop at the head as it is when the answer begins, or at the byte limit.
func (s *Server) answer(c *call, h *replog.SyncHeader, epoch replog.Epoch, sent []replog.Verdict) error {
	place, err := c.db.log.Place(c.r.Context(), h.Device, h.SyncPoint)
	if err != nil {
		return err
	}
	head := place.Head
	if head.Epoch != epoch || head.Revision < h.SyncPoint {
		return busy(otherLog) // asked again, it is told whether it fits that
	}
	stream, err := c.stream(typeNDJSON)
	if err != nil {
		return err
	}
	a := &answer{out: stream, fault: func() error { return c.cutAt(stream) }, limit: s.cfg.Limits.AnswerBytes}
	a.line(replog.AnswerLine{Answer: &replog.SyncAnswer{Version: replog.WireVersion, Epoch: head.Epoch, Head: head.Revision, LastSeq: place.LastSeq}})
	if h.PushOnly {
		a.acknowledge(sent, h)
	} else {
		c.noteDiffered(h)
		a.download(c.r.Context(), c.db.log, h, head)
	}
	if a.err != nil {
		c.w.begin()
		return a.err
	}
	return stream.finish()
}

// cutAt asks the fault point in mid-answer, with what came before it sent.
func (c *call) cutAt(stream *answerStream) error {
	if c.db.cfg.Fault == nil {
		return nil
	}
	if err := stream.push(c.w); err != nil {
		return err
	}
	return c.db.fault(FaultMidAnswer)
}

// answer writes lines, counts their bytes and keeps the first error.
type answer struct {
	out   io.Writer
	fault func() error // asked once, before the closing line
	limit int64
	bytes int64
	err   error
}

func (a *answer) Write(b []byte) (int, error) {
	n, err := a.out.Write(b)
	a.bytes += int64(n)
	return n, err
}

func (a *answer) line(l replog.AnswerLine) {
	if a.err == nil {
		a.err = replog.WriteAnswerLine(a, l)
	}
}

func (a *answer) done(d replog.SyncDone) {
	if a.err == nil {
		a.err = a.fault()
	}
	a.line(replog.AnswerLine{Done: &d})
}

// acknowledge answers an upload that wants no entries: the device's sync point
// stays where it is.
func (a *answer) acknowledge(sent []replog.Verdict, h *replog.SyncHeader) {
	for i := range sent {
		a.line(replog.AnswerLine{Verdict: &sent[i]})
	}
	a.done(replog.SyncDone{Revision: h.SyncPoint, Chain: h.Chain})
}

// errFull ends the reading of the log at the byte limit.
var errFull = errors.New("the answer is full")

// download answers with the log from the device's sync point up to the head.
func (a *answer) download(ctx context.Context, log replog.Log, h *replog.SyncHeader, head replog.Head) {
	reached := h.SyncPoint
	full := false
	if h.SyncPoint < head.Revision && a.err == nil {
		a.err = log.Deliveries(ctx, wantedBy(h, head.Revision), func(d *replog.Delivery) error {
			if reached > h.SyncPoint && a.bytes >= a.limit {
				return errFull
			}
			a.deliver(d)
			reached = d.Revision
			return a.err
		})
		if full = errors.Is(a.err, errFull); full {
			a.err = nil
		} else {
			reached = head.Revision // what is not for this device may come last
		}
	}
	chain := head.Chain
	if reached < head.Revision && a.err == nil {
		chain, a.err = log.ChainAt(ctx, reached)
	}
	a.done(replog.SyncDone{Revision: reached, Chain: chain, More: full})
}

// maxDiffered is how many entries a device may name that it cannot run; more, and it
// gets the changes of all.
const maxDiffered = 1000

// wantedBy is what a device is to get.
func wantedBy(h *replog.SyncHeader, head replog.Revision) replog.Wanted {
	w := replog.Wanted{To: h.Device, After: h.SyncPoint, UpTo: head}
	if h.AsChanges || len(h.Differed) > maxDiffered {
		w.AsChanges = true
	} else {
		w.Differed = h.Differed
	}
	return w
}

// noteDiffered tells operators of intents that did something else on a device than on
// the server, which ought not to happen.
func (c *call) noteDiffered(h *replog.SyncHeader) {
	if len(h.Differed) == 0 {
		return
	}
	c.db.differed.Add(int64(len(h.Differed)))
	c.db.cfg.Logger.Warn("intents made other changes on a device than on the server; it gets the changes",
		"database", c.db.name, "device", h.Device, "revisions", h.Differed[:min(len(h.Differed), 20)], "count", len(h.Differed))
}

// deliver writes what one entry means to the device.
func (a *answer) deliver(d *replog.Delivery) {
	if d.Verdict != nil {
		a.line(replog.AnswerLine{Verdict: d.Verdict})
	}
	if d.Applied && a.err == nil {
		a.err = replog.WriteDelivery(a, d)
	}
}
