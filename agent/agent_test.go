package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"replog/client"
)

// stage is an agent in a synctest bubble, whose syncs are the test's: time passes
// when everybody waits.
type stage struct {
	t      *testing.T
	path   string
	reload chan os.Signal
	stop   context.CancelFunc
	done   chan error
	begun  time.Time

	mu    sync.Mutex
	runs  map[string][]time.Duration // when each sync began, by the file's name
	said  []string
	syncs func(name string, run int) (*client.SyncResult, error)
}

func (s *stage) start(config string) {
	s.t.Helper()
	s.path = filepath.Join(s.t.TempDir(), "agent.yaml")
	s.write(config)
	ctx, cancel := context.WithCancel(context.Background())
	s.reload, s.stop, s.done, s.begun = make(chan os.Signal), cancel, make(chan error, 1), time.Now()
	s.runs = map[string][]time.Duration{}
	o := Options{Config: s.path, Reload: s.reload, Voice: s, Random: func() float64 { return 0.5 }}
	o.Explain = func(_ string, err error) Failure { return Failure{Code: len(err.Error()), Message: err.Error()} }
	o.sync = func(_ context.Context, e Entry) (*client.SyncResult, error) {
		name := filepath.Base(e.Path)
		s.mu.Lock()
		s.runs[name] = append(s.runs[name], time.Since(s.begun))
		run, syncs := len(s.runs[name]), s.syncs
		s.mu.Unlock()
		if syncs == nil {
			return &client.SyncResult{}, nil
		}
		return syncs(name, run)
	}
	go func() { s.done <- Run(ctx, o) }()
}

func (s *stage) write(config string) {
	if err := os.WriteFile(s.path, []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// after lets time pass and returns the status then.
func (s *stage) after(d time.Duration) *Status {
	s.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	status, err := ReadStatus(s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	return status
}

func (s *stage) end() {
	s.t.Helper()
	s.stop()
	if err := <-s.done; err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) ran(name string) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.runs[name])
}

func (s *stage) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

func (s *stage) Failing(path string, err error)                { s.say("%s: %v", filepath.Base(path), err) }
func (s *stage) Recovered(path string)                         { s.say("%s again", filepath.Base(path)) }
func (s *stage) Waiting(path string, n int)                    { s.say("%s: %d wait", filepath.Base(path), n) }
func (s *stage) Polling(path string, _ error, _ time.Duration) { s.say("%s polls", path) }
func (s *stage) NotReloaded(err error)                         { s.say("not reloaded: %v", err) }
func (s *stage) NoStatus(err error)                            { s.say("no status: %v", err) }

func (s *stage) heard(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.said, want) {
		s.t.Fatalf("it said %q, want %q", s.said, want)
	}
}

// bubble runs a test of an agent in a bubble.
func bubble(t *testing.T, f func(*stage)) {
	synctest.Test(t, func(t *testing.T) { f(&stage{t: t}) })
}

func TestAgentFollowsSchedules(t *testing.T) {
	bubble(t, func(s *stage) {
		s.start("time_zone: UTC\ndatabases:\n - {path: a.db, schedule: '* * * * * *'}\n - {path: b.db, schedule: '@every 10s'}\n - {path: c.db, schedule: '1 0 * * *'}\n")
		status := s.after(70 * time.Second)
		if a, b, c := len(s.ran("a.db")), len(s.ran("b.db")), s.ran("c.db"); a != 70 || b != 7 || !slices.Equal(c, []time.Duration{time.Minute}) {
			t.Errorf("%d, %d, %v", a, b, c)
		}
		if d := status.Databases[2]; d.Runs != 1 || d.LastSuccess.Time().Sub(s.begun) != time.Minute || d.Next.Time().Sub(s.begun) != 24*time.Hour+time.Minute {
			t.Errorf("%+v", d)
		}
		s.end()
		s.heard()
	})
}

func TestOneSyncAtATimeAndTheOthersAreCounted(t *testing.T) {
	bubble(t, func(s *stage) {
		s.syncs = func(_ string, run int) (*client.SyncResult, error) {
			if run == 1 {
				time.Sleep(3500 * time.Millisecond)
			}
			return &client.SyncResult{}, nil
		}
		s.start("databases: [{path: a.db, schedule: '* * * * * *'}]")
		if d := s.after(2500 * time.Millisecond).Databases[0]; !d.Running || d.Skipped != 1 {
			t.Errorf("meanwhile %+v", d)
		}
		if d := s.after(4 * time.Second).Databases[0]; d.Running || d.Runs != 3 || d.Skipped != 3 {
			t.Errorf("afterwards %+v", d)
		}
		s.end()
	})
}

func TestJitterComesOnTop(t *testing.T) {
	bubble(t, func(s *stage) {
		s.start("databases: [{path: a.db, schedule: '@hourly', jitter: 10m}]")
		s.after(2 * time.Hour)
		if got := s.ran("a.db"); !slices.Equal(got, []time.Duration{time.Hour + 5*time.Minute}) {
			t.Errorf("%v", got)
		}
		s.end()
	})
}

func TestFailuresSlowAScheduleDown(t *testing.T) {
	bubble(t, func(s *stage) {
		unreachable := &client.UnreachableError{URL: "u", Err: errors.New("refused")}
		s.syncs = func(_ string, run int) (*client.SyncResult, error) {
			if run <= 5 {
				return nil, unreachable
			}
			return &client.SyncResult{}, nil
		}
		s.start("databases: [{path: a.db, schedule: '* * * * * *'}]")
		status := s.after(10 * time.Second)
		if d := status.Databases[0]; d.Failures != 4 || d.NeedsPerson || d.Error == nil || !d.Error.MayPass || d.LastSuccess != 0 {
			t.Errorf("while it fails %+v", d)
		}
		s.after(10 * time.Second)
		// Pauses of 0.75, 1.5, 3, 6 and 12 seconds.
		want := []time.Duration{1000, 1750, 3250, 6250, 12250}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if got := s.ran("a.db"); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if d := s.after(10 * time.Second).Databases[0]; d.Failures != 0 || d.Error != nil {
			t.Errorf("when it works again %+v", d)
		}
		s.end()
		s.heard("a.db: "+unreachable.Error(), "a.db again")
	})
}

func TestAnOutageDoesNotCostADaysSync(t *testing.T) {
	bubble(t, func(s *stage) {
		s.syncs = func(_ string, _ int) (*client.SyncResult, error) {
			if time.Since(s.begun) < 24*time.Hour+10*time.Minute {
				return nil, &client.BusyError{Path: "a.db", What: "locked"}
			}
			return &client.SyncResult{}, nil
		}
		s.start("time_zone: UTC\ndatabases: [{path: a.db, schedule: '@daily'}]")
		d := s.after(25 * time.Hour).Databases[0]
		if d.Error != nil || d.Runs > 12 || d.Next.Time().Sub(s.begun) != 48*time.Hour {
			t.Errorf("%+v", d)
		}
		s.end()
	})
}

func TestWhatNeedsAPersonIsSaidOnce(t *testing.T) {
	bubble(t, func(s *stage) {
		s.syncs = func(_ string, run int) (*client.SyncResult, error) {
			switch {
			case run <= 3:
				return nil, errors.New("diverged")
			case run <= 5:
				return &client.SyncResult{Waiting: 2}, nil
			}
			return &client.SyncResult{}, nil
		}
		s.start("databases: [{path: a.db, schedule: '* * * * * *'}]")
		if d := s.after(4500 * time.Millisecond).Databases[0]; !d.NeedsPerson || d.Error.Message != "diverged" {
			t.Errorf("%+v", d)
		}
		if d := s.after(5 * time.Second).Databases[0]; !d.NeedsPerson || d.Error != nil || d.Waiting != 2 {
			t.Errorf("%+v", d)
		}
		if d := s.after(10 * time.Second).Databases[0]; d.NeedsPerson {
			t.Errorf("%+v", d)
		}
		s.end()
		s.heard("a.db: diverged", "a.db again", "a.db: 2 wait")
	})
}

func TestReloadKeepsWhatDidNotChange(t *testing.T) {
	bubble(t, func(s *stage) {
		s.start("databases: [{path: a.db, schedule: '@every 10s'}, {path: b.db, schedule: '@every 10s'}, {path: c.db, schedule: '@every 10s'}]")
		s.after(15 * time.Second)
		s.write("databases: [{path: a.db, schedule: '@every 10s'}, {path: b.db, schedule: '@every 1s'}, {path: d.db, schedule: '@every 1s'}]")
		s.reload <- syscall.SIGHUP
		status := s.after(6 * time.Second)
		for name, want := range map[string]int{"a.db": 2, "b.db": 7, "c.db": 1, "d.db": 6} {
			if got := len(s.ran(name)); got != want {
				t.Errorf("%s ran %d times, want %d", name, got, want)
			}
		}
		if len(status.Databases) != 3 || status.Databases[0].Runs != 2 || status.LoadedAt.Time().Sub(s.begun) != 15*time.Second {
			t.Errorf("%+v", status)
		}
		s.end()
		s.heard()
	})
}

func TestBadConfigAtReloadLeavesTheOldOne(t *testing.T) {
	bubble(t, func(s *stage) {
		good := "databases: [{path: a.db, schedule: '@every 10s'}]"
		s.start(good)
		s.after(15 * time.Second)
		s.write("databases:\n - path: a.db\n   shedule: '@every 1s'\n")
		s.reload <- syscall.SIGHUP
		if status := s.after(10 * time.Second); status.Databases[0].Runs != 2 || !strings.Contains(status.BadConfig, `agent.yaml:3: unknown field "shedule"`) {
			t.Errorf("%+v", status)
		}
		s.write(good)
		s.reload <- syscall.SIGHUP
		if status := s.after(0); status.BadConfig != "" {
			t.Errorf("%+v", status)
		}
		s.write("status_file: other.json\n" + good)
		s.reload <- syscall.SIGHUP
		synctest.Wait()
		s.end()
		if len(s.said) != 2 || !strings.Contains(s.said[0], "shedule") || !strings.Contains(s.said[1], "restart") {
			t.Errorf("it said %q", s.said)
		}
	})
}

func TestReloadLetsASyncEnd(t *testing.T) {
	bubble(t, func(s *stage) {
		s.syncs = func(_ string, run int) (*client.SyncResult, error) {
			if run == 1 {
				time.Sleep(10 * time.Second)
			}
			return &client.SyncResult{}, nil
		}
		s.start("databases: [{path: a.db, schedule: '@every 1s'}]")
		s.after(1500 * time.Millisecond)
		s.write("databases: [{path: a.db, schedule: '@every 2s'}]")
		s.reload <- syscall.SIGHUP
		s.after(9 * time.Second)
		if got := len(s.ran("a.db")); got != 1 {
			t.Errorf("%d syncs at once", got)
		}
		s.after(3 * time.Second)
		if got := len(s.ran("a.db")); got != 2 {
			t.Errorf("the new schedule ran %d times", got-1)
		}
		s.end()
	})
}

func TestOneAgentAConfiguration(t *testing.T) {
	bubble(t, func(s *stage) {
		s.start("databases: [{path: a.db, schedule: '@hourly'}]")
		if status := s.after(time.Second); !status.Running || status.PID != os.Getpid() {
			t.Errorf("%+v", status)
		}
		var running *RunningError
		if err := Run(context.Background(), Options{Config: s.path, Voice: s}); !errors.As(err, &running) || running.Next() == "" {
			t.Errorf("a second one: %v", err)
		}
		s.end()
		if status := s.after(0); status.Running {
			t.Errorf("it has ended: %+v", status)
		}
	})
}

func TestStatusSaysWhatIsMissing(t *testing.T) {
	path := write(t, "databases: [{path: a.db, watch: true}]")
	var none *NoStatusError
	if _, err := ReadStatus(path); !errors.As(err, &none) || none.Next() == "" {
		t.Errorf("no agent has run: %v", err)
	}
	other := write(t, "status_file: none/there.json\ndatabases: [{path: a.db, watch: true}]")
	var bad *ConfigError
	if err := Run(t.Context(), Options{Config: other}); !errors.As(err, &bad) {
		t.Errorf("a folder that is not there: %v", err)
	}
	statusFile := strings.TrimSuffix(path, ".yaml") + ".status.json"
	for _, text := range []string{"{", `{"version": 99}`} {
		if err := os.WriteFile(statusFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadStatus(path); err == nil || errors.As(err, &none) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
