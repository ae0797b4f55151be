package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/applier"
	"replog/client"
	"replog/replog"
)

// showConflict prints a conflict, row by row, beside what the file holds now.
func showConflict(s *stdio, c *cli.Context, path string, k *client.Conflict) error {
	conn, err := applier.Open(path, applier.OpenOptions{ReadOnly: true, BusyTimeout: c.Duration("busy-timeout")})
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(s.out, "conflict %s: %s, %s\n", k.ID, k.Outcome, reasonText(&k.Reason))
	fmt.Fprintf(s.out, "revision %d, recorded %s, %s\n", k.Revision, when(k.RecordedAt), k.State)
	if k.Label != "" {
		fmt.Fprintf(s.out, "label %q\n", k.Label)
	}
	for i := range k.Statements {
		st := &k.Statements[i]
		fmt.Fprintf(s.out, "\n%d. %s\n", i+1, inline(st.SQL, st.Args))
	}
	for i := range k.Changes {
		change := &k.Changes[i]
		now, err := currentRow(conn, change)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "\n%s %s %s%s\n", change.Op, oneLine(change.Table), tuple(change.Key), absent(now))
		t := table{header: []string{"  COLUMN", "BEFORE", "WANTED", "NOW"}}
		for n, column := range change.Columns {
			t.add("  "+oneLine(column), side(change.Old, n), side(change.New, n), side(now, n))
		}
		t.print(s.out)
	}
	return nil
}

func absent(row []replog.Value) string {
	if row == nil {
		return ", which is not there now"
	}
	return ""
}

func side(values []replog.Value, n int) string {
	if n >= len(values) {
		return "-"
	}
	return literal(values[n])
}

// currentRow reads the columns of a change from the row as it is; nil where
// there is none.
func currentRow(conn *applier.Conn, change *replog.Change) ([]replog.Value, error) {
	var columns, keys []string
	for _, name := range change.Columns {
		columns = append(columns, "+"+replog.QuoteName(name))
	}
	for _, name := range change.KeyColumns {
		keys = append(keys, replog.QuoteName(name)+" IS ?")
	}
	return conn.QueryRow("SELECT "+strings.Join(columns, ", ")+" FROM main."+replog.QuoteName(change.Table)+
		" WHERE "+strings.Join(keys, " AND "), change.Key...)
}
