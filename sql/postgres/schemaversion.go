package postgres

import (
	"context"
	"database/sql"
	"errors"

	"replog/replog"
)

// SchemaAt implements replog.Log.
func (l *Log) SchemaAt(ctx context.Context, r replog.Revision) (v replog.SchemaVersion, err error) {
	v, err = scanSchema(func(into ...any) error { return l.one(ctx, selectSchemaAt, []any{l.n, int64(r)}, into...) })
	if errors.Is(err, sql.ErrNoRows) {
		err = replog.ErrNotFound
	}
	return v, err
}

// scanSchema reads what the queries for schema versions give.
func scanSchema(scan func(...any) error) (v replog.SchemaVersion, err error) {
	err = scan(&v.Revision, &v.Fingerprint, &v.Objects)
	v.Fingerprint, v.Objects = unescaped(v.Fingerprint), unescaped(v.Objects)
	return v, err
}

// HasSchema implements replog.Log.
func (l *Log) HasSchema(ctx context.Context, fingerprint string) (has bool, err error) {
	err = l.one(ctx, selectHasSchema, []any{l.n, escaped(fingerprint)}, &has)
	return has, err
}

// Publish implements replog.LogTx.
func (t *Tx) Publish(v replog.SchemaVersion) error {
	v.Revision = 0
	err := t.insertSchema(&v)
	if err == nil {
		err = t.publishRows(&v)
	}
	if err != nil && t.broken == nil {
		t.broken = err
	}
	return err
}

func (t *Tx) insertSchema(v *replog.SchemaVersion) error {
	return t.c.run(insertSchemaVersion, t.log.n, int64(v.Revision), escaped(v.Fingerprint), escaped(v.Objects))
}
