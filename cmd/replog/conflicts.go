package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/client"
	"replog/replog"
)

func conflictsCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:  "conflicts",
		Usage: "what was not applied, and what to do about it",
		Description: "A conflict is a transaction of this device, or a part of one, that the server did not apply. It is kept in\n" +
			"the file, and in the server's log, with the reason, until a person decides. To try again, make the change\n" +
			"again in any program and sync; then discard the conflict.\n\n" +
			exitCodes(codeFailed, codeUsage, codeMustRepair, codeTryLater),
		Subcommands: []*cli.Command{
			conflictsListCommand(s),
			conflictsShowCommand(s),
			conflictsDiscardCommand(s),
		},
	}
}

func conflictsListCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "list the conflicts that wait for a person",
		ArgsUsage:   "DB",
		Description: exitCodes(codeFailed, codeUsage, codeMustRepair, codeTryLater),
		Flags: []cli.Flag{
			jsonFlag("print one JSON object a conflict"),
			&cli.BoolFlag{Name: "all", Usage: "also those that ask for nothing: stale changes, and what was discarded"},
			busyFlag(),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return withDevice(c, args[0], func(ctx context.Context, d *client.Device) error {
				list, err := d.Conflicts(ctx)
				if err != nil {
					return err
				}
				t := table{header: []string{"ID", "OUTCOME", "STATE", "RECORDED", "WHAT", "WHY"}}
				quiet := 0
				for i := range list {
					k := &list[i]
					switch {
					case !c.Bool("all") && k.State != client.StateWaiting:
						quiet++
					case c.Bool("json"):
						if err := printJSON(s.out, k); err != nil {
							return err
						}
					default:
						t.add(k.ID, string(k.Outcome), k.State, when(k.RecordedAt), conflictNames(k), reasonText(&k.Reason))
					}
				}
				t.print(s.out)
				if quiet > 0 {
					s.say(count(quiet, "conflict")+" not shown: nothing waits for a person there", "--all lists them too")
				}
				return nil
			})
		},
	}
}

// conflictNames names what was not applied: statements as they were run, or rows.
func conflictNames(k *client.Conflict) string {
	const shown, width = 2, 60
	if len(k.Statements) == 0 {
		return rowNames(k.Changes)
	}
	var names []string
	for i := range k.Statements {
		if i == shown {
			names = append(names, fmt.Sprintf("+ %d", len(k.Statements)-shown))
			break
		}
		text := []rune(inline(k.Statements[i].SQL, k.Statements[i].Args))
		if len(text) > width {
			text = append(text[:width-1], '…')
		}
		names = append(names, string(text))
	}
	return strings.Join(names, "; ")
}

// rowNames names the first rows of changes.
func rowNames(changes []replog.Change) string {
	const shown = 2
	var names []string
	for i := range changes {
		if i == shown {
			names = append(names, fmt.Sprintf("+ %d", len(changes)-shown))
			break
		}
		names = append(names, oneLine(changes[i].Table)+" "+tuple(changes[i].Key))
	}
	return strings.Join(names, ", ")
}

func conflictsShowCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:        "show",
		Usage:       "show what a conflict wanted, and what the rows are now",
		ArgsUsage:   "DB ID",
		Description: exitCodes(codeFailed, codeUsage, codeMustRepair, codeTryLater),
		Flags:       []cli.Flag{jsonFlag("print one JSON object"), busyFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 2, 2)
			if err != nil {
				return err
			}
			return withDevice(c, args[0], func(ctx context.Context, d *client.Device) error {
				k, err := d.Conflict(ctx, args[1])
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(s.out, k)
				}
				return showConflict(s, c, args[0], k)
			})
		},
	}
}

func conflictsDiscardCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "discard",
		Usage:     "leave conflicts as they are: they wait no longer",
		ArgsUsage: "DB ID…",
		Description: "The data stays as it is. Discarded conflicts stay in `replog conflicts list --all`, and in the log.\n\n" +
			exitCodes(codeFailed, codeUsage, codeMustRepair, codeTryLater),
		Flags: []cli.Flag{busyFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 2, -1)
			if err != nil {
				return err
			}
			return withDevice(c, args[0], func(ctx context.Context, d *client.Device) error {
				for _, id := range args[1:] {
					if err := d.Discard(ctx, id); err != nil {
						return err
					}
					fmt.Fprintf(s.err, "discarded %s\n", id)
				}
				return nil
			})
		},
	}
}
