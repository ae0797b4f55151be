// Command replog replicates SQLite databases through a server that keeps a log
// of every transaction.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(os.Args, &stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// run executes one command line and returns the process's exit code. The first
// SIGINT or SIGTERM asks for a graceful end, a second one ends the process.
func run(args []string, s *stdio) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	app := newApp(s)
	return s.finish(app.RunContext(ctx, arrange(app, args)))
}
