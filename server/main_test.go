package server

import (
	"testing"

	"replog/replog"
)

// TestMain has short transactions treated as long ones: what has more than a few
// rows is kept on disk.
func TestMain(m *testing.M) {
	replog.SetMemory(600, 600)
	m.Run()
}
