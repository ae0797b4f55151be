package sqlite

import (
	"context"
	"database/sql"
	"errors"

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
