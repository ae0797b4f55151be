package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"replog/replog"
)

// printJSON writes one value as a line of JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table prints rows in columns, aligned by characters, below a header if it has one. The last
// column is not padded. It prints nothing without rows.
type table struct {
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) {
	if len(t.rows) == 0 {
		return
	}
	all := t.rows
	if t.header != nil {
		all = append([][]string{t.header}, t.rows...)
	}
	width := make([]int, len(all[0]))
	for _, row := range all {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range all {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// when renders a time for people; 0 is never.
func when(m replog.Millis) string {
	if m == 0 {
		return "never"
	}
	return m.Time().Format("2006-01-02 15:04:05") + "Z"
}

// literalLength is how many characters of a value people are shown.
const literalLength = 60

// literal renders a value for people in one line, shortened.
func literal(v replog.Value) string { return shortened(v, literalLength) }

func shortened(v replog.Value, length int) string {
	s := oneLine(v.String())
	if utf8.RuneCountInString(s) <= length {
		return s
	}
	return string([]rune(s)[:length]) + "…"
}

// oneLine replaces control characters, which could make a terminal do things,
// by their escapes.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < ' ' || (r >= 0x7f && r < 0xa0) {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// count renders a number with its noun.
func count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
