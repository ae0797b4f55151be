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
