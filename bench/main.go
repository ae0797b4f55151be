// Command bench measures the figures of bench/RESULTS.md and writes that file.
// It runs the built command, as separate processes, over loopback HTTP; each
// figure is a ratio of things measured in one run, or stands beside its bound.
//
//	make bench          or: go run ./bench [-rows N] [-runs N] [-only WORD] [-out FILE]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		exit(serve(os.Args[2:]))
		return
	}
	rows := flag.Int("rows", 100_000, "rows that device A writes, in transactions of 100")
	big := flag.Int("big", 1_000_000, "rows of the database that a new device gets")
	runs := flag.Int("runs", 3, "how often everything is measured; the median counts")
	only := flag.String("only", "", "measure only what has this word in its name, and write no file")
	out := flag.String("out", filepath.Join("bench", "RESULTS.md"), "file for the results")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(run(ctx, sizes{rows: *rows, big: *big}, *runs, *only, *out))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// sizes is how much is measured.
type sizes struct{ rows, big int }

// part measures some figures in a folder of its own.
type part struct {
	name    string
	measure func(ctx context.Context, s *site, n sizes, seed uint64) ([]figure, error)
}

var parts = []part{
	{"propagate", propagate},
	{"onetransaction", oneTransaction},
	{"oneintent", oneIntent},
	{"capture", capture},
	{"driver", throughDriver},
	{"replay", replay},
	{"latency", latency},
	{"clients", clients},
	{"pulls", pulls},
	{"newdevice", newDevice},
	{"live", live},
	{"postgresclients", postgresClients},
	{"postgresrows", postgresRows},
	{"postgresintent", postgresIntent},
	{"postgresdownload", postgresDownload},
}

func run(ctx context.Context, n sizes, runs int, only, out string) error {
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
	all := &figures{}
	for r := range runs {
		for _, p := range parts {
			if !strings.Contains(p.name, only) {
				continue
			}
			dir := filepath.Join(folder, p.name)
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			begun := time.Now()
			list, err := p.measure(ctx, &site{program: program, folder: dir}, n, uint64(r))
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			all.add(list)
			fmt.Fprintf(os.Stderr, "run %d, %s, %.1f s\n", r+1, p.name, time.Since(begun).Seconds())
			for _, f := range list {
				fmt.Fprintf(os.Stderr, "  %s: %s\n", f.what, f.text(f.value))
			}
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	text := report(where, n, runs, all)
	fmt.Print(text)
	if only != "" {
		return nil
	}
	return os.WriteFile(out, []byte(text), 0o644)
}
