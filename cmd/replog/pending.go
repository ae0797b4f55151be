package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/client"
)

func pendingCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "pending",
		Usage:     "list what waits in the outbox",
		ArgsUsage: "DB",
		Description: "Reads DB only. A transaction is gathered until the next sync closes it, then closed, then uploaded until its\n" +
			"verdict is processed. One without effect could not be replayed on what others did: its changes are not in\n" +
			"the tables, and the server decides.\n\n" + exitCodes(codeFailed, codeUsage, codeMustRepair, codeTryLater),
		Flags: []cli.Flag{jsonFlag("print one JSON object a transaction"), busyFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return withDevice(c, args[0], func(ctx context.Context, d *client.Device) error {
				list, err := d.Pending(ctx)
				if err != nil {
					return err
				}
				for i := range list {
					if c.Bool("json") {
						err = printJSON(s.out, &list[i])
					} else {
						err = printPending(s, &list[i])
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// whyRows says why a statement does not travel as it was run.
func whyRows(r *client.RanAs) string {
	why := r.Class
	if r.Why != "" {
		why += ": " + oneLine(r.Why)
	}
	if r.Count > 1 {
		why += fmt.Sprintf(" (%d times)", r.Count)
	}
	return why
}

func printPending(s *stdio, p *client.Pending) error {
	name := "not closed"
	if p.Seq != 0 {
		name = fmt.Sprintf("seq %d", p.Seq)
	}
	_, err := fmt.Fprintf(s.out, "%s  %s  base %d  %s%s\n", name, p.State, p.Base, when(p.RecordedAt), labelText(p.Label))
	if !p.Effect {
		fmt.Fprintf(s.out, "    without effect: %s\n", oneLine(p.Why))
	}
	printStatements(s, p.Statements, "")
	for i := range p.AsRows {
		r := &p.AsRows[i]
		fmt.Fprintf(s.out, "    as rows: %s  -- %s\n", oneLine(strings.Join(strings.Fields(r.SQL), " ")), whyRows(r))
	}
	return err
}
