package agent

import (
	"context"
	"time"

	"replog/client"
)

// The waits after syncs that failed.
const (
	firstPause   = time.Second
	longestPause = 15 * time.Minute
)

// job keeps one database in step.
type job struct {
	*agent
	Entry
	syncs context.Context // ends when the agent does
	until context.Context // ends when the job is to begin nothing more
	stop  context.CancelFunc
	ended chan struct{} // closed when it has ended
	pause client.Backoff

	// What the last sync came to; the voice is told where it changes.
	failure *Failure
	waiting int
}

func newJob(a *agent, ctx context.Context, e Entry) *job {
	until, stop := context.WithCancel(ctx)
	return &job{
		agent: a, Entry: e, syncs: ctx, until: until, stop: stop, ended: make(chan struct{}),
		pause: client.Backoff{First: firstPause, Longest: longestPause, Random: a.Random},
	}
}

func (j *job) run() {
	defer close(j.ended)
	defer j.stop()
	if j.Watch {
		j.watch()
		return
	}
	j.schedule()
}

// succeeded takes in what a sync did.
func (j *job) succeeded(r *client.SyncResult) {
	j.pause.Reset()
	recovered := j.failure != nil
	more := r.Waiting > j.waiting
	j.failure, j.waiting = nil, r.Waiting
	now := j.now()
	j.board.update(j.Path, func(s *DatabaseStatus) {
		s.LastSync, s.LastSuccess, s.Failures, s.Error = now, now, 0, nil
		s.Device, s.Database, s.SyncPoint, s.Waiting = r.Device, r.Database, r.SyncPoint, r.Waiting
		s.judge()
	})
	if recovered {
		j.Voice.Recovered(j.Path)
	}
	if more {
		j.Voice.Waiting(j.Path, r.Waiting)
	}
}

// failed takes in that a sync failed.
func (j *job) failed(err error) {
	failure := j.Explain(j.Path, err)
	failure.MayPass = client.MayPass(err)
	news := j.failure == nil || j.failure.Code != failure.Code
	j.failure = &failure
	now := j.now()
	j.board.update(j.Path, func(s *DatabaseStatus) {
		s.LastSync, s.Error = now, &failure
		s.Failures++
		s.judge()
	})
	if news {
		j.Voice.Failing(j.Path, err)
	}
}
