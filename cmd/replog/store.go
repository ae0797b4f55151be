package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/replog"
	"replog/server"
	"replog/sql/postgres"
)

func storeCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:  "store",
		Usage: "look after a PostgreSQL database that servers keep their logs in",
		Description: "A store is a PostgreSQL database whose schema replog has the logs, devices and tokens of any number of databases,\n" +
			"and which has a schema for the data of each, as ordinary tables. docs/postgres.md describes it.\n\n" + exitCodes(codeFailed, codeUsage, codeTryLater),
		Subcommands: []*cli.Command{
			storeMigrateCommand(s), storeListCommand(s), storeTablesCommand(s), storeRebuildCommand(s), storeMapCommand(s), storeUnmapCommand(s),
			storePruneCommand(s),
		},
	}
}

func storeMigrateCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:  "migrate",
		Usage: "make a PostgreSQL database a store, or bring one up to date",
		Description: "Makes the schema replog, or what a newer replog needs in it. Servers of an older replog are to be ended before.\n" +
			"Run again, it does nothing.\n\n" + exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{storeFlag()},
		Action: func(c *cli.Context) error {
			address, err := storeOf(c, 0, 0)
			if err != nil {
				return err
			}
			from, to, err := postgres.Migrate(c.Context, address)
			if err != nil {
				return adviseStore(address, err)
			}
			if from == to {
				fmt.Fprintf(s.err, "the store has version %d already\n", to)
			} else {
				fmt.Fprintf(s.err, "the store had version %d and has version %d now\n", from, to)
			}
			return nil
		},
	}
}

// storeOf is the address that --store gives, of a command with so many arguments.
func storeOf(c *cli.Context, least, most int) (string, error) {
	if _, err := arguments(c, least, most); err != nil {
		return "", err
	}
	return required(c, "store")
}

// withStore runs f on the store that --store addresses.
func withStore(c *cli.Context, least, most int, f func(ctx context.Context, store *postgres.Store, args []string) error) error {
	address, err := storeOf(c, least, most)
	if err != nil {
		return err
	}
	store, err := openStore(c.Context, address)
	if err != nil {
		return err
	}
	defer store.Close()
	return adviseStore(address, f(c.Context, store, c.Args().Slice()))
}

func storeListCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "list the databases in a store",
		Description: exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags:       []cli.Flag{storeFlag(), jsonFlag("print one JSON object a database")},
		Action: func(c *cli.Context) error {
			return withStore(c, 0, 0, func(ctx context.Context, store *postgres.Store, _ []string) error {
				list, err := store.List(ctx)
				if err != nil {
					return err
				}
				t := table{header: []string{"NAME", "REVISION", "SCHEMA", "MISFITS", "LEFT OUT"}}
				for i := range list {
					d := &list[i]
					if c.Bool("json") {
						if err := printJSON(s.out, d); err != nil {
							return err
						}
					}
					t.add(d.Name, fmt.Sprint(d.Revision), oneLine(d.Schema), fmt.Sprint(d.Misfits), fmt.Sprint(d.LeftOut))
				}
				if !c.Bool("json") {
					t.print(s.out)
				}
				return nil
			})
		},
	}
}

func storeRebuildCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "rebuild",
		Usage:     "make the tables of a database again from its log",
		ArgsUsage: "NAME",
		Description: "Makes the data as SQLite has it, from the newest content that the store keeps and the log, in a temporary\n" +
			"folder; then fills the tables in PostgreSQL anew, in one transaction. Uploads wait meanwhile; whoever reads the\n" +
			"tables sees them as before until it is done. What was left out is tried again.\n\n" + exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{storeFlag()},
		Action: func(c *cli.Context) error {
			return withStore(c, 1, 1, func(ctx context.Context, store *postgres.Store, args []string) error {
				return withReplica(ctx, store, args[0], func(r *server.AtHead) error {
					if err := r.RebuildRows(ctx); err != nil {
						return err
					}
					fmt.Fprintf(s.err, "the tables of %s are made again, at revision %d\n", args[0], r.Head().Revision)
					return nil
				})
			})
		},
	}
}

// withReplica runs f on a replica of a database in a store, at the head of the log,
// whose lock it holds.
func withReplica(ctx context.Context, store *postgres.Store, name string, f func(*server.AtHead) error) error {
	folder, err := os.MkdirTemp("", "replog-store-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	return server.WithReplica(ctx, store, name, folder, f)
}

const mapText = "TABLE is a table of the SQLite database, TARGET one that exists in PostgreSQL, as SCHEMA.TABLE. The columns that\n" +
	"have the same name in both are carried, or, with COLUMN=TARGETCOLUMN, just those. The target needs a unique index on\n" +
	"the columns of the key."

func storeMapCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "map",
		Usage:     "have the rows of a table go to a table that exists",
		ArgsUsage: "NAME TABLE TARGET [COLUMN=TARGETCOLUMN…]",
		Description: mapText + "\n\nThe target has to be empty, or --replace has its rows replaced: those that the database has not are deleted. It is\n" +
			"filled at once. Values that do not fit it go to the table of misfits.\n\n" + exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{storeFlag(), &cli.BoolFlag{Name: "replace", Usage: "replace the rows that the target has"}},
		Action: func(c *cli.Context) error {
			return withStore(c, 3, -1, func(ctx context.Context, store *postgres.Store, args []string) error {
				m, err := mappingOf(c, args[1:])
				if err != nil {
					return err
				}
				return withReplica(ctx, store, args[0], func(r *server.AtHead) error {
					return r.MapTable(ctx, m)
				})
			})
		},
	}
}

// mappingOf reads TABLE TARGET COLUMN=TARGETCOLUMN….
func mappingOf(c *cli.Context, args []string) (replog.TableMapping, error) {
	m := replog.TableMapping{Table: args[0], Replace: c.Bool("replace")}
	var ok bool
	if m.Schema, m.Target, ok = strings.Cut(args[1], "."); !ok || m.Schema == "" || m.Target == "" {
		return m, usage(c, "%q: give the target as SCHEMA.TABLE", args[1])
	}
	for _, pair := range args[2:] {
		column, target, ok := strings.Cut(pair, "=")
		if !ok || column == "" || target == "" {
			return m, usage(c, "%q: give COLUMN=TARGETCOLUMN", pair)
		}
		if m.Columns == nil {
			m.Columns = map[string]string{}
		}
		m.Columns[column] = target
	}
	return m, nil
}

func storeUnmapCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "unmap",
		Usage:     "have the rows of a table go to a table of their own again",
		ArgsUsage: "NAME TABLE",
		Description: "The table that they went to stays as it is, and is written no more.\n\n" +
			exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{storeFlag()},
		Action: func(c *cli.Context) error {
			return withStore(c, 2, 2, func(ctx context.Context, store *postgres.Store, args []string) error {
				return withReplica(ctx, store, args[0], func(r *server.AtHead) error {
					return r.UnmapTable(ctx, args[1])
				})
			})
		},
	}
}
