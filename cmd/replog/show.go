package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"replog/replog"
)

func showCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show one revision, cell by cell",
		ArgsUsage: "DB REVISION | URL REVISION | --data DIR [NAME] REVISION",
		Description: "Prints each statement with the cells it changed and when, what was not applied and why, the net changes where\n" +
			"they differ from the statements, and what the server changed. " + sourceText + "\n\n" + pagerText + "\n\n" +
			exitCodes(codeFailed, codeUsage, codeNotAllowed, codeMustRepair, codeTryLater),
		Flags: append([]cli.Flag{jsonFlag("print one JSON object")}, sourceFlags()...),
		Action: func(c *cli.Context) error {
			args := c.Args().Slice()
			if len(args) == 0 {
				return usage(c, "missing argument: %s", c.Command.ArgsUsage)
			}
			last := len(args) - 1
			revision, err := replog.ParseRevision(args[last])
			if err != nil {
				return usage(c, "%w", err)
			}
			source, err := sourceOf(c, s, args[:last])
			if err != nil {
				return err
			}
			return source.read(c, func(ctx context.Context, log logReader) error {
				e, err := log.Entry(ctx, revision)
				if err != nil {
					return err
				}
				return s.paged(c, func(s *stdio) error {
					if c.Bool("json") {
						return printJSON(s.out, &e)
					}
					return s.whole(func(s *stdio) { printDetail(s, &e) })
				})
			})
		},
	}
}
