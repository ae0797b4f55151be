package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	sqlite3 "github.com/mattn/go-sqlite3"
	"github.com/urfave/cli/v2"
)

func versionCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the versions of replog, SQLite and Go",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			library, _, _ := sqlite3.Version()
			fmt.Fprintf(s.out, "replog %s, SQLite %s, %s %s/%s\n", version(), library, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// version is what the Go tool recorded of the module when it built the binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
