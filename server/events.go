package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"replog/replog"
)

// noRevision stands for none: the first head, whatever it is, is another.
const noRevision replog.Revision = -1

// events sends a replog.HeadEvent each time the log has a new head, and at once
// where the head is not the revision that the client names as the last it knows.
// It ends, without an error, when the token is revoked or the server stops: a
// client that comes again learns which.
func (s *Server) events(c *call) error {
	last, err := lastKnown(c.r)
	if err != nil {
		return err
	}
	l := s.listeners.join(c.token.ID)
	if l == nil {
		return busy("the server is stopping")
	}
	defer s.listeners.leave(l)
	head := c.w.Header()
	head.Set("Content-Type", replog.TypeEventStream)
	head.Set("Cache-Control", "no-store, no-transform")
	head.Set("X-Accel-Buffering", "no") // nginx
	// Something at once, so that a client notices where nothing gets through.
	if err := c.say([]byte(": listening\n\n")); err != nil {
		return err
	}
	return c.listen(l, s.listeners.ended, last, s.cfg.Limits.Heartbeat)
}

// listen sends heads and heartbeats until the stream ends.
func (c *call) listen(l *listener, ended <-chan struct{}, last replog.Revision, heartbeat time.Duration) error {
	silence := time.NewTimer(heartbeat)
	defer silence.Stop()
	first, _ := c.db.heads.newest()
	for epoch := first.Epoch; ; {
		head, moved := c.db.heads.newest()
		if head.Revision != last || head.Epoch != epoch {
			if err := c.say(eventOf(head)); err != nil {
				return err
			}
			last, epoch = head.Revision, head.Epoch
			silence.Reset(heartbeat)
		}
		select {
		case <-moved:
		case <-silence.C:
			if err := c.say([]byte(": heartbeat\n\n")); err != nil {
				return err
			}
			silence.Reset(heartbeat)
		case <-l.revoked:
			return nil
		case <-ended:
			return nil
		case <-c.r.Context().Done():
			return nil
		}
		if err := c.alive(); err != nil {
			return err
		}
	}
}

// say sends a piece of the stream now.
func (c *call) say(piece []byte) error {
	if _, err := c.w.Write(piece); err != nil {
		return err
	}
	return c.w.control.Flush()
}

func eventOf(head replog.Head) []byte {
	data, _ := json.Marshal(replog.HeadEvent{Revision: head.Revision, Epoch: head.Epoch}) // a number and a string
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %d\nevent: %s\ndata: %s\n\n", head.Revision, replog.EventHead, data)
	return b.Bytes()
}

// lastKnown is the revision after which a client wants to know of heads: the
// header, which comes with every reconnection, counts more than the address.
func lastKnown(r *http.Request) (replog.Revision, error) {
	text := r.Header.Get(replog.HeaderLastEventID)
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	if text == "" {
		return noRevision, nil
	}
	revision, err := replog.ParseRevision(text)
	if err != nil {
		return 0, malformed("%v", err)
	}
	return revision, nil
}
