package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"replog/replog"
)

// TestMain has short transactions treated as long ones: what has more than a few
// rows is kept on disk.
func TestMain(m *testing.M) {
	replog.SetMemory(600, 600)
	m.Run()
}

// watchSpills notes whether a temporary file of a long transaction is open at the end of
// a test: they have no names, and are gone once they are closed.
func watchSpills(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		links, err := filepath.Glob("/proc/self/fd/*") // none where there is no /proc
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range links {
			if to, _ := os.Readlink(l); strings.HasPrefix(filepath.Base(to), "replog-") {
				t.Errorf("%s is open", to)
			}
		}
	})
}
