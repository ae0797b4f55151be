package applier

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"replog/replog"
)

// step is one statement of an application.
type step struct {
	sql  string
	args []replog.Value
}

// outcome is what the application saw of its statements: rows, errors,
// last_insert_rowid() and changes(), a text a statement.
type outcome struct {
	results []string
	failed  int
}

// foreign is a program that writes to a database without knowing of replog.
type foreign interface {
	// run opens the file with these pragmas and runs the steps.
	run(t testing.TB, path string, pragmas []string, steps []step) outcome
	// binds tells whether statements may have arguments.
	binds() bool
}

// shell is the sqlite3 command.
type shell struct{}

func (shell) binds() bool { return false }

func (shell) run(t testing.TB, path string, pragmas []string, steps []step) outcome {
	var script strings.Builder
	script.WriteString(".mode quote\n")
	for _, pragma := range pragmas {
		fmt.Fprintf(&script, "PRAGMA %s;\n", pragma)
	}
	for _, s := range steps {
		fmt.Fprintf(&script, "%s;\nSELECT last_insert_rowid(), changes();\n", s.sql)
	}
	cmd := exec.Command("sqlite3", "-batch", path)
	cmd.Stdin = strings.NewReader(script.String())
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && stderr.Len() == 0 {
		t.Fatalf("sqlite3 %s: %v", path, err)
	}
	return outcome{[]string{stdout.String(), stderr.String()}, strings.Count(stderr.String(), " error near line ")}
}

// python runs Python's sqlite3 in one process for all tests; attached opens the
// file as "shop" beside an empty main database.
type python struct {
	attached bool
	in       io.Writer
	out      *bufio.Reader
}

func startPython(t testing.TB) *python {
	cmd := exec.Command("python3", filepath.Join("testdata", "matrix_foreign.py"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("python3, whose sqlite3 module these tests write with: %v", err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("python3: %v\n%s", err, stderr.String())
		}
	})
	return &python{in: in, out: bufio.NewReader(out)}
}

func (p *python) binds() bool { return true }

func (p *python) run(t testing.TB, path string, pragmas []string, steps []step) outcome {
	type jsonStep struct {
		SQL  string      `json:"sql"`
		Args [][2]string `json:"args"`
	}
	request := struct {
		Main    string     `json:"main"`
		Attach  string     `json:"attach"`
		Pragmas []string   `json:"pragmas"`
		Steps   []jsonStep `json:"steps"`
	}{Main: path, Pragmas: append([]string{}, pragmas...)}
	if p.attached {
		request.Main, request.Attach = ":memory:", path
	}
	for _, s := range steps {
		j := jsonStep{SQL: s.sql, Args: [][2]string{}}
		for _, v := range s.args {
			j.Args = append(j.Args, [2]string{v.Kind().String(), hex.EncodeToString(rawBytes(v))})
		}
		request.Steps = append(request.Steps, j)
	}
	b, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		t.Fatal(err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("python3 on %s: %v", b, err)
	}
	var answer struct {
		Results []string `json:"results"`
		Failed  int      `json:"failed"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		t.Fatal(err)
	}
	return outcome{answer.Results, answer.Failed}
}

func rawBytes(v replog.Value) []byte {
	switch v.Kind() {
	case replog.KindInteger:
		return []byte(strconv.FormatInt(v.Int64(), 10))
	case replog.KindReal:
		return binary.BigEndian.AppendUint64(nil, math.Float64bits(v.Float64()))
	}
	return []byte(v.Bytes())
}

// inProcess is a connection of this process, with pragmas of its own.
type inProcess struct{ pragmas []string }

func (inProcess) binds() bool { return true }

func (d inProcess) run(t testing.TB, path string, pragmas []string, steps []step) outcome {
	c, err := Open(path, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, pragma := range append(d.pragmas, pragmas...) {
		if err := c.Script("PRAGMA " + pragma); err != nil {
			t.Fatal(err)
		}
	}
	return runSteps(t, c, steps, "")
}

// runSteps runs steps, and after each that fails the script.
func runSteps(t testingT, c *Conn, steps []step, afterFailure string) outcome {
	var o outcome
	for _, s := range steps {
		var rows []string
		err := c.Query(s.sql, func(row []replog.Value) error {
			rows = append(rows, fmt.Sprint(row))
			return nil
		}, s.args...)
		if err != nil {
			rows = []string{"error " + err.Error()}
			o.failed++
			if err := c.Script(afterFailure); err != nil {
				t.Fatal(err)
			}
		}
		after, err := c.QueryRow("SELECT last_insert_rowid(), changes()")
		if err != nil {
			t.Fatal(err)
		}
		o.results = append(o.results, fmt.Sprint(strings.Join(rows, "; "), " | ", after))
	}
	return o
}
