package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"replog/replog"
)

// Config says what a server runs on. Data and Stores are required.
type Config struct {
	// Data is the data folder; it is made where there is none.
	Data string
	// Stores makes and opens logs.
	Stores Stores
	// Clock and Random are the system's where nil.
	Clock  func() time.Time
	Random io.Reader
	// Logger is slog's default where nil.
	Logger *slog.Logger
	// Fault, where not nil, is asked at the named fault points; an error makes
	// the server behave, for that database, as if it had been killed there.
	Fault func(point string) error
	// Limits bounds requests.
	Limits Limits
}

func (c *Config) now() replog.Millis { return replog.MillisOf(c.Clock()) }

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Limits = c.Limits.withDefaults()
	return c
}

// Server serves the databases of one data folder. Its methods are safe for
// concurrent use.
type Server struct {
	cfg      Config
	lock     *flock.Flock
	registry *registry
	handler  http.Handler

	listeners     *listeners
	endTokens     context.CancelFunc // ends watchTokens
	tokensWatched chan struct{}      // closed when it has ended

	mu        sync.Mutex
	closing   bool
	requests  sync.WaitGroup // those that entered before closing
	databases map[string]*database
	reserved  map[string]bool // names that are being published
}

// ErrInUse says that another process serves the data folder.
var ErrInUse = errors.New("another server uses this data folder")

// Open takes the data folder and opens its databases, each with its replica at
// the log's head. ErrInUse where another process has the folder. The first Open
// of a folder writes its first administrator's token to admin.token.
func Open(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg.withDefaults(), databases: map[string]*database{}, reserved: map[string]bool{}, listeners: newListeners()}
	if err := s.open(context.Background()); err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.handler = s.routes()
	s.watchListeners()
	return s, nil
}

func (s *Server) open(ctx context.Context) error {
	for _, folder := range []string{s.cfg.Data, s.databasesFolder()} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	s.lock = flock.New(filepath.Join(s.cfg.Data, "server.lock"))
	taken, err := s.lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock %s: %w", s.cfg.Data, err)
	}
	if !taken {
		return fmt.Errorf("%s: %w", s.cfg.Data, ErrInUse)
	}
	if err := os.RemoveAll(s.incomingFolder()); err != nil {
		return err
	}
	if s.registry, err = openRegistry(ctx, filepath.Join(s.cfg.Data, registryFile)); err != nil {
		return err
	}
	if err := ensureAdministrator(ctx, s.registry, &s.cfg); err != nil {
		return err
	}
	return s.openDatabases(ctx)
}

// openDatabases opens what the folder holds: the folder, not the registry, says
// which databases there are.
func (s *Server) openDatabases(ctx context.Context) error {
	folders, err := os.ReadDir(s.databasesFolder())
	if err != nil {
		return err
	}
	present := map[string]string{}
	for _, f := range folders {
		name, err := replog.ParseDatabase(f.Name())
		if err != nil || !f.IsDir() {
			s.cfg.Logger.Warn("not a database's folder", "path", filepath.Join(s.databasesFolder(), f.Name()))
			continue
		}
		d, err := openDatabase(ctx, &s.cfg, name, s.databaseFolder(name))
		if err != nil {
			return fmt.Errorf("database %s: %w", name, err)
		}
		s.databases[name] = d
		present[name] = d.id
	}
	return s.registry.follow(ctx, present, s.cfg.now())
}

func (s *Server) databasesFolder() string { return filepath.Join(s.cfg.Data, "databases") }

func (s *Server) databaseFolder(name string) string { return filepath.Join(s.databasesFolder(), name) }

func (s *Server) incomingFolder() string { return filepath.Join(s.cfg.Data, "incoming") }

// Handler serves the calls of the wire.
func (s *Server) Handler() http.Handler { return s.handler }

// database returns the database of that name, or nil.
func (s *Server) database(name string) *database {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.databases[name]
}

func (s *Server) allDatabases() []*database {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.databases))
}

// enter counts a request in, until leave. False once the server is closing.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.requests.Add(1)
	return true
}

func (s *Server) leave() { s.requests.Done() }

// watchListeners starts what ends streams of events whose token is revoked.
func (s *Server) watchListeners() {
	ctx, cancel := context.WithCancel(context.Background())
	s.endTokens, s.tokensWatched = cancel, make(chan struct{})
	go func() {
		defer close(s.tokensWatched)
		s.watchTokens(ctx, s.cfg.Limits.Revocation)
	}()
}

// Close takes no more requests, ends streams of events, waits for those that run, and closes the
// databases. Calls after the first do nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	again := s.closing
	s.closing = true
	s.mu.Unlock()
	if again {
		return nil
	}
	s.listeners.end()
	s.requests.Wait()
	s.endTokens()
	<-s.tokensWatched
	return s.release()
}

func (s *Server) release() error {
	var errs []error
	for _, d := range s.databases {
		errs = append(errs, d.close())
	}
	if s.registry != nil {
		errs = append(errs, s.registry.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
