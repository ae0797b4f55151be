package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// machine says what the figures were measured on.
func machine() string {
	return fmt.Sprintf("%s, %d cores, %s/%s, %s, %s, %s", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		runtime.Version(), time.Now().UTC().Format("2006-01-02 15:04 MST"), load())
}

// load says what else kept the machine busy, where the system tells.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if minutes := strings.Fields(string(b)); err == nil && len(minutes) > 1 {
		return "load average " + minutes[0] + " before"
	}
	return "load average unknown"
}

// processor is its name where the system says so.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "processor unknown"
	}
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimLeft(strings.TrimSpace(name), ": \t")
		}
	}
	return "processor unknown"
}

// median gives the middle one of what f gives for the runs.
func median[T cmp.Ordered](runs []result, f func(result) T) T {
	values := make([]T, len(runs))
	for i, r := range runs {
		values[i] = f(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func ratio(runs []result, f func(result) time.Duration) string {
	return fmt.Sprintf("%.2f", median(runs, func(r result) float64 { return f(r).Seconds() / r.bare.Seconds() }))
}

func seconds(runs []result, f func(result) time.Duration) string {
	return fmt.Sprintf("%.2f s", median(runs, f).Seconds())
}

func bytesPerRow(runs []result, f func(result) int64) string {
	return fmt.Sprintf("%.0f", median(runs, func(r result) float64 { return float64(f(r)) / float64(r.rows) }))
}

// report is RESULTS.md.
func report(machine string, rows int, runs []result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Figures\n\n%s. Made by `make bench`; medians of %d runs.\n\n", machine, len(runs))
	fmt.Fprintf(&b, "%d rows of `orders` with random UUIDs as keys and random notes of 20 to 60 letters, in durable\n", rows)
	fmt.Fprintf(&b, "transactions of %d, WAL, synchronous=FULL. The *bare loop* is a Go program that writes the same rows in the\n", perTransaction)
	fmt.Fprintf(&b, "same transactions to a file that is no device. A server and two devices are processes of their own, over\nloopback HTTP; a sync includes the start of its process.\n\n")
	fmt.Fprintf(&b, "| figure | measured | ÷ bare loop |\n| --- | --- | --- |\n")
	for _, line := range []struct {
		name string
		of   func(result) time.Duration
	}{
		{"bare loop", func(r result) time.Duration { return r.bare }},
		{"the same loop on device A, capture on, each transaction marked", func(r result) time.Duration { return r.captured }},
		{"A's sync: until durable on the server", func(r result) time.Duration { return r.up }},
		{"B's sync: until durable on B", func(r result) time.Duration { return r.down }},
		{"propagate: both", result.propagated},
	} {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", line.name, seconds(runs, line.of), ratio(runs, line.of))
	}
	fmt.Fprintf(&b, "\nOn the wire, bytes a row: %s up, %s down.\n",
		bytesPerRow(runs, func(r result) int64 { return r.sent }), bytesPerRow(runs, func(r result) int64 { return r.got }))
	return b.String()
}
