package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"time"
)

// newDevice gets a large database as a new device, beside a copy by hand: backup
// by the sqlite3 shell, zstd -1, and back.
func newDevice(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	if err := createFile(s.path("a.db")); err != nil {
		return nil, err
	}
	if _, err := writeOrders(s.path("a.db"), makeOrders(seed, n.big), 10_000, false); err != nil {
		return nil, err
	}
	start := time.Now()
	for _, args := range [][]string{
		{"sqlite3", "a.db", ".backup copy.db"}, {"zstd", "-q", "-1", "copy.db"}, {"zstd", "-q", "-d", "copy.db.zst", "-o", "back.db"},
	} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir, cmd.Stderr = s.folder, os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, err
		}
	}
	byHand := time.Since(start)
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	if err := s.enrol(ctx); err != nil {
		return nil, err
	}
	token, err := s.run(ctx, "token", "create", "shop", "--data", "server")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.path("c.token"), token, 0o600); err != nil {
		return nil, err
	}
	start = time.Now()
	if _, err := s.run(ctx, "clone", s.url, "c.db", "--token-file", "c.token"); err != nil {
		return nil, err
	}
	took := time.Since(start)
	return []figure{
		{what: "a large database copied by hand", value: byHand.Seconds(), unit: "s"},
		{what: "a new device of it ÷ by hand", value: took.Seconds() / byHand.Seconds(), bound: 2},
	}, nil
}
