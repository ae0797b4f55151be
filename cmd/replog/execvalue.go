package main

import (
	"bufio"
	"database/sql/driver"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"replog/applier"
)

// sqlLiteral is what an argument is bound as if written so in SQL. The sqlite3 shell's
// .parameter takes any expression (https://sqlite.org/cli.html#sql_parameters),
// which would let a value from elsewhere compute, or read tables.
var sqlLiteral = regexp.MustCompile(`(?is)^(` +
	`[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?|[-+]?0x[0-9a-f]+|` +
	`NULL|TRUE|FALSE|` +
	`x'([0-9a-f]{2})*'|'([^'\x00]|'')*'` +
	`)$`)

// bind types the arguments.
func (r *scriptRun) bind(args []string) error {
	for i, a := range args {
		v, err := r.value(a)
		if err != nil {
			return err
		}
		r.args = append(r.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return nil
}

func (r *scriptRun) value(arg string) (driver.Value, error) {
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		b, err := os.ReadFile(file)
		if b == nil {
			b = []byte{}
		}
		return b, err
	}
	if !sqlLiteral.MatchString(arg) {
		return arg, nil
	}
	return r.ask("SELECT " + arg)
}

// ask returns what a query of one value gives.
func (r *scriptRun) ask(query string, args ...driver.Value) (driver.Value, error) {
	s, err := r.conn.SQLite().Prepare(query)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	rows, err := s.Query(args) //nolint:staticcheck // nothing to cancel
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	err = rows.Next(row)
	return row[0], err
}

// print prints a row as the sqlite3 shell does in its list mode.
func (r *scriptRun) print(out *bufio.Writer, row []driver.Value) error {
	for i, v := range row {
		if i > 0 {
			fmt.Fprint(out, "|")
		}
		switch v := v.(type) {
		case nil:
		case []byte:
			fmt.Fprintf(out, "%s", v)
		case float64:
			text, err := r.ask("SELECT CAST(? AS TEXT)", v)
			if err != nil {
				return err
			}
			fmt.Fprint(out, text)
		case bool:
			fmt.Fprint(out, map[bool]int{true: 1}[v])
		case time.Time:
			fmt.Fprint(out, v.Format("2006-01-02 15:04:05.999999999-07:00"))
		default:
			fmt.Fprint(out, v)
		}
	}
	return out.WriteByte('\n')
}

// converted tells whether the driver makes times or booleans of what is in some
// column.
func converted(rows driver.Rows) bool {
	r, ok := rows.(interface{ DeclTypes() []string })
	return ok && slices.ContainsFunc(r.DeclTypes(), func(t string) bool {
		return slices.Contains([]string{"date", "datetime", "timestamp", "boolean"}, t)
	})
}

// isQuery tells whether a statement only reads, and may be run again.
func isQuery(sql string) bool {
	return slices.Contains([]string{"select", "values"}, applier.FirstWord(sql))
}

// exactly gives the same rows by columns without a declared type.
func exactly(sql string, columns int) string {
	var names, values []string
	for i := range columns {
		names, values = append(names, fmt.Sprintf("c%d", i)), append(values, fmt.Sprintf("+c%d", i))
	}
	return fmt.Sprintf("WITH q(%s) AS MATERIALIZED (%s\n) SELECT %s FROM q", strings.Join(names, ", "), sql, strings.Join(values, ", "))
}
