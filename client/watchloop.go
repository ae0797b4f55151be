package client

import (
	"context"
	"errors"
	"time"

	"replog/replog"
)

// errReplaced says that the path names another file, or another device, than the
// one that is open.
var errReplaced = errors.New("the file was replaced")

// watch is one Watch. Everything in it is its goroutine's, but for the listener,
// which has its own.
type watch struct {
	WatchOptions
	device *Device // nil until it is opened
	file   *fileWatch
	id     *identity // as it was then
	// version is SQLite's count of what others have committed to the file. What
	// this device's own connection commits, sync's work, leaves it as it is.
	version int64
	unknown bool // whether anything waits to be uploaded

	listener *listener // nil until the first sync
	deafen   context.CancelFunc
	deaf     chan struct{} // closed when the listener has ended
	tidings  tidings
	polling  bool // the observer was told

	point   replog.Revision // the sync point
	ended   time.Time       // when the last sync ended
	took    time.Duration   // how long it took
	failed  error           // why it failed; nil where it did not
	retries Backoff
	retry   <-chan time.Time // when to try again; nil where nothing failed
}

// run syncs whenever there is a reason to, until ctx is done, the path names
// another file, or an error does not pass.
func (w *watch) run(ctx context.Context) error {
	for {
		err := w.sync(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !MayPass(err):
			return err
		case err != nil:
			w.fail(err)
		default:
			w.succeed(ctx)
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
}

// sync opens the device, where it is not open, and syncs it.
func (w *watch) sync(ctx context.Context) error {
	begun := w.Clock.Now()
	defer func() { w.ended = w.Clock.Now(); w.took = w.ended.Sub(begun) }()
	if w.device != nil && !w.file.same() {
		w.close()
	}
	if w.device == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	if w.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, w.Timeout)
		defer cancel()
		ctx = limited
	}
	result, err := w.device.Sync(ctx, w.Mode)
	if err != nil {
		return err
	}
	w.point = result.SyncPoint
	w.Observer.Synced(result)
	id, err := w.device.identity()
	if err == nil {
		w.id.Epoch = id.Epoch
	}
	return err
}

// open opens the device and watches its file; where it fails everything is
// closed.
func (w *watch) open() (err error) {
	file, unseen := watchFile(w.Path, w.Notify)
	w.file = file
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.device, err = Open(w.Path, w.Device); err != nil {
		return err
	}
	if unseen != nil {
		return unseen
	}
	if w.id, err = w.device.identity(); err != nil {
		return err
	}
	if w.version, err = w.device.version(); err != nil {
		return err
	}
	w.file.watchWAL() // which is there now, if the file has one
	if !w.file.same() {
		return errReplaced
	}
	return nil
}

func (w *watch) close() {
	if w.listener != nil {
		w.deafen()
		<-w.deaf
		w.listener, w.tidings = nil, tidings{}
	}
	if w.file != nil {
		w.file.close()
		w.file = nil
	}
	if w.device != nil {
		w.device.Close()
		w.device = nil
	}
}

func (w *watch) fail(err error) {
	wait := w.retries.Next()
	w.failed, w.retry = err, w.Clock.After(wait)
	w.Observer.Failed(err, wait)
}

func (w *watch) succeed(ctx context.Context) {
	w.failed, w.retry = nil, nil
	w.retries.Reset()
	if w.Mode == PushOnly {
		return
	}
	if w.listener == nil {
		w.listener = newListener(w.device, w.Clock, w.Random)
		listening, cancel := context.WithCancel(ctx)
		w.deafen, w.deaf = cancel, make(chan struct{})
		go func(l *listener, deaf chan struct{}) {
			defer close(deaf)
			l.run(listening)
		}(w.listener, w.deaf)
	}
	w.listener.point.Store(int64(w.point))
	if why := w.tidings.unavailable; why != nil && !w.polling {
		w.polling = true
		w.Observer.Polling(why, w.Poll)
	}
}

// pause keeps syncs apart.
func (w *watch) pause(ctx context.Context) error {
	wait := max(settle, w.took-w.Clock.Now().Sub(w.ended))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.Clock.After(wait):
		return nil
	}
}
