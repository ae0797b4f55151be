package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"replog/client"
	"replog/client/driver"
)

func execCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "exec",
		Usage:     "run SQL on a device, as one marked transaction",
		ArgsUsage: "DB [SQL [ARG…]]",
		Description: "Runs SQL, or a script given by --file or on standard input: all of it or, where anything in it fails, nothing.\n" +
			"The server, too, applies it as a whole, or not at all. Rows of queries are printed as the sqlite3 shell does.\n\n" +
			"Each ARG is bound to a parameter: a number, NULL, TRUE, FALSE, x'…' (a blob) and '…' as SQLite reads them,\n" +
			"@FILE the content of a file as a blob, and anything else as text. Where an ARG begins with a dash and is no\n" +
			"number, give -- before the first.\n\n" +
			"What was run is recorded, with its arguments, so that the server can run it again on what is there then, where that\n" +
			"is sure to do the same everywhere; otherwise what it changed. With several statements --optional, --expect and --rows\n" +
			"are for each that is an INSERT, UPDATE or DELETE.\n\n" +
			"CREATE, ALTER and DROP of tables, indexes, views and triggers reach all devices, as by `replog migrate`.\n\n" +
			exitCodes(codeFailed, codeUsage, codeMustRepair, codeTryLater),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Usage: "run this script; all arguments after DB are bound"},
			&cli.StringFlag{Name: "label", Usage: "label the transaction, by which the log shows and finds it"},
			&cli.BoolFlag{Name: "optional", Usage: "the server may do without the statement, where it cannot be run there"},
			&cli.Int64Flag{Name: "expect", Usage: "the statement must change `N` rows, here and at the server; -1: any number will do", DefaultText: "at the server one if here one, some if here some"},
			&cli.BoolFlag{Name: "rows", Usage: "send the rows that changed, not the statement"},
			busyFlag(),
		},
		Action: func(c *cli.Context) error {
			path, sql, args, err := execInput(c, s)
			if err != nil {
				return err
			}
			d, err := client.Open(path, client.Options{BusyTimeout: c.Duration("busy-timeout")})
			if err != nil {
				return about(path, err)
			}
			if err := d.Close(); err != nil {
				return about(path, err)
			}
			return execute(c, s, path, sql, args)
		},
	}
}

// execInput is what to run on which database, and the arguments as typed.
func execInput(c *cli.Context, s *stdio) (path, sql string, args []string, err error) {
	words := c.Args().Slice()
	if len(words) == 0 || words[0] == "" {
		return "", "", nil, usage(c, "missing argument: %s", c.Command.ArgsUsage)
	}
	path, words = words[0], words[1:]
	var script []byte
	switch file := c.String("file"); {
	case file != "":
		script, err = os.ReadFile(file)
	case len(words) > 0:
		script, words = []byte(words[0]), words[1:]
	default:
		script, err = io.ReadAll(s.in)
	}
	return path, string(script), words, err
}

// execute runs a script in one transaction.
func execute(c *cli.Context, s *stdio, path, sql string, args []string) (err error) {
	r := &scriptRun{out: s.out, sql: sql}
	if err := r.open(path, c.Duration("busy-timeout"), true); err != nil {
		return about(path, err)
	}
	defer func() { err = errors.Join(err, r.conn.Close()) }()
	if err := r.bind(args); err != nil {
		return err
	}
	if err := r.run(execContext(c)); err != nil {
		return execFailure(path, err)
	}
	return nil
}

// execContext tells the driver what the flags say.
func execContext(c *cli.Context) context.Context {
	ctx := c.Context
	if label := c.String("label"); label != "" {
		ctx = driver.Label(ctx, label)
	}
	if c.Bool("optional") {
		ctx = driver.Optional(ctx)
	}
	if c.IsSet("expect") {
		ctx = driver.Expect(ctx, c.Int64("expect"))
	}
	if c.Bool("rows") {
		ctx = driver.AsRows(ctx)
	}
	return ctx
}

// open opens the file that the script runs on.
func (r *scriptRun) open(path string, busy time.Duration, foreignKeys bool) error {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	dsn := fmt.Sprintf("%s?mode=rw&_foreign_keys=%t&_busy_timeout=%d", u.String(), foreignKeys, busy.Milliseconds())
	conn, err := (&driver.Driver{Authorizer: r.authorize}).Open(dsn)
	if err != nil {
		return err
	}
	r.conn = conn.(*driver.Conn)
	return nil
}

// execFailure says that nothing was changed, beside what else there is to do.
func execFailure(path string, err error) error {
	var misuse *argumentsError
	if errors.Is(err, context.Canceled) {
		return err
	}
	f := &failure{err: about(path, err), next: "nothing was changed"}
	if errors.As(err, &misuse) {
		f.code = codeUsage
	}
	if next := nextOf(err); next != "" {
		f.next += "; " + next
	}
	if f.code == 0 {
		f.code = codeOf(err)
	}
	return f
}
