package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

const pagerText = "On a terminal the output goes through the pager that REPLOG_PAGER or else PAGER names, or less, as with git."

func pagerFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-pager", Usage: "print to the terminal without a pager"}
}

// paged runs print with its output in a pager where that is a terminal. It
// returns once the pager has ended; that somebody quits the pager early is no
// error.
func (s *stdio) paged(c *cli.Context, print func(*stdio) error) error {
	terminal, ok := s.out.(*os.File)
	if c.Bool("no-pager") || !ok || !term.IsTerminal(int(terminal.Fd())) {
		return print(s)
	}
	name := pagerName(os.LookupEnv)
	if name == "" {
		return print(s)
	}
	// Like git: the shell splits the words.
	cmd := exec.Command("sh", "-c", name)
	cmd.Env = pagerEnvironment(os.Environ(), os.LookupEnv)
	cmd.Stdout, cmd.Stderr = terminal, os.Stderr
	pages, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		s.warn("the pager %q does not start: %v", name, err)
		return print(s)
	}
	err = print(&stdio{in: s.in, out: pages, err: s.err})
	_ = pages.Close()
	_ = cmd.Wait() // how a pager ends says nothing about what it showed
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// pagerName is the command line of the pager; "" where there is to be none.
func pagerName(variable func(string) (string, bool)) string {
	for _, name := range []string{"REPLOG_PAGER", "PAGER"} {
		if command, set := variable(name); set {
			if command == "cat" {
				return ""
			}
			return command
		}
	}
	if _, err := exec.LookPath("less"); err != nil {
		return ""
	}
	return "less"
}

// pagerEnvironment gives less and lv the options that git gives them, where
// the user has chosen none: F quits if it is one page, R shows colours, X leaves
// the text on the screen.
func pagerEnvironment(environment []string, variable func(string) (string, bool)) []string {
	for _, option := range [][2]string{{"LESS", "FRX"}, {"LV", "-c"}} {
		if _, set := variable(option[0]); !set {
			environment = append(environment, option[0]+"="+option[1])
		}
	}
	return environment
}
