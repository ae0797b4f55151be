package applier

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
)

// Each statement's facts are in one batch with what is recorded of it, unless they
// alone are more than a batch has.
func TestABatchEndsBetweenStatements(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"))
	r.in(t, "install", r.Install)
	rapid.Check(t, func(rt *rapid.T) {
		size := batchSize{whole: rapid.IntRange(1, 6).Draw(rt, "whole")}
		size.part = size.whole + rapid.IntRange(0, 4).Draw(rt, "more")
		ops := rapid.SliceOfN(rapid.SampledFrom([]int64{opInsert, opInsert, opUpdate, opDelete, opMark, opStatement, opStatement}), 1, 60).Draw(rt, "ops")
		r.script(rt, "DELETE FROM replog_change")
		for _, op := range ops {
			if err := r.Exec("INSERT INTO replog_change(tbl, op, v1) VALUES(1, ?, ?)", replog.Integer(op), replog.Integer(1)); err != nil {
				rt.Fatal(err)
			}
		}
		b, err := r.readBatches(0, size)
		if err != nil {
			rt.Fatal(err)
		}
		next := int64(1)
		for _, part := range b.list {
			if part.first != next {
				rt.Fatalf("%+v cut into %+v", size, b.list)
			}
			next = part.upTo + 1
			if first := ops[part.first-1]; part.goesOn != (first != opMark) && part.first > 1 || first == opStatement && part.first > 1 {
				rt.Errorf("%+v: a batch begins with %d in %+v", size, first, b.list)
			}
			if !part.goesOn || ops[part.first-2] == opStatement {
				continue
			}
			// It begins within a statement, or after facts that are of none.
			before := -1
			for i := part.first - 2; i >= 0; i-- {
				if ops[i] == opStatement {
					before = int(i)
					break
				}
			}
			if facts := int(part.first) - 2 - before; facts < size.part {
				rt.Errorf("%+v: a statement is cut after %d facts in %+v", size, facts, b.list)
			}
		}
		if next != int64(len(ops))+1 {
			rt.Errorf("%+v is not all", b.list)
		}
	})
}

// What is recorded of statements is no transaction, nor part of one.
func TestStatementsWithoutChangesAreNoTransaction(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"))
	r.in(t, "install", r.Install)
	r.script(t, "BEGIN; INSERT INTO replog_transaction VALUES('a'); "+recordStatement+"; INSERT INTO replog_transaction VALUES(NULL); COMMIT; "+recordStatement)
	if list, err := r.Gather(0); err != nil || len(list) != 0 {
		t.Errorf("%s, %v", describeGathered(list), err)
	}
	r.script(t, "BEGIN; INSERT INTO replog_transaction VALUES('b'); INSERT INTO t VALUES(1, 1); "+recordStatement+"; INSERT INTO t VALUES(2, 2); "+recordStatement+"; INSERT INTO replog_transaction VALUES(NULL); COMMIT")
	list, err := r.Gather(0)
	if err != nil || len(list) != 2 || list[0].Label != "b" || list[0].Intent == nil || len(list[0].Statements) != 1 || !list[0].Follows || list[1].Follows {
		t.Errorf("%s, %v", describeGathered(list), err)
	}
	r.sameInBatches(t, batchSize{1, 1}, list)
	r.sameInBatches(t, batchSize{1, math.MaxInt}, list)
	row, err := r.QueryRow("SELECT count(*), min(body) FROM replog_statement")
	if err != nil || row[0].Int64() != 4 {
		t.Error(row, err)
	}
}

// A statement is recorded without the application noticing.
func TestRecordingAStatementKeepsTheLastRowID(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"))
	r.in(t, "install", r.Install)
	r.script(t, "INSERT INTO t VALUES(77, 1); "+recordStatement)
	row, err := r.QueryRow("SELECT last_insert_rowid()")
	if err != nil || row[0].Int64() != 77 {
		t.Error(row, err)
	}
	r.in(t, "uninstall", r.Uninstall)
	if row, err = r.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'replog%'"); err != nil || row[0].Int64() != 0 {
		t.Error(row, err)
	}
}

// Many statements that changed nothing come before one that did.
func TestStatementsWithoutChangesDoNotEndABatch(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"))
	r.in(t, "install", r.Install)
	many := strings.Repeat(recordStatement+";", 5)
	r.script(t, "BEGIN; INSERT INTO replog_transaction VALUES('a'); "+many+"INSERT INTO t VALUES(1, 1);"+many+"INSERT INTO t VALUES(2, 1);"+many+
		"INSERT INTO replog_transaction VALUES(NULL);"+many+"INSERT INTO t VALUES(3, 1); COMMIT")
	list, err := r.Gather(0)
	if err != nil || len(list) != 21 || list[0].Label != "a" || list[20].Marked {
		t.Fatalf("%s, %v", describeGathered(list), err)
	}
	for size := 1; size < 8; size++ {
		r.sameInBatches(t, batchSize{size, size}, list)
		r.sameInBatches(t, batchSize{size, math.MaxInt}, list)
	}
}
