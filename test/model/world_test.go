package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"replog/client"
	"replog/client/driver"
	"replog/replog"
)

// world is one case: the real server and devices, and the model of each.
type world struct {
	g       generator
	logf    func(string, ...any)
	count   *tally
	dir     string
	family  *family
	host    *host
	server  *Server
	nodes   []*node
	random  io.Reader
	natural bool // recorded times are the machine's
	blinds  bool // capture goes blind now and then
	now     replog.Millis
	depth   int // of operations within operations
	ending  bool
	files   int
	logged  map[replog.DeviceID]replog.Seq // the highest seq that the log was seen to hold
	// loses: the log is put back now and then. kept is a copy of it at the revision
	// keptAt; "" for none.
	loses  bool
	kept   string
	keptAt replog.Revision
	copied bool // there are copies of files: the log stays as it is
	// failed is the first failure found where no error can be returned.
	failed error
}

// node is a device.
type node struct {
	*world
	number int
	model  *Device
	path   string
	dev    *client.Device
	app    *foreign
	driver *driver.Conn // the application's by our driver; nil until it is used
	drives bool
	wire   *wire
	faults faults
	skew   replog.Millis
	busy   bool            // a sync is under way
	more   map[string]bool // tables with a column that the server does not know
	// reloaded: a repair has replayed the outbox, whether or not the sync
	// point moved.
	reloaded bool
	// anew: a table was made anew. captures counts capture's triggers by table.
	anew     bool
	captures map[string]int64
	begun    replog.Millis // when the exchange at hand began
	requests int           // of the last sync
	asked    replog.Seq    // the highest seq when the last sync sent its first request
	// leaves is the epoch that a device leaves which rejoins, else "", and common the
	// last revision that it is to have in common with the log.
	leaves string
	common replog.Revision
}

var ctx = context.Background()

// newWorld publishes a drawn database and enrols the first devices. The world
// has to be closed if it has a host, whether or not there is an error.
func newWorld(g generator, on *backend, dir string, logf func(string, ...any), count *tally) (*world, error) {
	var seed [32]byte
	seed[0] = byte(g.upTo(256, "seed of the identities"))
	w := &world{
		g: g, logf: logf, count: count, dir: dir, family: newFamily(g), random: rand.NewChaCha8(seed),
		natural: g.chance(12, "the machine's clock"), now: 1_700_000_000_000, blinds: g.chance(20, "capture goes blind"),
		logged: map[replog.DeviceID]replog.Seq{},
	}
	var err error
	// Some servers answer in small pieces, so that a sync needs several requests.
	pieces := int64(w.g.upTo(3, "small answers")/2) * 400
	if w.host, err = newHost(on, filepath.Join(dir, "server"), w.random, pieces); err != nil {
		return w, err
	}
	if err := w.publish(); err != nil {
		return w, fmt.Errorf("publish: %w", err)
	}
	w.loses = !w.blinds && w.host.canGiveUp() && g.chance(25, "the log is put back")
	for range 1 + g.upTo(3, "more devices") {
		if err := w.clone(); err != nil {
			return w, fmt.Errorf("clone: %w", err)
		}
	}
	return w, nil
}

func (w *world) close() error {
	var errs []error
	for _, n := range w.nodes {
		errs = append(errs, n.dev.Close(), n.app.close())
		if n.driver != nil {
			errs = append(errs, n.driver.Close())
		}
	}
	return errors.Join(append(errs, w.host.close())...)
}

// file names a new file.
func (w *world) file(name string) string {
	w.files++
	return filepath.Join(w.dir, fmt.Sprintf("%s-%d.db", name, w.files))
}

func (w *world) newNode() *node {
	n := &node{world: w, number: len(w.nodes), path: w.file("device"), wire: &wire{calm: w.host.calm}, more: map[string]bool{}}
	n.wire.before, n.wire.after = n.beforeRequest, n.afterRequest
	n.skew = replog.Millis(w.g.upTo(4, "skew"))
	return n
}

func (n *node) options() client.Options {
	return client.Options{
		Random: n.random, HTTP: &http.Client{Transport: n.wire}, BusyTimeout: 2 * time.Second, Fault: n.faults.at,
		LocalSchema: true, // schema statements are no part of the model
		Clock:       func() time.Time { return time.UnixMilli(int64(n.clock())) },
	}
}

// clock is the device's.
func (n *node) clock() replog.Millis {
	if n.natural {
		return replog.MillisOf(time.Now())
	}
	return n.now + n.skew
}

// publish makes the first device's file and publishes it.
func (w *world) publish() error {
	n := w.newNode()
	app, err := openForeign(n.path)
	if err != nil {
		return err
	}
	defer app.close()
	script := slices.Concat(w.family.ddl, w.family.before, w.family.first)
	if w.g.chance(50, "write-ahead log") {
		script = append([]string{"PRAGMA journal_mode=WAL"}, script...)
	}
	for _, sql := range script {
		w.logf("%s", sql)
		if err := app.exec(sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	if err := app.observe(w.family); err != nil {
		return err
	}
	for range w.g.upTo(10, "first rows") {
		t := pickOne(w.g, w.family.open(), "table")
		l := local{steps: []step{{sql: t.insert(w.g)}}, foreignKeys: true}
		w.logf("first: %s", &l)
		if _, err := app.run(&l); err != nil {
			return err
		}
	}
	content, err := app.read(w.family)
	if err != nil {
		return err
	}
	w.server = NewServer(w.family.schema, content)
	w.serve()
	token, err := w.host.token()
	if err != nil {
		return err
	}
	result, err := client.Init(ctx, client.InitRequest{
		Path: n.path, URL: w.host.url(), Token: token, Publish: true, Whole: w.g.chance(15, "whole"),
	}, n.options())
	if err != nil {
		return err
	}
	return n.enter(result)
}

// clone adds a device at the head.
func (w *world) clone() error {
	n := w.newNode()
	token, err := w.host.token()
	if err != nil {
		return err
	}
	var result *client.InitResult
	if w.g.chance(25, "a copy is enrolled") {
		if err = w.host.snapshot(n.path); err == nil {
			result, err = client.Init(ctx, client.InitRequest{
				Path: n.path, URL: w.host.url(), Token: token, Whole: w.g.chance(15, "whole"),
			}, n.options())
		}
	} else {
		result, err = client.Clone(ctx, w.host.url(), n.path, token, "", n.options())
	}
	if err != nil {
		return err
	}
	return n.enter(result)
}

// enter opens a device that has been enrolled, and adds it to the world.
func (n *node) enter(result *client.InitResult) error {
	n.logf("device %d is %s at revision %d", n.number, result.Device, result.Head)
	if err := n.absorb(); err != nil {
		return err
	}
	n.model = NewDevice(result.Device, n.server, result.Head)
	n.drives = n.g.chance(70, "the application uses the driver")
	n.observeRuns()
	if err := n.openApplication(n.family.after...); err != nil {
		return err
	}
	whole, err := n.app.query("SELECT whole FROM replog_device")
	if err != nil {
		return err
	}
	n.model.Whole = whole[0][0].Int64() != 0
	if n.captures, err = n.countCaptures(); err != nil {
		return err
	}
	if n.dev, err = client.Open(n.path, n.options()); err != nil {
		return err
	}
	n.world.nodes = append(n.world.nodes, n)
	return n.check()
}

// openApplication connects the application, which begins with some SQL.
func (n *node) openApplication(first ...string) (err error) {
	if n.app, err = openForeign(n.path); err != nil {
		return err
	}
	for _, sql := range append([]string{"PRAGMA synchronous=OFF"}, first...) {
		n.logf("device %d: %s", n.number, sql)
		if err := n.app.exec(sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return n.app.observe(n.family)
}

// reopen ends the device's process and starts another.
func (n *node) reopen() error {
	n.faults = faults{}
	err := n.dev.Close()
	if err == nil {
		n.dev, err = client.Open(n.path, n.options())
	}
	return err
}

// write does something on the application's connection.
func (n *node) write() error {
	l := newLocal(n.g, n.family)
	n.logf("device %d writes: %s", n.number, &l)
	last, err := n.number1("SELECT coalesce(max(id), 0) FROM replog_change")
	if err != nil {
		return err
	}
	var twin *foreign
	if !n.model.IsBlind() {
		if twin, err = n.newTwin(); err != nil {
			return fmt.Errorf("a copy without capture: %w", err)
		}
		defer twin.close()
	}
	start := replog.MillisOf(time.Now()) - 1
	events, err := n.app.run(&l)
	if err != nil {
		return fmt.Errorf("local write: %w", err)
	}
	real := Span{start, replog.MillisOf(time.Now()) + 1}
	if twin != nil {
		if err := n.sameAs(twin, &l); err != nil {
			return err
		}
	}
	during, err := n.clockWrite(last, real)
	if err != nil {
		return err
	}
	n.model.tell(events, during)
	return nil
}

// clockWrite checks the times that capture took from the machine's clock and,
// unless the case keeps those, replaces them by the device's.
func (n *node) clockWrite(last int64, real Span) (Span, error) {
	rows, err := n.app.query(fmt.Sprintf("SELECT min(time), max(time), count(*) FROM replog_change WHERE id > %d", last))
	if err != nil {
		return Span{}, err
	}
	first, latest, count := rows[0][0], rows[0][1], rows[0][2].Int64()
	if count > 0 && (first.Int64() < int64(real.From) || latest.Int64() > int64(real.To)) {
		return Span{}, fmt.Errorf("a local write from %d to %d recorded times from %s to %s", real.From, real.To, first, latest)
	}
	if n.natural {
		return real, nil
	}
	n.world.now += replog.Millis(n.g.upTo(4, "time passes") / 2)
	from := n.now + n.skew - replog.Millis(n.g.upTo(8, "clock steps back")/7*5)
	sql := fmt.Sprintf("UPDATE replog_change SET time = %d + (id - %d) / 2 WHERE id > %[2]d", from, last)
	return Span{from, from + replog.Millis(count+1)/2}, n.app.exec(sql)
}

// number1 is the integer that a query gives.
func (n *node) number1(sql string) (int64, error) {
	rows, err := n.app.query(sql)
	if err != nil {
		return 0, err
	}
	return rows[0][0].Int64(), nil
}

// fail keeps the first failure.
func (w *world) fail(err error) {
	if err != nil && w.failed == nil {
		w.failed = err
	}
}

// operate does one drawn thing, on one device.
func (w *world) operate() error {
	n := w.nodes[w.g.upTo(len(w.nodes), "device")]
	switch k := w.g.upTo(100, "operation"); {
	case !n.busy && n.model.Forked() && w.g.chance(30, "it is forked"):
		return n.fork()
	case w.blinds && !n.model.HasRun() && w.g.chance(12, "capture goes blind"):
		return n.goBlind()
	case w.loses && w.depth == 0 && !w.copied && w.g.chance(15, "the log"):
		if w.kept == "" || w.g.chance(20, "another copy") {
			return w.keepLog()
		}
		return w.giveUp()
	case k < 55 || n.busy:
		for range 1 + w.g.upTo(2, "one more write") {
			if err := n.writeSomehow(); err != nil {
				return err
			}
		}
		return nil
	case k < 90:
		return n.sync(pickOne(w.g, []client.Mode{client.Both, client.PullOnly, client.PushOnly, client.Both, client.PullOnly}, "mode"))
	case k < 92:
		return n.reopen()
	case k < 94 && w.depth == 0:
		return w.host.restart()
	case k < 96:
		return n.repair()
	case k < 97:
		return n.discard()
	case k < 98:
		return n.addMore()
	case len(w.nodes) < 5 && n.g.chance(60, "a file is copied"):
		return n.duplicate()
	case w.depth == 0 && len(w.nodes) < 5:
		return w.clone()
	}
	return nil
}
