package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"

	"replog/replog"
)

// statusVersion is the version of Status's form.
const statusVersion = 1

// Status is what an agent writes to its status file. Times of 0 are never.
type Status struct {
	Version   int              `json:"version"`
	Running   bool             `json:"running"` // as ReadStatus found it
	PID       int              `json:"pid"`
	Config    string           `json:"config"`
	StartedAt replog.Millis    `json:"started_at"`
	LoadedAt  replog.Millis    `json:"loaded_at"`            // when the configuration was
	BadConfig string           `json:"bad_config,omitempty"` // why it could not be loaded since
	WrittenAt replog.Millis    `json:"written_at"`
	Databases []DatabaseStatus `json:"databases"`
}

// DatabaseStatus is how one database fares.
type DatabaseStatus struct {
	Path      string          `json:"path"`
	Schedule  string          `json:"schedule,omitempty"`
	Watch     bool            `json:"watch"`
	Device    replog.DeviceID `json:"device,omitempty"`
	Database  string          `json:"database,omitempty"`
	SyncPoint replog.Revision `json:"sync_point"`
	// Running: a sync is under way, or a watch.
	Running bool `json:"running"`
	Runs    int  `json:"runs"`
	// Skipped counts the times that came while a sync was under way.
	Skipped int `json:"skipped"`
	// Failures counts those since the last sync that succeeded, and Error is the
	// last one's reason.
	Failures    int           `json:"failures"`
	Error       *Failure      `json:"error,omitempty"`
	LastSync    replog.Millis `json:"last_sync"` // when it ended, however
	LastSuccess replog.Millis `json:"last_success"`
	Next        replog.Millis `json:"next"`
	// Waiting counts the conflicts that wait for a person.
	Waiting int `json:"waiting"`
	// NeedsPerson: nothing gets better unless a person does something.
	NeedsPerson bool `json:"needs_person"`
}

// Failure is why a sync failed: the exit code that the command would have ended
// with, and its words.
type Failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Next    string `json:"next,omitempty"`
	MayPass bool   `json:"may_pass"`
}

func (s *DatabaseStatus) judge() { s.NeedsPerson = s.Waiting > 0 || s.Error != nil && !s.Error.MayPass }

func millis(t time.Time) replog.Millis { return replog.MillisOf(t) }

// NoStatusError says that no agent has run with a configuration.
type NoStatusError struct{ Config, StatusFile string }

func (e *NoStatusError) Error() string {
	return fmt.Sprintf("no agent has run with %s: there is no %s", e.Config, e.StatusFile)
}

// Next is what the user can do.
func (e *NoStatusError) Next() string {
	return fmt.Sprintf("start it with `replog agent --config %s`", e.Config)
}

// ReadStatus reads how the agent of a configuration fares, or fared when it
// ended. Where none has run that is a *NoStatusError. An agent may run while its
// configuration has become bad: the status says so.
func ReadStatus(config string) (*Status, error) {
	c, bad := Load(config)
	if errors.Is(bad, os.ErrNotExist) {
		return nil, bad
	}
	if bad != nil {
		var err error
		if c, err = loadStatusFile(config); err != nil {
			return nil, bad
		}
	}
	text, err := os.ReadFile(c.StatusFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(bad, &NoStatusError{Config: config, StatusFile: c.StatusFile})
	}
	if err != nil {
		return nil, err
	}
	s := &Status{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", c.StatusFile, err)
	}
	if s.Version != statusVersion {
		return nil, fmt.Errorf("%s has version %d; this program knows %d", c.StatusFile, s.Version, statusVersion)
	}
	if bad != nil {
		s.BadConfig = bad.Error()
	}
	s.Running, err = isLocked(lockPath(c))
	return s, err
}

// isLocked tells whether an agent holds the lock, which ends with its process.
func isLocked(path string) (bool, error) {
	if _, err := os.Stat(path); err != nil {
		return false, nil
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	free, err := l.TryRLock()
	if err != nil {
		return false, err
	}
	return !free, l.Close()
}
