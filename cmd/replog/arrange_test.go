package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestOptionsMayStandAnywhere(t *testing.T) {
	app := &cli.App{Commands: []*cli.Command{
		{Name: "sync", Flags: []cli.Flag{&cli.BoolFlag{Name: "json"}, &cli.StringFlag{Name: "ca-file"}}},
		{Name: "token", Subcommands: []*cli.Command{{Name: "list", Flags: []cli.Flag{&cli.StringFlag{Name: "data"}}}}},
	}}
	for typed, want := range map[string]string{
		"replog":                              "replog",
		"replog help":                         "replog --help",
		"replog help sync":                    "replog sync --help",
		"replog --version":                    "replog --version",
		"replog bogus --json":                 "replog bogus --json",
		"replog token":                        "replog token",
		"replog sync a.db":                    "replog sync -- a.db",
		"replog sync a.db --json b.db":        "replog sync --json -- a.db b.db",
		"replog sync a.db --ca-file ca.pem":   "replog sync --ca-file ca.pem -- a.db",
		"replog sync a.db --ca-file=ca.pem b": "replog sync --ca-file=ca.pem -- a.db b",
		"replog sync a.db -- --json":          "replog sync -- a.db --json",
		"replog sync a.db --ca-file":          "replog sync --ca-file",
		"replog sync a.db --unknown b.db":     "replog sync --unknown -- a.db b.db",
		"replog sync -":                       "replog sync -- -",
		"replog sync -5 -.5 --json":           "replog sync --json -- -5 -.5",
		"replog sync a.db --help":             "replog sync --help",
		"replog sync -- -h":                   "replog sync -- -h",
		"replog token list x --data d":        "replog token list --data d -- x",
	} {
		got := arrange(app, strings.Fields(typed))
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s\n got %s\nwant %s", typed, strings.Join(got, " "), want)
		}
	}
}
