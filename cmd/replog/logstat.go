package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"replog/replog"
)

func printStatsJSON(ctx context.Context, s *stdio, log logReader, f replog.Filter) error {
	return log.Stats(ctx, f, func(l replog.LogStat) error { return printJSON(s.out, &l) })
}

// printStats prints how many rows each entry changed, by table, and the sums.
func printStats(ctx context.Context, s *stdio, log logReader, f replog.Filter) error {
	sum := statSum{outcomes: map[replog.Outcome]int{}, tables: map[string]*replog.TableStat{}}
	err := log.Stats(ctx, f, func(l replog.LogStat) error {
		sum.add(&l)
		return s.whole(func(s *stdio) {
			printHead(s, l.Revision, l.Outcome, l.Device, l.Seq, l.Base, l.RecordedAt, l.ReceivedAt, l.Label)
			if l.Reason != nil && l.Outcome != replog.Applied {
				fmt.Fprintf(s.out, "    %s\n", reasonText(l.Reason))
			}
			if l.Schema > 0 {
				fmt.Fprintf(s.out, "    %s\n", count(l.Schema, "schema statement"))
			}
			printTableStats(s, l.Tables)
		})
	})
	if err != nil {
		return err
	}
	return s.whole(sum.print)
}

type statSum struct {
	revisions int
	schema    int // statements
	outcomes  map[replog.Outcome]int
	tables    map[string]*replog.TableStat
}

func (t *statSum) add(l *replog.LogStat) {
	t.revisions++
	t.outcomes[l.Outcome]++
	t.schema += l.Schema
	for _, c := range l.Tables {
		if t.tables[c.Table] == nil {
			t.tables[c.Table] = &replog.TableStat{Table: c.Table}
		}
		t.tables[c.Table].Add(c)
	}
}

func (t *statSum) print(s *stdio) {
	var outcomes []string
	for _, o := range []replog.Outcome{replog.Applied, replog.Ignored, replog.Conflict, replog.Rejected, replog.Held} {
		if n := t.outcomes[o]; n > 0 {
			outcomes = append(outcomes, fmt.Sprintf("%d %s", n, o))
		}
	}
	var all replog.TableStat
	var tables []replog.TableStat
	for _, c := range slices.SortedFunc(maps.Values(t.tables), func(a, b *replog.TableStat) int { return cmp.Compare(a.Table, b.Table) }) {
		all.Add(*c)
		tables = append(tables, *c)
	}
	fmt.Fprintf(s.out, "total  %s", count(t.revisions, "revision"))
	if len(outcomes) > 0 {
		fmt.Fprintf(s.out, " (%s)", strings.Join(outcomes, ", "))
	}
	if t.schema > 0 {
		fmt.Fprintf(s.out, ", %s", count(t.schema, "schema statement"))
	}
	fmt.Fprintf(s.out, ", rows: %s\n", statText(&all))
	printTableStats(s, tables)
}

func printTableStats(s *stdio, tables []replog.TableStat) {
	width := 0
	for i := range tables {
		width = max(width, len([]rune(oneLine(tables[i].Table))))
	}
	for i := range tables {
		fmt.Fprintf(s.out, "    %-*s  %s\n", width, oneLine(tables[i].Table), statText(&tables[i]))
	}
}

func statText(t *replog.TableStat) string {
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{{t.Inserted, "inserted"}, {t.Updated, "updated"}, {t.Deleted, "deleted"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
