package server

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"replog/replog"
)

// keptSnapshots bounds the snapshots of a database: the newest, and one before
// it for devices that are still downloading that.
const keptSnapshots = 2

// snapshots are the snapshots of one database that can be handed out. Their
// files do not outlive the process: a copy that is made again of the same
// replica has the same bytes, and so the same ETag.
type snapshots struct {
	cfg    *Config
	making chan struct{} // holds one: who has put it there makes files

	mu   sync.Mutex
	kept []*snapshot // the newest last
}

func newSnapshots(cfg *Config) *snapshots {
	return &snapshots{cfg: cfg, making: make(chan struct{}, 1)}
}

// snapshot is a copy of the replica as devices get it.
type snapshot struct {
	head   replog.Head
	size   int64    // of the SQLite file
	digest [32]byte // its SHA-256
	zstd   form
	plain  form // its file is made when it is first asked for

	// The rest is guarded by snapshots.mu.

	until   time.Time // until then it serves, whatever the log's head
	used    time.Time // when it was last read
	readers int
	dropped bool
}

// form is one representation of a snapshot.
type form struct {
	path string // "" where there is no file yet
	tag  string // the ETag
}

func (s *snapshot) form(plain bool) *form {
	if plain {
		return &s.plain
	}
	return &s.zstd
}

// snapshotFile is a snapshot being read.
type snapshotFile struct {
	*snapshot
	tag   string
	file  *os.File
	close func()
}

// open opens a snapshot that will do for a request, where the replica is at
// head. nil where a file has to be made first.
func (s *snapshots) open(head replog.Head, w wanted) (*snapshotFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(head, w)
	if k == nil || k.form(w.plain).path == "" {
		return nil, nil
	}
	file, err := os.Open(k.form(w.plain).path)
	if errors.Is(err, fs.ErrNotExist) {
		s.drop(k) // somebody cleaned up
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k.readers++
	return &snapshotFile{
		snapshot: k, tag: k.form(w.plain).tag, file: file,
		close: func() { file.Close(); s.release(k) },
	}, nil
}

// find picks the snapshot that will do; nil where a new one is due.
func (s *snapshots) find(head replog.Head, w wanted) *snapshot {
	for _, k := range s.kept {
		if k.head.Epoch == head.Epoch && slices.Contains(w.tags, k.form(w.plain).tag) {
			return k
		}
	}
	if len(s.kept) == 0 {
		return nil
	}
	now := s.cfg.Clock()
	newest := s.kept[len(s.kept)-1]
	// A new one would take the place of one that somebody needs.
	full := len(s.kept) == keptSnapshots && s.needed(s.kept[0], now)
	switch {
	case newest.head.Epoch != head.Epoch:
		return nil
	case newest.head.Revision >= head.Revision, !w.newest && (full || now.Before(newest.until)):
		return newest
	}
	return nil
}

// needed tells whether somebody reads a snapshot, or may come back to go on.
func (s *snapshots) needed(k *snapshot, now time.Time) bool {
	return k.readers > 0 || now.Before(k.used.Add(s.cfg.Limits.SnapshotKeep))
}

// add keeps a new snapshot and drops those that nobody needs, or that are too
// many.
func (s *snapshots) add(made *snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock()
	for _, k := range slices.Clone(s.kept) {
		if !s.needed(k, now) || len(s.kept) >= keptSnapshots {
			s.drop(k)
		}
	}
	s.kept = append(s.kept, made)
}

// addPlain adds the plain file to a snapshot that is open compressed.
func (s *snapshots) addPlain(f *snapshotFile) error {
	path := f.zstd.path + ".plain"
	if err := unpack(f.file, path); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.plain.path = path
	return nil
}

// drop hands a snapshot out no more; its files go once nobody reads them.
func (s *snapshots) drop(k *snapshot) {
	s.kept = slices.DeleteFunc(s.kept, func(other *snapshot) bool { return other == k })
	k.dropped = true
	if k.readers == 0 {
		s.remove(k)
	}
}

func (s *snapshots) release(k *snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.readers--
	k.used = s.cfg.Clock()
	if k.dropped && k.readers == 0 {
		s.remove(k)
	}
}

func (s *snapshots) remove(k *snapshot) {
	for _, f := range []form{k.zstd, k.plain} {
		if f.path == "" {
			continue
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.cfg.Logger.Warn("an old snapshot stays", "path", f.path, "error", err)
		}
	}
}
