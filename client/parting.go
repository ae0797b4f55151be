package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"replog/replog"
)

// parting is where the history that a file knows and the log part.
type parting struct {
	replog.Standing
	common replog.Point
	schema *replog.SchemaVersion // the log's, there
}

// findParting asks the server for it.
func (d *Device) findParting(ctx context.Context, id *identity) (*parting, error) {
	points, err := d.points()
	if err != nil {
		return nil, err
	}
	p := &parting{common: replog.Point{Chain: replog.FirstChain(id.Database)}}
	if p.Standing, err = d.server.standing(ctx, id.Device, points); err != nil {
		return nil, err
	}
	for _, at := range points {
		if at.Revision == p.Common {
			p.common = at
		}
	}
	p.schema, err = d.server.schema(ctx, fmt.Sprintf("?at=%d", p.common.Revision))
	return p, err
}

// as is the device as it was there.
func (p *parting) as(id *identity) *identity {
	as := *id
	as.Epoch, as.SyncPoint, as.Chain = p.Epoch, p.common.Revision, p.common.Chain
	as.Seen = min(id.Seen, p.LastSeq)
	as.Schema.fingerprint = p.schema.Fingerprint
	return &as
}

// lost tells whether the log has given up some of what the file knows.
func (p *parting) lost(id *identity) bool {
	if id.Chain == "" {
		return p.Epoch != id.Epoch || p.Head < id.SyncPoint
	}
	return p.common.Revision != id.SyncPoint
}

// standing asks where the log stands towards a device.
func (s *server) standing(ctx context.Context, device replog.DeviceID, points []replog.Point) (standing replog.Standing, err error) {
	body, err := json.Marshal(replog.StandingRequest{Points: points})
	if err != nil {
		return standing, err
	}
	err = s.again(ctx, true, func() error {
		res, err := s.once(ctx, call{
			method: "POST", path: "/devices/" + string(device) + "/standing",
			body: func() io.Reader { return bytes.NewReader(body) }, contentType: "application/json",
		}, &traffic{})
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&standing); err != nil {
			return &UnreachableError{URL: s.address(), Err: fmt.Errorf("the answer was cut: %w", err)}
		}
		return nil
	})
	return standing, err
}
