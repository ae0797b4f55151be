package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"replog/client"
)

// watchAll watches databases until the command is told to end, or each of them
// needs a person; the exit code is the gravest of those that did.
func watchAll(c *cli.Context, s *stdio, paths []string) error {
	options, err := clientOptions(c)
	if err != nil {
		return err
	}
	var mu sync.Mutex // of code, and of what is written
	shared := s.shared(&mu)
	code := codeDone
	var running sync.WaitGroup
	for _, path := range paths {
		running.Go(func() {
			err := client.Watch(c.Context, client.WatchOptions{
				Path: path, Device: options, Mode: syncMode(c), Timeout: c.Duration("timeout"), Poll: c.Duration("poll"),
				Observer: &watchVoice{s: shared, path: path, json: c.Bool("json")},
			})
			ended := shared.finish(about(path, err))
			mu.Lock()
			defer mu.Unlock()
			code = graver(code, ended)
		})
	}
	running.Wait()
	if code != codeDone {
		return silent(code)
	}
	return nil
}

// shared is s for several goroutines.
func (s *stdio) shared(mu *sync.Mutex) *stdio {
	return &stdio{in: s.in, out: &lockedWriter{mu, s.out}, err: &lockedWriter{mu, s.err}}
}

// lockedWriter lets several goroutines write whole messages.
type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// watchVoice says what is worth a line of one database's watch: that syncs
// begin to fail, and succeed again; that more waits for a person than before; what
// of the tables is in the file only, where that changes, and what capture missed;
// and that events do not get through.
type watchVoice struct {
	s       *stdio
	path    string
	json    bool
	failing bool
	waiting int
	local   []string
}

// Synced says nothing, but in JSON, of a sync as it should be.
func (v *watchVoice) Synced(r *client.SyncResult) {
	if v.json && !r.Idle() {
		if err := printJSON(v.s.out, r); err != nil {
			v.s.complain(err)
		}
	}
	if v.failing {
		v.failing = false
		v.s.recovered(v.path)
	}
	if !slices.Equal(r.Local, v.local) {
		v.s.local(v.path, r.Local)
	}
	v.local = r.Local
	v.s.missed(v.path, r.Missed)
	v.s.differed(v.path, r.Differed)
	if r.Waiting > v.waiting {
		v.s.waiting(v.path, r.Waiting)
	}
	v.waiting = r.Waiting
}

func (v *watchVoice) Failed(err error, _ time.Duration) {
	if !v.failing {
		v.failing = true
		v.s.failing(v.path, err)
	}
}

func (v *watchVoice) Polling(why error, every time.Duration) { v.s.polling(v.path, why, every) }

// failing tells that syncs begin to fail that go on by themselves.
func (s *stdio) failing(path string, err error) { s.say(about(path, err).Error(), nextInTime(err)) }

// recovered tells that they succeed again.
func (s *stdio) recovered(path string) { s.say(path+": syncs again", "") }

// polling tells that the server's events do not get through.
func (s *stdio) polling(path string, why error, every time.Duration) {
	s.say(fmt.Sprintf("%s: the server's events do not get through (%v): it is asked every %v instead", path, why, every),
		"a proxy before the server must pass answers on as they come: docs/server.md")
}
