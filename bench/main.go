// Command bench measures the figures of bench/RESULTS.md and writes that file.
// It runs the built command, as separate processes, over loopback HTTP.
//
//	make bench          or: go run ./bench [-rows N] [-runs N] [-out FILE]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	rows := flag.Int("rows", 100_000, "rows that device A writes, in transactions of 100")
	runs := flag.Int("runs", 3, "how often everything is measured; the median counts")
	out := flag.String("out", filepath.Join("bench", "RESULTS.md"), "file for the results")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rows, *runs, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rows, runs int, out string) error {
	folder, err := os.MkdirTemp("", "replog-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	program, err := build(ctx, folder)
	if err != nil {
		return err
	}
	where := machine()
	var all []result
	for n := range runs {
		dir := filepath.Join(folder, fmt.Sprint(n))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		r, err := propagate(ctx, &site{program: program, folder: dir}, makeOrders(uint64(n), rows))
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "run %d: %s\n", n+1, r)
		all = append(all, r)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	text := report(where, rows, all)
	fmt.Print(text)
	return os.WriteFile(out, []byte(text), 0o644)
}
