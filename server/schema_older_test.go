package server

import (
	"fmt"
	"strings"
	"testing"

	"replog/replog"
)

// newerMemo gives memo columns that devices with the first content do not have.
func newerMemo(d *double) {
	d.steps(schemaStatement("ALTER TABLE memo ADD COLUMN more TEXT NOT NULL DEFAULT 'm'"), schemaStatement("ALTER TABLE memo ADD COLUMN n INTEGER"),
		func() replog.Change {
			c := rowChange(replog.Update, "memo", 2)
			c.Columns, c.Old, c.New = []string{"n"}, []replog.Value{{}}, []replog.Value{replog.Integer(5)}
			return c
		}())
	d.sync()
}

func dropMemo(id int64, text string) replog.Change {
	c := rowChange(replog.Delete, "memo", id)
	c.Columns, c.Old = []string{"id", "text"}, []replog.Value{replog.Integer(id), replog.Text(text)}
	return c
}

func inUnit(unit int, changes ...replog.Change) []replog.Change {
	for i := range changes {
		changes[i].Unit = unit
	}
	return changes
}

func TestADeviceWithAnOlderSchemaGoesOn(t *testing.T) {
	testOlderSchema(t)
	t.Run("with lists on disk", func(t *testing.T) {
		t.Cleanup(replog.SetMemory(1, 1))
		testOlderSchema(t)
	})
}

// What a device with an older schema sends is logged with all columns.
func testOlderSchema(t *testing.T) {
	t.Helper()
	for _, tc := range []struct {
		name    string
		record  func(d *double)
		verdict string
		made    string
		rows    string
	}{
		{"a new row gets defaults", func(d *double) { d.record(putMemo(7, "x")) }, "applied",
			`insert [id text more n] [] [7,"x","m",null]`, `[1,"old","m",null] [2,"old","m",5] [7,"x","m",null]`},
		{"a row that goes is logged whole", func(d *double) { d.record(dropMemo(2, "old")) }, "applied",
			`delete [id text more n] [2,"old","m",5] []`, `[1,"old","m",null]`},
		{"a row that changes keeps the rest", func(d *double) { d.record(setMemo(2, "old", "x")) }, "applied",
			`update [text] ["old"] ["x"]`, `[1,"old","m",null] [2,"x","m",5]`},
		{"a key that changes takes the rest along", func(d *double) { d.record(inUnit(1, dropMemo(2, "old"), putMemo(9, "old"))...) }, "applied",
			`delete [id text more n] [2,"old","m",5] []; insert [id text more n] [] [9,"old","m",5]`, `[1,"old","m",null] [9,"old","m",5]`},
		{"whichever comes first", func(d *double) { d.record(inUnit(1, putMemo(9, "old"), dropMemo(2, "old"))...) }, "applied",
			`insert [id text more n] [] [9,"old","m",5]; delete [id text more n] [2,"old","m",5] []`, `[1,"old","m",null] [9,"old","m",5]`},
		{"rows that change places are refused",
			func(d *double) {
				d.record(inUnit(1, dropMemo(1, "old"), dropMemo(2, "old"), putMemo(8, "old"), putMemo(9, "old"))...)
			}, "rejected; rejected, schema, [0 1 2 3]",
			"", `[1,"old","m",null] [2,"old","m",5]`},
		{"a row as others inserted it, with more", func(d *double) {
			other := d.h.enrol("bank")
			other.record(putNote("memo", 7, "text", "x", "more", "its own"))
			other.sync()
			d.record(putMemo(7, "x"))
		}, "applied", "", `[1,"old","m",null] [2,"old","m",5] [7,"x","its own",null]`},
		{"beside intents", func(d *double) { d.steps(putMemo(7, "x"), take(1, 1), putMemo(8, "y")) }, "applied",
			`insert [id text more n] [] [7,"x","m",null]; update [balance] [10] [9]; update [n] [60] [59]; insert [id text more n] [] [8,"y","m",null]`,
			`[1,"old","m",null] [2,"old","m",5] [7,"x","m",null] [8,"y","m",null]`},
		{"a deleted row comes back with what it had", func(d *double) {
			other := d.h.enrol("bank")
			other.record(dropMemo(2, "old"))
			other.sync()
			d.clock += 100
			d.record(setMemo(2, "old", "x"))
		}, "applied", `insert [id text more n] [] [2,"x","m",5]`, `[1,"old","m",null] [2,"x","m",5]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t)
			h.publish("bank", bankSchema)
			older := h.enrol("bank")
			newerMemo(h.enrol("bank"))
			older.header.AsChanges = true
			older.clock += 10
			tc.record(older)
			v := older.sync().verdicts[0]
			if got := describeVerdict(&v); got != tc.verdict {
				t.Errorf("%s, want %s: %v", got, tc.verdict, v.Reason)
			}
			e, err := h.srv.opened("bank").log.Entry(t.Context(), v.Revision)
			h.must(err)
			defer e.Close()
			var made []string
			h.must(replog.EachChange(e.Made(), func(_ int, c *replog.Change) error {
				made = append(made, fmt.Sprintf("%s %v %s %s", c.Op, c.Columns, replog.KeyString(c.Old), replog.KeyString(c.New)))
				return nil
			}))
			if got := strings.Join(made, "; "); got != tc.made {
				t.Errorf("made\n%s\nwant\n%s", got, tc.made)
			}
			if rows := strings.TrimSpace(strings.ReplaceAll(h.replicaRows("bank", "SELECT id, text, more, n FROM memo ORDER BY id"), "\n", " ")); rows != tc.rows {
				t.Errorf("rows\n%s\nwant\n%s", rows, tc.rows)
			}
			h.sameRebuilt("bank")
		})
	}
}

// A row that was deleted before its table changed comes back as the table is now.
func TestADeletedRowComesBackIntoAChangedTable(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a, b := h.enrol("bank"), h.enrol("bank")
	a.steps(schemaStatement("ALTER TABLE memo ADD COLUMN gone"))
	a.record(func() replog.Change {
		c := dropMemo(2, "old")
		c.Columns, c.Old = append(c.Columns, "gone"), append(c.Old, replog.Value{})
		return c
	}())
	a.sync()
	a.steps(schemaStatement("ALTER TABLE memo DROP COLUMN gone"), schemaStatement("ALTER TABLE memo ADD COLUMN more DEFAULT 7"))
	a.sync()
	b.clock += 100
	b.record(setMemo(2, "old", "x"))
	if v := b.sync().verdicts[0]; v.Outcome != replog.Applied {
		t.Errorf("%s %v", v.Outcome, v.Reason)
	}
	if rows := h.replicaRows("bank", "SELECT * FROM memo"); rows != "[1,\"old\",7]\n[2,\"x\",7]\n" {
		t.Errorf("rows %s", rows)
	}
	h.sameRebuilt("bank")
}
