// Package logtest is the conformance suite of replog.Log: what every store has
// to promise, whatever it is built on.
package logtest

import (
	"testing"

	"replog/replog"
)

// Open makes an empty store whose head is Start, for one test. reopen closes
// the log that it returned last, and opens the same store again. The store
// releases what it holds through t.Cleanup.
type Open func(t *testing.T) (log replog.Log, reopen func() replog.Log)

// Start is the head of the stores that the suite is given.
var Start = replog.Head{
	Database: "11111111-2222-4333-8444-555555555555",
	Epoch:    "99999999-8888-4777-8666-555555555555",
	Chain:    replog.FirstChain("11111111-2222-4333-8444-555555555555"),
}

// Run checks every promise of replog.Log and replog.LogTx, and then again with
// entries that are too long for memory.
func Run(t *testing.T, open Open) {
	run(t, open)
	t.Run("of long transactions", func(t *testing.T) {
		t.Cleanup(replog.SetMemory(1, 1))
		run(t, lengthen(open))
	})
}

func run(t *testing.T, open Open) {
	for _, test := range []struct {
		promise string
		run     func(*testing.T, Open)
	}{
		{"an empty log stands at its head", testEmpty},
		{"appended entries come back whole", testRoundTrip},
		{"every value comes back with its class and bytes", testValues},
		{"revisions have no gaps", testRevisions},
		{"a wrong revision is refused and nothing of it stays", testWrongRevision},
		{"a hash that is not the transaction's is refused", testWrongHash},
		{"a seq is stored once", testSeqTwice},
		{"a rollback leaves nothing", testRollback},
		{"a rollback after the commit does nothing", testRollbackAfterCommit},
		{"readers see what is committed, the writer its own appends", testVisibility},
		{"one writer at a time, waiting until its context is done", testOneWriter},
		{"a cancelled reader stops", testCancelledReader},
		{"reopening keeps everything", testReopen},
		{"a chain is that of all entries up to it", testChain},
		{"another epoch stays", testEpoch},
		{"what is not there is ErrNotFound", testNotFound},
		{"a device's place is its own", testLastSeq},
		{"unsettled gives the device's later entries that were not applied, in order", testUnsettled},
		{"planned gives the net changes that an entry records, in order", testPlanned},
		{"foreign is the newest change of another device", testForeign},
		{"concurrent gives other devices' effective changes of the row", testConcurrent},
		{"concurrent tells rows apart exactly", testConcurrentRows},
		{"a device gets what the entries say", testDeliveries},
		{"filters select what they say", testFilters},
		{"a search finds what touches a table or a row, whatever became of it", testTouched},
		{"outcomes are those of a part as well", testOutcomes},
		{"labels compare exactly", testLabels},
		{"times bound when an entry was received", testArrivals},
		{"a text is found wherever people see it", testText},
		{"any piece of a statement is found", testPieces},
		{"all that a filter asks for has to be so", testTogether},
		{"an error of yield ends the reading and is returned", testYieldError},
		{"a reader sees one state however long it reads", testOneView},
		{"a reader who asks for what is after never misses a revision", testFollow},
		{"changes that equal what is recorded may be a list of their own", testEqualList},
		{"a transaction of 10,000 changes comes back whole", testLarge},
		{"entries with intents come back whole", testIntentsRoundTrip},
		{"a device gets intents where it can run them", testIntentDeliveries},
		{"planned gives the net changes of row statements between intents", testIntentsPlanned},
		{"verdicts tell the tables of intents", testIntentsUnsettled},
		{"changes of intents are concurrent", testIntentsConcurrent},
		{"a search finds intents", testIntentsSearch},
		{"an intent of 10,000 changes comes back whole", testIntentOfMuch},
		{"a schema is that of its newest version", testSchemaVersions},
		{"entries with schema statements come back whole", testSchemaRoundTrip},
		{"whoever gets schema statements gets them in order with what was changed", testSchemaDeliveries},
		{"the last change of a row that an entry changed twice counts", testSchemaConcurrent},
		{"a search finds schema statements", testSchemaSearch},
		{"who wrote a table last", testWrote},
	} {
		t.Run(test.promise, func(t *testing.T) { test.run(t, open) })
	}
}
