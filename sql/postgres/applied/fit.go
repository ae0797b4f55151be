package applied

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"replog/replog"
)

// cell is a value as PostgreSQL reads it from text, or one that does not fit.
type cell struct {
	text string
	null bool
	bad  *bad
}

// bad is a value that does not fit its column.
type bad struct {
	wire string // the value, exactly
	why  string
}

var nullCell = cell{null: true}

func good(text string) (cell, string) { return cell{text: text}, "" }

func refuse(format string, args ...any) (cell, string) {
	return cell{}, fmt.Sprintf(format, args...)
}

// maxText bounds texts and blobs: jsonb, and hexadecimal digits of a row, end a
// little above.
const maxText = 250 << 20

// fit gives the cell for a value.
func (c *column) fit(v replog.Value) cell {
	made, why := c.convert(v)
	if why == "" {
		return made
	}
	return cell{bad: &bad{wire: string(v.AppendJSON(nil)), why: why}}
}

func (c *column) convert(v replog.Value) (cell, string) {
	if v.IsNull() {
		if c.notNull {
			return refuse("NULL in a column that takes none")
		}
		return nullCell, ""
	}
	if len(v.Bytes()) > maxText {
		return refuse("longer than 250 MB")
	}
	switch c.kind {
	case kindWire:
		return good(wireText(v))
	case kindInteger:
		return c.integer(v)
	case kindFloat:
		return c.float(v)
	case kindNumeric:
		return c.numeric(v)
	case kindText:
		return c.textual(v)
	case kindBytes:
		if v.Kind() != replog.KindBlob {
			return c.mismatch(v)
		}
		return good(`\x` + hex.EncodeToString([]byte(v.Bytes())))
	case kindBool:
		if i := v.Int64(); v.Kind() != replog.KindInteger || i != 0 && i != 1 {
			return refuse("%s is neither 0 nor 1", describe(v))
		}
		return good(strconv.FormatInt(v.Int64(), 10))
	case kindDate:
		return date(v)
	case kindTimestamp, kindTimestampTZ:
		return timestamp(v)
	case kindUUID:
		return uuid(v)
	case kindJSON:
		return jsonText(v)
	default:
		return other(v)
	}
}

func (c *column) mismatch(v replog.Value) (cell, string) {
	return refuse("%s in a column of type %s", describe(v), c.base)
}

// describe names a value in a reason.
func describe(v replog.Value) string {
	switch v.Kind() {
	case replog.KindText, replog.KindBlob:
		return v.Kind().String()
	default:
		return v.Kind().String() + " " + v.String()
	}
}

func (c *column) integer(v replog.Value) (cell, string) {
	var i int64
	switch v.Kind() {
	case replog.KindInteger:
		i = v.Int64()
	case replog.KindReal:
		f := v.Float64()
		if f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return c.mismatch(v)
		}
		i = int64(f)
	default:
		return c.mismatch(v)
	}
	if c.size < 64 && (i < -1<<(c.size-1) || i >= 1<<(c.size-1)) {
		return refuse("%d is out of the range of %s", i, c.base)
	}
	return good(strconv.FormatInt(i, 10))
}

func (c *column) float(v replog.Value) (cell, string) {
	f := v.Float64()
	switch v.Kind() {
	case replog.KindReal:
	case replog.KindInteger:
		f = float64(v.Int64())
		if math.Abs(f) >= 1<<63 || int64(f) != v.Int64() {
			return refuse("%d is not exact as %s", v.Int64(), c.base)
		}
	default:
		return c.mismatch(v)
	}
	if c.size == 32 && float64(float32(f)) != f {
		return refuse("%s is not exact as %s", describe(v), c.base)
	}
	return good(floatText(f, 'g'))
}

func floatText(f float64, format byte) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	default:
		return strconv.FormatFloat(f, format, -1, 64)
	}
}

// numeric takes numbers. One that has more digits than the column would be rounded.
func (c *column) numeric(v replog.Value) (cell, string) {
	var text string
	switch v.Kind() {
	case replog.KindInteger:
		text = strconv.FormatInt(v.Int64(), 10)
	case replog.KindReal:
		text = floatText(v.Float64(), 'f')
	default:
		return c.mismatch(v)
	}
	if c.precision == 0 {
		return good(text)
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	whole = strings.TrimLeft(whole, "0")
	fraction = strings.TrimRight(fraction, "0")
	coarse := c.scale < 0 && strings.Trim(whole[max(0, len(whole)+c.scale):], "0") != ""
	if math.IsInf(v.Float64(), 0) || len(whole) > c.precision-c.scale || len(fraction) > max(0, c.scale) || coarse {
		return refuse("%s does not fit numeric(%d,%d)", text, c.precision, c.scale)
	}
	return good(text)
}

func (c *column) textual(v replog.Value) (cell, string) {
	if v.Kind() != replog.KindText {
		return c.mismatch(v)
	}
	if why := unreadable(v.Bytes()); why != "" {
		return refuse("%s", why)
	}
	if n := utf8.RuneCountInString(v.Bytes()); c.size > 0 && n > c.size {
		return refuse("%d characters, where %d is the limit", n, c.size)
	}
	return good(v.Bytes())
}

// unreadable says why a text cannot be one of PostgreSQL's, "" if it can.
func unreadable(s string) string {
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return "text with a NUL"
	case !utf8.ValidString(s):
		return "text that is not UTF-8"
	default:
		return ""
	}
}

// other leaves it to the server to read the value.
func other(v replog.Value) (cell, string) {
	switch v.Kind() {
	case replog.KindText:
		if why := unreadable(v.Bytes()); why != "" {
			return refuse("%s", why)
		}
		return good(v.Bytes())
	case replog.KindBlob:
		return refuse("blob in a column of another type")
	default:
		return good(v.String())
	}
}
