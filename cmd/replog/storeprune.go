package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"replog/replog"
	"replog/sql/postgres"
)

func storePruneCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "prune",
		Usage:     "drop old parts of a log",
		ArgsUsage: "NAME",
		Description: "Drops the parts, of a million revisions each, that hold nothing from the revision of --before on. What they held can\n" +
			"no longer be audited, and devices that have not synced since then have to clone the database anew: they get exit\n" +
			"code 6, and keep what they recorded. A content that servers keep has to be newer than what is dropped; they keep one\n" +
			"every 10,000 revisions.\n\n" + exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{storeFlag(), &cli.Int64Flag{Name: "before", Usage: "the oldest revision that has to stay"}},
		Action: func(c *cli.Context) error {
			before := c.Int64("before")
			if !c.IsSet("before") || before < 1 {
				return usage(c, "missing option: --before, a revision")
			}
			return withStore(c, 1, 1, func(ctx context.Context, store *postgres.Store, args []string) error {
				horizon, err := store.Prune(ctx, args[0], replog.Revision(before))
				var early *postgres.PruneError
				if errors.As(err, &early) {
					next := "servers keep one every 10,000 revisions: nothing can be dropped yet"
					if early.Kept > 0 {
						next = fmt.Sprintf("give --before %d, or an earlier one", early.Kept)
					}
					return &failure{err: err, next: next}
				}
				if err != nil {
					return err
				}
				if horizon == 0 {
					fmt.Fprintf(s.err, "the log of %s holds everything\n", args[0])
				} else {
					fmt.Fprintf(s.err, "the log of %s holds everything from revision %d on\n", args[0], horizon)
				}
				return nil
			})
		},
	}
}
