package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"replog/client"
)

func repairCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "repair",
		Usage:     "load the content again from the server's snapshot",
		ArgsUsage: "DB",
		Description: "For a file that has diverged from the log. What was recorded and not uploaded is replayed on the new content,\n" +
			"conflicts are kept, and the file as it was stays beside DB as a backup. Where the download is cut, nothing\n" +
			"is changed, DB-partial keeps what has come, and the same command goes on from there.\n\n" +
			exitCodes(codeFailed, codeUsage, codeNotAllowed, codeMustRepair, codeDiffers, codeTryLater),
		Flags: []cli.Flag{caFlag(), timeoutFlag(), busyFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return withDevice(c, args[0], func(ctx context.Context, d *client.Device) error {
				r, err := d.Repair(ctx)
				if err != nil {
					return err
				}
				fmt.Fprintf(s.out, "%s: loaded at revision %d; %s in the outbox\n", args[0], r.SyncPoint, count(r.Pending, "transaction"))
				fmt.Fprintf(s.out, "the file as it was: %s\n", r.Backup)
				if r.Without > 0 {
					s.say(count(r.Without, "transaction")+" could not be replayed", "`replog pending "+args[0]+"` says why; the next sync uploads them all the same")
				}
				return nil
			})
		},
	}
}
