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
	// The clone of b.db left a snapshot. The first of the two clones to be
	// measured has to wait for one to be made.
	if err := os.RemoveAll(s.path("server/databases/shop/snapshots")); err != nil {
		return nil, err
	}
	first, err := s.clone(ctx, "c.db")
	if err != nil {
		return nil, err
	}
	next, err := s.clone(ctx, "d.db")
	return []figure{
		{what: "a large database copied by hand", value: byHand.Seconds(), unit: "s"},
		{what: "a new device of it ÷ by hand", value: first.Seconds() / byHand.Seconds(), bound: 2},
		{what: "the next new device, of the same snapshot, ÷ by hand", value: next.Seconds() / byHand.Seconds(), bound: 2},
	}, err
}

// clone makes a device and returns how long the process took.
func (s *site) clone(ctx context.Context, file string) (time.Duration, error) {
	start := time.Now()
	_, err := s.run(ctx, "clone", s.url, file, "--token-file", s.path("server/admin.token"))
	return time.Since(start), err
}
