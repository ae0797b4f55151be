package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// impatient is the body of an answer that is given up when nothing comes for too
// long. Without it a connection that died silently would be waited for until
// the command's timeout.
type impatient struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer
}

var errStalled = errors.New("the connection stalled")

// newImpatient takes the body of a request that was made with ctx.
func newImpatient(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser, limit time.Duration) *impatient {
	stalled := fmt.Errorf("%w: nothing came for %v", errStalled, limit)
	return &impatient{body: body, ctx: ctx, cancel: cancel, limit: limit, timer: time.AfterFunc(limit, func() { cancel(stalled) })}
}

func (i *impatient) Read(b []byte) (int, error) {
	n, err := i.body.Read(b)
	i.timer.Reset(i.limit)
	if cause := context.Cause(i.ctx); err != nil && errors.Is(cause, errStalled) {
		err = cause
	}
	return n, err
}

func (i *impatient) Close() error {
	i.timer.Stop()
	i.cancel(nil)
	return i.body.Close()
}
