package applier

import (
	"errors"
	"math"

	"replog/replog"
)

// schemaRecord is a pattern for what is recorded of a schema statement.
const schemaRecord = `'%,"schema":true%'`

// idRange is a stretch of the change table, with both ends.
type idRange struct{ first, upTo int64 }

// spanIDs are the stretches of transactions with schema statements, in order.
type spanIDs []idRange

func (s spanIDs) has(id int64) bool {
	for _, r := range s {
		if r.first <= id && id <= r.upTo {
			return true
		}
	}
	return false
}

// kind is what the record with an id is about.
func (s spanIDs) kind(id int64, ran *RanStatement) statementKind {
	switch {
	case ran.Schema:
		return kindSchema
	case ran.Class == "" && !s.has(id):
		return kindIntent
	}
	return kindRows
}

// asRows makes row statements of the intents in transactions with schema statements:
// between these, what they lead to elsewhere could not be told.
func (s spanIDs) asRows(records []*record) {
	for _, e := range records {
		if e.op == opStatement && e.ran.Class == "" && !e.ran.Schema && s.has(e.id) {
			e.ran = &RanStatement{SQL: e.ran.SQL, Affected: e.ran.Affected, Class: RowsSchema}
		}
	}
}

// schemaTransactions finds the transactions with schema statements.
func (r *Replica) schemaTransactions() (spanIDs, error) {
	row, err := r.QueryRow("SELECT 1 FROM main.replog_change WHERE op = 11 AND v1 LIKE " + schemaRecord + " LIMIT 1")
	if err != nil || row == nil && !r.schemaComes {
		return nil, err
	}
	var list spanIDs
	open, schema := idRange{}, false
	end := func(upTo int64) {
		if open.upTo = upTo; schema {
			list = append(list, open)
		}
	}
	err = r.Query("SELECT id, op, v1 LIKE "+schemaRecord+" FROM main.replog_change WHERE op IN (5, 11) ORDER BY id", func(row []replog.Value) error {
		if id := row[0].Int64(); row[1].Int64() == opMark {
			end(id - 1)
			open, schema = idRange{first: id}, false
		} else if row[2].Int64() != 0 {
			schema = true
		}
		return nil
	})
	schema = schema || r.schemaComes
	end(math.MaxInt64)
	return list, err
}

// GatheredSchema lists the schema statements that were recorded since Forget, in
// order.
func (r *Replica) GatheredSchema() (list []*RanStatement, err error) {
	err = r.Query("SELECT v1 FROM main.replog_change WHERE op = 11 AND v1 LIKE "+schemaRecord+" ORDER BY id", func(row []replog.Value) error {
		if s := readRan(row[0]); s.Schema {
			list = append(list, s)
		}
		return nil
	})
	return list, err
}

// SetAside gathers all that waits, as GatherBack does, where a schema statement is to
// become part of the transaction at hand, which goes on: its intents are row
// statements, and its steps are Open. Its mark, which has to be there, is all that is
// left in the change table.
func (r *Replica) SetAside(last replog.Millis, yield func(g *Gathered) error) error {
	mark, err := r.QueryRow("SELECT id, v1 FROM main.replog_change WHERE op = 5 ORDER BY id DESC LIMIT 1")
	if err != nil {
		return err
	}
	if mark == nil || mark[1].IsNull() {
		return errNoMark
	}
	facts, err := r.QueryRow("SELECT 1 FROM main.replog_change WHERE id > ? AND op <> 11 LIMIT 1", mark[0])
	if err != nil {
		return err
	}
	r.schemaComes, r.openFacts = true, facts != nil
	defer func() { r.schemaComes, r.openFacts = false, false }()
	if err := r.GatherBack(last, yield); err != nil {
		return err
	}
	return r.Exec("DELETE FROM main.replog_change WHERE id <> ?", mark[0])
}

var errNoMark = errors.New("a schema statement outside of a marked transaction")
