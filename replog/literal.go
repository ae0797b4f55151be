package replog

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Literal renders v as an SQL expression, in one line without control
// characters, that gives exactly v in any version of SQLite: String's form
// where that does, and otherwise one that leaves nothing to how numbers are
// read and lines are split. TEXT that is not UTF-8 asks for a database in UTF-8,
// the only ones that can hold it.
func (v Value) Literal() string {
	switch v.kind {
	case KindReal:
		return realLiteral(v.Float64())
	case KindText:
		return textLiteral(v.str)
	}
	return v.String()
}

// realLiteral writes a number in decimal only where every SQLite reads it back
// exactly. Older ones round twice, or multiply by inexact powers of ten. All
// others are written as a whole number times or divided by powers of two, which
// is exact in binary arithmetic.
func realLiteral(f float64) string {
	if f == 0 || math.IsInf(f, 0) || readsBack(f) {
		return Real(f).String()
	}
	frac, exp := math.Frexp(f)
	m := int64(frac * (1 << 53))
	exp -= 53
	shift := bits.TrailingZeros64(uint64(m))
	m, exp = m>>shift, exp+shift
	var b strings.Builder
	fmt.Fprintf(&b, "(%d*1.0", m)
	operator := "*"
	if exp < 0 {
		operator, exp = "/", -exp
	}
	for ; exp > 0; exp -= 62 {
		b.WriteString(operator)
		b.WriteString(strconv.FormatInt(1<<min(exp, 62), 10))
	}
	fmt.Fprintf(&b, " /* %s */)", Real(f))
	return b.String()
}

// readsBack tells whether the shortest decimal form of f is read as f by every
// SQLite: it has at most 15 digits, needs a power of ten that a double holds
// exactly, and lies so clear of the middle between two doubles that an
// intermediate result in 64 bits cannot round the wrong way.
func readsBack(f float64) bool {
	text := strconv.FormatFloat(math.Abs(f), 'e', -1, 64)
	digits, power, _ := strings.Cut(text, "e")
	exp, _ := strconv.Atoi(power)
	whole, fraction, _ := strings.Cut(digits, ".")
	exp -= len(fraction)
	d, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil || len(whole+fraction) > 15 || exp < -22 || exp > 22 {
		return false
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	if exp >= 0 {
		n := new(big.Int).Mul(big.NewInt(d), ten)
		return n.IsInt64() && n.Int64() <= 1<<53
	}
	decimal := new(big.Rat).SetFrac(big.NewInt(d), ten)
	binary := new(big.Rat).SetFloat64(math.Abs(f))
	off := new(big.Rat).Sub(decimal, binary)
	off.Abs(off)
	// The nearer neighbour of a power of two is the one below it.
	gap := math.Abs(f) - math.Nextafter(math.Abs(f), 0)
	most := new(big.Rat).SetFloat64(gap / 2)
	most.Mul(most, big.NewRat(63, 64))
	return off.Cmp(most) < 0
}

// textLiteral writes control characters as char(…): the shell of SQLite drops a
// carriage return at the end of a line, SQL text ends at a NUL, and a terminal
// obeys the others.
func textLiteral(s string) string {
	if !utf8.ValidString(s) {
		return "CAST(x'" + hex.EncodeToString([]byte(s)) + "' AS TEXT)"
	}
	var pieces []string
	for s != "" {
		n := strings.IndexFunc(s, isControl)
		if n < 0 {
			n = len(s)
		}
		if n > 0 {
			pieces = append(pieces, "'"+strings.ReplaceAll(s[:n], "'", "''")+"'")
			s = s[n:]
		}
		if codes := cutControls(&s); codes != "" {
			pieces = append(pieces, "char("+codes+")")
		}
	}
	return concatenation(pieces)
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// maxCodes keeps char() below the 127 arguments that functions may have.
const maxCodes = 100

// cutControls takes the control characters that s begins with off it.
func cutControls(s *string) string {
	var codes []string
	for i, r := range *s {
		if !isControl(r) || len(codes) == maxCodes {
			*s = (*s)[i:]
			return strings.Join(codes, ",")
		}
		codes = append(codes, strconv.Itoa(int(r)))
	}
	*s = ""
	return strings.Join(codes, ",")
}

// concatenation joins pieces by a tree that is balanced where it would get
// deeper than SQLite takes.
func concatenation(pieces []string) string {
	switch n := len(pieces); {
	case n == 0:
		return "''"
	case n == 1:
		return pieces[0]
	case n <= 100:
		return "(" + strings.Join(pieces, "||") + ")"
	default:
		return "(" + concatenation(pieces[:n/2]) + "||" + concatenation(pieces[n/2:]) + ")"
	}
}
