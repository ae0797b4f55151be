package replog

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// Chain identifies a revision together with all that comes before it: two logs that
// have the same chain at a revision are the same up to there. It is 32 hexadecimal
// digits, the first half of a SHA-256; "" where nobody knows it.
//
// A log that gave up revisions and went on has other chains from there on, though its
// revisions have the same numbers.
type Chain string

// FirstChain is the chain of revision 0 of the database with that id.
func FirstChain(database string) Chain { return chainOf("replog chain 1", database) }

// Next is the chain of the entry's revision, where c is that of the revision before.
func (c Chain) Next(e *Entry) Chain {
	return chainOf(string(c), strconv.FormatInt(int64(e.Revision), 10), string(e.Hash), string(e.Outcome), string(EncodeParts(e.Parts)))
}

// chainOf hashes lines. No part holds a line feed: they are ids, numbers, names and JSON.
func chainOf(parts ...string) Chain {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{'\n'})
	}
	return Chain(hex.EncodeToString(h.Sum(nil)[:16]))
}
