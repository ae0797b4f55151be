package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"replog/replog"
)

// logPrinter prints what a filter selects of a log, in one of the forms.
type logPrinter func(ctx context.Context, s *stdio, log logReader, f replog.Filter) error

func printLines(ctx context.Context, s *stdio, log logReader, f replog.Filter) error {
	return log.Lines(ctx, f, func(l replog.LogLine) error {
		return s.whole(func(s *stdio) { printLogLine(s, &l) })
	})
}

func printLinesJSON(ctx context.Context, s *stdio, log logReader, f replog.Filter) error {
	return log.Lines(ctx, f, func(l replog.LogLine) error { return printJSON(s.out, &l) })
}

func printScript(ctx context.Context, s *stdio, log logReader, f replog.Filter) error {
	return log.Script(ctx, f, s.out)
}

// whole writes at once what print prints, and says whether that could be.
func (s *stdio) whole(print func(*stdio)) error {
	var b bytes.Buffer
	print(&stdio{in: s.in, out: &b, err: s.err})
	_, err := io.Copy(s.out, &b)
	return err
}

func printLogLine(s *stdio, l *replog.LogLine) {
	printHead(s, l.Revision, l.Outcome, l.Device, l.Seq, l.Base, l.RecordedAt, l.ReceivedAt, l.Label)
	switch {
	case l.Reason == nil:
	case l.Outcome != replog.Applied:
		fmt.Fprintf(s.out, "    %s\n", reasonText(l.Reason))
	case !slices.ContainsFunc(l.Statements, func(st replog.LogStatement) bool { return st.Outcome != l.Outcome }):
		// It concerns some columns only, which no statement says.
		fmt.Fprintf(s.out, "    but for %s\n", reasonText(l.Reason))
	}
	printStatements(s, l.Statements, l.Outcome)
}

func printHead(s *stdio, r replog.Revision, o replog.Outcome, d replog.DeviceID, seq replog.Seq, base replog.Revision, recorded, received replog.Millis, label string) {
	fmt.Fprintf(s.out, "revision %d  %s  device %s  seq %d  base %d  %s%s%s\n",
		r, o, d, seq, base, when(recorded), laterText(recorded, received), labelText(label))
}

// laterText says when something was received, where that was a while after it
// was recorded.
func laterText(recorded, received replog.Millis) string {
	if received.Time().Sub(recorded.Time()).Abs() < time.Minute {
		return ""
	}
	return "  received " + when(received)
}

func labelText(label string) string {
	if label == "" {
		return ""
	}
	return fmt.Sprintf("  %q", label)
}

// statementsShown is how many statements of a transaction people are shown.
const statementsShown = 20

// printStatements prints the first statements of a transaction, each with its
// outcome where that is not the transaction's.
func printStatements(s *stdio, statements []replog.LogStatement, whole replog.Outcome) {
	for i := range statements {
		if i == statementsShown {
			fmt.Fprintf(s.out, "    … and %d more; --json prints all\n", len(statements)-i)
			return
		}
		st := &statements[i]
		fmt.Fprintf(s.out, "    %s%s\n", inline(st.SQL, st.Args), derivedText(st)+fateText(st, whole))
	}
}

// derivedText tells of a schema statement that no application ran as it is.
func derivedText(st *replog.LogStatement) string {
	if st.Schema == replog.SchemaDerived {
		return "  -- derived"
	}
	return ""
}

// fateText says what became of a statement, where that is not what became of
// the whole.
func fateText(st *replog.LogStatement, whole replog.Outcome) string {
	if st.Outcome == whole {
		return ""
	}
	fate := "  -- " + string(st.Outcome)
	if st.Reason != nil {
		fate += ", " + reasonText(st.Reason)
	}
	return fate
}

func reasonText(r *replog.Reason) string {
	if r.Detail == "" {
		return r.Code
	}
	return r.Code + ": " + oneLine(r.Detail)
}

// inline renders a statement for people in one line, with its arguments
// shortened.
func inline(sql string, args []replog.Value) string {
	return oneLine(replog.Inline(sql, args, literal))
}
