package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"replog/replog"
	"replog/sql/internal/form"
)

// hashed is the first half of a SHA-256, in hexadecimal, as the uuid that PostgreSQL
// keeps in 16 bytes. Where texts of devices are keys it stands for them: an index takes
// no long ones.
type hashed string

func hashOf(parts ...string) hashed {
	var room [512]byte
	b := room[:0]
	for i, p := range parts {
		if i > 0 {
			b = append(b, 0)
		}
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	return hashed(hex.EncodeToString(sum[:16]))
}

// rowHash is that of a row. The key is JSON, without a NUL.
func rowHash(table, key string) hashed { return hashOf("row", key, table) }

// tableHash is that of a table's name.
func tableHash(name string) hashed { return hashOf("table", name) }

// shape is what statement_text has of a statement: all but the values.
type shape struct {
	id                  hashed
	operation           string
	table               string // as it is; "" for an intent
	tableHash           hashed
	keyColumns, columns string // JSON
	sql                 string
	start, middle       string
	isIntent            bool
	// movesKey: it is an UPDATE of key columns.
	movesKey bool
}

// maxShapes bounds how many shapes are remembered, and how many of the store are known.
const maxShapes = 10_000

// shapes remembers those that were made lately.
type shapes struct {
	made map[string]*shape
	key  []byte
}

// of returns the shape of a body and its pieces. Where the pieces do not give the body
// back, exact is false.
func (s *shapes) of(body []byte) (sh *shape, p pieces, exact bool, err error) {
	p, ok := split(body)
	if ok {
		s.key = append(append(append(s.key[:0], p.start...), 0), p.middle...)
		if sh := s.made[string(s.key)]; sh != nil {
			return sh, p, true, nil
		}
		s.key = p.join(s.key[:0])
		exact = string(s.key) == string(body)
	}
	statement, err := form.ParseStatement(body)
	if err != nil {
		return nil, p, false, err
	}
	if !ok {
		p = plainPieces(&statement)
	}
	sh = newShape(&statement, p)
	if exact {
		if s.made == nil || len(s.made) >= maxShapes {
			s.made = map[string]*shape{}
		}
		s.made[string(p.start)+"\x00"+string(p.middle)] = sh
	}
	return sh, p, exact, nil
}

// plainPieces are those of a statement whose body has another form than is known here.
func plainPieces(s *replog.Statement) pieces {
	if s.Intent != nil {
		intent := *s.Intent
		p, _ := split(intent.AppendJSON(nil))
		return p
	}
	p, _ := split(s.Change.AppendJSON(nil))
	return p
}

func newShape(s *replog.Statement, p pieces) *shape {
	sql, _ := s.SQL()
	sh := &shape{
		id:    hashOf("text", string(p.start), string(p.middle)),
		start: string(p.start), middle: string(p.middle),
		sql: sql, isIntent: s.Intent != nil,
	}
	if sh.isIntent {
		sh.operation = "intent"
		if s.Intent.Schema != "" {
			sh.operation = "schema"
		}
		return sh
	}
	c := &s.Change
	sh.operation, sh.table, sh.tableHash = string(c.Op), c.Table, tableHash(c.Table)
	sh.keyColumns, sh.columns = namesJSON(c.KeyColumns), namesJSON(c.Columns)
	sh.movesKey = c.Op == replog.Update && slices.ContainsFunc(c.Columns, func(name string) bool {
		return slices.Contains(c.KeyColumns, name)
	})
	return sh
}

func namesJSON(names []string) string {
	b, err := json.Marshal(names)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(b)
}
