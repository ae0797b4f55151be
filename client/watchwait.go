package client

import (
	"context"
	"errors"
	"time"

	"github.com/fsnotify/fsnotify"

	"replog/applier"
)

// firstLook is when a file is looked at after something was written to it: not
// at once, as the last write that the operating system tells of comes before
// others can see what was committed. More looks follow, each after twice the time.
const firstLook = 3 * time.Millisecond

// wait returns when there is a reason to sync.
func (w *watch) wait(ctx context.Context) error {
	if due, err := w.unsent(true); err != nil || due {
		return err
	}
	poll, look := w.nextPoll(), w.calm()
	for {
		// One event is as good as many: while a look is due they wait.
		var events <-chan fsnotify.Event
		if w.file != nil && look > firstLook {
			events = w.file.events()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.retry:
			return nil
		case <-poll:
			return nil
		case t := <-w.news():
			if w.hear(t) {
				return nil
			}
			poll = w.nextPoll()
		case e := <-events:
			w.file.happened(e)
			look = firstLook
		case err := <-w.untold():
			w.file.lost(err)
			look = firstLook
		case <-w.after(look):
			w.file.watchWAL()
			if due, err := w.unsent(false); err != nil || due {
				return err
			}
			look = min(2*look, w.calm())
		}
	}
}

// calm is how long a file is left alone of which nobody has told anything.
func (w *watch) calm() time.Duration {
	if w.file == nil {
		return 0
	}
	return w.file.every()
}

// after is Clock.After; nil where no file is open to be looked at.
func (w *watch) after(look time.Duration) <-chan time.Time {
	if w.file == nil {
		return nil
	}
	return w.Clock.After(look)
}

// untold says that something may have happened of which nobody told.
func (w *watch) untold() <-chan error {
	if w.file == nil {
		return nil
	}
	return w.file.errors()
}

// unsent tells whether another program has written something that is to be
// uploaded now; after a sync, also whether it did so meanwhile. While syncs fail
// for another reason than the file, nothing is.
func (w *watch) unsent(synced bool) (bool, error) {
	if w.device == nil {
		return false, nil
	}
	if !w.file.same() {
		return false, errReplaced
	}
	version, err := w.device.version()
	if err != nil {
		return false, passing(err)
	}
	changed := version != w.version
	if changed {
		id, err := w.device.identity()
		if err != nil {
			return false, passing(err)
		}
		if id.Device != w.id.Device || id.Server != w.id.Server || id.Name != w.id.Name {
			return false, errReplaced // enrolled anew, or given another address
		}
		w.version = version
	}
	w.unknown = w.unknown || changed || synced
	if !w.unknown || w.Mode == PullOnly {
		return false, nil
	}
	var busy *BusyError
	if w.failed != nil && !(changed && errors.As(w.failed, &busy)) {
		return false, nil
	}
	due, err := w.device.hasUnsent()
	w.unknown = err != nil
	return due, passing(err)
}

// passing drops an error that the next look may not meet.
func passing(err error) error {
	if MayPass(err) {
		return nil
	}
	return err
}

// news is where the listener's tidings come from; nil where nobody listens.
func (w *watch) news() <-chan tidings {
	if w.listener == nil {
		return nil
	}
	return w.listener.news
}

// hear takes tidings in and tells whether they are a reason to sync: a newer
// head; a stream that is there again, of a server that may have been restored;
// or that there is none, as a sync learns whether that is all that is wrong.
func (w *watch) hear(t tidings) bool {
	before := w.tidings
	w.tidings = t
	if !t.live {
		return t.unavailable != nil && !w.polling
	}
	w.polling = false
	if t.stream != before.stream && (w.failed != nil || before.stream != 0) {
		return true
	}
	if w.failed != nil {
		return false // the retry sees to it
	}
	return t.head != nil && (t.head.Revision > w.point || t.head.Epoch != w.id.Epoch)
}

// nextPoll is when to ask the server of itself: not while its events come, nor
// while a retry is due anyway.
func (w *watch) nextPoll() <-chan time.Time {
	if w.listener == nil || w.tidings.live || w.retry != nil {
		return nil
	}
	spread := 0.75 + w.Random()/2
	return w.Clock.After(time.Duration(spread * float64(w.Poll)))
}

// version is SQLite's count of what other connections committed to the file.
func (d *Device) version() (int64, error) {
	row, err := d.replica.QueryRow("PRAGMA data_version")
	if err != nil {
		return 0, busy(d.path, err)
	}
	return row[0].Int64(), nil
}

// hasUnsent tells whether there is anything that the server is not known to have:
// recorded, or written while capture was blind to it.
func (d *Device) hasUnsent() (bool, error) {
	var blind []*applier.Table
	err := d.read(func() (err error) {
		blind, err = d.replica.Blind()
		return err
	})
	if err != nil || len(blind) > 0 {
		return len(blind) > 0, err
	}
	row, err := d.replica.QueryRow(`SELECT EXISTS(SELECT 1 FROM main.replog_change)
		OR EXISTS(SELECT 1 FROM main.replog_outbox WHERE NOT uploaded)`)
	if err != nil {
		return false, busy(d.path, err)
	}
	return row[0].Int64() != 0, nil
}
