package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"replog/server"
	"replog/sql/postgres"
	"replog/sql/postgres/applied"
	"replog/sql/sqlite"
)

func storeFlag() cli.Flag {
	return &cli.StringFlag{Name: "store", Usage: "the PostgreSQL database that servers keep their logs in: postgres://USER@HOST/DATABASE"}
}

// isStore tells whether an argument addresses a PostgreSQL database.
func isStore(argument string) bool {
	return strings.HasPrefix(argument, "postgres://") || strings.HasPrefix(argument, "postgresql://")
}

// openStore opens the log store at an address. The caller closes it.
func openStore(ctx context.Context, address string) (*postgres.Store, error) {
	if !isStore(address) {
		return nil, &failure{code: codeUsage, err: errors.New("--store is not the address of a PostgreSQL database"),
			next: "it looks like postgres://USER@HOST/DATABASE; PGPASSWORD or ~/.pgpass has the password"}
	}
	s, err := postgres.Open(ctx, address, postgres.Options{})
	return s, adviseStore(address, err)
}

// adviseStore adds which store it is, and what the user can do, to an error of it, where
// nobody has done so.
func adviseStore(address string, err error) error {
	var advised *failure
	if err == nil || errors.As(err, &advised) {
		return err
	}
	f := &failure{err: fmt.Errorf("%s: %w", redacted(address), err)}
	var version *postgres.VersionError
	var unmappable *applied.MapError
	switch {
	case errors.Is(err, postgres.ErrAddress):
		f.code, f.next = codeUsage, "write what has a meaning in a URL, such as a / or % of a password, as %2F or %25; or leave it to PGPASSWORD or ~/.pgpass"
	case errors.Is(err, postgres.ErrNotStore), errors.As(err, &version) && version.Store < version.Program:
		f.next = "make it one, or bring it up to date, with `replog store migrate --store ADDRESS`"
	case errors.As(err, &version):
		f.next = "use the newer replog that has migrated it"
	case errors.As(err, &unmappable):
		f.next = "nothing was changed; `replog store map --help` says what a target has to be"
	case errors.Is(err, postgres.ErrNotFound):
		f.next = "`replog store list` shows its databases; `replog init DB --server URL/NAME --publish` makes one"
	case postgres.IsUnavailable(err):
		f.code, f.next = codeTryLater, "is PostgreSQL running there, and may this user connect to the database?"
	}
	return f
}

// adviseLost is adviseStore of an error which means that the store at an address cannot
// be reached any more. There is no address where logs are in files.
func adviseLost(address string, err error) error {
	if address == "" || !postgres.IsUnavailable(err) {
		return err
	}
	return adviseStore(address, err)
}

// redacted is an address without a password.
func redacted(address string) string {
	if address == "" {
		return "files"
	}
	u, err := url.Parse(address)
	if err != nil || !isStore(address) {
		return "the store"
	}
	q := u.Query()
	if q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}

// openServed opens what servers keep logs in, for a command that works beside them: the
// store of --store, or else the folder of --data. The caller closes it.
func openServed(c *cli.Context) (server.Stores, error) {
	if err := exclusive(c, "data", "store"); err != nil {
		return nil, err
	}
	if address := c.String("store"); address != "" {
		return openStore(c.Context, address)
	}
	data := c.String("data")
	if data == "" {
		return nil, usage(c, "missing option: --data, or --store")
	}
	folder := sqlite.NewFolder(data, sqlite.Options{})
	if !folder.IsServed() {
		return nil, &failure{err: fmt.Errorf("%s: not the data folder of a server", data), next: "give the folder that `replog serve --data` uses"}
	}
	return folder, nil
}
