package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/client"
	"replog/replog"
	"replog/sql/sqlite"
)

// readLog reads the log from where the command's arguments say it is.
func readLog(c *cli.Context, s *stdio, q client.LogQuery, line func(replog.LogLine) error) error {
	data := c.String("data")
	least := 1
	if data != "" {
		least = 0
	}
	args, err := arguments(c, least, 1)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return readFolderLog(c, data, "", q, line)
	case strings.Contains(args[0], "://"):
		return readServerLog(c, s, args[0], q, line)
	case data != "" && (isFolder(databaseFolder(data, args[0])) || !isFile(args[0])):
		return readFolderLog(c, data, args[0], q, line)
	}
	return withDevice(c, args[0], func(ctx context.Context, d *client.Device) error {
		return d.Log(ctx, q, line)
	})
}

// readServerLog asks a server, with an administrator's token or a device's.
func readServerLog(c *cli.Context, s *stdio, raw string, q client.LogQuery, line func(replog.LogLine) error) error {
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
	ctx, cancel := limited(c)
	defer cancel()
	return client.ReadLog(ctx, address, token, options, q, line)
}

// readFolderLog reads the store in a server's folder, beside the server if it
// runs.
func readFolderLog(c *cli.Context, data, name string, q client.LogQuery, line func(replog.LogLine) error) error {
	if name == "" {
		only, err := onlyDatabase(c, data)
		if err != nil {
			return err
		}
		name = only
	}
	if !isFolder(databaseFolder(data, name)) {
		return &failure{err: fmt.Errorf("%s has no database %q", data, name), next: "give the folder that `replog serve --data` uses"}
	}
	log, err := sqlite.Open(filepath.Join(databaseFolder(data, name), logFile), sqlite.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer log.Close()
	left := q.Limit
	filter := replog.Filter{After: q.After, Device: q.Device, Descending: true}
	err = log.Entries(c.Context, filter, func(e replog.Entry) error {
		if q.Outcome != "" && e.Outcome != q.Outcome {
			return nil
		}
		if err := line(e.Line()); err != nil {
			return err
		}
		if left--; left == 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough ends the reading at the limit.
var errEnough = errors.New("enough entries")

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
