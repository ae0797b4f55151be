package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"replog/replog"
)

// maxEnrolBytes bounds the body of an enrolment.
const maxEnrolBytes = 64 << 10

// enrolDevice makes a device and answers with its token, which is shown this
// once.
func (s *Server) enrolDevice(c *call) error {
	body, err := c.body(maxEnrolBytes)
	if err != nil {
		return err
	}
	defer body.close()
	raw, err := io.ReadAll(body)
	if err != nil {
		return unreadable(err)
	}
	var request replog.EnrolRequest
	if err := json.Unmarshal(raw, &request); err != nil {
		return malformed("%v", err)
	}
	ctx := c.r.Context()
	head, err := c.db.log.Head(ctx)
	if err != nil {
		return err
	}
	id, secret, err := s.registry.enrol(ctx, s.cfg.Random, c.token, c.db.id, request.Name, s.cfg.now())
	if errors.Is(err, errSpent) {
		return &replog.Problem{Status: http.StatusUnauthorized, Code: replog.CodeUnauthorized,
			Title: "a valid token is needed", Detail: err.Error()}
	}
	if err != nil {
		return err
	}
	return c.answerJSON(http.StatusCreated, replog.Enrolment{
		Device: id, Token: secret, Name: c.name, DatabaseID: head.Database, Epoch: head.Epoch, Head: head.Revision, Chain: head.Chain,
	})
}

// listDevices answers with the database's devices, one a line, the oldest first.
func (s *Server) listDevices(c *call) error {
	devices, err := s.registry.devices(c.r.Context(), c.db.id)
	if err != nil {
		return err
	}
	stream, err := c.stream(typeNDJSON)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(stream)
	for i := range devices {
		if err := enc.Encode(&devices[i]); err != nil {
			return err
		}
	}
	return stream.finish()
}

// removeDevice revokes a device. What it uploaded stays.
func (s *Server) removeDevice(c *call) error {
	id, err := replog.ParseDeviceID(c.r.PathValue("id"))
	if err != nil {
		return malformed("%v", err)
	}
	found, err := s.registry.revokeDevice(c.r.Context(), c.db.id, id, s.cfg.now())
	if err != nil {
		return err
	}
	if !found {
		return notFound("device")
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
