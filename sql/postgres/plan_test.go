package postgres

import (
	"context"
	"strings"
	"testing"

	"replog/replog"
)

// TestNothingReadsAWholeTable keeps a reader from paying for the length of the log,
// whatever the planner knows of it.
func TestNothingReadsAWholeTable(t *testing.T) {
	log := newShop(t, Options{})
	fill(t, log, 300, 1)
	device := replog.DeviceID("aaaaaaaa-0000-4000-8000-000000000001")
	err := log.view(context.Background(), log.store.readers, func(v *view) error {
		for name, f := range map[string]replog.Filter{
			"table":   {Tables: []string{"orders"}},
			"key":     {Tables: []string{"orders"}, Keys: []string{"[1]"}},
			"outcome": {Outcomes: []replog.Outcome{replog.Conflict}},
			"label":   {Label: "x"},
			"devices": {Devices: []replog.DeviceID{device, device}},
			"text":    {Text: "orders"},
		} {
			f.Descending = true
			w := &where{}
			if err := log.conditions(v, &f, w); err != nil {
				return err
			}
			noSeqScan(t, v, name, log.text(selectEntry+w.after("revision > 0")+" ORDER BY revision DESC"), w.args)
		}
		row := string(rowHash("orders", "[1]"))
		for name, q := range map[string]struct {
			query string
			args  []any
		}{
			"deliveries": {selectDeliveries, []any{5, 100, "b", 50}},
			"statements": {selectStatements + ofPage, []any{7, 0, 10}},
			"several":    {selectMade + ofSome, []any{"{1,2,3}"}},
			"concurrent": {selectConcurrent, []any{row, 5, 100, "b"}},
			"all made":   {selectAllMade, []any{5, 100}},
		} {
			noSeqScan(t, v, name, log.text(q.query), q.args)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func noSeqScan(t *testing.T, v *view, name, query string, args []any) {
	t.Helper()
	rows, err := v.query("EXPLAIN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var step string
		if err := rows.Scan(&step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") || strings.Contains(text, "Gather") {
		t.Errorf("%s:\n%s", name, text)
	}
}
