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
	"strings"
	"sync/atomic"

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

// host is the real server, which can crash and come back.
type host struct {
	cfg     server.Config
	stores  *keptStores
	srv     *server.Server
	web     *httptest.Server
	handler atomic.Value // http.Handler
	faults  faults
	calm    *calm
}

const databaseName = "shop"

func newHost(folder string, random io.Reader, answerBytes int64) (*host, error) {
	h := &host{stores: &keptStores{Stores: sqlite.NewFolder(folder, sqlite.Options{})}, calm: newCalm()}
	h.cfg = server.Config{
		Data: folder, Stores: h.stores, Random: random,
		Logger: slog.New(slog.DiscardHandler),
		Fault:  h.faults.at,
		Limits: server.Limits{AnswerBytes: answerBytes},
	}
	if err := h.open(); err != nil {
		return nil, err
	}
	h.web = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.handler.Load().(http.Handler).ServeHTTP(w, r)
	}))
	h.web.Config.ConnState = h.calm.connState
	h.web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	h.web.Start()
	return h, nil
}

func (h *host) open() (err error) {
	if h.srv, err = server.Open(h.cfg); err == nil {
		h.handler.Store(http.HandlerFunc(h.srv.Handler().ServeHTTP))
	}
	return err
}

// restart brings a server back that crashed, or was told to stop.
func (h *host) restart() error {
	h.faults = faults{}
	if err := h.srv.Close(); err != nil {
		return err
	}
	return h.open()
}

func (h *host) close() error {
	h.web.Close()
	return h.srv.Close()
}

func (h *host) url() string { return h.web.URL + "/" + databaseName }

func (h *host) token() (string, error) {
	b, err := os.ReadFile(filepath.Join(h.cfg.Data, "admin.token"))
	return strings.TrimSpace(string(b)), err
}

// entries reads the log after a revision.
func (h *host) entries(after replog.Revision) ([]replog.Entry, error) {
	var out []replog.Entry
	err := h.stores.log.Entries(context.Background(), replog.Filter{After: after}, func(e replog.Entry) error {
		e, err := e.InMemory()
		out = append(out, e)
		return err
	})
	return out, err
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
	log replog.Log
}

func (k *keptStores) Open(ctx context.Context, name string) (replog.Store, error) {
	s, err := k.Stores.Open(ctx, name)
	k.log = s
	return s, err
}
