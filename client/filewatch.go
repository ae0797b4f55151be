package client

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/fsnotify/fsnotify"
)

// How often a file is looked at, where the operating system tells of writes (it
// does not on every file system), and where it does not.
const (
	lookToBeSure = time.Second
	lookAlways   = 100 * time.Millisecond
)

// fileWatch tells when a database's file may have changed. It costs nothing
// while nobody writes, but for a look now and then.
type fileWatch struct {
	path   string // without symbolic links, as SQLite's side files lie beside the file itself
	opened os.FileInfo
	files  *fsnotify.Watcher // nil: nobody tells
	wal    bool              // the write-ahead log is watched
}

// watchFile begins to watch the file at path. notify is fsnotify.NewWatcher;
// where it fails the file is looked at more often.
func watchFile(path string, notify func() (*fsnotify.Watcher, error)) (*fileWatch, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return nil, err
	}
	f := &fileWatch{path: real, opened: info}
	if !notifiesSafely() {
		return f, nil
	}
	if f.files, err = notify(); err != nil {
		f.files = nil // out of watches, or not there at all
		return f, nil
	}
	if err := f.files.Add(real); err != nil {
		f.close()
		f.files = nil
	}
	return f, nil
}

// notifiesSafely tells whether fsnotify leaves the watched file itself alone.
// With kqueue it opens it, and closing a file that SQLite has open in the same
// process takes away SQLite's locks on it.
func notifiesSafely() bool { return runtime.GOOS == "linux" || runtime.GOOS == "windows" }

// watchWAL watches the write-ahead log too, once there is one.
func (f *fileWatch) watchWAL() {
	if f.files != nil && !f.wal {
		f.wal = f.files.Add(f.path+"-wal") == nil
	}
}

// events and errors are nil channels where nobody tells.
func (f *fileWatch) events() <-chan fsnotify.Event {
	if f.files == nil {
		return nil
	}
	return f.files.Events
}

func (f *fileWatch) errors() <-chan error {
	if f.files == nil {
		return nil
	}
	return f.files.Errors
}

// happened takes an event in.
func (f *fileWatch) happened(e fsnotify.Event) {
	if e.Has(fsnotify.Remove) && e.Name == f.path+"-wal" {
		f.wal = false
	}
}

// lost takes in that events were lost: too many came at once, or no more do.
func (f *fileWatch) lost(err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		f.close()
		f.files = nil
	}
}

// same tells whether the path still names the file that was opened. It is to be
// asked before that is read: SQLite finds a file's journal by the path, and would
// roll back into the old file what somebody is writing to the new one.
func (f *fileWatch) same() bool {
	now, err := os.Stat(f.path)
	return err == nil && os.SameFile(now, f.opened)
}

// every is how often to look where nothing is told.
func (f *fileWatch) every() time.Duration {
	if f.files == nil {
		return lookAlways
	}
	return lookToBeSure
}

func (f *fileWatch) close() {
	if f.files != nil {
		f.files.Close()
	}
}
