package main

import (
	"testing"
	"time"
)

func TestMomentsAreReadAsPeopleTypeThem(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 30, 15, 0, time.FixedZone("", 3600))
	const form = "2006-01-02T15:04:05.000Z"
	for typed, want := range map[string][2]string{
		"now":                       {"2026-03-31T11:30:15.000Z"},
		"2h":                        {"2026-03-31T09:30:15.000Z"},
		"1h30m":                     {"2026-03-31T10:00:15.000Z"},
		"90 minutes ago":            {"2026-03-31T10:00:15.000Z"},
		"30s":                       {"2026-03-31T11:29:45.000Z"},
		"10 s ago":                  {"2026-03-31T11:30:05.000Z"},
		"3 days ago":                {"2026-03-28T11:30:15.000Z"},
		"1 day":                     {"2026-03-30T11:30:15.000Z"},
		"2w":                        {"2026-03-17T11:30:15.000Z"},
		"1 Month ago":               {"2026-03-03T11:30:15.000Z"}, // there is no 31 February
		"2 years ago":               {"2024-03-31T11:30:15.000Z"},
		"today":                     {"2026-03-31T00:00:00.000Z", "2026-03-31T23:59:59.999Z"},
		"yesterday":                 {"2026-03-30T00:00:00.000Z", "2026-03-30T23:59:59.999Z"},
		"2026-01-06":                {"2026-01-06T00:00:00.000Z", "2026-01-06T23:59:59.999Z"},
		"2026-01-06 11:40":          {"2026-01-06T11:40:00.000Z", "2026-01-06T11:40:59.999Z"},
		"2026-01-06 11:40:05Z":      {"2026-01-06T11:40:05.000Z", "2026-01-06T11:40:05.999Z"},
		"2026-01-06T11:40:05+01:00": {"2026-01-06T10:40:05.000Z", "2026-01-06T10:40:05.999Z"},
		"2026-01-06T11:40:05.25Z":   {"2026-01-06T11:40:05.250Z"},
		" 2026-01-06T11:40-05:00 ":  {"2026-01-06T16:40:00.000Z", "2026-01-06T16:40:59.999Z"},
	} {
		if want[1] == "" {
			want[1] = want[0]
		}
		m, err := parseMoment(typed, now)
		if got := [2]string{m.first.UTC().Format(form), m.last.UTC().Format(form)}; err != nil || got != want || m.revision != 0 {
			t.Errorf("%s: got %v, %v; want %v", typed, got, err, want)
		}
	}
	if m, err := parseMoment("17", now); err != nil || m.revision != 17 {
		t.Errorf("17: got %+v, %v", m, err)
	}
	for _, typed := range []string{"", "0", "-1", "soon", "2026-13-01", "2026-02-30", "3 fortnights ago", "days ago", "-2h", "2026-01-06 25:00"} {
		if m, err := parseMoment(typed, now); err == nil {
			t.Errorf("%q: got %+v, want an error", typed, m)
		}
	}
}
