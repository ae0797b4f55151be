package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"replog/test/cluster"
)

// onPostgres runs f on a site whose server keeps its logs in a PostgreSQL that was
// started for it and waits for the disk.
func onPostgres(ctx context.Context, s *site, f func(*site) error) error {
	server, err := cluster.New(cluster.Options{Settings: []string{"shared_buffers = 256MB", "max_wal_size = 4GB"}})
	if err != nil {
		return err
	}
	defer server.Remove()
	on := &site{program: s.program, folder: filepath.Join(s.folder, "postgres"), store: server.DSN("postgres")}
	if err := os.Mkdir(on.folder, 0o700); err != nil {
		return err
	}
	if _, err := on.run(ctx, "store", "migrate", "--store", on.store); err != nil {
		return err
	}
	return f(on)
}

// crowdOnPostgres is how many devices upload to PostgreSQL at once.
const crowdOnPostgres = 32

// postgresClients is clients on PostgreSQL, with files beside it.
func postgresClients(ctx context.Context, s *site, _ sizes, seed uint64) (list []figure, err error) {
	files, _, err := s.crowds(ctx, crowdOnPostgres, seed)
	if err != nil {
		return nil, err
	}
	err = onPostgres(ctx, s, func(on *site) error {
		together, alone, err := on.crowds(ctx, crowdOnPostgres, seed)
		list = []figure{
			{what: "32 clients on PostgreSQL, uploads of 3 rows, durable, a second", value: together, unit: "uploads"},
			{what: "32 clients on PostgreSQL ÷ one commit an upload", value: together / alone, bound: 3, atLeast: true},
			{what: "32 clients on PostgreSQL ÷ on SQLite", value: together / files},
		}
		return err
	})
	return list, err
}

// postgresIntent is oneIntent on PostgreSQL, whose tables it changes as well.
func postgresIntent(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	if seed > 0 {
		return nil, nil
	}
	err = onPostgres(ctx, s, func(on *site) (err error) {
		defer func() { err = errors.Join(err, on.stop()) }()
		if err := createFile(on.path("a.db")); err != nil {
			return err
		}
		if _, err := writeOrders(on.path("a.db"), makeOrders(seed, n.big), 10_000, false); err != nil {
			return err
		}
		if err := on.start(ctx); err != nil {
			return err
		}
		if err := on.enrol(ctx); err != nil {
			return err
		}
		if _, err := on.run(ctx, "exec", "a.db", "UPDATE orders SET qty = qty + 1"); err != nil {
			return err
		}
		if _, _, list, err = on.share(ctx, fmt.Sprintf("an UPDATE of %d rows, as an intent, on PostgreSQL: ", n.big)); err != nil {
			return err
		}
		list[1].bound = 150 // of the server, which has what goes to the tables as well
		_, err = on.run(ctx, "diff", "a.db", on.store+"#shop")
		return err
	})
	return list, err
}

// postgresDownload has a device download all that another wrote, from PostgreSQL. It
// runs once, as it takes long.
func postgresDownload(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	if seed > 0 {
		return nil, nil
	}
	err = onPostgres(ctx, s, func(on *site) (err error) {
		defer func() { err = errors.Join(err, on.stop()) }()
		if err := on.begin(ctx); err != nil {
			return err
		}
		if _, err := writeOrders(on.path("a.db"), makeOrders(seed, n.big), perTransaction, true); err != nil {
			return err
		}
		up, upTook, err := on.sync(ctx, "a.db")
		if err != nil {
			return err
		}
		// Another server, whose memory is of the download alone.
		if err := on.stop(); err != nil {
			return err
		}
		if err := on.start(ctx); err != nil {
			return err
		}
		on.resident = 0
		if _, err := on.run(ctx, "init", "b.db", "--server", on.url); err != nil {
			return err
		}
		down, downTook, err := on.sync(ctx, "b.db")
		if err != nil {
			return err
		}
		if _, err := on.run(ctx, "diff", "a.db", on.store+"#shop"); err != nil {
			return err
		}
		what := fmt.Sprintf("%d statements through PostgreSQL: ", n.big)
		list = []figure{
			{what: what + "A's sync", value: upTook.Seconds(), unit: "s"},
			{what: what + "B's sync", value: downTook.Seconds(), unit: "s"},
			{what: what + "memory of the server that hands them out", value: float64(resident(on.server.Process.Pid)) / mega, unit: "MB", bound: 100},
			{what: what + "memory of the device", value: float64(on.resident) / mega, unit: "MB", bound: 100},
			{what: what + "transactions", value: float64(min(up.Uploaded, down.Downloaded)), unit: "transactions"},
		}
		return nil
	})
	return list, err
}
