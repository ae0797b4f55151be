package model

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"replog/replog"
	"replog/server"
	"replog/sql/sqlite"
)

// errCrash is what a fault point fails with.
var errCrash = errors.New("a crash, as the test asked")

// faults makes the n-th fault point that is passed fail; 0 is none.
type faults struct {
	left  int
	fired bool
}

func (f *faults) at(string) error {
	if f.left == 0 {
		return nil
	}
	f.left--
	if f.left == 0 {
		f.fired = true
		return errCrash
	}
	return nil
}

// backend is what a host runs on.
type backend struct {
	servers int
	// make prepares what a history's servers share; end comes when they have ended.
	make func() (open opening, end func() error, err error)
	// settled looks at what else the store holds, where a history has ended with the
	// content in the file at path; nil for nothing.
	settled func(log replog.Log, path string) error
}

// opening opens the stores of one server, whose data folder is given; end comes when the
// server has ended.
type opening func(folder string) (stores server.Stores, end func() error, err error)

func onSQLite() (opening, func() error, error) {
	return func(folder string) (server.Stores, func() error, error) {
		f := sqlite.NewFolder(folder, sqlite.Options{})
		return f, f.Close, nil
	}, func() error { return nil }, nil
}

// host is the real server, or several on the same stores, which can crash and come
// back.
type host struct {
	backend *backend
	open    opening
	end     func() error
	folder  string
	servers []*running
	turn    atomic.Int64 // counts requests: each goes to the next server
	web     *httptest.Server
	faults  faults
	calm    *calm
}

// running is one server of a host.
type running struct {
	cfg     server.Config
	stores  *keptStores
	srv     *server.Server
	handler atomic.Value // http.Handler
	end     func() error
}

const databaseName = "shop"

func newHost(on *backend, folder string, random io.Reader, answerBytes int64) (*host, error) {
	h := &host{backend: on, folder: folder, calm: newCalm()}
	var err error
	if h.open, h.end, err = on.make(); err != nil {
		return nil, err
	}
	for i := range on.servers {
		h.servers = append(h.servers, &running{cfg: server.Config{
			Data: filepath.Join(folder, strconv.Itoa(i)), Random: random,
			Logger: slog.New(slog.DiscardHandler),
			Fault:  h.faults.at,
			Limits: server.Limits{AnswerBytes: answerBytes, KeepEvery: keepEvery, KeepAge: 1, Poll: 20 * time.Millisecond},
		}})
	}
	h.web = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.next().handler.Load().(http.Handler).ServeHTTP(w, r)
	}))
	h.web.Config.ConnState = h.calm.connState
	h.web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	h.web.Start()
	for _, s := range h.servers {
		if err := s.open(h.open); err != nil {
			return h, err
		}
	}
	return h, nil
}

// keepEvery has servers keep contents in shared stores all the time.
const keepEvery = 5

// next is the server that gets the next request.
func (h *host) next() *running {
	return h.servers[int(h.turn.Add(1))%len(h.servers)]
}

func (s *running) open(open opening) error {
	stores, end, err := open(s.cfg.Data)
	if err != nil {
		return err
	}
	s.stores, s.end = &keptStores{Stores: stores}, end
	s.cfg.Stores = s.stores
	if shared, ok := stores.(server.SharedStores); ok {
		s.cfg.Stores = &keptShared{keptStores: s.stores, SharedStores: shared}
	}
	if s.srv, err = server.Open(s.cfg); err == nil {
		s.handler.Store(http.HandlerFunc(s.srv.Handler().ServeHTTP))
	}
	return err
}

func (s *running) close() error {
	var err error
	if s.srv != nil {
		err = s.srv.Close()
	}
	if s.end != nil {
		err = errors.Join(err, s.end())
	}
	s.srv, s.end = nil, nil
	return err
}

// restart brings servers back that crashed, or were told to stop. Those on shared
// stores come back with nothing but their token now and then.
func (h *host) restart() error {
	h.faults = faults{}
	for i, s := range h.servers {
		if err := s.close(); err != nil {
			return err
		}
		if _, shared := s.cfg.Stores.(*keptShared); shared && (int(h.turn.Load())+i)%2 == 0 {
			if err := os.RemoveAll(filepath.Join(s.cfg.Data, "databases")); err != nil {
				return err
			}
		}
		if err := s.open(h.open); err != nil {
			return err
		}
	}
	return nil
}

func (h *host) close() error {
	h.web.Close()
	var err error
	for _, s := range h.servers {
		err = errors.Join(err, s.close())
	}
	return errors.Join(err, h.end())
}

func (h *host) url() string { return h.web.URL + "/" + databaseName }

func (h *host) token() (string, error) {
	b, err := os.ReadFile(filepath.Join(h.servers[0].cfg.Data, "admin.token"))
	return strings.TrimSpace(string(b)), err
}

// entries reads the log after a revision.
func (h *host) entries(after replog.Revision) ([]replog.Entry, error) {
	var out []replog.Entry
	err := h.log().Entries(context.Background(), replog.Filter{After: after}, func(e replog.Entry) error {
		e, err := e.InMemory()
		out = append(out, e)
		return err
	})
	return out, err
}

// log is the log of the database, nil where it is not published.
func (h *host) log() replog.Log {
	for _, s := range h.servers {
		if log := s.stores.log.Load(); log != nil {
			return *log
		}
	}
	return nil
}

// snapshot downloads the server's content.
func (h *host) snapshot(path string) error {
	token, err := h.token()
	if err != nil {
		return err
	}
	req, err := http.NewRequest("GET", h.web.URL+"/v1/"+databaseName+"/snapshot", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Cache-Control", "no-cache") // the head's, not a recent one
	res, err := h.calm.roundTrip(req)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(string(b))
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// keptStores keeps the log at hand, to read it beside the server.
type keptStores struct {
	server.Stores
	log atomic.Pointer[replog.Store]
}

func (k *keptStores) Open(ctx context.Context, name string) (replog.Store, error) {
	s, err := k.Stores.Open(ctx, name)
	if err == nil {
		k.log.Store(&s)
	}
	return s, err
}

// keptShared is keptStores of stores that are shared.
type keptShared struct {
	*keptStores
	server.SharedStores
}

func (k *keptShared) Open(ctx context.Context, name string) (replog.Store, error) {
	return k.keptStores.Open(ctx, name)
}
