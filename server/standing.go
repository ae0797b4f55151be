package server

import (
	"encoding/json"
	"io"
	"net/http"

	"replog/replog"
)

// maxStandingBytes bounds the body of a question for the standing.
const maxStandingBytes = 256 << 10

// standing answers with a replog.Standing: where the log stands towards a device. Any
// device may ask, as any may read the log.
func (s *Server) standing(c *call) error {
	device, err := replog.ParseDeviceID(c.r.PathValue("id"))
	if err != nil {
		return malformed("%v", err)
	}
	body, err := c.body(maxStandingBytes)
	if err != nil {
		return err
	}
	defer body.close()
	raw, err := io.ReadAll(body)
	if err != nil {
		return unreadable(err)
	}
	var asked replog.StandingRequest
	if err := json.Unmarshal(raw, &asked); err != nil {
		return malformed("%v", err)
	}
	if len(asked.Points) > replog.MostPoints {
		return malformed("%d points: %d is the most", len(asked.Points), replog.MostPoints)
	}
	ctx, log := c.r.Context(), c.db.log
	place, err := log.Place(ctx, device, 0)
	if err != nil {
		return err
	}
	head := place.Head
	answer := replog.Standing{Epoch: head.Epoch, Head: head.Revision, Chain: head.Chain, LastSeq: place.LastSeq}
	for _, p := range asked.Points {
		if p.Revision < 0 || p.Chain == "" {
			return malformed("revision %d is no point", p.Revision)
		}
		has, err := holds(ctx, log, head, p.Revision, p.Chain)
		if err != nil {
			return err
		}
		if has {
			answer.Common = p.Revision
			break
		}
	}
	return c.answerJSON(http.StatusOK, answer)
}
