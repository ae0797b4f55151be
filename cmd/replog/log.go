package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/client"
	"replog/replog"
)

func logCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "log",
		Usage:     "print the log, newest first",
		ArgsUsage: "DB | URL | --data DIR [NAME]",
		Description: "Prints every revision, whatever became of it. The log is read from the server of DB, from the server at\n" +
			"http(s)://HOST:PORT/NAME (with the token of --token-file or REPLOG_TOKEN), or from a server's folder on this\n" +
			"machine, whether the server runs or not.\n\n" +
			exitCodes(codeFailed, codeUsage, codeNotAllowed, codeMustRepair, codeTryLater),
		Flags: []cli.Flag{
			jsonFlag("print one JSON object a revision"),
			&cli.Int64Flag{Name: "after", Usage: "only revisions above this one"},
			&cli.IntFlag{Name: "limit", Usage: "at most this many, the newest; 0 is all"},
			&cli.StringFlag{Name: "device", Usage: "only transactions of the device with this id"},
			&cli.StringFlag{Name: "outcome", Usage: "only transactions with this outcome: applied, ignored, conflict, rejected or held"},
			dataFlag(), tokenFlag(), caFlag(), timeoutFlag(), busyFlag(),
		},
		Action: func(c *cli.Context) error {
			query, err := logQuery(c)
			if err != nil {
				return err
			}
			print := func(l replog.LogLine) error { return printJSON(s.out, &l) }
			if !c.Bool("json") {
				print = func(l replog.LogLine) error { return printLogLine(s, &l) }
			}
			return readLog(c, s, query, print)
		},
	}
}

func logQuery(c *cli.Context) (client.LogQuery, error) {
	q := client.LogQuery{
		After: replog.Revision(c.Int64("after")), Limit: c.Int("limit"),
		Device: replog.DeviceID(c.String("device")), Outcome: replog.Outcome(c.String("outcome")),
	}
	outcomes := []replog.Outcome{"", replog.Applied, replog.Ignored, replog.Conflict, replog.Rejected, replog.Held}
	if q.Device != "" {
		if _, err := replog.ParseDeviceID(string(q.Device)); err != nil {
			return q, usage(c, "%w", err)
		}
	}
	switch {
	case q.After < 0:
		return q, usage(c, "--after is %d: revisions begin at 1", q.After)
	case q.Limit < 0:
		return q, usage(c, "--limit is %d", q.Limit)
	case !slices.Contains(outcomes, q.Outcome):
		return q, usage(c, "--outcome is %q: give applied, ignored, conflict, rejected or held", q.Outcome)
	}
	return q, nil
}

// statementsShown is how many statements of a transaction people are shown.
const statementsShown = 20

func printLogLine(s *stdio, l *replog.LogLine) error {
	_, err := fmt.Fprintf(s.out, "revision %d  %s  device %s  seq %d  base %d  %s%s\n",
		l.Revision, l.Outcome, l.Device, l.Seq, l.Base, when(l.RecordedAt), labelText(l.Label))
	if l.Reason != nil && l.Outcome != replog.Applied {
		fmt.Fprintf(s.out, "    %s\n", reasonText(l.Reason))
	}
	printStatements(s, l.Statements, l.Outcome)
	return err
}

func labelText(label string) string {
	if label == "" {
		return ""
	}
	return fmt.Sprintf("  %q", label)
}

// printStatements prints the first statements of a transaction, each with its
// outcome where that is not the transaction's.
func printStatements(s *stdio, statements []replog.LogStatement, whole replog.Outcome) {
	for i := range statements {
		if i == statementsShown {
			fmt.Fprintf(s.out, "    … and %d more; --json prints all\n", len(statements)-i)
			return
		}
		st := &statements[i]
		fate := ""
		if st.Outcome != whole {
			fate = "  -- " + string(st.Outcome)
			if st.Reason != nil {
				fate += ", " + reasonText(st.Reason)
			}
		}
		fmt.Fprintf(s.out, "    %s%s\n", inline(st.SQL, st.Args), fate)
	}
}

func reasonText(r *replog.Reason) string {
	if r.Detail == "" {
		return r.Code
	}
	return r.Code + ": " + oneLine(r.Detail)
}

// inline renders a statement for people: literals for its arguments, and
// identifiers without quotes where they need none.
func inline(sql string, args []replog.Value) string {
	var b strings.Builder
	for sql != "" {
		switch i := strings.IndexAny(sql, `"?`); {
		case i < 0:
			b.WriteString(sql)
			sql = ""
		case sql[i] == '?' && len(args) > 0:
			b.WriteString(sql[:i] + literal(args[0]))
			sql, args = sql[i+1:], args[1:]
		case sql[i] == '?':
			b.WriteString(sql[:i+1])
			sql = sql[i+1:]
		default:
			name, rest := quoted(sql[i:])
			b.WriteString(sql[:i] + name)
			sql = rest
		}
	}
	return oneLine(b.String())
}

var plainWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// quoted splits a quoted identifier off s and takes its quotes away where it is
// a plain word.
func quoted(s string) (name, rest string) {
	end := 1
	for end < len(s) && (s[end] != '"' || strings.HasPrefix(s[end:], `""`)) {
		if s[end] == '"' {
			end++
		}
		end++
	}
	end = min(end+1, len(s))
	name, rest = s[:end], s[end:]
	if word := strings.Trim(name, `"`); plainWord.MatchString(word) {
		return word, rest
	}
	return name, rest
}
