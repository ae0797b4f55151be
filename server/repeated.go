package server

import (
	"hash/maphash"
	"slices"

	"replog/replog"
)

// repeated returns a row that has two net changes, and whether there is one. It
// goes by hashes, as there may be millions, and then makes sure.
func repeated(net replog.Changes) (row replog.RowID, twice bool, err error) {
	if net.Len() < 2 {
		return replog.RowID{}, false, nil
	}
	seed := maphash.MakeSeed()
	again, err := hashedTwice(net, seed)
	if err != nil || len(again) == 0 {
		return replog.RowID{}, false, err
	}
	seen := map[replog.RowID]bool{}
	for i := 0; i < net.Len() && !twice; i++ {
		c, err := net.At(i)
		if err != nil {
			return replog.RowID{}, false, err
		}
		if row = c.Row(); again[maphash.Comparable(seed, row)] {
			twice = seen[row]
			seen[row] = true
		}
	}
	return row, twice, nil
}

// hashedTwice returns the hashes that several rows have.
func hashedTwice(net replog.Changes, seed maphash.Seed) (map[uint64]bool, error) {
	hashes := make([]uint64, 0, net.Len())
	err := replog.EachChange(net, func(_ int, c *replog.Change) error {
		hashes = append(hashes, maphash.Comparable(seed, c.Row()))
		return nil
	})
	slices.Sort(hashes)
	again := map[uint64]bool{}
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			again[hashes[i]] = true
		}
	}
	return again, err
}
