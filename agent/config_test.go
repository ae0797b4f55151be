package agent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"replog/client"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigIsRead(t *testing.T) {
	path := write(t, `
# every key
status_file: run/status.json
time_zone: Europe/Berlin
jitter: 30s
timeout: 10m
poll: 1m
databases:
  - path: shop.db
    schedule: "*/10 * * * *"
  - path: /data/notes.db
    schedule: "@every 90s"
    time_zone: UTC
    jitter: 0s
    timeout: 1m30s
    mode: push-only
  - path: live.db
    watch: true
    mode: pull-only
    poll: 5s
`)
	folder := filepath.Dir(path)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.StatusFile != filepath.Join(folder, "run/status.json") {
		t.Errorf("status file %s", c.StatusFile)
	}
	want := []Entry{
		{Path: filepath.Join(folder, "shop.db"), Schedule: "*/10 * * * *", TimeZone: "Europe/Berlin", Jitter: 30 * time.Second, Timeout: 10 * time.Minute},
		{Path: "/data/notes.db", Schedule: "@every 90s", TimeZone: "UTC", Timeout: 90 * time.Second, Mode: client.PushOnly},
		{Path: filepath.Join(folder, "live.db"), Watch: true, Timeout: 10 * time.Minute, Mode: client.PullOnly, Poll: 5 * time.Second},
	}
	for i := range want {
		if c.Databases[i] != want[i] {
			t.Errorf("database %d: %+v, want %+v", i, c.Databases[i], want[i])
		}
	}
	c, err = Load(write(t, "databases: [{path: a.db, watch: true}]"))
	if err != nil || filepath.Base(c.StatusFile) != "agent.status.json" || c.Databases[0].Timeout != time.Hour {
		t.Errorf("the least that there can be: %+v, %v", c, err)
	}
}

func TestConfigErrorsNameTheLine(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
	}{
		{"nothing", "", 0},
		{"not YAML", "databases: [", 1},
		{"a tab", "databases:\n\t- path: a.db", 2},
		{"not a mapping", "just words", 1},
		{"no databases", "jitter: 1s\n", 1},
		{"an unknown key", "jiter: 1s\n", 1},
		{"an unknown key of a database", "databases:\n  - path: a.db\n    shedule: '@hourly'\n", 3},
		{"a key twice", "databases:\n  - path: a.db\n    path: b.db\n", 3},
		{"two documents", "databases: [{path: a.db, watch: true}]\n---\ndatabases: []\n", 1},
		{"no path", "databases:\n  - watch: true\n", 2},
		{"neither schedule nor watch", "databases:\n  - path: a.db\n", 2},
		{"both", "databases:\n  - path: a.db\n    watch: true\n    schedule: '@hourly'\n", 4},
		{"the same file twice", "databases:\n  - path: a.db\n    watch: true\n  - path: ./a.db\n    watch: true\n", 4},
		{"a minute that is none", "databases:\n  - path: a.db\n    schedule: '61 * * * *'\n", 3},
		{"too few fields", "databases:\n  - path: a.db\n    schedule: '* *'\n", 3},
		{"a descriptor that is none", "databases:\n  - path: a.db\n    schedule: '@often'\n", 3},
		{"a time that is none", "databases:\n  - path: a.db\n    schedule: '@every soon'\n", 3},
		{"a day that never comes", "databases:\n  - path: a.db\n    schedule: '0 0 30 2 *'\n", 3},
		{"a zone and no more", "databases:\n  - path: a.db\n    schedule: 'CRON_TZ=UTC'\n", 3},
		{"a zone that is none", "time_zone: Mars/Base\ndatabases:\n  - path: a.db\n    watch: true\n", 1},
		{"a mode that is none", "databases:\n  - path: a.db\n    watch: true\n    mode: sideways\n", 4},
		{"a word for a time", "databases:\n  - path: a.db\n    watch: true\n    timeout: long\n", 4},
		{"a negative time", "databases:\n  - path: a.db\n    schedule: '@hourly'\n    jitter: -1s\n", 4},
		{"a number for a time", "jitter: 30\ndatabases: [{path: a.db, watch: true}]\n", 1},
	} {
		_, err := Load(write(t, c.text))
		var e *ConfigError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if e.Line != c.line || e.Next() == "" {
			t.Errorf("%s: line %d, want %d: %v, %s", c.name, e.Line, c.line, err, e.Next())
		}
		t.Log(filepath.Base(err.Error()))
	}
	var e *ConfigError
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.As(err, &e) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestSchedulesKeepTheirZone(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 500, time.UTC)
	for _, c := range []struct{ schedule, zone, want string }{
		{"0 6 * * *", "Europe/Berlin", "2026-07-01T04:00:00Z"},
		{"CRON_TZ=Asia/Tokyo 0 6 * * *", "Europe/Berlin", "2026-07-01T21:00:00Z"},
		{"*/15 * * * * *", "UTC", "2026-07-01T00:00:15Z"},
		{"@hourly", "UTC", "2026-07-01T01:00:00Z"},
		{"@every 90s", "", "2026-07-01T00:01:30Z"},
	} {
		s, err := parseSchedule(c.schedule, c.zone)
		if err != nil {
			t.Errorf("%s: %v", c.schedule, err)
			continue
		}
		if got := s.Next(now).UTC().Truncate(time.Second).Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %q: %s, want %s", c.schedule, c.zone, got, c.want)
		}
	}
}
