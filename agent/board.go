package agent

import (
	"encoding/json"
	"errors"
	"os"
	"sync"

	"replog/client"
	"replog/replog"
)

// board holds the status and writes it to its file each time it changes.
type board struct {
	clock client.Clock
	voice Voice
	path  string

	mu     sync.Mutex
	status Status
	mute   bool // it was said that the file cannot be written
}

func newBoard(c *Config, o Options) *board {
	b := &board{clock: o.Clock, voice: o.Voice, path: c.StatusFile}
	now := o.now()
	b.status = Status{Version: statusVersion, Running: true, PID: os.Getpid(), Config: c.Path, StartedAt: now, LoadedAt: now}
	b.list(c)
	return b
}

func (o *Options) now() replog.Millis { return millis(o.Clock.Now()) }

// list makes the status list the databases of a configuration; what is known of
// those that are in it unchanged stays.
func (b *board) list(c *Config) {
	known := map[string]DatabaseStatus{}
	for _, d := range b.status.Databases {
		known[d.Path] = d
	}
	b.status.Databases = nil
	for _, e := range c.Databases {
		d := known[e.Path]
		d.Path, d.Schedule, d.Watch = e.Path, e.Schedule, e.Watch
		b.status.Databases = append(b.status.Databases, d)
	}
}

// reloaded notes a new configuration, or why there is none.
func (b *board) reloaded(c *Config, err error) {
	b.change(func(s *Status) {
		if err != nil {
			s.BadConfig = err.Error()
			return
		}
		s.BadConfig, s.LoadedAt = "", millis(b.clock.Now())
		b.list(c)
	})
}

// update changes what is known of one database. One that is no longer in the
// configuration, whose job is ending, is left out.
func (b *board) update(path string, f func(*DatabaseStatus)) {
	b.change(func(s *Status) {
		for i := range s.Databases {
			if s.Databases[i].Path == path {
				f(&s.Databases[i])
			}
		}
	})
}

func (b *board) change(f func(*Status)) {
	b.mu.Lock()
	f(&b.status)
	err := b.write()
	say := err != nil && !b.mute
	b.mute = err != nil
	b.mu.Unlock()
	if say {
		b.voice.NoStatus(err)
	}
}

// write replaces the file in one step, so that a reader finds the status before
// or after. It is not synced to the disk: after a crash of the machine no agent
// runs, and the next one writes it anew.
func (b *board) write() error {
	b.status.WrittenAt = millis(b.clock.Now())
	text, err := json.MarshalIndent(&b.status, "", "  ")
	if err != nil {
		return err
	}
	made := b.path + ".new"
	err = os.WriteFile(made, append(text, '\n'), 0o600)
	if err == nil {
		err = os.Rename(made, b.path)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(made))
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
