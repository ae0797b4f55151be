package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange moves options in front of arguments, so that `replog sync DB --json`
// is read as it is meant: the flag package stops at the first argument. What
// follows a "--" stays an argument. `replog help sync` is `replog sync --help`.
func arrange(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	if len(args) > 1 && args[1] == "help" {
		return append(append(args[:1:1], args[2:]...), "--help")
	}
	path := args[:1:1]
	rest := args[1:]
	commands, flags := app.Commands, app.Flags
	for len(rest) > 0 && len(commands) > 0 {
		c := find(commands, rest[0])
		if c == nil {
			break
		}
		path = append(path, rest[0])
		rest, commands, flags = rest[1:], c.Subcommands, c.Flags
	}
	if len(commands) > 0 {
		return args // no leaf was named
	}
	options, arguments, whole := divide(flags, rest)
	if slices.Contains(options, "--help") || slices.Contains(options, "-h") {
		return append(path, "--help") // the library takes an argument for a topic
	}
	if !whole {
		return append(path, options...) // the parser says what is missing
	}
	return append(append(append(path, options...), "--"), arguments...)
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// divide tells options, with their values, from arguments. It is not whole
// where the last option lacks its value.
func divide(flags []cli.Flag, words []string) (options, arguments []string, whole bool) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return options, append(arguments, words[i+1:]...), true
		case len(w) < 2 || w[0] != '-' || isNumber(w[1:]):
			arguments = append(arguments, w)
		default:
			options = append(options, w)
			if takesValue(flags, w) {
				if i++; i == len(words) {
					return options, arguments, false
				}
				options = append(options, words[i])
			}
		}
	}
	return options, arguments, true
}

// isNumber tells whether a word without its sign is a number, which no option is.
func isNumber(w string) bool { return strings.IndexByte("0123456789.", w[0]) >= 0 }

// takesValue tells whether the word after option w is its value.
func takesValue(flags []cli.Flag, w string) bool {
	if strings.Contains(w, "=") {
		return false
	}
	name := strings.TrimLeft(w, "-")
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				_, isBool := f.(*cli.BoolFlag)
				return !isBool
			}
		}
	}
	return false
}
