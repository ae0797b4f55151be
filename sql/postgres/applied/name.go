package applied

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	"replog/replog"
)

// maxName is how many bytes PostgreSQL keeps of a name.
const maxName = 63

// SchemaName is the PostgreSQL schema of a database: its name, with data_ before it
// where PostgreSQL, or replog, has that name for itself. Names that begin with data_
// get it too, so that no two databases share a schema.
func SchemaName(database string) string {
	reserved := []string{"public", "replog", "information_schema", ""}
	if slices.Contains(reserved, database) || strings.HasPrefix(database, "pg_") || strings.HasPrefix(database, "data_") {
		database = "data_" + database
	}
	return fitName(database)
}

// columnName is the name of a column: PostgreSQL's own columns keep theirs.
func columnName(name string) string {
	if slices.Contains([]string{"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}, name) {
		return hashedName(name)
	}
	return fitName(name)
}

// fitName gives names that PostgreSQL would cut, or does not take, another end.
func fitName(name string) string {
	if name == "" || len(name) > maxName || strings.ContainsRune(name, 0) || !utf8.ValidString(name) {
		return hashedName(name)
	}
	return name
}

func hashedName(name string) string {
	sum := sha256.Sum256([]byte(name))
	end := "_" + hex.EncodeToString(sum[:4])
	begin := strings.ReplaceAll(strings.ToValidUTF8(name, "_"), "\x00", "_")
	for len(begin)+len(end) > maxName {
		_, size := utf8.DecodeLastRuneInString(begin)
		begin = begin[:len(begin)-size]
	}
	return begin + end
}

// quote quotes an identifier, or several that belong together with points.
func quote(names ...string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = replog.QuoteName(n)
	}
	return strings.Join(quoted, ".")
}

// quoteList quotes identifiers for a list, each with something before it.
func quoteList(before string, names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = before + quote(n)
	}
	return strings.Join(quoted, ", ")
}
