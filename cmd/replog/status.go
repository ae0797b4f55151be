package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"replog/client"
	"replog/replog"
)

func statusCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:        "status",
		Usage:       "show where a replica stands",
		ArgsUsage:   "DB",
		Description: "Reads DB only; the server is not asked.\n\n" + exitCodes(codeFailed, codeUsage, codeMustRepair, codeTryLater),
		Flags:       []cli.Flag{jsonFlag("print one JSON object"), busyFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return withDevice(c, args[0], func(ctx context.Context, d *client.Device) error {
				status, err := d.Status(ctx)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(s.out, status)
				}
				fmt.Fprintf(s.out, "device      %s\n", status.Device)
				fmt.Fprintf(s.out, "database    %s\n", status.Database)
				fmt.Fprintf(s.out, "server      %s\n", status.Server)
				fmt.Fprintf(s.out, "sync point  revision %d\n", status.SyncPoint)
				fmt.Fprintf(s.out, "pending     %s\n", count(int(status.Pending), "transaction"))
				fmt.Fprintf(s.out, "conflicts   %d\n", status.Conflicts)
				last := replog.Millis(0)
				if status.LastSync != nil {
					last = *status.LastSync
				}
				fmt.Fprintf(s.out, "last sync   %s\n", when(last))
				return nil
			})
		},
	}
}
