package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/applier"
	"replog/replog"
	"replog/sql/postgres"
	"replog/sql/postgres/applied"
)

// compareStored compares a file with the tables that a PostgreSQL store has of a
// database, and prints, unless JSON is wanted, the first rows that differ.
func compareStored(s *stdio, path, address string, c *cli.Context) (*applier.Comparison, error) {
	if err := mustExist(path); err != nil {
		return nil, err
	}
	file, err := applier.Open(path, applier.OpenOptions{ReadOnly: true, BusyTimeout: c.Duration("busy-timeout")})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := file.BeginRead(); err != nil {
		return nil, err
	}
	comparison := &applier.Comparison{Equal: true, Tables: []applier.TableComparison{}}
	shown := map[string]int{}
	print := func(d applied.Difference) error {
		if shown[d.Table]++; !c.Bool("json") && shown[d.Table] <= c.Int("rows") {
			fmt.Fprintf(s.out, "%s %s: %s\n", oneLine(d.Table), oneLine(keyText(d.Key)), oneLine(storedFate(&d)))
		}
		return nil
	}
	err = withStored(c, address, func(ctx context.Context, _ *postgres.Store, log replog.Store) error {
		counts, err := log.(*postgres.Log).CompareRows(ctx, applier.NewContent(file), print)
		for _, n := range counts {
			if n.LeftOut {
				comparison.NotCompared = append(comparison.NotCompared, n.Table)
				continue
			}
			comparison.Equal = comparison.Equal && n.Equal()
			comparison.Tables = append(comparison.Tables, applier.TableComparison{
				Table: n.Table, OnlyA: n.OnlyA, OnlyB: n.OnlyB, Different: n.Different,
			})
		}
		return adviseStore(address, err)
	})
	return comparison, err
}

// keyText turns the JSON array of a key into the form in which other keys are shown.
func keyText(key string) string {
	var values []replog.Value
	if err := json.Unmarshal([]byte(key), &values); err != nil {
		return key
	}
	return tuple(values)
}

func storedFate(d *applied.Difference) string {
	switch {
	case d.OnlyA:
		return "only in A"
	case d.OnlyB:
		return "only in B"
	}
	var cells []string
	for _, cell := range d.Columns {
		cells = append(cells, fmt.Sprintf("%s %s | %s", cell.Name, storedCell(cell.A), storedCell(cell.B)))
	}
	return strings.Join(cells, ", ")
}

func storedCell(text *string) string {
	if text == nil {
		return "NULL"
	}
	return *text
}
