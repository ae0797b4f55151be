package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// demo runs this program, as processes of their own, in a folder.
type demo struct {
	s       *stdio
	folder  string
	program string

	url    string
	server *exec.Cmd
}

func (d *demo) path(name string) string { return filepath.Join(d.folder, name) }

func (d *demo) title(text string) { fmt.Fprintf(d.s.out, "\n== %s\n", text) }

func (d *demo) note(text string) { fmt.Fprintf(d.s.out, "   %s\n", text) }

// command makes a process in the folder that this process's own settings of
// replog do not reach.
func (d *demo) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.program, args...)
	cmd.Dir = d.folder
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "REPLOG_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// replog shows a command, runs it, shows what it answered, and demands an exit
// code.
func (d *demo) replog(ctx context.Context, want int, args ...string) error {
	fmt.Fprintf(d.s.out, "$ replog %s\n", strings.Join(args, " "))
	cmd := d.command(ctx, args...)
	out := &indenter{w: d.s.out}
	cmd.Stdout, cmd.Stderr = out, out
	return ended(cmd.Run(), cmd, want)
}

// replogTo runs a command whose output goes to a file.
func (d *demo) replogTo(ctx context.Context, file string, args ...string) error {
	fmt.Fprintf(d.s.out, "$ replog %s > %s\n", strings.Join(args, " "), file)
	f, err := os.OpenFile(d.path(file), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := d.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = f, &indenter{w: d.s.out}
	return ended(cmd.Run(), cmd, codeDone)
}

func ended(err error, cmd *exec.Cmd, want int) error {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		return fmt.Errorf("replog %s: exit code %d, not %d", cmd.Args[1], got, want)
	}
	return nil
}

// startServer returns once the server answers; its messages go to server.log.
func (d *demo) startServer(ctx context.Context) error {
	args := []string{"serve", "--data", demoServer, "--listen", "127.0.0.1:0"}
	messages, err := os.Create(d.path("server.log"))
	if err != nil {
		return err
	}
	defer messages.Close()
	fmt.Fprintf(d.s.out, "$ replog %s 2> server.log &\n", strings.Join(args, " "))
	d.server = d.command(ctx, args...)
	d.server.Stderr = messages
	out, err := d.server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.server.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return errors.Join(errors.New("the server did not start; server.log says why"), d.server.Wait())
	}
	d.url = strings.TrimSpace(line)
	fmt.Fprintf(d.s.out, "   %s\n", d.url)
	return nil
}

// stopServer ends the server gracefully, if it runs.
func (d *demo) stopServer() error {
	if d.server == nil {
		return nil
	}
	fmt.Fprintf(d.s.out, "\n$ kill %d   # the server\n", d.server.Process.Pid)
	if err := d.server.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := d.server.Wait()
	d.server = nil
	return err
}

func (d *demo) farewell() {
	fmt.Fprintf(d.s.out, "\nEverything is in %s. To go on from there:\n\n", d.folder)
	for _, line := range []string{
		"cd " + d.folder,
		"PATH=" + filepath.Dir(d.program) + ":$PATH",
		"replog serve --data server --listen " + strings.TrimPrefix(d.url, "http://") + " 2> server.log &",
		`sqlite3 van.db "UPDATE customer SET phone = '+49 30 1234' WHERE id = 1"`,
		"replog pending van.db",
		"replog sync van.db office.db",
		"replog log office.db --limit 1",
	} {
		fmt.Fprintf(d.s.out, "  %s\n", line)
	}
}

// indenter indents each line that is written to it.
type indenter struct {
	w      io.Writer
	inside bool // the last write ended within a line
}

func (i *indenter) Write(p []byte) (int, error) {
	for _, line := range bytes.SplitAfter(p, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		if !i.inside && len(line) > 1 {
			if _, err := io.WriteString(i.w, "   "); err != nil {
				return 0, err
			}
		}
		if _, err := i.w.Write(line); err != nil {
			return 0, err
		}
		i.inside = !bytes.HasSuffix(line, []byte("\n"))
	}
	return len(p), nil
}
