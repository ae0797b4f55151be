package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// newApp wires the subcommands. Results and asked-for help go to s.out, all
// else to s.err.
func newApp(s *stdio) *cli.App {
	app := &cli.App{
		Name:            "replog",
		Usage:           "replicate SQLite databases through a log of their transactions",
		Version:         version(),
		HideHelpCommand: true,
		Writer:          s.out,
		ErrWriter:       s.err,
		Action:          missingCommand,
		ExitErrHandler:  func(*cli.Context, error) {}, // run decides the exit code
		OnUsageError:    badFlag,
		// A value of an option that may be repeated is one value, commas or not.
		DisableSliceFlagSeparator: true,
		Commands: []*cli.Command{
			serveCommand(s),
			tokenCommand(s),
			storeCommand(s),
			initCommand(s),
			cloneCommand(s),
			syncCommand(s),
			agentCommand(s),
			statusCommand(s),
			pendingCommand(s),
			execCommand(s),
			migrateCommand(s),
			logCommand(s),
			showCommand(s),
			conflictsCommand(s),
			repairCommand(s),
			diffCommand(s),
			demoCommand(s),
			versionCommand(s),
		},
		Description: exitCodes(codeFailed, codeUsage, codeWaiting, codeNotAllowed, codeMustRepair, codeDiffers, codeTryLater) +
			"\n\nEvery option can be set through the environment variable that its help names.",
	}
	for _, c := range app.Commands {
		complete(c)
	}
	return app
}

// complete gives a command, and those below it, what all of them share.
func complete(c *cli.Command) {
	c.HideHelpCommand = true
	c.OnUsageError = badFlag
	for _, f := range c.Flags {
		addVariable(f)
	}
	for _, sub := range c.Subcommands {
		complete(sub)
	}
	if len(c.Subcommands) > 0 && c.Action == nil {
		c.Action = missingCommand
	}
}

// addVariable names the environment variable of a flag after it: --ca-file is
// REPLOG_CA_FILE.
func addVariable(f cli.Flag) {
	variable := []string{"REPLOG_" + strings.ToUpper(strings.ReplaceAll(f.Names()[0], "-", "_"))}
	switch f := f.(type) {
	case *cli.StringFlag:
		f.EnvVars = variable
	case *cli.BoolFlag:
		f.EnvVars = variable
	case *cli.Int64Flag:
		f.EnvVars = variable
	case *cli.IntFlag:
		f.EnvVars = variable
	case *cli.StringSliceFlag:
		f.EnvVars = variable
	case *cli.DurationFlag:
		f.EnvVars = variable
	default:
		panic(fmt.Sprintf("flag --%s has a type without a variable: %T", f.Names()[0], f))
	}
}

func badFlag(c *cli.Context, err error, _ bool) error {
	return usage(c, "%w", err)
}

func missingCommand(c *cli.Context) error {
	if name := c.Args().First(); name != "" {
		return usage(c, "unknown command: %s", name)
	}
	var names []string
	for _, sub := range c.Command.Subcommands {
		names = append(names, sub.Name)
	}
	return usage(c, "a command is missing; there are: %s", strings.Join(names, ", "))
}

// arguments returns the command's arguments, of which there must be from least
// to most (-1 for any number).
func arguments(c *cli.Context, least, most int) ([]string, error) {
	args := c.Args().Slice()
	switch {
	case len(args) < least && c.Command.ArgsUsage != "":
		return nil, usage(c, "missing argument: %s", c.Command.ArgsUsage)
	case most >= 0 && len(args) > most:
		return nil, usage(c, "unexpected argument: %s", args[most])
	}
	for _, a := range args {
		if a == "" {
			return nil, usage(c, "an argument is empty")
		}
	}
	return args, nil
}

// required returns a string flag that must be given.
func required(c *cli.Context, name string) (string, error) {
	v := c.String(name)
	if v == "" {
		return "", usage(c, "missing option: --%s", name)
	}
	return v, nil
}

// exclusive refuses two options that contradict each other.
func exclusive(c *cli.Context, a, b string) error {
	if c.IsSet(a) && c.IsSet(b) && isOn(c, a) && isOn(c, b) {
		return usage(c, "--%s and --%s contradict each other", a, b)
	}
	return nil
}

// isOn tells whether a flag asks for something: a false bool, set or not, does
// not.
func isOn(c *cli.Context, name string) bool {
	if b, ok := c.Value(name).(bool); ok {
		return b
	}
	return true
}
