package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/client"
	"replog/replog"
	"replog/sql/postgres"
)

// logReader is a log, on a server or in a server's folder.
type logReader interface {
	Lines(ctx context.Context, f replog.Filter, yield func(replog.LogLine) error) error
	Stats(ctx context.Context, f replog.Filter, yield func(replog.LogStat) error) error
	Script(ctx context.Context, f replog.Filter, w io.Writer) error
	Entry(ctx context.Context, r replog.Revision) (replog.EntryDetail, error)
}

const sourceText = "The log is read from the server of DB, from the server at\n" +
	"http(s)://HOST:PORT/NAME (with the token of --token-file or REPLOG_TOKEN), from a server's folder on this machine,\n" +
	"or from the PostgreSQL database of servers, postgres://USER@HOST/DATABASE#NAME; whether servers run or not."

func sourceFlags() []cli.Flag {
	return []cli.Flag{pagerFlag(), dataFlag(), tokenFlag(), caFlag(), timeoutFlag(), busyFlag()}
}

// logSource is where the command line says that a log is.
type logSource struct {
	read func(c *cli.Context, f func(context.Context, logReader) error) error
}

// sourceOf finds out what the arguments, DB, URL or with --data [NAME], mean.
func sourceOf(c *cli.Context, s *stdio, args []string) (*logSource, error) {
	data := c.String("data")
	for _, a := range args {
		if a == "" {
			return nil, usage(c, "an argument is empty")
		}
	}
	switch {
	case len(args) > 1:
		return nil, usage(c, "unexpected argument: %s", args[1])
	case len(args) == 0 && data == "":
		return nil, usage(c, "missing argument: %s", c.Command.ArgsUsage)
	case len(args) == 0:
		return folderSource(data, ""), nil
	case isStore(args[0]):
		return storeSource(args[0]), nil
	case strings.Contains(args[0], "://"):
		return serverSource(s, args[0]), nil
	case data != "" && (isFolder(databaseFolder(data, args[0])) || !isFile(args[0])):
		return folderSource(data, args[0]), nil
	}
	return deviceSource(args[0]), nil
}

func deviceSource(path string) *logSource {
	return &logSource{read: func(c *cli.Context, f func(context.Context, logReader) error) error {
		return withDevice(c, path, func(ctx context.Context, d *client.Device) error {
			log, err := d.Log()
			if err != nil {
				return err
			}
			return f(ctx, log)
		})
	}}
}

// serverSource asks a server, with an administrator's token or a device's.
func serverSource(s *stdio, raw string) *logSource {
	return &logSource{read: func(c *cli.Context, f func(context.Context, logReader) error) error {
		address, err := databaseURL(c, s, raw)
		if err != nil {
			return err
		}
		token, err := readToken(c)
		if err != nil {
			return err
		}
		options, err := clientOptions(c)
		if err != nil {
			return err
		}
		log, err := client.OpenLog(address, token, options)
		if err != nil {
			return err
		}
		ctx, cancel := limited(c)
		defer cancel()
		return f(ctx, log)
	}}
}

func folderSource(data, name string) *logSource {
	return &logSource{read: func(c *cli.Context, f func(context.Context, logReader) error) error {
		if name == "" {
			only, err := onlyDatabase(c, data)
			if err != nil {
				return err
			}
			name = only
		}
		log, err := openFolderLog(data, name)
		if err != nil {
			return err
		}
		defer log.Close()
		return f(c.Context, log)
	}}
}

// storeSource reads the log of the database that the address of a store names at its
// end.
func storeSource(address string) *logSource {
	return &logSource{read: func(c *cli.Context, f func(context.Context, logReader) error) error {
		return withStored(c, address, func(ctx context.Context, _ *postgres.Store, log replog.Store) error {
			return f(ctx, &storedLog{Store: log, where: redacted(address)})
		})
	}}
}

// withStored runs f on the log of the database that the address of a store names:
// postgres://…#NAME.
func withStored(c *cli.Context, address string, f func(context.Context, *postgres.Store, replog.Store) error) error {
	store, name, _ := strings.Cut(address, "#")
	if name == "" {
		return usage(c, "which database? %s is to end in #NAME", redacted(address))
	}
	opened, err := openStore(c.Context, store)
	if err != nil {
		return err
	}
	defer opened.Close()
	log, err := opened.Open(c.Context, name)
	if err != nil {
		return adviseStore(address, err)
	}
	defer log.Close()
	return adviseLost(address, f(c.Context, opened, log))
}

func databaseFolder(data, name string) string { return filepath.Join(data, "databases", name) }

// onlyDatabase is the name of the database in a server's folder that has one.
func onlyDatabase(c *cli.Context, data string) (string, error) {
	folders, err := os.ReadDir(filepath.Join(data, "databases"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", &failure{err: fmt.Errorf("%s is not the folder of a server", data), next: "give the folder that `replog serve --data` uses"}
	}
	if err != nil {
		return "", err
	}
	var names []string
	for _, f := range folders {
		names = append(names, f.Name())
	}
	switch len(names) {
	case 0:
		return "", fmt.Errorf("%s has no database yet", data)
	case 1:
		return names[0], nil
	}
	return "", usage(c, "which database? %s has %s", data, strings.Join(names, ", "))
}
