package server

import "testing"

// BenchmarkSmallSync is one device that uploads one row at a time.
func BenchmarkSmallSync(b *testing.B) {
	h := newHarness(b)
	h.shop()
	d := h.enrol("shop")
	for i := int64(2); b.Loop(); i++ {
		d.insert(i, "chair")
		d.sync()
	}
}

// BenchmarkRestart is closing and opening a server with one database.
func BenchmarkRestart(b *testing.B) {
	h := newHarness(b)
	h.shop()
	for b.Loop() {
		h.restart()
	}
}
