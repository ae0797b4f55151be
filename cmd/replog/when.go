package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"replog/replog"
)

// moment is what people name when they say since or until: a revision, or a
// time from first to last, which differ where it was named by its day, minute
// or second only.
type moment struct {
	revision    replog.Revision // 0 where it is a time
	first, last time.Time
}

// parseMoment reads a revision (17), a time (2026-01-06, 2026-01-06 11:40,
// 2026-01-06T11:40:00.5+01:00; in UTC where no zone is named, as the log prints
// times) or one relative to now (2h, 3 days ago, 1h30m, yesterday).
func parseMoment(text string, now time.Time) (moment, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n < 1 {
			return moment{}, fmt.Errorf("%q: revisions begin at 1", text)
		}
		return moment{revision: replog.Revision(n)}, nil
	}
	now = now.UTC()
	if t, ok := parseRelative(strings.ToLower(text), now); ok {
		return moment{first: t, last: t}, nil
	}
	today := now.Truncate(24 * time.Hour)
	switch strings.ToLower(text) {
	case "today":
		return span(today, 24*time.Hour), nil
	case "yesterday":
		return span(today.AddDate(0, 0, -1), 24*time.Hour), nil
	}
	for _, form := range timeForms {
		for _, zone := range []string{"", "Z07:00"} {
			t, err := time.Parse(form.layout+zone, strings.Replace(text, " ", "T", 1))
			if err != nil {
				continue
			}
			if strings.Contains(text, ".") {
				return moment{first: t, last: t}, nil
			}
			return span(t, form.unit), nil
		}
	}
	return moment{}, fmt.Errorf("%q is neither a revision nor a time: give a number, a date such as 2026-01-06, "+
		"a time such as 2026-01-06T11:40:00Z, or one such as 2h or '3 days ago'", text)
}

var timeForms = []struct {
	layout string
	unit   time.Duration
}{
	{"2006-01-02", 24 * time.Hour},
	{"2006-01-02T15:04", time.Minute},
	{"2006-01-02T15:04:05", time.Second},
}

func span(from time.Time, long time.Duration) moment {
	return moment{first: from, last: from.Add(long - time.Millisecond)}
}

var relativeForm = regexp.MustCompile(`^(\d{1,6}) *([a-z]+?)s?( ago)?$`)

// parseRelative reads now, 90m, 1h30m, 3 days ago.
func parseRelative(text string, now time.Time) (time.Time, bool) {
	if text == "now" {
		return now, true
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), true
	}
	m := relativeForm.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return time.Time{}, false
	}
	switch m[2] {
	case "s", "sec", "second":
		return now.Add(-time.Duration(n) * time.Second), true
	case "m", "min", "minute":
		return now.Add(-time.Duration(n) * time.Minute), true
	case "h", "hour":
		return now.Add(-time.Duration(n) * time.Hour), true
	case "d", "day":
		return now.AddDate(0, 0, -n), true
	case "w", "week":
		return now.AddDate(0, 0, -7*n), true
	case "month":
		return now.AddDate(0, -n, 0), true
	case "y", "year":
		return now.AddDate(-n, 0, 0), true
	}
	return time.Time{}, false
}
