package main

import (
	"fmt"
	"os"
	"runtime"
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

// report is RESULTS.md.
func report(machine string, n sizes, runs int, all *figures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Figures\n\n%s. Made by `make bench`; medians of %d runs.\n\n", machine, runs)
	fmt.Fprintf(&b, "%d rows of `orders` with random UUIDs as keys and random notes of 20 to 60 letters, in durable\n", n.rows)
	fmt.Fprintf(&b, "transactions of %d unless it says otherwise, WAL, synchronous=FULL. The *bare loop* is a Go program that\n", perTransaction)
	fmt.Fprintf(&b, "writes the same rows in the same transactions to a file that is no device. A server and devices are processes\n")
	fmt.Fprintf(&b, "of their own, over loopback HTTP; a command's time includes its start. Memory is the largest resident size that\nthe system saw of a process.\n\n")
	fmt.Fprintf(&b, "| figure | measured | bound | |\n| --- | --- | --- | --- |\n")
	for _, f := range all.order {
		v, verdict := all.median(f), ""
		if !f.passes(v) {
			verdict = "**past it**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.what, f.text(v), f.boundText(), verdict)
	}
	return b.String()
}
