package agent

import (
	"context"
	"errors"
	"time"

	"github.com/robfig/cron/v3"

	"replog/client"
)

// lookAtClock bounds one wait for a time: a machine that slept, or whose clock
// was set, is late by this much at most.
const lookAtClock = time.Minute

// outcome is how one sync ended.
type outcome struct {
	result *client.SyncResult
	err    error
}

// schedule syncs when the schedule says so. One sync is under way at a time: a
// time that comes meanwhile is skipped, and counted. After a failure a pause
// follows, each longer than the one before. What may pass is then tried again,
// whatever the schedule says, so that a short outage does not cost a night's
// sync; what needs a person waits for the schedule's next time.
func (j *job) schedule() {
	plan, err := parseSchedule(j.Schedule, j.TimeZone)
	if err != nil {
		j.failed(err) // it was checked: the machine's time zones have changed
		return
	}
	var running chan outcome // nil: none
	defer func() {
		if running != nil {
			j.over(<-running)
		}
	}()
	next := j.plan(plan, j.Clock.Now())
	j.announce(next)
	for {
		select {
		case <-j.until.Done():
			return
		case o := <-running:
			running = nil
			if failed := j.over(o); failed {
				next = j.Clock.Now().Round(0).Add(j.pause.Next())
				if !j.failure.MayPass {
					next = j.plan(plan, next)
				}
				j.announce(next)
			}
		case <-j.Clock.After(min(lookAtClock, next.Sub(j.Clock.Now()))):
			now := j.Clock.Now()
			if now.Before(next) {
				continue
			}
			if running == nil {
				running = j.begin()
			} else {
				j.board.update(j.Path, func(s *DatabaseStatus) { s.Skipped++ })
			}
			next = j.plan(plan, now)
			j.announce(next)
		}
	}
}

// plan chooses the next time after one. Jitter comes on top.
func (j *job) plan(plan cron.Schedule, after time.Time) time.Time {
	next := plan.Next(after.Round(0)) // a wall clock's time
	return next.Add(time.Duration(j.Random() * float64(j.Jitter)))
}

func (j *job) announce(next time.Time) {
	j.board.update(j.Path, func(s *DatabaseStatus) { s.Next = millis(next) })
}

// begin starts a sync, whose outcome comes from the channel.
func (j *job) begin() chan outcome {
	j.board.update(j.Path, func(s *DatabaseStatus) { s.Running = true; s.Runs++ })
	done := make(chan outcome, 1)
	go func() {
		result, err := j.sync(j.syncs, j.Entry)
		done <- outcome{result, err}
	}()
	return done
}

// over takes in the outcome of a sync and tells whether it failed. One that was
// cut short by the agent's end is neither.
func (j *job) over(o outcome) (failed bool) {
	j.board.update(j.Path, func(s *DatabaseStatus) { s.Running = false })
	switch {
	case o.err == nil:
		j.succeeded(o.result)
	case errors.Is(o.err, context.Canceled) && j.syncs.Err() != nil:
	default:
		j.failed(o.err)
		return true
	}
	return false
}
