package replog

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestAFilterComesBackFromItsQuery(t *testing.T) {
	for _, f := range []Filter{
		{},
		{AppliedOnly: true},
		{
			After: 3, UpTo: 9, Since: 1000, Until: 2001, Outcomes: []Outcome{Conflict, Held},
			Devices: []DeviceID{"aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"},
			Tables:  []string{"a,b", "ä&="}, Keys: []string{`[17,"a, b"]`, `["\u0000"]`},
			Label: " order 17 ", Text: "50% + 1\n", Descending: true, Limit: 10,
		},
	} {
		q, err := url.ParseQuery(f.Query().Encode())
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFilter(q)
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", f.Query().Encode(), got, err, f)
		}
	}
}

func TestAFilterIsReadAsPeopleTypeIt(t *testing.T) {
	for query, want := range map[string]Filter{
		"":                {AppliedOnly: true},
		"all=0&order=asc": {AppliedOnly: true},
		"outcome=held":    {Outcomes: []Outcome{Held}},
		"all=1&since=2026-01-06T11:40:00%2B01:00": {Since: 1767696000000},
		"table=t&key=17&all=1":                    {Tables: []string{"t"}, Keys: []string{`["17"]`, "[17]", "[17.0]"}},
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseFilter(q); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", query, got, err, want)
		}
	}
}

func TestAFilterThatCannotBeMeantIsRefused(t *testing.T) {
	many := strings.Repeat("table=t&", maxValues+1)
	for query, says := range map[string]string{
		"after=-1":        "whole number",
		"limit=x":         "whole number",
		"since=yesterday": "not a time",
		"all=yes":         "use 1 or 0",
		"order=up":        "use desc or asc",
		"outcome=lost":    "not an outcome",
		"device=office":   "not a device id",
		"key=17":          "name of its table",
		"table=t&key=[":   "not a key",
		"label=a&label=b": "2 times",
		"tables=t":        "not known",
		many:              "at most 100",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseFilter(q); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40s: got error %v, want one that says %q", query, err, says)
		}
	}
}
