package applier

import (
	"cmp"

	"replog/replog"
)

// compareLoosely orders rows by some of their values as SQLite's ORDER BY
// does with BINARY collation: NULL, then numbers by size, then TEXT and BLOB by
// bytes. Values that it calls equal may still differ exactly: 1 and 1.0, 0.0
// and -0.0.
func compareLoosely(a, b []replog.Value, order []int) int {
	for _, i := range order {
		if c := compareValues(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func compareValues(a, b replog.Value) int {
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	switch rank(a) {
	case 1:
		return compareNumbers(a, b)
	case 2, 3:
		return cmp.Compare(a.Bytes(), b.Bytes())
	}
	return 0
}

// rank puts the storage classes in SQLite's order; numbers share one.
func rank(v replog.Value) int {
	switch v.Kind() {
	case replog.KindNull:
		return 0
	case replog.KindInteger, replog.KindReal:
		return 1
	case replog.KindText:
		return 2
	}
	return 3
}

func compareNumbers(a, b replog.Value) int {
	aInt, bInt := a.Kind() == replog.KindInteger, b.Kind() == replog.KindInteger
	switch {
	case aInt && bInt:
		return cmp.Compare(a.Int64(), b.Int64())
	case aInt:
		return compareIntReal(a.Int64(), b.Float64())
	case bInt:
		return -compareIntReal(b.Int64(), a.Float64())
	}
	return cmp.Compare(a.Float64(), b.Float64())
}

// compareIntReal is exact over the whole range: converting i to a double would
// make neighbours above 2^53 equal.
func compareIntReal(i int64, f float64) int {
	const limit = 1 << 63
	switch {
	case f >= limit:
		return -1
	case f < -limit:
		return 1
	}
	whole := int64(f)
	if c := cmp.Compare(i, whole); c != 0 {
		return c
	}
	return cmp.Compare(float64(whole), f)
}

func sameValues(a, b []replog.Value) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
