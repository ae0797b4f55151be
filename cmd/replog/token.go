package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"replog/replog"
	"replog/server"
)

func tokenCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "create, list and revoke the tokens of a server",
		Description: "Works on the server's folder, on the server's machine, or with --store on the PostgreSQL database of servers,\n" +
			"whether they run or not.\n\n" +
			exitCodes(codeFailed, codeUsage, codeTryLater),
		Subcommands: []*cli.Command{
			tokenCreateCommand(s),
			tokenListCommand(s),
			tokenChangeCommand(s),
			tokenRevokeCommand(s),
		},
	}
}

func dataFlag() cli.Flag {
	return &cli.StringFlag{Name: "data", Usage: "the server's folder", TakesFile: true}
}

func tokenCreateCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "make a token that enrols one device in a database, once",
		ArgsUsage: "DATABASE",
		Description: "Prints the token, which cannot be shown again. Whoever has it can enrol one device in DATABASE,\n" +
			"with `replog clone` or `replog init`, before it expires. With --admin, and no DATABASE, the token is an\n" +
			"administrator's: it may do everything with every database, and does not expire.\n\n" +
			"With --schema the device may also change tables, indexes, views and triggers, for all devices: what it sends of\n" +
			"that is rejected otherwise. A device that is enrolled with an administrator's token may do so, too; `replog token\n" +
			"change` gives the right to others later, and takes it away.\n\n" +
			exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{
			dataFlag(),
			storeFlag(),
			&cli.BoolFlag{Name: "admin", Usage: "make an administrator's token"},
			&cli.StringFlag{Name: "name", Usage: "a label, such as who it is for"},
			&cli.BoolFlag{Name: "schema", Usage: "let the device change the schema"},
			&cli.DurationFlag{Name: "expires", Usage: "how long an enrolment token can be used; 0 is for ever", Value: 7 * 24 * time.Hour},
		},
		Action: func(c *cli.Context) error {
			if err := exclusive(c, "admin", "schema"); err != nil {
				return err
			}
			admin := c.Bool("admin")
			least := 1
			if admin {
				least = 0
			}
			args, err := arguments(c, least, least)
			if err != nil {
				return err
			}
			return withAccess(c, func(ctx context.Context, a *server.Access) error {
				var secret string
				if admin {
					_, secret, err = a.CreateAdministrator(ctx, c.String("name"))
				} else {
					_, secret, err = a.CreateEnrolment(ctx, args[0], c.String("name"), c.Duration("expires"), rightsOf(c)...)
				}
				if err != nil {
					return err
				}
				fmt.Fprintln(s.out, secret)
				return nil
			})
		},
	}
}

func rightsOf(c *cli.Context) []server.Right {
	if c.Bool("schema") {
		return []server.Right{server.SchemaRight}
	}
	return nil
}

func tokenChangeCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "change",
		Usage:     "let devices change the schema, or not, from their next request on",
		ArgsUsage: "--schema[=false] ID…",
		Description: "The ids are those of `replog token list`. What was rejected before stays so, until the device sends it again:\n" +
			"`replog conflicts retry`.\n\n" + exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{dataFlag(), storeFlag(), &cli.BoolFlag{Name: "schema", Usage: "give the right; --schema=false takes it away"}},
		Action: func(c *cli.Context) error {
			ids, err := arguments(c, 1, -1)
			if err != nil {
				return err
			}
			if !c.IsSet("schema") {
				return usage(c, "missing option: --schema or --schema=false")
			}
			return withAccess(c, func(ctx context.Context, a *server.Access) error {
				for _, id := range ids {
					if err := a.SetSchemaRight(ctx, id, c.Bool("schema")); err != nil {
						return err
					}
					fmt.Fprintf(s.err, "%s %s\n", id, map[bool]string{true: "may change the schema", false: "may not change the schema"}[c.Bool("schema")])
				}
				return nil
			})
		},
	}
}

func tokenListCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "list all tokens, without the secrets, which the server does not know",
		Description: exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags:       []cli.Flag{dataFlag(), storeFlag(), jsonFlag("print one JSON object a token")},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			return withAccess(c, func(ctx context.Context, a *server.Access) error {
				tokens, err := a.List(ctx)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					for i := range tokens {
						if err := printJSON(s.out, &tokens[i]); err != nil {
							return err
						}
					}
					return nil
				}
				printTokens(s, tokens, replog.MillisOf(time.Now()))
				return nil
			})
		},
	}
}

func printTokens(s *stdio, tokens []server.Token, now replog.Millis) {
	t := table{header: []string{"ID", "KIND", "DATABASE", "CREATED", "STATE", "SCHEMA", "NAME"}}
	for i := range tokens {
		k := &tokens[i]
		t.add(k.ID, string(k.Kind), k.Database, when(k.Created), tokenState(k, now), schemaText(k), oneLine(k.Name))
	}
	t.print(s.out)
}

// schemaText says whether a token allows changing the schema.
func schemaText(t *server.Token) string {
	if t.Schema {
		return "may change"
	}
	return "-"
}

func tokenState(t *server.Token, now replog.Millis) string {
	switch {
	case t.Revoked != 0:
		return "revoked"
	case t.Used != 0:
		return "used"
	case !t.Valid(now):
		return "expired"
	}
	return "valid"
}

func tokenRevokeCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "revoke",
		Usage:     "make tokens invalid, from their next request on",
		ArgsUsage: "ID…",
		Description: "The ids are those of `replog token list`. Revoking a device's token locks the device out: what it has\n" +
			"not uploaded stays in its file.\n\n" + exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{dataFlag(), storeFlag()},
		Action: func(c *cli.Context) error {
			ids, err := arguments(c, 1, -1)
			if err != nil {
				return err
			}
			return withAccess(c, func(ctx context.Context, a *server.Access) error {
				for _, id := range ids {
					if err := a.Revoke(ctx, id); err != nil {
						return err
					}
					fmt.Fprintf(s.err, "revoked %s\n", id)
				}
				return nil
			})
		},
	}
}

// withAccess runs f on the registry that --data or --store names, and adds what the
// user can do about an error.
func withAccess(c *cli.Context, f func(context.Context, *server.Access) error) error {
	stores, err := openServed(c)
	if err != nil {
		return err
	}
	defer stores.Close()
	a, err := server.OpenAccess(c.Context, stores, nil, nil)
	if err != nil {
		return adviseLost(c.String("store"), err)
	}
	defer a.Close()
	return adviseLost(c.String("store"), adviseAccess(f(c.Context, a)))
}

func adviseAccess(err error) error {
	next := ""
	switch {
	case errors.Is(err, server.ErrNoDatabase):
		next = "publish one first: `replog init DB --server URL/NAME --publish`"
	case errors.Is(err, server.ErrNoToken):
		next = "`replog token list` shows the ids"
	default:
		return err
	}
	return &failure{err: err, next: next}
}

func jsonFlag(text string) cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: text}
}
