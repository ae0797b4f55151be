package replog

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// The wire form of a Filter is the query of GET /v1/{db}/log:
//
//	after, upto            revisions
//	since, until           times of RFC 3339
//	all                    1: whatever the outcome; 0, the default: applied only
//	outcome, device, table, key
//	                       may be repeated; outcome implies all=1
//	label, text            one each
//	order                  asc, the default, or desc
//	limit                  a number
//
// docs/log.md has them for users.

// maxValues bounds how often one parameter may be repeated.
const maxValues = 100

// Query gives the filter's wire form.
func (f *Filter) Query() url.Values {
	q := url.Values{}
	number := func(name string, n int64) {
		if n != 0 {
			q.Set(name, strconv.FormatInt(n, 10))
		}
	}
	text := func(name, s string) {
		if s != "" {
			q.Add(name, s)
		}
	}
	number("after", int64(f.After))
	number("upto", int64(f.UpTo))
	number("limit", int64(f.Limit))
	if f.Since != 0 {
		q.Set("since", f.Since.String())
	}
	if f.Until != 0 {
		q.Set("until", f.Until.String())
	}
	if !f.AppliedOnly {
		q.Set("all", "1")
	}
	for _, o := range f.Outcomes {
		text("outcome", string(o))
	}
	for _, d := range f.Devices {
		text("device", string(d))
	}
	for _, t := range f.Tables {
		text("table", t)
	}
	for _, k := range f.Keys {
		text("key", k)
	}
	text("label", f.Label)
	text("text", f.Text)
	if f.Descending {
		q.Set("order", "desc")
	}
	return q
}

// ParseFilter reads a filter's wire form. A parameter that it does not know, or
// a value that makes no sense, is an error: what is asked for must not come back
// unfiltered.
func ParseFilter(q url.Values) (Filter, error) {
	p := filterParser{q: q, known: map[string]bool{}}
	f := Filter{
		After: Revision(p.number("after")), UpTo: Revision(p.number("upto")), Limit: int(p.number("limit")),
		Since: p.time("since"), Until: p.time("until"),
		Tables: p.list("table"), Label: p.one("label"), Text: p.one("text"),
		Descending: p.choice("order", "desc", "asc"),
	}
	for _, text := range p.list("outcome") {
		o, err := ParseOutcome(text)
		p.keep(err)
		f.Outcomes = append(f.Outcomes, o)
	}
	for _, text := range p.list("device") {
		d, err := ParseDeviceID(text)
		p.keep(err)
		f.Devices = append(f.Devices, d)
	}
	for _, text := range p.list("key") {
		keys, err := ParseKey(text)
		p.keep(err)
		f.Keys = append(f.Keys, keys...)
	}
	f.AppliedOnly = !p.choice("all", "1", "0") && len(f.Outcomes) == 0
	for name := range q {
		if !p.known[name] {
			p.keep(fmt.Errorf("%s= is not known here", name))
		}
	}
	p.keep(f.Validate())
	return f, p.err
}

// Validate finds what contradicts itself in a filter.
func (f *Filter) Validate() error {
	if len(f.Keys) > 0 && len(f.Tables) == 0 {
		return fmt.Errorf("a key needs the name of its table")
	}
	return nil
}

// filterParser keeps the first error.
type filterParser struct {
	q     url.Values
	known map[string]bool
	err   error
}

func (p *filterParser) keep(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *filterParser) list(name string) []string {
	p.known[name] = true
	if len(p.q[name]) > maxValues {
		p.keep(fmt.Errorf("%s= is given %d times; at most %d are taken", name, len(p.q[name]), maxValues))
		return nil
	}
	return p.q[name]
}

func (p *filterParser) one(name string) string {
	values := p.list(name)
	if len(values) > 1 {
		p.keep(fmt.Errorf("%s= is given %d times", name, len(values)))
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func (p *filterParser) number(name string) int64 {
	text := p.one(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		p.keep(fmt.Errorf("%s=%q is not a whole number, 0 or above", name, text))
	}
	return n
}

func (p *filterParser) time(name string) Millis {
	text := p.one(name)
	if text == "" {
		return 0
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		p.keep(fmt.Errorf("%s=%q is not a time such as 2026-01-06T11:40:00Z", name, text))
	}
	return MillisOf(t)
}

func (p *filterParser) choice(name, on, off string) bool {
	switch text := p.one(name); text {
	case on:
		return true
	case "", off:
	default:
		p.keep(fmt.Errorf("%s=%q: use %s or %s", name, text, on, off))
	}
	return false
}
