package main

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// printDetail prints a whole entry for people.
func printDetail(s *stdio, e *replog.EntryDetail) {
	printDetailHead(s, e)
	fmt.Fprintf(s.out, "\nstatements, as recorded\n")
	for i := range e.Statements {
		st := &e.Statements[i]
		fmt.Fprintf(s.out, "  %d. %s%s\n", i+1, inline(st.SQL, st.Args), derivedText(&st.LogStatement)+fateText(&st.LogStatement, e.Outcome))
		switch {
		case st.Schema != "":
			fmt.Fprintf(s.out, "     %s  %s\n", st.RecordedAt, schemaSource[st.Schema])
		case st.Intent != nil:
			printRan(s, st)
		default:
			printCells(s, st.Change)
		}
	}
	printParts(s, e)
	if e.Net != nil {
		fmt.Fprintf(s.out, "\nnet changes\n")
		printChanges(s, e.Net, "none: the statements cancel out")
	}
	same := ""
	if e.AsRecorded && hasIntents(e) {
		same = ", the same as on the device"
	}
	fmt.Fprintf(s.out, "\nwhat the server changed%s\n", same)
	switch {
	case e.Outcome != replog.Applied:
		fmt.Fprintf(s.out, "  nothing: %s\n", e.Outcome)
	case e.AsRecorded && len(e.Changes) > 0 && !hasIntents(e):
		fmt.Fprintf(s.out, "  the same, as recorded\n")
	case hasSchema(e):
		printChanges(s, e.Changes, "the schema, and no row")
	default:
		printChanges(s, e.Changes, "nothing: the rows were so already")
	}
}

// schemaSource says whence a schema statement comes.
var schemaSource = map[replog.SchemaSource]string{
	replog.SchemaRun:     "schema statement, run on the device",
	replog.SchemaDerived: "schema statement, derived from what the device's application had changed",
}

// hasIntents tells whether the statements alone do not say what was changed.
func hasIntents(e *replog.EntryDetail) bool {
	return slices.ContainsFunc(e.Statements, func(st replog.StatementDetail) bool { return st.Intent != nil })
}

func hasSchema(e *replog.EntryDetail) bool {
	return slices.ContainsFunc(e.Statements, func(st replog.StatementDetail) bool { return st.Schema != "" })
}

func printDetailHead(s *stdio, e *replog.EntryDetail) {
	kind := "unmarked"
	switch {
	case e.Marked:
		kind = "marked"
	case e.Whole:
		kind = "unmarked, never divided"
	}
	fmt.Fprintf(s.out, "revision %d  %s\n", e.Revision, e.Outcome)
	if e.Reason != nil {
		fmt.Fprintf(s.out, "reason    %s\n", reasonText(e.Reason))
	}
	fmt.Fprintf(s.out, "device    %s, seq %d, %s\n", e.Device, e.Seq, kind)
	if e.Label != "" {
		fmt.Fprintf(s.out, "label     %q\n", e.Label)
	}
	if len(e.Tables) > 0 {
		why := "those that its intents may write"
		if hasSchema(e) {
			why = "those that its schema statements are about"
		}
		fmt.Fprintf(s.out, "tables    %s: %s\n", oneLine(strings.Join(e.Tables, ", ")), why)
	}
	fmt.Fprintf(s.out, "recorded  %s on base %d, with verdicts seen up to seq %d%s\n", e.RecordedAt, e.Base, e.Seen, withoutText(e.Without))
	fmt.Fprintf(s.out, "received  %s\n", e.ReceivedAt)
	fmt.Fprintf(s.out, "hash      %s\n", e.Hash)
}

// printRan prints what an intent did on the device, and what it asks for.
func printRan(s *stdio, st *replog.StatementDetail) {
	r := st.Intent
	fmt.Fprintf(s.out, "     %s  affected %s on the device, with triggers and foreign keys %s",
		st.RecordedAt, count(int(r.Affected), "row"), count(r.Changes, "change"))
	switch {
	case r.Expect != nil && *r.Expect < 0:
		fmt.Fprint(s.out, "; any number will do")
	case r.Expect != nil:
		fmt.Fprintf(s.out, "; it has to be %d", *r.Expect)
	}
	if r.Optional {
		fmt.Fprint(s.out, "; optional")
	}
	fmt.Fprintln(s.out)
}

func withoutText(seqs []replog.Seq) string {
	if len(seqs) == 0 {
		return ""
	}
	return fmt.Sprintf(", without %s", strings.Trim(fmt.Sprint(seqs), "[]"))
}

// printParts says what was not applied, where that is not all of it.
func printParts(s *stdio, e *replog.EntryDetail) {
	planned := e.Planned()
	all := len(e.Parts) == 1 && len(e.Parts[0].Rows) == len(planned) && e.Parts[0].Outcome == e.Outcome
	if len(e.Parts) == 0 || all {
		return
	}
	fmt.Fprintf(s.out, "\nnot applied\n")
	for i := range e.Parts {
		p := &e.Parts[i]
		fmt.Fprintf(s.out, "  %s, %s\n", p.Outcome, reasonText(&p.Reason))
		for _, n := range p.Statements {
			fmt.Fprintf(s.out, "    statement %d, which is optional\n", n+1)
		}
		for _, n := range p.Rows {
			if n < 0 || n >= len(planned) {
				continue
			}
			c := planned[n]
			if len(p.Columns) > 0 {
				c = c.Only(p.Columns)
			}
			fmt.Fprintf(s.out, "    %s\n", changeName(&c))
			printCells(s, &c)
		}
	}
}

func printChanges(s *stdio, changes []replog.Change, none string) {
	if len(changes) == 0 {
		fmt.Fprintf(s.out, "  %s\n", none)
	}
	for i := range changes {
		fmt.Fprintf(s.out, "  %s\n", changeName(&changes[i]))
		printCells(s, &changes[i])
	}
}

func changeName(c *replog.Change) string {
	name := fmt.Sprintf("%s %s %s", c.Op, oneLine(c.Table), tuple(c.Key))
	if c.Unit > 0 {
		name += fmt.Sprintf("  (key change %d)", c.Unit)
	}
	if c.Restored {
		name += "  (brought back for a newer update)"
	}
	return name
}

// printCells prints each cell of a change: its time, and old -> new.
func printCells(s *stdio, c *replog.Change) {
	t := table{}
	for i, column := range c.Columns {
		at := "carried along"
		if m := c.TimeOf(i); m != 0 {
			at = m.String()
		}
		t.rows = append(t.rows, []string{"     " + at, oneLine(column), cell(c.Old, i) + " -> " + cell(c.New, i)})
	}
	t.print(s.out)
}

// cellLength is how many characters of a cell people are shown.
const cellLength = 1000

func cell(values []replog.Value, n int) string {
	if n >= len(values) {
		return "-"
	}
	return shortened(values[n], cellLength)
}
