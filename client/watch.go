package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/fsnotify/fsnotify"

	"replog/applier"
	"replog/replog"
)

// WatchOptions say what to watch and what a watch needs from outside.
type WatchOptions struct {
	// Path is the device's file.
	Path string
	// Device are the options that it is opened with. RetryFor does not count:
	// the watch tries again by itself, and sooner where the server is there again.
	Device Options
	// Mode says which way syncs go. With PushOnly nobody listens to the server;
	// with PullOnly what is written to the file is no reason to sync.
	Mode Mode
	// Timeout bounds each sync; 0 is never.
	Timeout time.Duration
	// Poll is how often the server is asked while its events do not get
	// through. Default 10 seconds.
	Poll time.Duration
	// Observer is told what happens; it may be nil.
	Observer Observer
	// Clock and Random, which gives numbers from 0 up to 1, are the system's
	// where nil. Options.Clock still tells the server the time.
	Clock  Clock
	Random func() float64
	// Notify makes what tells of writes to files. Default fsnotify.NewWatcher.
	Notify func() (*fsnotify.Watcher, error)
}

// Observer is told, from one goroutine, how a watch fares.
type Observer interface {
	// Synced is called after each sync, also after one that did nothing.
	Synced(*SyncResult)
	// Failed is called after each sync that failed for a reason that may pass,
	// with how long the watch waits at most before it tries again.
	Failed(err error, retry time.Duration)
	// Polling is called when the server's events turn out not to get through,
	// with the reason and how often the server is asked instead.
	Polling(why error, every time.Duration)
}

type noObserver struct{}

func (noObserver) Synced(*SyncResult)           {}
func (noObserver) Failed(error, time.Duration)  {}
func (noObserver) Polling(error, time.Duration) {}

func (o WatchOptions) withDefaults() WatchOptions {
	if o.Poll == 0 {
		o.Poll = 10 * time.Second
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Notify == nil {
		o.Notify = fsnotify.NewWatcher
	}
	o.Device.RetryFor = 0
	o.Device = o.Device.withDefaults()
	return o
}

// The waits before a sync that failed is tried again.
const firstRetry, longestRetry = time.Second, time.Minute

// settle is how long a watch lets a program go on writing before it syncs: what
// belongs together often comes together. It also parts syncs from each other, as
// does the time that the last one took: a program that writes without a pause
// has the file to itself for half of the time.
const settle = 10 * time.Millisecond

// Watch keeps a device's file and the server's database in step until ctx is
// done, and then returns nil: it syncs at once, soon after any program has
// written to the file, and when the server tells of a new head. One sync follows
// the other. What MayPass is tried again, with growing waits; any other error
// ends the watch and is returned.
func Watch(ctx context.Context, o WatchOptions) error {
	o = o.withDefaults()
	w := &watch{WatchOptions: o, retries: Backoff{First: firstRetry, Longest: longestRetry, Random: o.Random}}
	defer w.close()
	for {
		err := w.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		// What failed on a file that is no longer there may be anything.
		if replaced := w.file != nil && !w.file.same(); !replaced && !errors.Is(err, errReplaced) {
			return err
		}
		w.close()
	}
}

// MayPass tells whether an error of a sync may go away without a person doing
// anything about the device.
func MayPass(err error) bool {
	var (
		unreachable *UnreachableError
		busy        *BusyError
		problem     *replog.Problem
	)
	switch {
	case errors.As(err, &unreachable), errors.As(err, &busy), applier.IsBusy(err), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &problem):
		return problem.Code == replog.CodeInternal || problem.Code == replog.CodeBusy
	}
	return false
}

// Idle tells that a sync found nothing to do.
func (r *SyncResult) Idle() bool {
	return r.Uploaded == 0 && r.Downloaded == 0 && r.Applied+r.Ignored+r.Conflicts+r.Rejected+r.Held == 0
}
