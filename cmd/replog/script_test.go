package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run this test binary as the command.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"replog": main})
}

// TestScripts runs testdata/script: what a person types, and what they see.
// Besides testscript's own commands there are those of script_commands_test.go.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Cmds:                scriptCommands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("ADMIN", e.WorkDir+"/server/admin.token")
			e.Setenv("CHINOOK", os.Getenv("REPLOG_CHINOOK"))
			e.Values[stateKey{}] = &scriptState{data: e.WorkDir + "/server"}
			return nil
		},
	})
}
