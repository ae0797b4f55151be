package replog

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is one of SQLite's five storage classes
// (https://www.sqlite.org/datatype3.html).
type Kind uint8

// The storage classes, in SQLite's sort order.
const (
	KindNull Kind = iota
	KindInteger
	KindReal
	KindText
	KindBlob
)

// String returns the name that SQLite's typeof() gives.
func (k Kind) String() string {
	return [...]string{"null", "integer", "real", "text", "blob"}[k]
}

// Value is one SQLite value with its storage class. Values are comparable:
// a == b exactly when class and bytes are the same, so 1 differs from 1.0 and
// 0.0 from -0.0. The zero Value is NULL.
type Value struct {
	kind Kind
	bits uint64 // INTEGER: two's complement. REAL: IEEE 754.
	str  string // TEXT and BLOB: the bytes, whatever their encoding.
}

// Integer, Real, Text and Blob make values. Real(NaN) is NULL, as in SQLite.
func Integer(v int64) Value { return Value{kind: KindInteger, bits: uint64(v)} }

// Truth makes an INTEGER of what SQLite has no type for: 1 or 0.
func Truth(v bool) Value {
	if v {
		return Integer(1)
	}
	return Integer(0)
}

// Real makes a REAL.
func Real(v float64) Value {
	if math.IsNaN(v) {
		return Value{}
	}
	return Value{kind: KindReal, bits: math.Float64bits(v)}
}

// Text makes a TEXT of any bytes, NUL and invalid UTF-8 included.
func Text(v string) Value { return Value{kind: KindText, str: v} }

// Blob makes a BLOB; the bytes are copied.
func Blob(v []byte) Value { return Value{kind: KindBlob, str: string(v)} }

// Kind returns the storage class.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells whether v is NULL.
func (v Value) IsNull() bool { return v.kind == KindNull }

// Int64 returns an INTEGER's value; 0 for other classes.
func (v Value) Int64() int64 {
	if v.kind != KindInteger {
		return 0
	}
	return int64(v.bits)
}

// Float64 returns a REAL's value; 0 for other classes.
func (v Value) Float64() float64 {
	if v.kind != KindReal {
		return 0
	}
	return math.Float64frombits(v.bits)
}

// Bytes returns the bytes of a TEXT or BLOB as a string; "" for other classes.
func (v Value) Bytes() string { return v.str }

// String renders v as an SQL literal for people. It is exact but for TEXT that
// holds NUL, which SQL literals cannot express.
func (v Value) String() string {
	switch v.kind {
	case KindInteger:
		return strconv.FormatInt(int64(v.bits), 10)
	case KindReal:
		switch f := v.Float64(); {
		case math.IsInf(f, 1):
			return "9e999"
		case math.IsInf(f, -1):
			return "-9e999"
		default:
			return string(appendReal(nil, f))
		}
	case KindText:
		return "'" + strings.ReplaceAll(v.str, "'", "''") + "'"
	case KindBlob:
		return fmt.Sprintf("x'%x'", v.str)
	default:
		return "NULL"
	}
}

// appendReal gives the shortest digits that read back the same, always with a
// point or an exponent.
func appendReal(b []byte, f float64) []byte {
	start := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	if !bytes.ContainsAny(b[start:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

// MarshalJSON gives the wire form: NULL null; INTEGER an integer; REAL a number
// with a point or an exponent, infinities {"real":"+inf"}; TEXT a string, or
// {"text":"<base64>"} if it is not UTF-8; BLOB {"blob":"<base64>"}.
func (v Value) MarshalJSON() ([]byte, error) {
	return v.AppendJSON(nil), nil
}

// AppendJSON appends the wire form of v to b.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case KindInteger:
		return strconv.AppendInt(b, int64(v.bits), 10)
	case KindReal:
		switch f := v.Float64(); {
		case math.IsInf(f, 1):
			return append(b, `{"real":"+inf"}`...)
		case math.IsInf(f, -1):
			return append(b, `{"real":"-inf"}`...)
		default:
			return appendReal(b, f)
		}
	case KindText:
		if !utf8.ValidString(v.str) {
			return appendBoxed(b, "text", v.str)
		}
		return appendString(b, v.str)
	case KindBlob:
		return appendBoxed(b, "blob", v.str)
	default:
		return append(b, "null"...)
	}
}

func appendBoxed(b []byte, class, s string) []byte {
	b = append(b, `{"`...)
	b = append(b, class...)
	b = append(b, `":"`...)
	b = base64.StdEncoding.AppendEncode(b, []byte(s))
	return append(b, `"}`...)
}

// ErrValue says that a JSON value is not in the wire form of a Value.
var ErrValue = errors.New("not a value")

// UnmarshalJSON reads the form that MarshalJSON writes, and no other spelling of
// it, but for the HTML escapes that encoding/json adds unless told otherwise.
// Errors wrap ErrValue.
func (v *Value) UnmarshalJSON(b []byte) error {
	p := parser{b: b}
	*v = p.value()
	err := p.done()
	if err == nil {
		return nil
	}
	var s string
	if json.Unmarshal(b, &s) == nil {
		if escaped, err := json.Marshal(s); err == nil && bytes.Equal(escaped, b) {
			*v = Text(s)
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrValue, err)
}

// AppendKey appends a self-delimiting encoding of the values to b, equal for
// two lists exactly when the lists are equal. It serves as a map key and as an
// index column in stores.
func AppendKey(b []byte, values []Value) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.AppendJSON(b)
	}
	return append(b, ']')
}

// KeyString is AppendKey as a string: the JSON array of the values.
func KeyString(values []Value) string { return string(AppendKey(nil, values)) }
