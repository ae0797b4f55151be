package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"replog/client"
)

// Options are what an agent needs from outside.
type Options struct {
	// Config is the configuration file.
	Config string
	// Reload asks to read it again.
	Reload <-chan os.Signal
	// Device are the options that devices are opened with.
	Device client.Options
	// Voice tells people what they should know.
	Voice Voice
	// Explain says what an error of syncing a file means to the command.
	Explain func(path string, err error) Failure
	// Clock and Random, which gives numbers from 0 up to 1, are the system's
	// where nil.
	Clock  client.Clock
	Random func() float64
	// sync is client's, but in tests.
	sync func(context.Context, Entry) (*client.SyncResult, error)
}

// Voice tells people what they should know. Its methods are called by several
// goroutines.
type Voice interface {
	// Failing: syncs of the file begin to fail, or fail for a graver reason.
	Failing(path string, err error)
	// Recovered: after failures, a sync succeeds.
	Recovered(path string)
	// Waiting: more changes of the device wait for a person than before.
	Waiting(path string, n int)
	// Polling: the server's events do not get through to a watch.
	Polling(path string, why error, every time.Duration)
	// NotReloaded: the configuration is bad, and the one before it stays.
	NotReloaded(err error)
	// NoStatus: the status file cannot be written.
	NoStatus(err error)
}

// RunningError says that another agent writes the status file.
type RunningError struct{ StatusFile string }

func (e *RunningError) Error() string { return "another agent writes " + e.StatusFile }

// Next is what the user can do.
func (e *RunningError) Next() string {
	return "one agent serves one configuration; end the other one first, or give this one another status_file"
}

// Run keeps the databases of the configuration in step until ctx is done, then
// returns nil. A bad configuration at the start is a *ConfigError; another agent
// on the same one, a *RunningError.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	config, err := Load(o.Config)
	if err != nil {
		return err
	}
	lock, err := lockStatus(ctx, config)
	if err != nil {
		return err
	}
	defer lock.Close()
	a := &agent{Options: o, config: config, jobs: map[Entry]*job{}}
	a.board = newBoard(config, o)
	if err := a.board.write(); err != nil {
		return statusFileError(config, err)
	}
	a.arrange(ctx)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-o.Reload:
			a.reload(ctx)
		}
	}
	a.running.Wait()
	return nil
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = client.SystemClock{}
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.sync == nil {
		o.sync = o.syncDevice
	}
	return o
}

// syncDevice syncs one device once.
func (o *Options) syncDevice(ctx context.Context, e Entry) (*client.SyncResult, error) {
	if e.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, e.Timeout)
		defer cancel()
		ctx = limited
	}
	d, err := client.Open(e.Path, o.Device)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Sync(ctx, e.Mode)
}

// lockStatus takes the lock that shows that an agent runs. Who only looks
// whether one does holds it for an instant.
func lockStatus(ctx context.Context, c *Config) (*flock.Flock, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	l := flock.New(lockPath(c), flock.SetPermissions(0o600))
	_, err := l.TryLockContext(ctx, 20*time.Millisecond)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &RunningError{StatusFile: c.StatusFile}
	case err != nil && ctx.Err() == nil:
		return nil, statusFileError(c, err)
	case err != nil:
		return nil, err
	}
	return l, nil
}

func lockPath(c *Config) string { return c.StatusFile + "-lock" }

func statusFileError(c *Config, err error) error {
	return &ConfigError{File: c.Path, Err: fmt.Errorf("the status file cannot be written: %w", err),
		Hint: "name one with status_file: in a folder that the agent may write to"}
}

// agent is one Run.
type agent struct {
	Options
	config  *Config
	board   *board
	jobs    map[Entry]*job
	running sync.WaitGroup
}

// arrange makes the jobs those of the configuration: it ends the ones that are
// not in it, begins those that are new, and leaves the others alone.
func (a *agent) arrange(ctx context.Context) {
	wanted := map[Entry]bool{}
	for _, e := range a.config.Databases {
		wanted[e] = true
	}
	ending := map[string]<-chan struct{}{}
	for e, j := range a.jobs {
		if !wanted[e] {
			j.stop()
			ending[e.Path] = j.ended
			delete(a.jobs, e)
		}
	}
	for _, e := range a.config.Databases {
		if a.jobs[e] != nil {
			continue
		}
		j := newJob(a, ctx, e)
		a.jobs[e] = j
		before := ending[e.Path]
		a.running.Go(func() {
			if before != nil {
				<-before // one job at a time has a file
			}
			j.run()
		})
	}
}

// reload reads the configuration again. Where it is bad, the one before stays.
func (a *agent) reload(ctx context.Context) {
	config, err := Load(a.Config)
	if err == nil && config.StatusFile != a.config.StatusFile {
		err = &ConfigError{File: config.Path, Err: errors.New("status_file was changed, which takes a restart"), Hint: "restart the agent, or change it back"}
	}
	if err != nil {
		a.board.reloaded(nil, err)
		a.Voice.NotReloaded(err)
		return
	}
	a.config = config
	a.board.reloaded(config, nil)
	a.arrange(ctx)
}
