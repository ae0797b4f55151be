package agent

import (
	"time"

	"replog/client"
)

// watch watches the database. Where a watch ends as it needs a person, another
// is begun after a pause: the person may have done what was needed.
func (j *job) watch() {
	for {
		j.board.update(j.Path, func(s *DatabaseStatus) { s.Running = true; s.Next = 0 })
		err := client.Watch(j.until, client.WatchOptions{
			Path: j.Path, Device: j.Device, Mode: j.Mode, Timeout: j.Timeout, Poll: j.Poll,
			Observer: watching{j}, Clock: j.Clock, Random: j.Random,
		})
		j.board.update(j.Path, func(s *DatabaseStatus) { s.Running = false })
		if j.until.Err() != nil {
			return
		}
		if err != nil {
			j.failed(err)
		}
		wait := j.pause.Next()
		j.board.update(j.Path, func(s *DatabaseStatus) { s.Next = millis(j.Clock.Now().Add(wait)) })
		select {
		case <-j.until.Done():
			return
		case <-j.Clock.After(wait):
		}
	}
}

// watching observes a job's watch.
type watching struct{ *job }

func (w watching) Synced(r *client.SyncResult) {
	w.board.update(w.Path, func(s *DatabaseStatus) { s.Runs++ })
	w.succeeded(r)
}

func (w watching) Failed(err error, _ time.Duration) {
	w.board.update(w.Path, func(s *DatabaseStatus) { s.Runs++ })
	w.failed(err)
}

func (w watching) Polling(why error, every time.Duration) { w.Voice.Polling(w.Path, why, every) }
