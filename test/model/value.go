package model

import (
	"math"
	"strings"

	"replog/replog"
)

// Value is a value of SQLite. Two are == when class and bytes are.
type Value = replog.Value

// Collations, by SQLite's names for them.
const (
	Binary = "BINARY"
	NoCase = "NOCASE"
	RTrim  = "RTRIM"
)

// equal compares as a unique index does: under a collation, and with 1 = 1.0.
// NULL equals nothing.
func equal(collation string, a, b Value) bool {
	switch ka, kb := a.Kind(), b.Kind(); {
	case ka == replog.KindNull || kb == replog.KindNull:
		return false
	case ka == replog.KindText && kb == replog.KindText:
		return fold(collation, a.Bytes()) == fold(collation, b.Bytes())
	case ka == replog.KindReal && kb == replog.KindReal:
		return a.Float64() == b.Float64()
	case ka == replog.KindInteger && kb == replog.KindReal:
		return equalNumbers(a.Int64(), b.Float64())
	case ka == replog.KindReal && kb == replog.KindInteger:
		return equalNumbers(b.Int64(), a.Float64())
	}
	return a == b
}

func equalNumbers(i int64, f float64) bool {
	return f >= -(1<<63) && f < 1<<63 && f == math.Trunc(f) && int64(f) == i
}

// fold gives texts that are equal under the collation the same form. NOCASE
// knows the 26 letters of ASCII only.
func fold(collation, s string) string {
	switch collation {
	case NoCase:
		b := []byte(s)
		for i, c := range b {
			if c >= 'A' && c <= 'Z' {
				b[i] = c + 'a' - 'A'
			}
		}
		return string(b)
	case RTrim:
		return strings.TrimRight(s, " ")
	}
	return s
}

// equalTuples compares column by column, each under its collation.
func equalTuples(collations []string, a, b []Value) bool {
	for i := range a {
		if !equal(collations[i], a[i], b[i]) {
			return false
		}
	}
	return true
}
