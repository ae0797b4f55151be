package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"replog/replog"
)

// LogQuery says which entries of the log are wanted.
type LogQuery struct {
	After   replog.Revision
	Limit   int // 0: no limit
	Device  replog.DeviceID
	Outcome replog.Outcome
}

// Log reads the log of the device's database from its server, newest first,
// whatever the outcomes.
func (d *Device) Log(ctx context.Context, q LogQuery, yield func(replog.LogLine) error) error {
	token, err := readToken(d.path)
	if err != nil {
		return err
	}
	s := d.server
	s.token = token
	return s.log(ctx, q, yield)
}

// ReadLog reads the log of a database on a server with a token.
func ReadLog(ctx context.Context, address, token string, o Options, q LogQuery, yield func(replog.LogLine) error) error {
	o = o.withDefaults()
	base, name, err := ParseServer(address)
	if err != nil {
		return err
	}
	s := server{http: o.HTTP, retries: o.retries(), url: base, name: name, token: token}
	return s.log(ctx, q, yield)
}

// errEnough ends reading when the limit is reached.
var errEnough = errors.New("enough")

func (s *server) log(ctx context.Context, q LogQuery, yield func(replog.LogLine) error) error {
	v := url.Values{"all": {"1"}, "order": {"desc"}, "after": {strconv.FormatInt(int64(q.After), 10)}}
	if q.Limit > 0 && q.Outcome == "" {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Device != "" {
		v.Set("device", string(q.Device))
	}
	res, err := s.do(ctx, call{method: "GET", path: "/log?" + v.Encode()}, &traffic{})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	err = s.lines(res.Body, q, yield)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (s *server) lines(r io.Reader, q LogQuery, yield func(replog.LogLine) error) error {
	in := bufio.NewReader(r)
	for n := 0; q.Limit == 0 || n < q.Limit; {
		raw, err := in.ReadBytes('\n')
		if err == io.EOF && len(raw) == 0 {
			return nil
		}
		if err != nil {
			return &UnreachableError{URL: s.address(), Err: fmt.Errorf("the answer was cut: %w", err)}
		}
		var line replog.LogLine
		if err := json.Unmarshal(raw, &line); err != nil {
			return fmt.Errorf("%s: the server's answer: %w", s.address(), err)
		}
		if q.Outcome != "" && line.Outcome != q.Outcome {
			continue
		}
		if err := yield(line); err != nil {
			return err
		}
		n++
	}
	return errEnough
}
