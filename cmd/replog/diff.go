package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"replog/applier"
	"replog/replog"
)

func diffCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "compare two databases, row by row",
		ArgsUsage: "A B",
		Description: "Compares all ordinary tables, exact in type and bytes, and lists differences between the schemas.\n" +
			"Tables of replog and of SQLite itself are left out. Prints the first differing rows of each table. B may be the\n" +
			"tables that a PostgreSQL store keeps of a database, postgres://USER@HOST/DATABASE#NAME: they are to hold what\n" +
			"docs/postgres.md says becomes of the rows of A.\n\n" +
			exitCodes(codeFailed, codeUsage, codeDiffers, codeTryLater),
		Flags: []cli.Flag{
			jsonFlag("print the result as one JSON object"),
			&cli.IntFlag{Name: "rows", Usage: "how many differing rows to print of each table", Value: 10},
			busyFlag(),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 2, 2)
			if err != nil {
				return err
			}
			comparison, err := interruptible(c.Context, func() (*applier.Comparison, error) {
				if isStore(args[1]) {
					return compareStored(s, args[0], args[1], c)
				}
				return compare(s, args[0], args[1], c)
			})
			if err != nil {
				return err
			}
			if c.Bool("json") {
				err = printJSON(s.out, comparison)
			} else {
				printComparison(s, comparison)
			}
			if err == nil && !comparison.Equal {
				return silent(codeDiffers)
			}
			return err
		},
	}
}

// interruptible runs f, which only reads and cannot be told to stop. When ctx is
// done f is abandoned: the process is about to end.
func interruptible[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := f()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// compare opens both files for reading and prints, unless JSON is wanted, the
// first rows that differ as they are found.
func compare(s *stdio, a, b string, c *cli.Context) (*applier.Comparison, error) {
	var conns [2]*applier.Conn
	for i, path := range []string{a, b} {
		if err := mustExist(path); err != nil {
			return nil, err
		}
		conn, err := applier.Open(path, applier.OpenOptions{ReadOnly: true, BusyTimeout: c.Duration("busy-timeout")})
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		conns[i] = conn
	}
	options := applier.CompareOptions{}
	if !c.Bool("json") {
		p := &rowPrinter{s: s, ctx: c.Context, most: int64(c.Int("rows")), shown: map[string]int64{}}
		options.Row = p.row
	}
	return applier.Compare(conns[0], conns[1], options)
}

// rowPrinter prints differences between rows, a bounded number of each table.
type rowPrinter struct {
	s     *stdio
	ctx   context.Context
	most  int64
	shown map[string]int64
}

func (p *rowPrinter) row(d applier.RowDifference) error {
	if p.shown[d.Table]++; p.shown[d.Table] > p.most {
		return p.ctx.Err()
	}
	fmt.Fprintf(p.s.out, "%s %s: %s\n", oneLine(d.Table), rowName(&d), rowFate(&d))
	return p.ctx.Err()
}

// rowName is the key of a row or, where it has none, its values.
func rowName(d *applier.RowDifference) string {
	values := d.A
	if values == nil {
		values = d.B
	}
	shown := values
	if d.Key != nil {
		shown = nil
		for _, i := range d.Key {
			shown = append(shown, values[i])
		}
	}
	return tuple(shown)
}

func tuple(values []replog.Value) string {
	var parts []string
	for _, v := range values {
		parts = append(parts, literal(v))
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

func rowFate(d *applier.RowDifference) string {
	times := ""
	if d.Count > 1 {
		times = fmt.Sprintf(", %d times", d.Count)
	}
	switch {
	case d.B == nil:
		return "only in A" + times
	case d.A == nil:
		return "only in B" + times
	}
	var cells []string
	for _, cell := range d.Cells() {
		cells = append(cells, fmt.Sprintf("%s %s | %s", oneLine(cell.Column), literal(cell.A), literal(cell.B)))
	}
	return strings.Join(cells, ", ")
}

func printComparison(s *stdio, c *applier.Comparison) {
	for _, d := range c.Schema {
		fmt.Fprintf(s.out, "schema: %s\n", oneLine(d.String()))
	}
	for _, d := range c.Notes {
		fmt.Fprintf(s.err, "note: %s\n", noteText(&d))
	}
	for _, name := range c.NotCompared {
		fmt.Fprintf(s.err, "note: %s was not compared: it is a virtual table or part of one\n", oneLine(name))
	}
	if c.Equal {
		fmt.Fprintf(s.out, "equal: %s compared\n", count(len(c.Tables), "table"))
		return
	}
	t := table{header: []string{"TABLE", "ONLY IN A", "ONLY IN B", "DIFFERENT"}}
	for i := range c.Tables {
		if n := &c.Tables[i]; !n.Same() {
			t.add(oneLine(n.Table), fmt.Sprint(n.OnlyA), fmt.Sprint(n.OnlyB), fmt.Sprint(n.Different))
		}
	}
	t.print(s.out)
	fmt.Fprintln(s.out, "the databases differ")
}

// noteText names a difference that does not make databases differ; --json has
// the definitions.
func noteText(d *applier.SchemaDifference) string {
	name := oneLine(strings.TrimSpace(d.Kind + " " + d.Name))
	switch {
	case d.B == "":
		return name + " is only in A"
	case d.A == "":
		return name + " is only in B"
	}
	return name + " differs"
}

func busyFlag() cli.Flag {
	return &cli.DurationFlag{Name: "busy-timeout", Usage: "how long to wait for another program's lock on a file", Value: 5 * time.Second}
}
