package replog

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"sort"
)

// Digest is a fingerprint of a set: the sum, modulo 2^256, of the SHA-256 of each
// item. Equal sets have equal digests in whatever order they come. It finds
// accidents, not attacks: whoever may choose items freely can construct a sum.
type Digest [4]uint64

// String gives 64 hexadecimal digits.
func (d Digest) String() string {
	var b [32]byte
	for i, word := range d {
		binary.LittleEndian.PutUint64(b[8*i:], word)
	}
	return hex.EncodeToString(b[:])
}

// ParseDigest reads what String wrote. Errors wrap ErrForm.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		return d, fmt.Errorf("%w: %q is no digest", ErrForm, s)
	}
	for i := range d {
		d[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	if d.String() != s {
		return d, fmt.Errorf("%w: %q is no digest", ErrForm, s)
	}
	return d, nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDigest(string(b))
	return err
}

// Add returns the digest of the items of d and e together.
func (d Digest) Add(e Digest) Digest {
	var carry uint64
	for i := range d {
		d[i], carry = bits.Add64(d[i], e[i], carry)
	}
	return d
}

// DigestItem returns the digest of a set of one item.
func DigestItem(item []byte) Digest {
	sum := sha256.Sum256(item)
	var d Digest
	for i := range d {
		d[i] = binary.LittleEndian.Uint64(sum[8*i:])
	}
	return d
}

// DigestChanges returns the digest of net changes: of what became of which rows,
// whatever the order of the changes and of their columns, and whenever they were
// made. It fails where the list does.
func DigestChanges(l Changes) (Digest, error) {
	var d Digest
	var b []byte
	err := EachChange(l, func(_ int, c *Change) error {
		bare := c.inOrder()
		b = bare.AppendJSON(b[:0])
		d = d.Add(DigestItem(b))
		return nil
	})
	return d, err
}

// inOrder is the change with its columns in the order of their names, without
// times, unit and context.
func (c *Change) inOrder() Change {
	bare := Change{Table: c.Table, Op: c.Op, Key: c.Key, KeyColumns: c.KeyColumns, Columns: c.Columns, Old: c.Old, New: c.New}
	if sort.StringsAreSorted(c.Columns) {
		return bare
	}
	order := make([]int, len(c.Columns))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return c.Columns[order[a]] < c.Columns[order[b]] })
	bare.Columns, bare.Old, bare.New = pick(c.Columns, order), pick(c.Old, order), pick(c.New, order)
	return bare
}

// pick puts a list into another order. It leaves an empty list empty.
func pick[T any](list []T, order []int) []T {
	if len(list) == 0 {
		return nil
	}
	picked := make([]T, len(order))
	for i, n := range order {
		picked[i] = list[n]
	}
	return picked
}
