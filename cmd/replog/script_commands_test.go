package main

import (
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"replog/applier"
	"replog/cmd/replog/sample"
	"replog/test/cluster"
)

// scriptCommands are the commands of ours that scripts may use.
var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"exits":  cmdExits,
	"server": cmdServer,
	"store":  cmdStore,
	"tls":    cmdTLS,
	"lock":   cmdLock,
	"unlock": cmdUnlock,
	"sample": cmdSample,
	"await":  cmdAwait,
	"line":   cmdLine,

	"silent-server": cmdSilentServer,
	"busy-server":   cmdBusyServer,
}

// cmdExits runs a program and demands an exit code: exits CODE PROGRAM ARG…
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := command(ts, args[1:]...)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d: %s", got, want, strings.Join(args[1:], " "))
	}
}

func command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	program, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(program, args[1:]...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "TMPDIR=" + ts.Getenv("TMPDIR"),
		"GORACE=" + raceOptions, "REPLOG_TOKEN=" + ts.Getenv("REPLOG_TOKEN"),
	}
	return cmd
}

// deadline is how long scripts wait for something to happen.
const deadline = 20 * time.Second

// until polls done; it fails the script where that stays false.
func until(ts *testscript.TestScript, what string, done func() bool) {
	end := time.Now().Add(deadline)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(end) {
			ts.Fatalf("waited %v for %s", deadline, what)
		}
		<-tick.C
	}
}

type stateKey struct{}

// scriptState is what a script has started and not ended.
type scriptState struct {
	data    string // the server's folder
	store   string // address of its PostgreSQL store; "" for files
	address string // kept for a restart: devices know it
	process *exec.Cmd
	locked  *applier.Conn
}

// cmdServer starts and ends `replog serve` on the folder server: server start,
// server stop (gracefully), server kill. $URL is its address, the same after
// each start.
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(stateKey{}).(*scriptState)
	switch {
	case !neg && len(args) == 1 && args[0] == "start":
		s.start(ts)
	case !neg && len(args) == 1 && args[0] == "stop":
		ts.Check(s.process.Process.Signal(syscall.SIGTERM))
		ts.Check(s.process.Wait())
		s.process = nil
	case !neg && len(args) == 1 && args[0] == "kill":
		s.kill()
	default:
		ts.Fatalf("usage: server start|stop|kill")
	}
}

// cmdStore makes an empty PostgreSQL database, which `server start` uses as its store
// from then on. $STORE is its address.
func cmdStore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: store")
	}
	address, drop, err := cluster.Make()
	ts.Check(err)
	ts.Defer(func() { ts.Check(drop()) })
	ts.Value(stateKey{}).(*scriptState).store = address
	ts.Setenv("STORE", address)
}

func (s *scriptState) kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

func (s *scriptState) start(ts *testscript.TestScript) {
	listen := "127.0.0.1:0"
	if s.address != "" {
		listen = strings.TrimPrefix(s.address, "http://")
	}
	args := []string{"replog", "serve", "--data", s.data, "--listen", listen}
	if s.store != "" {
		args = append(args, "--store", s.store)
	}
	s.process = command(ts, args...)
	answer := ts.MkAbs("server.address")
	out, err := os.Create(answer)
	ts.Check(err)
	defer out.Close()
	messages, err := os.OpenFile(ts.MkAbs("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer messages.Close()
	s.process.Stdout, s.process.Stderr = out, messages
	ts.Check(s.process.Start())
	ts.Defer(s.kill)
	until(ts, "the server's address", func() bool {
		line, _ := os.ReadFile(answer)
		s.address = strings.TrimSuffix(string(line), "\n")
		return strings.HasSuffix(string(line), "\n")
	})
	until(ts, "the server to be ready", func() bool {
		r, err := http.Get(s.address + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	ts.Setenv("URL", s.address)
}

// cmdAwait runs a program again and again until what it prints matches a regular
// expression: await REGEXP PROGRAM ARG…, or does not: ! await …
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: await REGEXP PROGRAM ARG…")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var printed []byte
	defer func() { ts.Logf("%s", printed) }()
	until(ts, strings.Join(args, " "), func() bool {
		printed, _ = command(ts, args[1:]...).CombinedOutput() // its exit code is another command's concern
		return pattern.Match(printed) != neg
	})
}

// cmdTLS puts a proxy that speaks TLS in front of the server. $TLS_URL is its
// address; its certificate goes to the file ca.pem.
func cmdTLS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: tls")
	}
	target, err := url.Parse(ts.Getenv("URL"))
	ts.Check(err)
	proxy := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
	ts.Defer(proxy.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), ca, 0o600))
	ts.Setenv("TLS_URL", proxy.URL)
}

// cmdLock takes the write lock of a database, as a program does that is in the
// middle of a transaction: lock DB. With --exclusive others cannot read either.
func cmdLock(ts *testscript.TestScript, neg bool, args []string) {
	begin := "BEGIN IMMEDIATE"
	if len(args) == 2 && args[0] == "--exclusive" {
		begin, args = "BEGIN EXCLUSIVE", args[1:]
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lock [--exclusive] DB")
	}
	s := ts.Value(stateKey{}).(*scriptState)
	c, err := applier.Open(ts.MkAbs(args[0]), applier.OpenOptions{})
	ts.Check(err)
	ts.Check(c.Exec(begin))
	s.locked = c
	ts.Defer(s.unlock)
}

// cmdUnlock gives the lock up again.
func cmdUnlock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: unlock")
	}
	ts.Value(stateKey{}).(*scriptState).unlock()
}

func (s *scriptState) unlock() {
	if s.locked != nil {
		_ = s.locked.Close() // an open transaction is rolled back
		s.locked = nil
	}
}

// cmdSample makes the sample database: sample FILE
func cmdSample(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sample FILE")
	}
	ts.Check(sample.Create(ts.MkAbs(args[0])))
}

// cmdSilentServer takes the place of the server that was stopped, and answers
// nothing. It makes the file asked whenever it is asked something.
func cmdSilentServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: silent-server")
	}
	standIn(ts, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// cmdBusyServer does the same, but asks to come again later.
func cmdBusyServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: busy-server")
	}
	standIn(ts, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "10")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
}

// standIn answers at the server's address.
func standIn(ts *testscript.TestScript, answer http.HandlerFunc) {
	s := ts.Value(stateKey{}).(*scriptState)
	asked := ts.MkAbs("asked")
	listener, err := net.Listen("tcp", strings.TrimPrefix(s.address, "http://"))
	ts.Check(err)
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = os.WriteFile(asked, nil, 0o600)
		answer(w, r)
	})}
	go func() { _ = web.Serve(listener) }()
	ts.Defer(func() { _ = web.Close() })
}
