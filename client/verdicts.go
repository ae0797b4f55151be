package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"replog/replog"
)

// verdicts asks for the verdicts on a device's transactions after a revision, up
// to another.
func (s *server) verdicts(ctx context.Context, device replog.DeviceID, after, upTo replog.Revision) ([]replog.Verdict, error) {
	if after >= upTo {
		return nil, nil
	}
	var list []replog.Verdict
	err := s.again(ctx, true, func() (err error) {
		list, err = s.askVerdicts(ctx, device, after, upTo)
		return err
	})
	return list, err
}

func (s *server) askVerdicts(ctx context.Context, device replog.DeviceID, after, upTo replog.Revision) ([]replog.Verdict, error) {
	q := url.Values{"after": {strconv.FormatInt(int64(after), 10)}, "upto": {strconv.FormatInt(int64(upTo), 10)}}
	res, err := s.once(ctx, call{method: "GET", path: "/devices/" + string(device) + "/verdicts?" + q.Encode()}, &traffic{})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var list []replog.Verdict
	for lines := replog.NewLineReader(res.Body); ; {
		line, err := lines.AnswerLine()
		switch {
		case errors.Is(err, replog.ErrForm):
			return nil, fmt.Errorf("%s: the server's answer: %w", s.address(), err)
		case err != nil:
			return nil, &UnreachableError{URL: s.address(), Err: fmt.Errorf("the answer was cut: %w", err)}
		case line.Verdict != nil:
			list = append(list, *line.Verdict)
		case line.Done != nil:
			return list, nil
		default:
			return nil, fmt.Errorf("%s: the server's answer: %w: not a verdict", s.address(), replog.ErrForm)
		}
	}
}
