package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"replog/client"
)

// Config is a configuration file, checked. Its paths are absolute.
type Config struct {
	Path       string
	StatusFile string
	Databases  []Entry
}

// Entry is one database of a configuration. Two entries that are equal mean the
// same.
type Entry struct {
	Path     string
	Schedule string // "" where Watch is set
	TimeZone string // of Schedule; "" is the machine's
	Watch    bool
	Mode     client.Mode
	Jitter   time.Duration
	Timeout  time.Duration
	Poll     time.Duration
}

// file and entry are the forms of the YAML. What stands at the top holds for all
// databases that say nothing else.
type file struct {
	StatusFile string  `yaml:"status_file"`
	Defaults   common  `yaml:",inline"`
	Databases  []entry `yaml:"databases"`
}

type common struct {
	TimeZone *string `yaml:"time_zone"`
	Jitter   *string `yaml:"jitter"`
	Timeout  *string `yaml:"timeout"`
	Poll     *string `yaml:"poll"`
}

type entry struct {
	Path     string `yaml:"path"`
	Schedule string `yaml:"schedule"`
	Watch    bool   `yaml:"watch"`
	Mode     string `yaml:"mode"`
	Own      common `yaml:",inline"`
}

// defaultTimeout bounds a sync: a schedule must not hang for ever.
const defaultTimeout = time.Hour

// Load reads a configuration file. What is wrong with its content is a
// *ConfigError.
func Load(path string) (*Config, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &ConfigError{File: path, Err: err, Hint: "name a file that can be read with --config"}
	}
	l := loader{path: path, text: text}
	var f file
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, l.undecodable(err)
	}
	if err := decoder.Decode(&file{}); !errors.Is(err, io.EOF) {
		return nil, l.wrong("$", errors.New("the file holds a second document"), "put all databases into one")
	}
	return l.config(&f)
}

// loadStatusFile reads where the status file of a configuration is, whatever else
// is wrong with it.
func loadStatusFile(path string) (*Config, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f struct {
		StatusFile string `yaml:"status_file"`
	}
	if err := yaml.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	l := loader{path: path}
	return &Config{Path: path, StatusFile: l.statusFile(f.StatusFile)}, nil
}

// statusFile is beside the configuration where none is named.
func (l *loader) statusFile(name string) string {
	if name == "" {
		return strings.TrimSuffix(l.path, filepath.Ext(l.path)) + ".status.json"
	}
	return l.absolute(name)
}

// config checks what the file says.
func (l *loader) config(f *file) (*Config, error) {
	c := &Config{Path: l.path, StatusFile: l.statusFile(f.StatusFile)}
	if len(f.Databases) == 0 {
		return nil, l.wrong("$", errors.New("it names no database"), "list them under databases:, each with its path and a schedule or watch: true")
	}
	defaults := Entry{Timeout: defaultTimeout}
	if err := l.common("$", &f.Defaults, &defaults); err != nil {
		return nil, err
	}
	paths := map[string]bool{}
	for i := range f.Databases {
		at := fmt.Sprintf("$.databases[%d]", i)
		e, err := l.entry(at, &f.Databases[i], defaults)
		if err != nil {
			return nil, err
		}
		if paths[e.Path] {
			return nil, l.wrong(at+".path", fmt.Errorf("%s is listed twice", e.Path), "leave one of the two out")
		}
		paths[e.Path] = true
		c.Databases = append(c.Databases, *e)
	}
	return c, nil
}

// entry reads one database, which starts from the defaults.
func (l *loader) entry(at string, y *entry, e Entry) (*Entry, error) {
	e.Path, e.Schedule, e.Watch = l.absolute(y.Path), y.Schedule, y.Watch
	const either = "give it a schedule, such as \"*/10 * * * *\", or watch: true"
	switch {
	case y.Path == "":
		return nil, l.wrong(at, errors.New("the database has no path"), "give it a path: the device's file")
	case y.Watch && y.Schedule != "":
		return nil, l.wrong(at+".schedule", errors.New("a schedule and watch: true contradict each other"), either)
	case !y.Watch && y.Schedule == "":
		return nil, l.wrong(at, errors.New("the database has neither a schedule nor watch: true"), either)
	}
	switch y.Mode {
	case "", "both":
	case "push-only":
		e.Mode = client.PushOnly
	case "pull-only":
		e.Mode = client.PullOnly
	default:
		return nil, l.wrong(at+".mode", fmt.Errorf("mode %q is not known", y.Mode), "use both, push-only or pull-only")
	}
	if err := l.common(at, &y.Own, &e); err != nil {
		return nil, err
	}
	if e.Watch {
		e.TimeZone, e.Jitter = "", 0 // not its concern
		return &e, nil
	}
	e.Poll = 0
	if _, err := parseSchedule(e.Schedule, e.TimeZone); err != nil {
		return nil, l.wrong(at+".schedule", fmt.Errorf("schedule %q: %w", e.Schedule, err),
			"give five fields as in crontab, six with seconds first, or @hourly, @daily, \"@every 90s\" and the like")
	}
	return &e, nil
}

// common reads what may stand at the top or at a database into e.
func (l *loader) common(at string, c *common, e *Entry) error {
	if c.TimeZone != nil {
		if _, err := time.LoadLocation(*c.TimeZone); err != nil {
			return l.wrong(at+".time_zone", fmt.Errorf("time zone %q is not known", *c.TimeZone), "use a name such as Europe/Berlin, or UTC")
		}
		e.TimeZone = *c.TimeZone
	}
	for _, d := range []struct {
		key   string
		text  *string
		value *time.Duration
	}{{"jitter", c.Jitter, &e.Jitter}, {"timeout", c.Timeout, &e.Timeout}, {"poll", c.Poll, &e.Poll}} {
		if d.text == nil {
			continue
		}
		value, err := time.ParseDuration(*d.text)
		if err != nil || value < 0 {
			return l.wrong(at+"."+d.key, fmt.Errorf("%s: %q is not a length of time", d.key, *d.text), "give one such as 30s, 10m or 1h30m")
		}
		*d.value = value
	}
	return nil
}

// absolute takes a relative path as one from the file's folder.
func (l *loader) absolute(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(l.path), path)
}
