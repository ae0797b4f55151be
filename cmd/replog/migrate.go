package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"
	"github.com/urfave/cli/v2"

	"replog/applier"
	"replog/client"
	"replog/client/driver"
)

func migrateCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "migrate",
		Usage:     "change the schema on a device, for all of them",
		ArgsUsage: "DB FILE.sql",
		Description: "Runs a script of CREATE, ALTER and DROP of tables, indexes, views and triggers, with INSERT, UPDATE and DELETE\n" +
			"among them, as one marked transaction: all of it or nothing. FILE.sql may be - for standard input. What other\n" +
			"files could not run alike is refused before anything runs.\n\n" +
			"The next sync takes it to the server, and theirs bring it to the other devices: the schema statements as they are,\n" +
			"the rest as the rows that changed. The server refuses it where the device's token has no schema right.\n\n" +
			"A script may make a table anew as https://www.sqlite.org/lang_altertable.html advises: PRAGMA foreign_keys = OFF,\n" +
			"BEGIN and COMMIT around it are understood.\n\n" +
			exitCodes(codeFailed, codeUsage, codeMustRepair, codeTryLater),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "label", Usage: "label the transaction, by which the log shows and finds it", DefaultText: "the file's name"},
			busyFlag(),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 2, 2)
			if err != nil {
				return err
			}
			script, label, err := readScript(s, args[1])
			if err != nil {
				return err
			}
			if given := c.String("label"); given != "" {
				label = given
			}
			m := migration{path: args[0], label: label, busy: c.Duration("busy-timeout"), out: s.out}
			m.unwrap(script)
			if err := m.check(); err != nil {
				return err
			}
			if err := m.run(c.Context); err != nil {
				return m.failed(err)
			}
			_, err = fmt.Fprintf(s.out, "%s: %s done, as %q; `replog sync %s` brings it to the others\n", m.path, count(m.statements, "schema statement"), label, m.path)
			return err
		},
	}
}

// failed says what there is to do where foreign keys stand in the way.
func (m *migration) failed(err error) error {
	told := execFailure(m.path, err)
	var f *failure
	var refused sqlite3.Error
	if !m.keysOff && errors.As(err, &refused) && refused.ExtendedCode == sqlite3.ErrConstraintForeignKey && errors.As(told, &f) {
		f.next += "; a script that makes a table anew, to which others refer, begins with PRAGMA foreign_keys = OFF"
	}
	return told
}

// readScript reads a file, or standard input, and gives it a label.
func readScript(s *stdio, name string) (script, label string, err error) {
	if name == "-" {
		b, err := io.ReadAll(s.in)
		return string(b), "migrate", err
	}
	b, err := os.ReadFile(name)
	return string(b), filepath.Base(name), err
}

// migration is one run of migrate.
type migration struct {
	path, label string
	busy        time.Duration
	out         io.Writer
	pieces      []applier.Piece
	keysOff     bool // foreign keys are off while it runs
	statements  int
}

// unwrap takes off what the script has around its transaction.
func (m *migration) unwrap(script string) {
	for _, p := range applier.Pieces(script) {
		words := strings.Fields(strings.ToLower(strings.NewReplacer("=", " = ", "(", " ", ")", " ", ";", " ").Replace(p.Text)))
		switch {
		case p.Empty:
			continue
		case len(words) > 2 && words[0] == "pragma" && (words[1] == "foreign_keys" || words[1] == "main.foreign_keys"):
			last := words[len(words)-1]
			m.keysOff = m.keysOff || last == "off" || last == "0" || last == "false" || last == "no"
			continue
		case len(words) > 0 && len(words) <= 2 && (words[0] == "begin" || words[0] == "commit" || words[0] == "end"):
			continue
		}
		m.pieces = append(m.pieces, p)
	}
}

// sql is what is to run.
func (m *migration) sql() string {
	var b strings.Builder
	for _, p := range m.pieces {
		b.WriteString(p.SQL)
		if !strings.HasSuffix(strings.TrimSpace(p.SQL), ";") {
			b.WriteString("\n;")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// check refuses what cannot be replicated, before anything runs.
func (m *migration) check() error {
	d, err := client.Open(m.path, client.Options{BusyTimeout: m.busy})
	if err != nil {
		return about(m.path, err)
	}
	defer d.Close()
	refused, n, err := d.CheckScript(m.sql())
	m.statements = n
	if err != nil {
		return about(m.path, err)
	}
	if len(refused) == 0 {
		return nil
	}
	var lines []string
	for _, r := range refused {
		lines = append(lines, oneLine(r.Error()))
	}
	return &failure{
		err:  about(m.path, fmt.Errorf("cannot be replicated:\n  %s", strings.Join(lines, "\n  "))),
		next: "nothing was changed", code: codeFailed,
	}
}

// run runs the script.
func (m *migration) run(ctx context.Context) (err error) {
	r := &scriptRun{out: m.out, sql: m.sql()}
	if err := r.open(m.path, m.busy, !m.keysOff); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.conn.Close()) }()
	if m.keysOff {
		return m.runWithoutKeys(ctx, r)
	}
	return r.run(driver.Label(ctx, m.label))
}

// runWithoutKeys runs the script, and refuses it where it leaves rows without a parent
// that had one, or were not there.
func (m *migration) runWithoutKeys(ctx context.Context, r *scriptRun) error {
	before, err := r.orphans()
	if err != nil {
		return err
	}
	r.last = func() error {
		after, err := r.orphans()
		if err == nil && after > before {
			err = fmt.Errorf("it leaves %s without a parent", count(after-before, "row"))
		}
		return err
	}
	return r.run(driver.Label(ctx, m.label))
}

// orphans counts the rows that violate a foreign key.
func (r *scriptRun) orphans() (int64, error) {
	v, err := r.ask("SELECT count(*) FROM pragma_foreign_key_check")
	if err != nil {
		return 0, err
	}
	return v.(int64), nil
}
