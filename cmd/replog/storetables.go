package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"replog/sql/postgres"
)

func storeTablesCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "tables",
		Usage:     "show where the rows of a database go",
		ArgsUsage: "NAME",
		Description: "For each table of the SQLite database: the table in PostgreSQL, whether it was mapped to one that existed, rows that\n" +
			"do not fit it, and what it lacks. The table replog.misfit has the rows, and replog.left_out says what is lacking, and\n" +
			"why.\n\n" + exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{storeFlag(), jsonFlag("print one JSON object a table")},
		Action: func(c *cli.Context) error {
			return withStore(c, 1, 1, func(ctx context.Context, store *postgres.Store, args []string) error {
				list, err := store.Tables(ctx, args[0])
				if err != nil {
					return err
				}
				t := table{header: []string{"TABLE", "GOES TO", "MAPPED", "MISFITS", "LEFT OUT"}}
				for i := range list {
					k := &list[i]
					if c.Bool("json") {
						if err := printJSON(s.out, k); err != nil {
							return err
						}
					}
					t.add(oneLine(k.Table), oneLine(k.Schema+"."+k.Target), yesNo(k.Mapped), fmt.Sprint(k.Misfits), fmt.Sprint(k.LeftOut))
				}
				if !c.Bool("json") {
					t.print(s.out)
				}
				return nil
			})
		},
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
