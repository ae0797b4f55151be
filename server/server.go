package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

	shared    SharedStores // nil where the stores are this server's alone
	listeners *listeners
	endWatch  context.CancelFunc // ends what runs beside requests
	watches   sync.WaitGroup     // that

	mu        sync.Mutex
	closing   bool
	requests  sync.WaitGroup // those that entered before closing
	databases map[string]*database
	reserved  map[string]bool // names that are being published

	opening sync.Mutex // held by who opens a database
}

// ErrInUse says that another process serves the data folder.
var ErrInUse = errors.New("another server uses this data folder")

// Open takes the data folder and opens its databases, each with its replica at
// the log's head. ErrInUse where another process has the folder. The first Open
// of stores writes their first administrator's token to admin.token. Whatever it
// returns, closing the stores is left to the caller.
func Open(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg.withDefaults(), databases: map[string]*database{}, reserved: map[string]bool{}, listeners: newListeners()}
	if err := s.open(context.Background()); err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.handler = s.routes()
	s.watch()
	return s, nil
}

func (s *Server) open(ctx context.Context) error {
	s.shared, _ = s.cfg.Stores.(SharedStores)
	if err := os.MkdirAll(s.databasesFolder(), 0o700); err != nil {
		return err
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
	if err := os.Mkdir(s.incomingFolder(), 0o700); err != nil {
		return err
	}
	if s.registry, err = openRegistry(ctx, s.cfg.Stores); err != nil {
		return err
	}
	if err := ensureAdministrator(ctx, s.registry, &s.cfg); err != nil {
		return err
	}
	return s.openDatabases(ctx)
}

// openDatabases opens what the stores hold. They, not the registry, say which
// databases there are, unless they have the registry among them.
func (s *Server) openDatabases(ctx context.Context) error {
	names, err := s.cfg.Stores.Databases(ctx)
	if err != nil {
		return err
	}
	present := map[string]string{}
	for _, name := range names {
		if _, err := replog.ParseDatabase(name); err != nil {
			s.cfg.Logger.Warn("not a database", "name", name)
			continue
		}
		d, err := s.openDatabase(ctx, name)
		if err != nil {
			return fmt.Errorf("database %s: %w", name, err)
		}
		present[name] = d.id
	}
	if s.shared != nil {
		return nil
	}
	return s.registry.follow(ctx, present, s.cfg.now())
}

// openDatabase opens a database that the stores hold, unless somebody has done so.
func (s *Server) openDatabase(ctx context.Context, name string) (*database, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	if d := s.opened(name); d != nil {
		return d, nil
	}
	log, err := s.cfg.Stores.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	d, err := startDatabase(ctx, &s.cfg, name, s.databaseFolder(name), log, s.shared)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.databases[name] = d
	return d, nil
}

func (s *Server) databasesFolder() string { return filepath.Join(s.cfg.Data, "databases") }

func (s *Server) databaseFolder(name string) string { return filepath.Join(s.databasesFolder(), name) }

func (s *Server) incomingFolder() string { return filepath.Join(s.cfg.Data, "incoming") }

// Handler serves the calls of the wire.
func (s *Server) Handler() http.Handler { return s.handler }

// database returns the database of that name, or nil. It may be one that another
// server has published. The caller is inside enter and leave.
func (s *Server) database(ctx context.Context, name string) (*database, error) {
	if d := s.opened(name); d != nil || s.shared == nil {
		return d, nil
	}
	id, err := s.registry.databaseID(ctx, name)
	if err != nil || id == "" {
		return nil, err
	}
	d, err := s.openDatabase(context.WithoutCancel(ctx), name) // for others, too
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return d, err
}

// opened returns the database of that name if it is open.
func (s *Server) opened(name string) *database {
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

// watch starts what runs beside requests: it ends streams of events whose token is
// revoked, and follows what other servers write.
func (s *Server) watch() {
	var ctx context.Context
	ctx, s.endWatch = context.WithCancel(context.Background())
	s.watches.Go(func() { s.watchTokens(ctx, s.cfg.Limits.Revocation) })
	if s.shared != nil {
		s.watches.Go(func() { s.shared.Follow(ctx, s.cfg.Limits.Poll, func(id string) { s.follow(ctx, id) }) })
	}
}

// follow takes up what another server wrote to a database's log.
func (s *Server) follow(ctx context.Context, id string) {
	for _, d := range s.allDatabases() {
		if d.id == id {
			d.follow(ctx)
		}
	}
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
	s.endWatch()
	s.watches.Wait()
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
