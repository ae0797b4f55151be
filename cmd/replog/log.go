package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

func logCommand(s *stdio) *cli.Command {
	flags := []cli.Flag{
		jsonFlag("print one JSON object a revision"),
		&cli.BoolFlag{Name: "csv", Usage: "print CSV with a header, one record a statement"},
		&cli.BoolFlag{Name: "stat", Usage: "count the rows that each revision changed, by table, and all of them"},
		&cli.BoolFlag{Name: "sql", Usage: "print a script that makes the changes again, in commit order, for the sqlite3 shell"},
	}
	flags = append(flags, filterFlags()...)
	return &cli.Command{
		Name:      "log",
		Usage:     "print the log, newest first",
		ArgsUsage: "DB | URL | --data DIR [NAME]",
		Description: "Prints every revision, whatever became of it. " + sourceText + "\n\n" +
			"Options narrow each other; where one is repeated, either value will do. A moment, in --since and --until, is a\n" +
			"revision (17), a day (2026-01-06), a time (2026-01-06T11:40:00Z; UTC where no zone is given) or one relative to\n" +
			"now (2h, '3 days ago', yesterday); both ends are included. Times are those at which the server received a\n" +
			"transaction.\n\n" +
			"The script of --sql turns the database as it was before the first revision into what it was after the last; all of\n" +
			"the log, the published file into the server's. Run it on a copy that is not enrolled:\n" +
			"   replog log DB --sql | sqlite3 copy.db\n\n" + pagerText + "\n\n" +
			exitCodes(codeFailed, codeUsage, codeNotAllowed, codeMustRepair, codeTryLater),
		Flags: append(flags, sourceFlags()...),
		Action: func(c *cli.Context) error {
			f, err := filterOf(c)
			if err != nil {
				return err
			}
			form, err := logForm(c)
			if err != nil {
				return err
			}
			source, err := sourceOf(c, s, c.Args().Slice())
			if err != nil {
				return err
			}
			return source.read(c, func(ctx context.Context, log logReader) error {
				return s.paged(c, func(s *stdio) error { return form(ctx, s, log, f) })
			})
		},
	}
}

// logForm is the way of printing that the flags ask for.
func logForm(c *cli.Context) (logPrinter, error) {
	for _, pair := range [][2]string{{"json", "csv"}, {"json", "sql"}, {"csv", "sql"}, {"stat", "csv"}, {"stat", "sql"}} {
		if err := exclusive(c, pair[0], pair[1]); err != nil {
			return nil, err
		}
	}
	switch {
	case c.Bool("stat") && c.Bool("json"):
		return printStatsJSON, nil
	case c.Bool("stat"):
		return printStats, nil
	case c.Bool("json"):
		return printLinesJSON, nil
	case c.Bool("csv"):
		return printLinesCSV, nil
	case c.Bool("sql"):
		return printScript, nil
	}
	return printLines, nil
}
