package sqlite

import (
	"database/sql"
	"io"

	"replog/replog"
	"replog/sql/internal/form"
)

// source reads bodies in a session. It implements form.Source.
type source struct{ s *session }

var bodyQueries = [...]string{form.Statements: selectStatements, form.Nets: selectNet, form.Made: selectMade}

// Bodies implements form.Source.
func (s source) Bodies(list form.List, r replog.Revision) (form.Bodies, error) {
	rows, err := s.s.open(bodyQueries[list], int64(r))
	if err != nil {
		return nil, err
	}
	return &bodies{rows: rows}, nil
}

// Schema implements form.Source.
func (s source) Schema(r replog.Revision) (v replog.SchemaVersion, err error) {
	err = s.s.row(selectSchemaOf, []any{int64(r)}, &v.Revision, &v.Fingerprint, &v.Objects)
	return v, err
}

// bodies are the rows of a query that gives one body each.
type bodies struct {
	rows *sql.Rows
	body sql.RawBytes
}

// Next implements form.Bodies.
func (b *bodies) Next() ([]byte, error) {
	if !b.rows.Next() {
		if err := b.rows.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	err := b.rows.Scan(&b.body)
	return b.body, err
}

// Close implements form.Bodies.
func (b *bodies) Close() error { return b.rows.Close() }
