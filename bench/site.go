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
	server          *exec.Cmd
	url             string
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
	var messages bytes.Buffer
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("replog %s: %w: %s%s", strings.Join(args, " "), err, out, messages.Bytes())
	}
	return out, nil
}

// start starts the server and returns once it answers.
func (s *site) start(ctx context.Context) error {
	s.server = s.command(ctx, "serve", "--data", "server", "--listen", "127.0.0.1:0")
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

func (s *site) stop() error {
	if err := s.server.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.server.Wait()
}

// enrol publishes a.db and clones it to b.db.
func (s *site) enrol(ctx context.Context) error {
	if _, err := s.run(ctx, "init", "a.db", "--server", s.url, "--publish", "--token-file", s.path("server/admin.token"), "--name", "a"); err != nil {
		return err
	}
	token, err := s.run(ctx, "token", "create", "shop", "--data", "server")
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
