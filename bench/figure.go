package main

import (
	"fmt"
	"slices"
)

// figure is one thing that was measured.
type figure struct {
	what  string
	value float64
	unit  string // "s", "ms", "bytes", "MB"; "" for a ratio
	// bound is what the value must not pass, or must reach; 0 for none.
	bound   float64
	atLeast bool
}

func (f *figure) text(v float64) string {
	if f.unit == "" {
		return fmt.Sprintf("%.2f", v)
	}
	if f.unit == "bytes" || f.unit == "MB" {
		return fmt.Sprintf("%.0f %s", v, f.unit)
	}
	return fmt.Sprintf("%.2f %s", v, f.unit)
}

func (f *figure) boundText() string {
	switch {
	case f.bound == 0:
		return ""
	case f.atLeast:
		return "≥ " + f.text(f.bound)
	}
	return "≤ " + f.text(f.bound)
}

func (f *figure) passes(v float64) bool {
	return f.bound == 0 || (v <= f.bound) != f.atLeast || v == f.bound
}

// figures gathers several runs.
type figures struct {
	order  []figure
	values map[string][]float64
}

func (all *figures) add(list []figure) {
	if all.values == nil {
		all.values = map[string][]float64{}
	}
	for _, f := range list {
		if all.values[f.what] == nil {
			all.order = append(all.order, f)
		}
		all.values[f.what] = append(all.values[f.what], f.value)
	}
}

func (all *figures) median(f figure) float64 { return median(all.values[f.what]) }

func median(values []float64) float64 { return percentile(values, 50) }

// percentile picks, of the sorted values, the one at a share of 0 to 100.
func percentile(values []float64, share int) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)*share/100, len(sorted)-1)]
}
