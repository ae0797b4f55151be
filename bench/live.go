package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"replog/applier"
)

const (
	liveChanges = 50                     // that are timed
	liveGap     = 200 * time.Millisecond // between two
	idleTime    = 20 * time.Second
)

// live times changes from one device to another, both watched by processes of
// their own, and then what these processes cost while nothing happens.
func live(ctx context.Context, s *site, _ sizes, seed uint64) (list []figure, err error) {
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	var watches []*exec.Cmd
	for _, file := range []string{"a.db", "b.db"} {
		w := s.command(ctx, "sync", file, "--watch")
		w.Stderr = os.Stderr
		if err := w.Start(); err != nil {
			return nil, err
		}
		watches = append(watches, w)
		defer func() { err = errors.Join(err, w.Process.Signal(syscall.SIGTERM), w.Wait()) }()
	}
	b, err := applier.Open(s.path("b.db"), applier.OpenOptions{BusyTimeout: time.Second})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	var times []float64
	for n, o := range makeOrders(seed, liveChanges) {
		took, err := cross(ctx, s, b, o, int64(n+1))
		if err != nil {
			return nil, err
		}
		times = append(times, took.Seconds()*1000)
	}
	list = append(list, figure{what: "change on A until on B, both watched, median", value: median(times[1:]), unit: "ms", bound: 150})
	before := cpuTime(watches)
	if err := wait(ctx, idleTime); err != nil {
		return nil, err
	}
	share := (cpuTime(watches) - before).Seconds() / float64(len(watches)) / idleTime.Seconds()
	return append(list, figure{what: "watched database where nothing happens, share of a core, percent", value: 100 * share, bound: 0.5}), nil
}

// cross writes an order to a.db and returns how long it took to be in b.db.
func cross(ctx context.Context, s *site, b *applier.Conn, o order, rows int64) (time.Duration, error) {
	if err := wait(ctx, liveGap); err != nil {
		return 0, err
	}
	if _, err := writeOrders(s.path("a.db"), []order{o}, 1, false); err != nil {
		return 0, err
	}
	for start := time.Now(); ; {
		row, err := b.QueryRow("SELECT count(*) FROM orders")
		if err == nil && row[0].Int64() == rows {
			return time.Since(start), nil
		}
		if err != nil && !applier.IsBusy(err) {
			return 0, err
		}
		if time.Since(start) > 10*time.Second {
			return 0, fmt.Errorf("order %d did not come within 10 seconds", rows)
		}
		if err := wait(ctx, time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// cpuTime is what processes have used of the processors, where the system tells:
// Linux counts in hundredths of a second.
func cpuTime(processes []*exec.Cmd) time.Duration {
	var ticks int64
	for _, p := range processes {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
		_, rest, found := strings.Cut(string(stat), ") ") // after the program's name
		fields := strings.Fields(rest)
		if err != nil || !found || len(fields) < 13 {
			continue
		}
		for _, field := range fields[11:13] { // in the program, in the kernel
			n, _ := strconv.ParseInt(field, 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
