package cluster

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
)

// Server is one PostgreSQL server.
type Server struct {
	Port   int
	folder string // its data are in folder/data
	fast   bool

	process *os.Process
	ended   chan struct{} // closed when the process has ended
	output  *bytes.Buffer // read it after ended
}

// Options says what a server is like.
type Options struct {
	// Fast: it does not wait for disks. Its data survive the end of its processes,
	// however they end, but not that of the machine.
	Fast bool
	// Settings are lines for postgresql.conf.
	Settings []string
}

// startTime bounds how long a server may take to start, and to take over.
const startTime = time.Minute

// Start makes a server and starts it. It ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

// New makes a server and starts it. It ends with Remove, or with the process.
func New(o Options) (*Server, error) {
	s, err := newServer(o.Fast)
	if err != nil {
		return nil, err
	}
	err = run(s.folder, "initdb", "--pgdata", s.data(), "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions")
	if err == nil {
		err = s.configure(o.Settings)
	}
	if err == nil {
		err = s.Run()
	}
	if err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

func newServer(fast bool) (*Server, error) {
	folder, err := newFolder()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	return &Server{Port: port, folder: folder, fast: fast}, err
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// freePort finds a port that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// configure appends settings; the last one of a name counts.
func (s *Server) configure(settings []string) error {
	lines := append([]string{
		"listen_addresses = '127.0.0.1'",
		"port = " + strconv.Itoa(s.Port),
		"unix_socket_directories = '" + s.folder + "'",
		"max_connections = 200",
		"wal_level = replica",
		"max_wal_senders = 8",
		"shared_buffers = 64MB",
		"log_min_messages = warning",
	}, settings...)
	if s.fast {
		lines = append(lines, "fsync = off", "full_page_writes = off")
	}
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	return errors.Join(err, f.Close())
}

// Run starts the server again, after Kill or Stop, and waits until it answers.
func (s *Server) Run() error {
	c, err := command(s.folder, "postgres", "-D", s.data())
	if err != nil {
		return err
	}
	// A server does not outlive the process that started it.
	c.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	s.output = &bytes.Buffer{}
	c.Stdout, c.Stderr = s.output, s.output
	s.ended = make(chan struct{})
	if err := launch(c, s.ended); err != nil {
		return err
	}
	s.process = c.Process
	if err := s.waitFor("SELECT 1"); err != nil {
		s.Kill()
		return fmt.Errorf("the server does not start: %w\n%s", err, s.output)
	}
	return nil
}

// launch starts c, and closes ended when it has ended. The death of a thread counts
// as that of the parent, so the thread stays.
func launch(c *exec.Cmd, ended chan struct{}) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.Start()
		started <- err
		if err == nil {
			_ = c.Wait() // how it ended is in its output
		}
		close(ended)
	}()
	return <-started
}

func (s *Server) waitFor(query string) error { return waitFor(s.DSN("postgres"), s.ended, query) }

// waitFor polls until a query that gives one value gives true or 1, or who should
// answer has ended.
func waitFor(address string, ended <-chan struct{}, query string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	db, err := sql.Open("postgres", address)
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		var got string
		err := db.QueryRowContext(ctx, query).Scan(&got)
		if err == nil && (got == "true" || got == "1") {
			return nil
		}
		select {
		case <-ended:
			return errors.New("it has ended")
		case <-ctx.Done():
			return fmt.Errorf("%s: %q, %w", query, got, errors.Join(err, ctx.Err()))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// DSN addresses a database of the server.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
}

// Kill ends the server and its children as a power cut would: at once, with nothing
// written any more.
func (s *Server) Kill() {
	// The children would go on for a moment; a dead postmaster's lock file would keep
	// the next one from starting while they live.
	children, _ := exec.Command("pgrep", "-P", strconv.Itoa(s.process.Pid)).Output()
	_ = s.process.Kill()
	for pid := range strings.FieldsSeq(string(children)) {
		if n, err := strconv.Atoi(pid); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
	<-s.ended
}

// Stop ends the server in order; connections are ended.
func (s *Server) Stop() {
	_ = s.process.Signal(os.Interrupt) // a fast shutdown
	<-s.ended
}

// Signal sends a signal to the server's first process, such as SIGSTOP.
func (s *Server) Signal(signal syscall.Signal) error { return s.process.Signal(signal) }

// Remove ends the server and deletes its folder.
func (s *Server) Remove() {
	if s.process != nil {
		_ = s.process.Signal(syscall.SIGQUIT) // an immediate shutdown
		<-s.ended
	}
	_ = os.RemoveAll(s.folder)
}
