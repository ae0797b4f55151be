package applier

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"replog/replog"
)

// WriteScript writes SQL for the sqlite3 shell that does again what the entries
// of a filter did: run on a copy of the database as it was before the first of
// them, it makes the state after the last, to the byte. Transactions come in
// commit order, whatever the filter says; a limit takes the newest. What was
// not applied is a comment.
//
// base is the database's first content. Its schema, or that of the log before the
// first entry, tells which indexes are unique. The log holds the effects of triggers
// and foreign-key actions, which therefore are off while the script runs. Schema
// statements come in their places.
//
// The script stops with an error, and rolls its open transaction back, where a
// row is not there, or in the way, that the log says otherwise of; and on a
// device's file, where its changes would be recorded as new.
func WriteScript(ctx context.Context, base *Conn, log replog.Log, f replog.Filter, w io.Writer) error {
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	if f, err = inCommitOrder(ctx, log, head, f); err != nil {
		return err
	}
	s := &script{w: bufio.NewWriterSize(w, 64<<10)}
	defer s.close()
	if err := s.readSchema(ctx, base, log, f.After); err != nil {
		return err
	}
	s.begin(head)
	err = log.Entries(ctx, f, func(e replog.Entry) error {
		if err := s.entry(&e); err != nil {
			return err
		}
		return s.failed()
	})
	if err != nil {
		return err
	}
	s.printf("DROP TABLE temp.replog_script;\n")
	return s.w.Flush()
}

// inCommitOrder makes a filter that selects the same entries oldest first, from the
// horizon on: the schema before them is asked for.
func inCommitOrder(ctx context.Context, log replog.Log, head replog.Head, f replog.Filter) (replog.Filter, error) {
	if f.UpTo == 0 || f.UpTo > head.Revision {
		f.UpTo = head.Revision
	}
	f.After = max(f.After, head.Horizon-1)
	if f.Limit > 0 {
		f.Descending = true
		oldest := f.UpTo + 1
		err := log.Entries(ctx, f, func(e replog.Entry) error {
			oldest = e.Revision
			return nil
		})
		if err != nil {
			return f, err
		}
		f.After, f.Limit = max(f.After, oldest-1), 0
	}
	f.Descending = false
	if f.UpTo <= f.After {
		f.After, f.UpTo = head.Revision, head.Revision // UpTo 0 has no bound
	}
	return f, nil
}

// script writes the parts of a script. It keeps the first error.
type script struct {
	w *bufio.Writer
	// made has the objects that the database has at this point, and schema is its.
	made   *Replica
	schema *Schema
	// triggers: there are some of the application's.
	triggers bool
	err      error
}

const triggersOff = ".dbconfig enable_trigger off\n"

func (s *script) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(s.w, format, args...); s.err == nil {
		s.err = err
	}
}

func (s *script) failed() error {
	if s.err != nil {
		return errors.Join(errors.New("write the script"), s.err)
	}
	return nil
}

// begin writes what comes before the transactions. replog_script counts the
// rows that the script changed beside those that SQLite counts.
func (s *script) begin(head replog.Head) {
	s.printf(".bail on\n")
	if s.triggers {
		s.printf(triggersOff)
	}
	s.printf("-- The log of database %s, epoch %s, read at revision %d.\n", head.Database, head.Epoch, head.Revision)
	s.printf(`PRAGMA foreign_keys = OFF;
CREATE TEMP TABLE replog_script (
    enrolled INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    changed  INTEGER NOT NULL,
    CONSTRAINT "this file is a device's: run the script on one that is not enrolled" CHECK (enrolled = 0),
    CONSTRAINT "the rows are not as the log says they were" CHECK (changed = expected)
);
INSERT INTO temp.replog_script
SELECT count(*), total_changes(), total_changes() FROM main.sqlite_schema WHERE name GLOB '%s*' AND name NOT GLOB '%s*';
`, ownPrefix, rowIDMark)
}

// entry writes one transaction. It fails where a long one cannot be read.
func (s *script) entry(e *replog.Entry) error {
	t := &e.Transaction
	s.printf("\n-- revision %d, %s, device %s, seq %d, recorded %s, received %s",
		e.Revision, e.Outcome, t.Device, t.Seq, t.Time, e.Received)
	if t.Label != "" {
		s.printf(", label %q", t.Label)
	}
	s.printf("\n")
	if e.Reason != (replog.Reason{}) {
		s.printf("-- %s: %q\n", e.Reason.Code, e.Reason.Detail)
	}
	made := e.Made()
	if e.Schema != nil {
		return s.schemaEntry(e)
	}
	if made.Len() == 0 {
		s.printf("-- It changed nothing.\n")
		return nil
	}
	s.printf("BEGIN;\n")
	n, err := s.changes(made)
	if err != nil {
		return err
	}
	s.check(n)
	s.printf("COMMIT;\n")
	return nil
}

// check has the script stop unless it has changed so many rows since the last check.
func (s *script) check(rows int) {
	// Its own row counts as well.
	s.printf("UPDATE temp.replog_script SET expected = expected + %d, changed = total_changes();\n", rows+1)
}
