package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/agent"
	"replog/applier"
	"replog/client"
	"replog/replog"
)

// This file is how the command speaks: where its words go, the form of its
// messages, and its exit codes.
//
// A message says what happened and, indented, what was kept and what to do next:
//
//	replog: shop.db: http://localhost:8730: connection refused
//	  what was recorded is kept; run it again when the server can be reached
//
// The second half comes from the error: those of ours that a user can do
// something about have a method Next.

// stdio is where a command reads and writes. Results go to out; messages,
// warnings and progress to err.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// The exit codes. Scripts and cron jobs rely on them.
const (
	codeDone       = 0
	codeFailed     = 1
	codeUsage      = 2
	codeWaiting    = 3
	codeNotAllowed = 5
	codeMustRepair = 6
	codeDiffers    = 7
	codeTryLater   = 75
)

// exitCodes is the paragraph of a help text that lists a command's exit codes.
func exitCodes(codes ...int) string {
	meaning := map[int]string{
		codeFailed:     "failed",
		codeUsage:      "wrong usage",
		codeWaiting:    "conflicts or refusals wait for a person",
		codeNotAllowed: "not allowed: token missing, unknown or revoked",
		codeMustRepair: "schema differs, file copied or restored, epoch changed, or behind the horizon",
		codeDiffers:    "the databases differ",
		codeTryLater:   "try again later: server unreachable or file busy",
	}
	lines := []string{"Exit codes:", "   0  done"}
	for _, code := range codes {
		lines = append(lines, fmt.Sprintf("  %2d  %s", code, meaning[code]))
	}
	return strings.Join(lines, "\n")
}

// failure is an error with what the user can do about it and, where it is not
// 0, its exit code.
type failure struct {
	code int
	err  error
	next string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Next is what the user can do.
func (f *failure) Next() string { return f.next }

// silent ends the command with a code when all there is to say was said.
type silent int

func (s silent) Error() string { return fmt.Sprintf("exit code %d", int(s)) }

// usage makes the error of a command line that cannot be understood.
func usage(c *cli.Context, format string, args ...any) error {
	name := "replog"
	if c != nil && c.Command != nil && c.Command.HelpName != "" {
		name = c.Command.HelpName
	}
	return &failure{
		code: codeUsage,
		err:  fmt.Errorf(format, args...),
		next: fmt.Sprintf("`%s --help` shows how it is used", name),
	}
}

// finish tells the user how a command ended and returns its exit code.
func (s *stdio) finish(err error) int {
	if err == nil {
		return codeDone
	}
	var said silent
	if errors.As(err, &said) {
		return int(said)
	}
	if errors.Is(err, context.Canceled) {
		s.say("interrupted", nextOf(err))
		return codeFailed
	}
	s.complain(err)
	return codeOf(err)
}

// complain prints an error and what to do next.
func (s *stdio) complain(err error) {
	s.say(err.Error(), nextOf(err))
}

// say prints a message and, if there is one, what to do next.
func (s *stdio) say(what, next string) {
	if next != "" {
		next = "  " + next + "\n"
	}
	fmt.Fprintf(s.err, "replog: %s\n%s", what, next) // in one piece: others may write too
}

func (s *stdio) warn(format string, args ...any) {
	fmt.Fprintf(s.err, "replog: warning: "+format+"\n", args...)
}

// nextOf is what the first error in err's chain that knows says to do next.
func nextOf(err error) string {
	var (
		authority x509.UnknownAuthorityError
		problem   *replog.Problem
		step      interface{ Next() string }
	)
	switch {
	case errors.As(err, &authority):
		return "if the server's certificate is from an authority of your own, give that one's with --ca-file"
	case errors.As(err, &step):
		return step.Next()
	case errors.As(err, &problem) && problem.Code == replog.CodeNotFound:
		return "look at the name at the end of the address; `replog init --publish` makes a new database"
	}
	return ""
}

// codeOf is the exit code that says what kind of failure err is.
func codeOf(err error) int {
	var (
		own         *failure
		notAllowed  *client.NotAllowedError
		mismatch    *client.MismatchError
		diverged    *client.DivergedError
		differs     *client.DiffersError
		unreachable *client.UnreachableError
		busy        *client.BusyError
		config      *agent.ConfigError
	)
	switch {
	case errors.As(err, &own) && own.code != 0:
		return own.code
	case errors.As(err, &config):
		return codeUsage
	case errors.As(err, &notAllowed):
		return codeNotAllowed
	case errors.As(err, &mismatch):
		return codeMustRepair
	case errors.As(err, &diverged), errors.As(err, &differs):
		return codeDiffers
	case errors.As(err, &unreachable), errors.As(err, &busy), applier.IsBusy(err), errors.Is(err, context.DeadlineExceeded):
		return codeTryLater
	}
	return codeFailed
}

// gravity orders exit codes for a command that worked on several databases:
// the first in this order is the command's.
var gravity = [...]int{codeNotAllowed, codeMustRepair, codeDiffers, codeFailed, codeTryLater, codeWaiting, codeDone}

func graver(a, b int) int {
	for _, code := range gravity {
		if a == code || b == code {
			return code
		}
	}
	return a
}
