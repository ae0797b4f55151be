package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"replog/applier"
	"replog/replog"
	"replog/sql/sqlite"
)

const shopSchema = `
	CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL);
	INSERT INTO item VALUES (1, 'lamp', 12.5);
	CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT);
	CREATE TRIGGER item_second AFTER INSERT ON item BEGIN INSERT INTO audit (what) VALUES ('second ' || new.id); END;
	CREATE TRIGGER item_first AFTER INSERT ON item BEGIN INSERT INTO audit (what) VALUES ('first ' || new.id); END;`

// harness is a server on a folder of its own, reached over HTTP.
type harness struct {
	t   testing.TB
	cfg Config
	srv *Server
	web *httptest.Server
}

func newHarness(t testing.TB, change ...func(*Config)) *harness {
	t.Helper()
	data := t.TempDir()
	h := &harness{t: t, cfg: Config{
		Data: data, Stores: sqlite.NewFolder(data, sqlite.Options{}),
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}}
	for _, f := range change {
		f(&h.cfg)
	}
	watchSpills(t)
	t.Cleanup(h.stop)
	h.start()
	return h
}

func (h *harness) start() {
	h.t.Helper()
	srv, err := Open(h.cfg)
	h.must(err)
	h.srv, h.web = srv, httptest.NewServer(srv.Handler())
}

func (h *harness) stop() {
	if h.srv == nil {
		return
	}
	h.srv.listeners.end() // or web would wait for streams of events
	h.web.Close()
	if err := h.srv.Close(); err != nil {
		h.t.Errorf("close: %v", err)
	}
	h.srv = nil
}

func (h *harness) restart() {
	h.t.Helper()
	h.stop()
	h.start()
}

func (h *harness) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) admin() string {
	h.t.Helper()
	b, err := os.ReadFile(filepath.Join(h.cfg.Data, adminTokenFile))
	h.must(err)
	return strings.TrimSpace(string(b))
}

// reply is an answer that has been read.
type reply struct {
	*http.Response
	body []byte
}

// send makes a request; err is not nil where the connection was cut.
func (h *harness) send(method, path, token string, body []byte, headers ...string) (*reply, error) {
	h.t.Helper()
	r, err := http.NewRequest(method, h.web.URL+path, bytes.NewReader(body))
	h.must(err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := h.web.Client().Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return &reply{resp, b}, err
}

// do is send where the connection must hold.
func (h *harness) do(method, path, token string, body []byte, headers ...string) *reply {
	h.t.Helper()
	r, err := h.send(method, path, token, body, headers...)
	h.must(err)
	return r
}

// expect fails the test unless the answer is a problem with that status and code.
func (h *harness) expect(r *reply, status int, code string) replog.Problem {
	h.t.Helper()
	var p replog.Problem
	if err := json.Unmarshal(r.body, &p); err != nil {
		h.t.Fatalf("status %d, not a problem document: %s", r.StatusCode, r.body)
	}
	if r.StatusCode != status || p.Code != code || p.Status != status {
		h.t.Fatalf("got %d %s (%s), want %d %s", r.StatusCode, p.Code, p.Error(), status, code)
	}
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		h.t.Fatalf("content type %q", got)
	}
	return p
}

func (h *harness) ok(r *reply, status int) {
	h.t.Helper()
	if r.StatusCode != status {
		h.t.Fatalf("got %d, want %d: %s", r.StatusCode, status, r.body)
	}
}

// sqliteFile makes a database file and returns its bytes.
func (h *harness) sqliteFile(script string) []byte {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "made.db")
	c, err := applier.Open(path, applier.OpenOptions{Create: true})
	h.must(err)
	h.must(c.Script(script))
	h.must(c.Close())
	b, err := os.ReadFile(path)
	h.must(err)
	return b
}

func (h *harness) publish(name, script string) {
	h.t.Helper()
	h.ok(h.do("PUT", "/v1/"+name, h.admin(), h.sqliteFile(script)), http.StatusCreated)
}

// shop publishes the database of most tests.
func (h *harness) shop() { h.t.Helper(); h.publish("shop", shopSchema) }

func (h *harness) enrolmentToken(database string) string {
	h.t.Helper()
	a, err := OpenAccess(context.Background(), h.cfg.Stores, nil, nil)
	h.must(err)
	defer a.Close()
	_, secret, err := a.CreateEnrolment(context.Background(), database, "", time.Hour)
	h.must(err)
	return secret
}

// double is a stand-in for a device: it makes transactions by hand.
type double struct {
	h         *harness
	database  string // name
	token     string
	header    replog.SyncHeader
	seen      replog.Seq
	outbox    []replog.Transaction
	clock     replog.Millis
	downloads []download
}

// enrol makes a device with the schema right.
func (h *harness) enrol(database string) *double { h.t.Helper(); return h.enrolBy(database, h.admin()) }

func (h *harness) enrolBy(database, token string) *double {
	h.t.Helper()
	r := h.do("POST", "/v1/"+database+"/devices", token, []byte(`{"name":"a laptop"}`))
	h.ok(r, http.StatusCreated)
	var e replog.Enrolment
	h.must(json.Unmarshal(r.body, &e))
	return &double{h: h, database: database, token: e.Token, clock: 1000, header: replog.SyncHeader{
		Version: replog.WireVersion, Database: e.DatabaseID, Epoch: e.Epoch, Device: e.Device,
		SyncPoint: e.Head, Chain: e.Chain, Schema: h.schema(database, "").Fingerprint,
	}}
}

// schema asks for the schema of a database, the newest or that of a revision.
func (h *harness) schema(database, at string) replog.SchemaVersion {
	h.t.Helper()
	if at != "" {
		at = "?at=" + at
	}
	r := h.do("GET", "/v1/"+database+"/schema"+at, h.admin(), nil)
	h.ok(r, http.StatusOK)
	var v replog.SchemaVersion
	h.must(json.Unmarshal(r.body, &v))
	return v
}

// insert records the INSERT of one item as a transaction.
func (d *double) insert(id int64, name string) *replog.Transaction {
	return d.record(replog.Change{
		Table: "item", Op: replog.Insert, Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"},
		Columns: []string{"id", "name", "price"},
		New:     []replog.Value{replog.Integer(id), replog.Text(name), replog.Real(1)},
	})
}

func (d *double) record(changes ...replog.Change) *replog.Transaction {
	nonce := make([]byte, 16)
	_, err := rand.Read(nonce)
	d.h.must(err)
	d.header.LastSeq++
	d.clock++
	t := replog.Transaction{
		Device: d.header.Device, Seq: d.header.LastSeq, Base: d.header.SyncPoint, Seen: d.seen,
		Time: d.clock, Nonce: fmt.Sprintf("%x", nonce),
	}
	for _, c := range changes {
		c.Time = d.clock
		t.Statements = append(t.Statements, replog.Statement{Change: c})
	}
	d.outbox = append(d.outbox, t)
	return &d.outbox[len(d.outbox)-1]
}

// upload is the body of a sync with the whole outbox.
func (d *double) upload() []byte {
	body := replog.EncodeSyncHeader(d.header)
	for i := range d.outbox {
		b, _ := d.outbox[i].Encode()
		body = append(body, b...)
	}
	return body
}

func (d *double) path(call string) string { return "/v1/" + d.database + "/" + call }

func (d *double) send(body []byte, headers ...string) (*reply, error) {
	d.h.t.Helper()
	return d.h.send("POST", d.path("sync"), d.token, body, headers...)
}

// answered is an answer to a sync, read.
type answered struct {
	replog.SyncAnswer
	replog.SyncDone
	verdicts []replog.Verdict
	entries  []download
}

type download struct {
	replog.EntryHeader
	List []replog.Change
	// Steps are the lines of one that is made by running it.
	Steps []string
}

func readAnswer(b []byte) (*answered, error) {
	var a answered
	var err error
	a.SyncDone, err = replog.NewLineReader(bytes.NewReader(b)).ReadAnswer(
		func(s replog.SyncAnswer) error { a.SyncAnswer = s; return nil },
		func(v replog.Verdict) error { a.verdicts = append(a.verdicts, v); return nil },
		func(e replog.Download) error {
			got := download{EntryHeader: e.EntryHeader}
			var err error
			if e.List != nil {
				got.List, err = replog.InMemory(e.List)
			}
			if e.Steps != nil {
				got.Steps, err = stepLines(e.Steps)
			}
			a.entries = append(a.entries, got)
			return errors.Join(err, e.Close())
		})
	return &a, err
}

func stepLines(steps replog.Steps) (lines []string, err error) {
	err = replog.EachStep(steps, func(s *replog.Step) error {
		if s.Intent != nil {
			lines = append(lines, s.Intent.SQL)
			return nil
		}
		return replog.EachChange(s.NetChanges(), func(_ int, c *replog.Change) error {
			lines = append(lines, string(c.Op)+" "+c.Row().String())
			return nil
		})
	})
	return lines, err
}

// try uploads and processes the answer; it returns an error where the answer is
// not whole.
func (d *double) try() (*answered, error) {
	d.h.t.Helper()
	r, err := d.send(d.upload())
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s", r.StatusCode, r.body)
	}
	a, err := readAnswer(r.body)
	if err != nil {
		return nil, err
	}
	d.downloads = append(d.downloads, a.entries...)
	d.header.Epoch, d.header.SyncPoint, d.header.Chain = a.Epoch, a.Revision, a.Chain
	for _, v := range a.verdicts {
		d.seen = max(d.seen, v.Seq)
	}
	d.outbox = nil
	return a, nil
}

// sync is try where nothing goes wrong.
func (d *double) sync() *answered {
	d.h.t.Helper()
	a, err := d.try()
	d.h.must(err)
	return a
}

// basePath is the file that holds revision 0.
func (h *harness) basePath(database string) string {
	return filepath.Join(h.srv.opened(database).folder, replog.BaseFile)
}

// baseObjects lists the objects of a database file that nobody has enrolled.
func (h *harness) baseObjects(path string) []applier.Object {
	h.t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{ReadOnly: true})
	h.must(err)
	defer c.Close()
	list, err := baseObjects(c)
	h.must(err)
	return list
}

// replicaRows reads a table of the server's replica.
func (h *harness) replicaRows(database, query string) string {
	h.t.Helper()
	return h.rows(h.srv.opened(database).replicaPath(), query)
}

// rows renders what a query gives, a row a line.
func (h *harness) rows(path, query string) string {
	h.t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{BusyTimeout: 5 * time.Second})
	h.must(err)
	defer c.Close()
	var b strings.Builder
	h.must(c.Query(query, func(row []replog.Value) error {
		b.WriteString(replog.KeyString(row) + "\n")
		return nil
	}))
	return b.String()
}

const allItems = `SELECT +id, +name, +price FROM item ORDER BY id`

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 10 seconds")
		}
	}
}
