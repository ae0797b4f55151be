package applied

import "strings"

// kind is what a column can hold, which decides how a value is written.
type kind int

const (
	kindWire kind = iota // the wire's form of any value, as jsonb
	kindInteger
	kindFloat
	kindNumeric
	kindText
	kindBytes
	kindBool
	kindDate
	kindTimestamp // without a zone: in UTC
	kindTimestampTZ
	kindUUID
	kindJSON
	kindOther // whatever the server reads from text
)

// column is a column of a PostgreSQL table.
type column struct {
	name string
	kind kind
	// base is its type without a length, a precision or a domain's rules: what values
	// are sent as, and compared in.
	base string
	// notNull: it takes no NULL. Columns of the key never do.
	notNull bool
	// size is the number of bits of integers and floats, and the largest number of
	// characters of text, 0 for any.
	size int
	// precision and scale bound numerics, where precision is not 0.
	precision, scale int
}

// declared is the type for a declared type of SQLite's
// (https://www.sqlite.org/datatype3.html#determination_of_column_affinity).
func declared(sqlType string) (name string, k kind) {
	t := strings.ToUpper(sqlType)
	word, _, _ := strings.Cut(t, "(")
	switch strings.TrimSpace(word) {
	case "", "ANY":
		return "jsonb", kindWire
	case "DATE":
		return "date", kindDate
	case "DATETIME", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITHOUT TIME ZONE":
		return "timestamp with time zone", kindTimestampTZ
	case "BOOLEAN", "BOOL":
		return "boolean", kindBool
	case "JSON", "JSONB":
		return "jsonb", kindJSON
	case "UUID":
		return "uuid", kindUUID
	}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(t, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		return "bigint", kindInteger
	case has("CHAR", "CLOB", "TEXT"):
		return "text", kindText
	case has("BLOB"):
		return "bytea", kindBytes
	case has("REAL", "FLOA", "DOUB"):
		return "double precision", kindFloat
	default:
		return "numeric", kindNumeric
	}
}

// sized sets what a type of the catalog bounds: its modifier is -1 for no bound.
func (c *column) sized(typeName string, modifier int) {
	c.base = typeName
	c.kind = kindOther
	switch typeName {
	case "smallint":
		c.kind, c.size = kindInteger, 16
	case "integer":
		c.kind, c.size = kindInteger, 32
	case "bigint":
		c.kind, c.size = kindInteger, 64
	case "real":
		c.kind, c.size = kindFloat, 32
	case "double precision":
		c.kind, c.size = kindFloat, 64
	case "numeric":
		c.kind = kindNumeric
		if modifier >= 4 {
			c.precision = (modifier - 4) >> 16 & 0xffff
			// The scale is a signed number of 11 bits.
			c.scale = ((modifier-4)&0x7ff ^ 1024) - 1024
		}
	case "text", "character varying", "bpchar":
		c.kind = kindText
		if modifier >= 4 {
			c.size = modifier - 4
		}
	case "bytea":
		c.kind = kindBytes
	case "boolean":
		c.kind = kindBool
	case "date":
		c.kind = kindDate
	case "timestamp without time zone":
		c.kind = kindTimestamp
	case "timestamp with time zone":
		c.kind = kindTimestampTZ
	case "uuid":
		c.kind = kindUUID
	case "json", "jsonb":
		c.kind, c.base = kindJSON, "jsonb"
	}
}

// quoted: texts of the type have to stand in quotation marks within an array.
func (k kind) quoted() bool {
	return k != kindInteger && k != kindFloat && k != kindNumeric && k != kindBool
}
