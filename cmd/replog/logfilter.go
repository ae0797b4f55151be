package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"replog/replog"
)

func filterFlags() []cli.Flag {
	list := func(name, usage string) cli.Flag {
		return &cli.StringSliceFlag{Name: name, Usage: usage, KeepSpace: true}
	}
	return []cli.Flag{
		list("table", "only what touches this table; may be repeated"),
		list("key", "with --table: only what touches the row with this primary key, 17 or abc, or a JSON array, [17, \"abc\"]; may be repeated"),
		list("device", "only transactions of the device with this id; may be repeated"),
		list("outcome", "only what was, whole or in part: applied, ignored, conflict, rejected or held; may be repeated"),
		&cli.StringFlag{Name: "label", Usage: "only transactions with this label"},
		&cli.StringFlag{Name: "text", Usage: "only where a statement, an argument, the label or a reason has this text, in upper or lower case"},
		&cli.StringFlag{Name: "since", Usage: "only from this moment on: a revision or a time"},
		&cli.StringFlag{Name: "until", Usage: "only up to this moment: a revision or a time"},
		&cli.Int64Flag{Name: "after", Usage: "only revisions above this one"},
		&cli.IntFlag{Name: "limit", Usage: "at most this many, the newest; 0 is all"},
	}
}

// filterOf reads the flags of filterFlags.
func filterOf(c *cli.Context) (replog.Filter, error) {
	f := replog.Filter{
		After: replog.Revision(c.Int64("after")), Limit: c.Int("limit"), Descending: true,
		Tables: c.StringSlice("table"), Label: c.String("label"), Text: c.String("text"),
	}
	switch {
	case f.After < 0:
		return f, usage(c, "--after is %d: revisions begin at 1", f.After)
	case f.Limit < 0:
		return f, usage(c, "--limit is %d", f.Limit)
	}
	for _, text := range c.StringSlice("outcome") {
		outcome, err := replog.ParseOutcome(text)
		if err != nil {
			return f, usage(c, "%w", err)
		}
		f.Outcomes = append(f.Outcomes, outcome)
	}
	for _, text := range c.StringSlice("device") {
		device, err := replog.ParseDeviceID(text)
		if err != nil {
			return f, usage(c, "%w", err)
		}
		f.Devices = append(f.Devices, device)
	}
	for _, text := range c.StringSlice("key") {
		keys, err := replog.ParseKey(text)
		if err != nil {
			return f, usage(c, "%w", err)
		}
		f.Keys = append(f.Keys, keys...)
	}
	if len(f.Keys) > 0 && len(f.Tables) == 0 {
		return f, usage(c, "--key needs --table")
	}
	return f, bounds(c, &f)
}

// bounds reads --since and --until.
func bounds(c *cli.Context, f *replog.Filter) error {
	now := time.Now()
	if text := c.String("since"); text != "" {
		m, err := parseMoment(text, now)
		if err != nil {
			return usage(c, "--since: %w", err)
		}
		if m.revision > 0 {
			f.After = max(f.After, m.revision-1)
		} else {
			f.Since = replog.MillisOf(m.first)
		}
	}
	if text := c.String("until"); text != "" {
		m, err := parseMoment(text, now)
		if err != nil {
			return usage(c, "--until: %w", err)
		}
		if m.revision > 0 {
			f.UpTo = m.revision
		} else {
			f.Until = max(1, replog.MillisOf(m.last)) // 0 has no bound
		}
	}
	return nil
}
