package applier

import (
	"encoding/json"
	"strings"

	"replog/replog"
)

// The operations in replog_change. A row of it is a fact: what a row of a table
// was just before something may happen to it. The triggers write it before the
// event, so that the facts come in the order in which rows were changed,
// whatever other triggers there are; what a row became is its next fact, or the
// row itself.
const (
	// opInsert: a row may be inserted at the key in v1 …. None is there, unless
	// opFound told of it just before.
	opInsert = 1
	// opUpdate: the key, and the columns that an UPDATE may change, as they are.
	// changed tells which those are: it has a bit for each, 1 for v1, 2 for v2 ….
	opUpdate = 2
	// opDelete: a row that may be deleted.
	opDelete = 3
	// opFound: a row in the way of the INSERT or UPDATE at hand, which REPLACE
	// would delete without firing any trigger.
	opFound = 4
	// opMark begins a marked transaction, whose label is in v1, or, where that
	// is NULL, ends one.
	opMark = 5
	// opMove: a row whose key an UPDATE may change, to that of the opTarget
	// just before.
	opMove = 6
	// opTarget: where opMove goes. None is there, unless opFound told of it.
	opTarget = 7
	// opAssign: opInsert both at the key that SQLite is going to assign, and at
	// -1, which is what a BEFORE trigger sees of such a row.
	opAssign = 8
	// opInserted: a row that was inserted some time before, at a key that could
	// not be known then.
	opInserted = 9
	// opMore: further columns of the fact that comes next; time holds which part
	// of the row they are, from 1, and changed is theirs.
	opMore = 10
	// opStatement tells of the statement that made the facts since the opMark or
	// opStatement before it: v1 is a RanStatement.
	opStatement = 11
)

// The tables that capture needs. None has a constraint but its rowid: an OR
// clause of the application's statement would apply to it.
const captureTables = controlTable + `
CREATE TABLE replog_table(
  id INTEGER PRIMARY KEY,
  name TEXT,
  columns TEXT  -- JSON array: the columns behind v1, v2 …
);`

// captureMarks are the views that mark boundaries and record statements.
const captureMarks = `
CREATE VIEW replog_transaction AS
  SELECT v1 AS label FROM replog_change
  WHERE id = (SELECT max(id) FROM replog_change WHERE op = 5) AND v1 IS NOT NULL;
CREATE TRIGGER replog_transaction_mark INSTEAD OF INSERT ON replog_transaction
BEGIN
  INSERT INTO replog_change(tbl, op, v1) VALUES(0, 5, NEW.label);
END;
-- What our driver ran.
CREATE VIEW replog_statement AS SELECT v1 AS body FROM replog_change WHERE op = 11;
CREATE TRIGGER replog_statement_record INSTEAD OF INSERT ON replog_statement
BEGIN
  INSERT INTO replog_change(tbl, op, v1) VALUES(0, 11, NEW.body);
END;`

// controlTable is younger than every table that capture sees (see Blind).
const controlTable = `
CREATE TABLE main.replog_control(
  recording INTEGER  -- 0 while replog itself writes
);
INSERT INTO replog_control VALUES(1);`

// nowMillis is the time of the running statement in milliseconds since 1970,
// by functions that every SQLite has.
const nowMillis = `CAST((julianday('now') - 2440587.5) * 86400000.0 + 0.5 AS INTEGER)`

// Install puts capture on every table of the schema: the change table, the views
// that mark boundaries and record statements, and the triggers. The caller holds a
// transaction in which none of it exists yet.
//
// The triggers use nothing but SQLite's built-ins, so that any program in any
// language may write. They copy the key and the columns that may change into
// undeclared columns, which keep every value as it is.
func (r *Replica) Install() error {
	if err := r.installTables(); err != nil {
		return err
	}
	if err := r.Script(captureMarks); err != nil {
		return err
	}
	_, err := r.MendCapture()
	return err
}

// installTables makes the tables that capture needs.
func (r *Replica) installTables() error {
	columns := []string{"id INTEGER PRIMARY KEY", "tbl INTEGER", "op INTEGER", "time INTEGER DEFAULT (" + nowMillis + ")", "changed INTEGER"}
	for i := range r.Schema.changeWidth() {
		columns = append(columns, imageColumn(i))
	}
	if err := r.Script("CREATE TABLE replog_change(" + strings.Join(columns, ", ") + ");" + captureTables); err != nil {
		return err
	}
	for i, t := range r.Schema.Tables {
		var columns []string
		for _, c := range t.changeOrder() {
			columns = append(columns, t.Columns[c].Name)
		}
		names, err := json.Marshal(columns)
		if err != nil {
			return err
		}
		err = r.Exec("INSERT INTO replog_table VALUES(?, ?, ?)",
			replog.Integer(int64(i+1)), replog.Text(t.Name), replog.Text(string(names)))
		if err != nil {
			return err
		}
	}
	return nil
}

// Uninstall takes every trace of replog out, in the caller's transaction.
func (r *Replica) Uninstall() error {
	for _, kind := range []string{"trigger", "view", "index", "table"} {
		var names []string
		err := r.Query("SELECT name FROM main.sqlite_schema WHERE type = ? AND lower(name) GLOB 'replog_*'", func(row []replog.Value) error {
			names = append(names, row[0].Bytes())
			return nil
		}, replog.Text(kind))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := r.Script("DROP " + kind + " main." + replog.QuoteName(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Recording switches capture on and off for everybody; off only within a
// transaction that switches it on again before it ends.
func (r *Replica) Recording(on bool) error {
	return r.Exec("UPDATE main.replog_control SET recording = ?", replog.Truth(on))
}
