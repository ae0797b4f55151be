package applied

import (
	"math"
	"strings"
	"time"

	"replog/replog"
)

// millisFrom is the number from which on a moment is in milliseconds since 1970, not
// in seconds.
const millisFrom = 1e11

// date takes YYYY-MM-DD, and moments of UTC at midnight in text.
func date(v replog.Value) (cell, string) {
	if v.Kind() != replog.KindText {
		return refuse("%s in a column of type date", describe(v))
	}
	t, ok := parseMoment(v.Bytes())
	if !ok || !t.Equal(t.Truncate(24*time.Hour)) {
		return refuse("text that is no date")
	}
	return good(t.Format(time.DateOnly))
}

// timestamp takes the forms of ISO 8601 that SQLite's date functions read
// (https://www.sqlite.org/lang_datefunc.html#time_values) and numbers: seconds since
// 1970, or milliseconds. It keeps microseconds.
func timestamp(v replog.Value) (cell, string) {
	var t time.Time
	ok := false
	switch v.Kind() {
	case replog.KindText:
		t, ok = parseMoment(v.Bytes())
	case replog.KindInteger:
		i := v.Int64()
		if i > millisFrom || i < -millisFrom {
			t = time.UnixMilli(i)
		} else {
			t = time.Unix(i, 0)
		}
		ok = true
	case replog.KindReal:
		f := v.Float64()
		if math.Abs(f) > millisFrom {
			f /= 1000
		}
		if ok = math.Abs(f) < 1e12; ok {
			t = time.UnixMicro(int64(math.Round(f * 1e6)))
		}
	}
	t = t.UTC()
	if !ok || t.Year() < 1 || t.Year() > 9999 {
		return refuse("%s that is no moment between the years 1 and 9999", describe(v))
	}
	return good(t.Format("2006-01-02 15:04:05.999999Z07:00"))
}

// parseMoment reads a day, with a time or without, with a zone or in UTC.
func parseMoment(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, t.Year() > 0
	}
	if len(s) < len("2006-01-02 15:04") || s[10] != ' ' && s[10] != 'T' && s[10] != 't' {
		return time.Time{}, false
	}
	day, clock, zone := s[:10], strings.TrimSpace(s[11:]), ""
	switch i := strings.LastIndexAny(clock, "+-zZ"); {
	case i < 0:
	case clock[i] == 'z' || clock[i] == 'Z':
		clock, zone = strings.TrimSpace(clock[:i]), strings.ToUpper(clock[i:])
	default:
		clock, zone = strings.TrimSpace(clock[:i]), clock[i:]
	}
	layout := "15:04:05"
	if len(clock) == len("15:04") {
		layout = "15:04"
	}
	if strings.Contains(clock, ",") {
		return time.Time{}, false // Go reads it as a point, SQLite does not
	}
	if zone != "" {
		layout += "Z07:00"
	}
	t, err := time.Parse(time.DateOnly+" "+layout, day+" "+clock+zone)
	return t.UTC(), err == nil && t.UTC().Year() > 0
}
