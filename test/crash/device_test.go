package crash

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"replog/replog"
)

// device is one file, the program that writes it, and the one that syncs it.
type device struct {
	site       *site
	name, path string

	writer  *exec.Cmd
	writers int          // how many there were
	stop    func() error // ends the writer
	written []string     // the rows whose commits writers saw
	drained chan struct{}

	mu      sync.Mutex
	syncing *exec.Cmd
	ended   bool
	done    chan struct{}
}

func (d *device) startWriter(seed int64) {
	d.site.t.Helper()
	d.start(exec.Command("python3", "writer.py", d.path, d.nextWriter(), fmt.Sprint(seed)))
}

// nextWriter names the next writer.
func (d *device) nextWriter() string {
	d.writers++
	return fmt.Sprintf("%s-%d", d.name, d.writers)
}

// start starts a writer.
func (d *device) start(writer *exec.Cmd) {
	t := d.site.t
	t.Helper()
	d.writer = writer
	d.writer.Stderr = os.Stderr
	in, err := d.writer.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.writer.Start(); err != nil {
		t.Fatal(err)
	}
	process := d.writer.Process
	t.Cleanup(func() { _ = process.Kill() })
	d.stop, d.drained = in.Close, make(chan struct{})
	go func() {
		defer close(d.drained)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			d.written = append(d.written, lines.Text())
		}
	}()
}

// stopWriter ends the writer and returns the rows whose commits it saw.
func (d *device) stopWriter() []string {
	d.site.t.Helper()
	_ = d.stop()
	<-d.drained
	if err := d.writer.Wait(); err != nil {
		d.site.t.Errorf("%s: a write of the application failed: %v", d.name, err)
	}
	return d.written
}

// conflicts are the rows whose inserts are among the device's conflicts.
func (d *device) conflicts() map[string]bool {
	d.site.t.Helper()
	rows := map[string]bool{}
	dec := json.NewDecoder(strings.NewReader(d.site.run([]int{0}, "X=", "conflicts", "list", d.path, "--json")))
	for dec.More() {
		var conflict struct {
			Changes []replog.Change `json:"changes"`
		}
		if err := dec.Decode(&conflict); err != nil {
			d.site.t.Fatal(err)
		}
		for _, c := range conflict.Changes {
			if (c.Table == "item" || c.Table == "slot") && c.Op == replog.Insert {
				rows[row(c.Table, c.New)] = true
			}
		}
	}
	return rows
}

// killWriter kills the application, perhaps within a transaction.
func (d *device) killWriter() {
	_ = d.writer.Process.Kill()
	<-d.drained
	_ = d.writer.Wait()
}

// startSyncing syncs over and over, as an impatient cron would.
func (d *device) startSyncing() {
	d.done = make(chan struct{})
	go func() {
		defer close(d.done)
		for d.syncOnce() {
		}
	}()
}

func (d *device) syncOnce() bool {
	cmd := exec.Command(d.site.program, "sync", d.path, "--busy-timeout", "1m")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	d.mu.Lock()
	if d.ended {
		d.mu.Unlock()
		return false
	}
	err := cmd.Start()
	d.syncing = cmd
	d.mu.Unlock()
	if err == nil {
		err = cmd.Wait()
	}
	// Killed, done, something waits for a person, or the server is down.
	if code := exitCode(err); !slices.Contains([]int{-1, 0, 3, 75}, code) {
		d.site.t.Errorf("%s: sync ended with exit code %d\n%s", d.name, code, out.String())
		return false
	}
	return true
}

func (d *device) killSync() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.syncing != nil {
		_ = d.syncing.Process.Kill()
	}
}

func (d *device) stopSyncing() {
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
	<-d.done
}
