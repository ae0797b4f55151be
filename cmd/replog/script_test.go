package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"replog/test/cluster"
)

// TestMain lets scripts run this test binary as the command.
func TestMain(m *testing.M) {
	testscript.Main(withCluster{m}, map[string]func(){"replog": main})
}

// withCluster ends the PostgreSQL that scripts have used.
type withCluster struct{ m *testing.M }

func (w withCluster) Run() int { return cluster.Main(w.m) }

// TestScripts runs testdata/script: what a person types, and what they see.
// Besides testscript's own commands there are those of script_commands_test.go.
func TestScripts(t *testing.T) {
	chinook := findChinook(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Cmds:                scriptCommands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           func(name string) (bool, error) { return name == "chinook" && chinook != "", nil },
		Setup: func(e *testscript.Env) error {
			e.Setenv("ADMIN", e.WorkDir+"/server/admin.token")
			e.Setenv("CHINOOK", chinook)
			e.Setenv("GORACE", raceOptions)
			e.Values[lineKey{}] = &scriptLine{}
			e.Values[stateKey{}] = &scriptState{data: e.WorkDir + "/server"}
			return nil
		},
	})
}

// raceOptions take away the second that a program waits before it ends, when it
// was built with the race detector.
const raceOptions = "atexit_sleep_ms=0"

// findChinook returns the path of chinook.sql, which is not part of this
// project: REPLOG_CHINOOK, or else ../shared/data beside the repository; "" where
// it is absent.
func findChinook(t *testing.T) string {
	path := os.Getenv("REPLOG_CHINOOK")
	if path == "" {
		path = filepath.Join("..", "..", "..", "shared", "data", "chinook.sql")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if !isFile(path) {
		t.Logf("%s is absent: the script chinook is skipped", path)
		return ""
	}
	return path
}
