package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"replog/replog"
)

// SchemaAt implements replog.Log.
func (l *Log) SchemaAt(ctx context.Context, r replog.Revision) (v replog.SchemaVersion, err error) {
	err = l.readers.QueryRowContext(ctx, selectSchemaAt, int64(r)).Scan(&v.Revision, &v.Fingerprint, &v.Objects)
	if errors.Is(err, sql.ErrNoRows) {
		return v, replog.ErrNotFound
	}
	return v, l.explain(err)
}

// HasSchema implements replog.Log.
func (l *Log) HasSchema(ctx context.Context, fingerprint string) (has bool, err error) {
	err = l.readers.QueryRowContext(ctx, selectHasSchema, fingerprint).Scan(&has)
	return has, l.explain(err)
}

// Publish implements replog.LogTx.
func (t *tx) Publish(v replog.SchemaVersion) error {
	v.Revision = 0
	return t.log.explain(t.insertSchema(&v))
}

func (t *tx) insertSchema(v *replog.SchemaVersion) error {
	return t.s.exec(insertSchemaVersion, int64(v.Revision), v.Fingerprint, v.Objects)
}

// Wrote implements replog.LogTx.
func (t *tx) Wrote(table string, after replog.Revision, device replog.DeviceID) (newest replog.Revision, err error) {
	err = t.s.row(selectWrote, []any{table, int64(after), string(device)}, &newest)
	return newest, err
}

// schema reads what an entry made of the schema.
func (r *reader) schema(e *replog.Entry, ends []byte) error {
	e.Schema = &replog.SchemaVersion{}
	err := json.Unmarshal(ends, &e.StepEnds)
	if err == nil {
		err = r.s.row(selectSchemaOf, []any{int64(e.Revision)}, &e.Schema.Revision, &e.Schema.Fingerprint, &e.Schema.Objects)
	}
	if err != nil {
		return fmt.Errorf("revision %d: its schema: %w", e.Revision, err)
	}
	return nil
}

// schemaSteps gives the lines of an applied entry with schema statements: these, and
// the changes that were made in each step between them.
func (s *session) schemaSteps(revision int64, ends []byte) (func(yield func(replog.LineKind, string) error) error, error) {
	var made []int
	if err := json.Unmarshal(ends, &made); err != nil {
		return nil, fmt.Errorf("revision %d: the ends of its steps: %w", revision, err)
	}
	return func(yield func(replog.LineKind, string) error) error {
		changes, err := s.open(selectMade, revision)
		if err != nil {
			return err
		}
		defer changes.Close()
		w := stepWalk{ends: made, changes: changes, yield: yield}
		return s.rows(selectStatements, []any{revision}, func(scan func(...any) error) error {
			var body string
			if err := scan(&body); err != nil {
				return err
			}
			return w.statement(body)
		})
	}, nil
}

// stepWalk goes through the statements of an entry with schema statements.
type stepWalk struct {
	ends    []int // of the steps that are not begun
	done    int   // changes that were given
	inRows  bool  // the step is of row statements
	changes *sql.Rows
	yield   func(replog.LineKind, string) error
}

// statement gives a schema statement, or, at the first row statement of a step, the
// changes that were made in it.
func (w *stepWalk) statement(body string) error {
	isSchema := isIntent([]byte(body))
	if !isSchema && w.inRows {
		return nil
	}
	if len(w.ends) == 0 {
		return fmt.Errorf("%w: a step that has no end", replog.ErrForm)
	}
	end := w.ends[0]
	w.ends, w.inRows = w.ends[1:], !isSchema
	if isSchema {
		return w.yield(replog.LineIntent, body)
	}
	count := end - w.done
	w.done = end
	return eachOf(w.changes, count, w.yield)
}
