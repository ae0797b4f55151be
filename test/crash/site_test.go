package crash

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"replog/replog"
)

// patience bounds every wait for a process.
const patience = 2 * time.Minute

// site is a server, or several behind a load balancer, and devices, all processes of
// the built command.
type site struct {
	t       *testing.T
	dir     string
	program string
	schema  string // of what the first device publishes
	store   string // address of a PostgreSQL database; "" for SQLite in the server's folder
	servers []*serving
	address string // http://HOST:PORT, for devices
}

// serving is one server process.
type serving struct {
	name    string
	address string // the same after each start
	process *exec.Cmd
}

// place is where the servers of a site keep their logs, and how many there are.
type place struct {
	store   string // address of a PostgreSQL database; "" for SQLite in the server's folder
	direct  string // the same database without PgBouncer before it, where store has it
	servers int
}

// newSite starts servers.
func newSite(t *testing.T, schema string, at place) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), schema: schema, store: at.store}
	s.program = filepath.Join(s.dir, "replog")
	if out, err := exec.Command("go", "build", "-o", s.program, "replog/cmd/replog").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if s.store != "" {
		s.run([]int{0}, "X=", "store", "migrate", "--store", cmp.Or(at.direct, at.store))
	}
	for i := range at.servers {
		v := &serving{name: fmt.Sprintf("server%d", i)}
		t.Cleanup(func() {
			if v.process != nil {
				s.killServer(v)
			}
		})
		s.startServer(v)
		s.servers = append(s.servers, v)
	}
	if s.address = s.servers[0].address; at.servers > 1 {
		s.address = s.balance()
	}
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// stores are the options that say what servers keep their logs in.
func (s *site) stores() []string {
	if s.store == "" {
		return []string{"--data", s.path("server0")}
	}
	return []string{"--store", s.store}
}

// startServer starts a server, at the address it had, and waits until it is ready.
func (s *site) startServer(v *serving) {
	s.t.Helper()
	listen := "127.0.0.1:0"
	if v.address != "" {
		listen = strings.TrimPrefix(v.address, "http://")
	}
	log, err := os.OpenFile(s.path(v.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	args := []string{"serve", "--data", s.path(v.name), "--listen", listen}
	if s.store != "" {
		args = append(args, "--store", s.store)
	}
	v.process = exec.Command(s.program, args...)
	v.process.Stderr = log
	out, err := v.process.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := v.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		text, _ := os.ReadFile(s.path(v.name + ".log"))
		s.t.Fatalf("the server did not start: %v\n%s", err, text)
	}
	v.address = strings.TrimSpace(line)
	s.waitReady(v)
}

func (s *site) waitReady(v *serving) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		res, err := http.Get(v.address + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
	s.t.Fatal("the server did not become ready")
}

func (s *site) killServer(v *serving) {
	_ = v.process.Process.Kill()
	_ = v.process.Wait()
	v.process = nil
}

// restartServer kills one of the servers and starts it again; one of several on a
// store now and then without what it kept in its folder.
func (s *site) restartServer(rng *rand.Rand) {
	s.t.Helper()
	v := s.servers[rng.IntN(len(s.servers))]
	s.killServer(v)
	if s.store != "" && rng.IntN(4) == 0 {
		if err := os.RemoveAll(s.path(v.name + "/databases")); err != nil {
			s.t.Fatal(err)
		}
	}
	s.startServer(v)
}

// balance starts a load balancer, which gives each request to the next server whether
// or not that is there, and returns its address.
func (s *site) balance() string {
	var turn atomic.Int64
	var targets []*url.URL
	for _, v := range s.servers {
		u, err := url.Parse(v.address)
		if err != nil {
			s.t.Fatal(err)
		}
		targets = append(targets, u)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(targets[int(turn.Add(1))%len(targets)]) },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	web := httptest.NewUnstartedServer(proxy)
	web.Config.ErrorLog = proxy.ErrorLog
	web.Start()
	s.t.Cleanup(web.Close)
	return web.URL
}

// run runs the command to its end, which must be one of the exit codes.
func (s *site) run(codes []int, env string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.program, args...)
	cmd.Env = append(os.Environ(), env)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if !slices.Contains(codes, exitCode(err)) {
		s.t.Fatalf("replog %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// exitCode is that of a process; -1 where a signal ended it.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -2
}

// enrol makes devices with files in the given journal modes; the first publishes.
func (s *site) enrol(modes ...string) []*device {
	s.t.Helper()
	var devices []*device
	for i, mode := range modes {
		d := &device{site: s, name: fmt.Sprintf("d%d", i), path: s.path(fmt.Sprintf("d%d.db", i))}
		if i == 0 {
			s.shell(d.path, s.schema)
			s.run([]int{0}, "X=", "init", d.path, "--server", s.address+"/shop", "--publish", "--token-file", s.path("server0/admin.token"))
		} else {
			s.clone(d.path)
		}
		s.shell(d.path, "PRAGMA journal_mode="+mode)
		devices = append(devices, d)
	}
	return devices
}

func (s *site) clone(path string) {
	s.t.Helper()
	token := s.run([]int{0}, "X=", append([]string{"token", "create", "shop"}, s.stores()...)...)
	s.run([]int{0}, "REPLOG_TOKEN="+strings.TrimSpace(token), "clone", s.address+"/shop", path)
}

func (s *site) shell(path, sql string) {
	s.t.Helper()
	if out, err := exec.Command("sqlite3", path, sql).CombinedOutput(); err != nil {
		s.t.Fatalf("sqlite3 %s: %v\n%s", path, err, out)
	}
}

// syncUntilQuiet syncs all devices until nobody sends or receives anything.
func (s *site) syncUntilQuiet(devices []*device) {
	s.t.Helper()
	for range 10 {
		moved := false
		for _, d := range devices {
			var r struct{ Uploaded, Downloaded int }
			if err := json.Unmarshal([]byte(s.run([]int{0, 3}, "X=", "sync", d.path, "--json")), &r); err != nil {
				s.t.Fatal(err)
			}
			moved = moved || r.Uploaded+r.Downloaded > 0
		}
		if !moved {
			return
		}
	}
	s.t.Fatal("the devices do not come to rest")
}

// settle ends the devices' programs, brings everybody together, and checks that all
// hold the same and the log has no gaps. It returns the rows whose commits the
// applications saw, and the log.
func (s *site) settle(devices []*device) (map[*device][]string, []replog.LogLine) {
	s.t.Helper()
	seen := map[*device][]string{}
	for _, d := range devices {
		d.stopSyncing()
		seen[d] = d.stopWriter()
	}
	s.syncUntilQuiet(devices)
	s.checkEqual(devices)
	s.checkTables(devices[0])
	entries := s.log(devices[0])
	checkRevisions(s.t, entries)
	return seen, entries
}

// checkEqual compares all devices, and a new clone of the server's content.
func (s *site) checkEqual(devices []*device) {
	s.t.Helper()
	fresh := s.path("fresh.db")
	s.clone(fresh)
	for _, d := range devices {
		s.run([]int{0}, "X=", "diff", d.path, fresh)
	}
}

// checkTables compares a device with the tables that PostgreSQL has of the database.
func (s *site) checkTables(d *device) {
	s.t.Helper()
	if s.store != "" {
		s.run([]int{0}, "X=", "diff", d.path, s.store+"#shop")
	}
}

// log reads the whole log, oldest first.
func (s *site) log(d *device) []replog.LogLine {
	s.t.Helper()
	var lines []replog.LogLine
	dec := json.NewDecoder(strings.NewReader(s.run([]int{0}, "X=", "log", d.path, "--json")))
	for dec.More() {
		var line replog.LogLine
		if err := dec.Decode(&line); err != nil {
			s.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return lines
}
