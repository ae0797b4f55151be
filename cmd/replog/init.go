package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/client"
)

func initCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "init",
		Usage:     "enrol a database file as a device",
		ArgsUsage: "DB --server URL",
		Description: "Installs capture on the tables of DB and enrols it with the server, as a device of the database whose\n" +
			"address is http(s)://HOST:PORT/NAME. From then on any program may go on writing to DB.\n\n" +
			"With --publish, DB becomes the first content of a new database. Without it, DB must hold what the server\n" +
			"has now, row for row; `replog clone` makes such a file. On a file that is enrolled, init changes the\n" +
			"server's address. Tables without a primary key, and virtual tables, are left out, with a warning;\n" +
			"full-text indexes follow the tables that they show on every device.\n\n" +
			"With --rowid-tables, tables without a primary key are replicated too: a row is known by its rowid, which is\n" +
			"the same on every device. Two devices that both insert get the same rowid, which makes a conflict, or, where\n" +
			"the rows are alike, one row. Every device of the database must say so; clones do by themselves.\n\n" +
			"With --fork, DB is a copy of a device's file, or was restored from a backup, and becomes a device of its own:\n" +
			"what the server has already leaves its outbox, and the rest waits for its next sync, as the new device's.\n\n" +
			"The token comes from --token-file or REPLOG_TOKEN: an administrator's to publish, otherwise one that\n" +
			"`replog token create` made. The device's own token is kept in DB-token.\n\n" +
			exitCodes(codeFailed, codeUsage, codeNotAllowed, codeMustRepair, codeDiffers, codeTryLater),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "server", Usage: "address of the database: http(s)://HOST:PORT/NAME"},
			&cli.BoolFlag{Name: "publish", Usage: "make DB the first content of a new database"},
			&cli.BoolFlag{Name: "fork", Usage: "make a copied or restored file a device of its own; --server only where the address changed"},
			&cli.BoolFlag{Name: "require-all", Usage: "fail where a table cannot be captured"},
			&cli.BoolFlag{Name: "rowid-tables", Usage: "replicate tables without a primary key too, by rowid"},
			&cli.StringFlag{Name: "unmarked", Usage: "whether the server may divide a transaction without marks: divide or whole", Value: "divide"},
			&cli.BoolFlag{Name: "remove", Usage: "take every trace of replog out of DB instead; its data stays, and what was not uploaded never will be"},
			nameFlag(), tokenFlag(), caFlag(), timeoutFlag(), busyFlag(),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			for _, alone := range []string{"remove", "fork"} {
				for _, other := range []string{"publish", "require-all", "unmarked"} {
					if err := exclusive(c, alone, other); err != nil {
						return err
					}
				}
			}
			if err := exclusive(c, "remove", "fork"); err != nil {
				return err
			}
			switch {
			case c.Bool("remove"):
				return remove(c, s, args[0])
			case c.Bool("fork"):
				return fork(c, s, args[0])
			}
			return enrol(c, s, args[0])
		},
	}
}

func nameFlag() cli.Flag {
	return &cli.StringFlag{Name: "name", Usage: "label of this device, for people (the machine's name if not given)"}
}

func enrol(c *cli.Context, s *stdio, path string) error {
	raw, err := required(c, "server")
	if err != nil {
		return err
	}
	address, err := databaseURL(c, s, raw)
	if err != nil {
		return err
	}
	unmarked := c.String("unmarked")
	if unmarked != "divide" && unmarked != "whole" {
		return usage(c, "--unmarked is %q: give divide or whole", unmarked)
	}
	options, err := clientOptions(c)
	if err != nil {
		return err
	}
	token := ""
	if !isDevice(path, options) { // a device has its own
		if token, err = readToken(c); err != nil {
			return err
		}
	}
	ctx, cancel := limited(c)
	defer cancel()
	result, err := client.Init(ctx, client.InitRequest{
		Path: path, URL: address, Token: token, Name: deviceName(c),
		Publish: c.Bool("publish"), RequireAll: c.Bool("require-all"), RowIDTables: c.Bool("rowid-tables"), Whole: unmarked == "whole",
	}, options)
	if err != nil {
		return about(path, err)
	}
	s.enrolled(path, result)
	return nil
}

func isDevice(path string, o client.Options) bool {
	d, err := client.Open(path, o)
	if err != nil {
		return false // if anything else is wrong, Init says so
	}
	d.Close()
	return true
}

func remove(c *cli.Context, s *stdio, path string) error {
	options, err := clientOptions(c)
	if err != nil {
		return err
	}
	if err := client.Remove(c.Context, path, options); err != nil {
		return about(path, err)
	}
	fmt.Fprintf(s.out, "%s: replog is removed; its data stays as it was\n", path)
	return nil
}

// deviceName is --name or else the machine's.
func deviceName(c *cli.Context) string {
	if name := c.String("name"); name != "" {
		return name
	}
	host, err := os.Hostname()
	if err != nil {
		return "unnamed"
	}
	return host
}

// enrolled says what init or clone did.
func (s *stdio) enrolled(path string, r *client.InitResult) {
	for _, w := range r.Warnings {
		s.warn("%s", oneLine(w))
	}
	fmt.Fprintf(s.out, "%s is device %s of database %s, at revision %d\n", path, r.Device, r.Database, r.Head)
	fmt.Fprintf(s.err, "captured: %s\n", oneLine(strings.Join(r.Captured, ", ")))
}
