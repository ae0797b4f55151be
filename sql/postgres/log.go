package postgres

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"replog/replog"
	"replog/sql/postgres/applied"
)

// Log is the log of one database in a store. It implements replog.Log. A process opens
// it once; others may have it open as well.
type Log struct {
	store *Store
	id    string
	name  string
	n     int64 // of the database

	// turn holds a token while nobody of this process writes; who has it owns known and
	// rows, which is nil before the first transaction.
	turn   chan struct{}
	known  *known
	rows   *applied.Tables
	closed atomic.Bool

	texts sync.Map // of queries, with the number of the database
}

var _ replog.Store = (*Log)(nil)

func newLog(s *Store, id, name string, n int64) *Log {
	l := &Log{store: s, id: id, name: name, n: n, turn: make(chan struct{}, 1), known: newKnown()}
	l.turn <- struct{}{}
	return l
}

// text is a query with the names of this database's tables.
func (l *Log) text(query string) string {
	if text, ok := l.texts.Load(query); ok {
		return text.(string)
	}
	text := strings.ReplaceAll(query, "{n}", strconv.FormatInt(l.n, 10))
	l.texts.Store(query, text)
	return text
}

// Close lets no other writer begin. A transaction that is open goes on.
func (l *Log) Close() error {
	l.closed.Store(true)
	return nil
}
