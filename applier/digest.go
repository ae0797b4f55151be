package applier

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sort"

	"replog/replog"
)

// Digest is a fingerprint of rows. Equal rows, as Compare sees them, have equal
// digests in whatever order they are stored.
type Digest = replog.Digest

// DigestDatabase returns the digest of the rows that Compare compares. It reads
// within the connection's transaction, or one of its own.
func DigestDatabase(c *Conn) (Digest, error) {
	return digest(c, func(string) bool { return true })
}

// DigestTable returns the digest of one table's rows; zero if it has none, or
// does not exist.
func DigestTable(c *Conn, table string) (Digest, error) {
	return digest(c, func(name string) bool { return foldName(name) == foldName(table) })
}

func digest(c *Conn, wanted func(table string) bool) (Digest, error) {
	var sum Digest
	if c.conn.AutoCommit() {
		if err := c.BeginRead(); err != nil {
			return sum, err
		}
		defer func() { _ = c.Rollback() }()
	}
	s, err := readShape(c)
	if err != nil {
		return sum, err
	}
	for _, t := range s.tables {
		if !wanted(t.name) {
			continue
		}
		d, err := digestRows(c, t)
		if err != nil {
			return sum, err
		}
		sum = sum.Add(d)
	}
	return sum, nil
}

func digestRows(c *Conn, t *tableShape) (Digest, error) {
	h := newRowHasher(t)
	var sum Digest
	err := c.Query(h.query, func(row []replog.Value) error {
		sum = sum.Add(h.row(row))
		return nil
	})
	return sum, err
}

// rowHasher hashes the rows of one table: the hash of the table's and columns'
// names, then each value as a tag for its class, its length where that varies,
// and its bytes.
type rowHasher struct {
	query  string
	prefix [sha256.Size]byte
	buf    []byte
}

func newRowHasher(t *tableShape) *rowHasher {
	var names []string
	for _, c := range t.columns {
		if c.stored {
			names = append(names, c.name)
		}
	}
	if t.rowid != "" {
		names = append(names, t.rowid)
	}
	// By name, as the order of columns is not content.
	sort.Slice(names, func(i, j int) bool { return foldName(names[i]) < foldName(names[j]) })
	h := &rowHasher{query: "SELECT "}
	prefix := appendBytes(nil, foldName(t.name))
	for i, name := range names {
		prefix = appendBytes(prefix, foldName(name))
		if i > 0 {
			h.query += ", "
		}
		h.query += "+" + replog.QuoteName(name)
	}
	h.query += " FROM main." + replog.QuoteName(t.name)
	h.prefix = sha256.Sum256(prefix)
	return h
}

func (h *rowHasher) row(row []replog.Value) Digest {
	b := append(h.buf[:0], h.prefix[:]...)
	for _, v := range row {
		b = append(b, byte(v.Kind()))
		switch v.Kind() {
		case replog.KindInteger:
			b = binary.LittleEndian.AppendUint64(b, uint64(v.Int64()))
		case replog.KindReal:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float64()))
		case replog.KindText, replog.KindBlob:
			b = appendBytes(b, v.Bytes())
		}
	}
	h.buf = b
	return replog.DigestItem(b)
}

func appendBytes(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
