package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// build compiles the command.
func build(ctx context.Context, folder string) (string, error) {
	program := filepath.Join(folder, "replog")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/replog")
	cmd.Stderr = os.Stderr
	return program, cmd.Run()
}

// site is a folder in which a server and devices live, each a process.
type site struct {
	program, folder string
	store           string // address of a PostgreSQL store; "" for files
	server          *exec.Cmd
	url             string
	// resident is the most memory that a command took, in bytes.
	resident int64
}

func (s *site) path(name string) string { return filepath.Join(s.folder, name) }

func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Dir = s.folder
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "REPLOG_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// run runs the command and returns its standard output.
func (s *site) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := s.command(ctx, args...)
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	err := cmd.Start()
	if err == nil {
		watched := make(chan int64, 1)
		ended := make(chan struct{})
		go func() { watched <- watchResident(cmd.Process.Pid, ended) }()
		err = cmd.Wait()
		close(ended)
		s.resident = max(s.resident, <-watched)
	}
	if err != nil {
		return nil, fmt.Errorf("replog %s: %w: %s%s", strings.Join(args, " "), err, out.Bytes(), messages.Bytes())
	}
	return out.Bytes(), nil
}

// watchResident is the largest resident size of a process until it ends, as far
// as a look now and then tells. (What the system says of a process that has
// ended includes its parent's size, from before it became another program.)
func watchResident(pid int, ended <-chan struct{}) (most int64) {
	for {
		most = max(most, resident(pid))
		select {
		case <-ended:
			return most
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// resident is the largest resident size of a process so far, in bytes; 0 where
// the system does not tell.
func resident(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kib int64
			if _, err := fmt.Sscan(text, &kib); err == nil {
				return kib << 10
			}
		}
	}
	return 0
}

// start starts the server and returns once it answers.
func (s *site) start(ctx context.Context) error {
	args := []string{"serve", "--data", "server", "--listen", "127.0.0.1:0"}
	if s.store != "" {
		args = append(args, "--store", s.store)
	}
	return s.startAs(s.command(ctx, args...))
}

// stores are the options that say where servers keep their logs.
func (s *site) stores() []string {
	if s.store != "" {
		return []string{"--store", s.store}
	}
	return []string{"--data", "server"}
}

// startOne starts a server that commits every upload by itself.
func (s *site) startOne(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "serve", "server", s.store)
	cmd.Dir = s.folder
	return s.startAs(cmd)
}

func (s *site) startAs(cmd *exec.Cmd) error {
	s.server = cmd
	out, err := s.server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.server.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return errors.Join(errors.New("the server did not start"), s.server.Wait())
	}
	s.url = strings.TrimSpace(line) + "/shop"
	return nil
}

// stop ends the server, if it runs.
func (s *site) stop() error {
	if s.server == nil {
		return nil
	}
	server := s.server
	s.server = nil
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return server.Wait()
}

// begin starts the server, publishes an empty a.db and clones it to b.db.
func (s *site) begin(ctx context.Context) error {
	if err := createFile(s.path("a.db")); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	return s.enrol(ctx)
}

// enrol publishes a.db and clones it to b.db.
func (s *site) enrol(ctx context.Context) error {
	if _, err := s.run(ctx, "init", "a.db", "--server", s.url, "--publish", "--token-file", s.path("server/admin.token"), "--name", "a"); err != nil {
		return err
	}
	token, err := s.run(ctx, append([]string{"token", "create", "shop"}, s.stores()...)...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("b.token"), token, 0o600); err != nil {
		return err
	}
	_, err = s.run(ctx, "clone", s.url, "b.db", "--token-file", "b.token", "--name", "b")
	return err
}

// synced is what `replog sync --json` says, as far as it matters here.
type synced struct {
	Uploaded      int   `json:"uploaded"`
	Applied       int   `json:"applied"`
	Downloaded    int   `json:"downloaded"`
	BytesSent     int64 `json:"bytes_sent"`
	BytesReceived int64 `json:"bytes_received"`
}

// sync syncs a device and returns how long the process took.
func (s *site) sync(ctx context.Context, file string) (synced, time.Duration, error) {
	start := time.Now()
	out, err := s.run(ctx, "sync", file, "--json")
	took := time.Since(start)
	if err != nil {
		return synced{}, 0, err
	}
	var answer synced
	return answer, took, json.Unmarshal(out, &answer)
}

// share takes the one transaction of device A to the server and to device B, checks
// that their files are equal, and measures what it cost. The figures' names start
// with what.
func (s *site) share(ctx context.Context, what string) (up, down synced, list []figure, err error) {
	s.resident = 0
	up, upTook, err := s.sync(ctx, "a.db")
	if err != nil {
		return up, down, nil, err
	}
	if up.Applied != 1 {
		return up, down, nil, fmt.Errorf("%d transactions were applied, not 1", up.Applied)
	}
	down, downTook, err := s.sync(ctx, "b.db")
	if err != nil {
		return up, down, nil, err
	}
	device := s.resident
	if _, err := s.run(ctx, "diff", "a.db", "b.db"); err != nil {
		return up, down, nil, err
	}
	return up, down, []figure{
		{what: what + "memory of a device's sync", value: float64(device) / mega, unit: "MB", bound: 100},
		{what: what + "memory of the server", value: float64(resident(s.server.Process.Pid)) / mega, unit: "MB", bound: 100},
		{what: what + "A's sync", value: upTook.Seconds(), unit: "s"},
		{what: what + "B's sync", value: downTook.Seconds(), unit: "s"},
	}, nil
}
