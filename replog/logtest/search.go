package logtest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

// search is a filter and the revisions that it selects, oldest first.
type search struct {
	name   string
	filter replog.Filter
	want   []replog.Revision
}

// check reads with each filter in both orders, and with a limit.
func (s *search) check(t *testing.T, log replog.Log) {
	t.Helper()
	revisions := func(f replog.Filter) []replog.Revision {
		var got []replog.Revision
		for _, e := range read(t, log, f) {
			got = append(got, e.Revision)
		}
		return got
	}
	same(t, s.name, revisions(s.filter), s.want)
	f := s.filter
	f.Descending = true
	var newest []replog.Revision
	for i := len(s.want) - 1; i >= 0; i-- {
		newest = append(newest, s.want[i])
	}
	same(t, s.name+", newest first", revisions(f), newest)
	if f.Limit = 1; len(newest) > 0 {
		same(t, s.name+", the newest", revisions(f), newest[:1])
	}
}

// in gives changes another table.
func in(table string, changes ...replog.Change) []replog.Change {
	for i := range changes {
		changes[i].Table = table
	}
	return changes
}

// rekeyed is an entry of one statement that moves an item to another key, as
// net changes a DELETE and an INSERT.
func rekeyed(device replog.DeviceID, seq replog.Seq, from, to int64) replog.Entry {
	statement := update(from, from, to)
	statement.Columns = []string{"id"}
	e := applied(device, seq, statement)
	net := []replog.Change{remove(from, 1), insert(to, 1)}
	net[0].Unit, net[1].Unit = 1, 1
	e.Transaction.SetNet(net)
	e.Changes = netOf(&e.Transaction)
	return e
}

func testTouched(t *testing.T, open Open) {
	log, reopen := open(t)
	key := func(typed string) []string {
		keys, err := replog.ParseKey(typed)
		must(t, err)
		return keys
	}
	text := insert(0, 1)
	text.Key, text.New[0] = []replog.Value{replog.Text("17")}, replog.Text("17")
	pair := insert(0, 1)
	pair.Key, pair.KeyColumns = []replog.Value{replog.Integer(1), replog.Text("a")}, []string{"id", "stock"}
	write(t, log,
		applied(anna, 1, append(in("order", insert(1, 1)), insert(1, 1))...),
		refused(replog.Conflict, bert, 1, in("order", insert(1, 2))...),
		refused(replog.Ignored, bert, 2, update(1, 1, 2)),
		cancelled(applied(anna, 2, in("order", update(2, 1, 2), update(2, 2, 1))...)),
		rekeyed(anna, 3, 1, 17),
		applied(anna, 4, text),
		applied(anna, 5, in("Order", update(1, 1, 3))...),
		partlyStale(applied(bert, 3, update(17, 1, 2), update(20, 20, 21))),
		applied(bert, 4, in("pair", pair)...),
		refused(replog.Rejected, bert, 5, rekeyed(bert, 5, 17, 30).Transaction.Statements[0].Change))
	searches := []search{
		{"a table", replog.Filter{Tables: []string{"item"}}, []replog.Revision{1, 3, 5, 6, 8, 10}},
		{"a table in any case", replog.Filter{Tables: []string{"ORDER"}}, []replog.Revision{1, 2, 4, 7}},
		{"two tables", replog.Filter{Tables: []string{"pair", "order"}}, []replog.Revision{1, 2, 4, 7, 9}},
		{"a table within bounds", replog.Filter{Tables: []string{"item"}, After: 1, UpTo: 6}, []replog.Revision{3, 5, 6}},
		{"an unknown table", replog.Filter{Tables: []string{"items"}}, nil},
		{"a key", replog.Filter{Tables: []string{"item"}, Keys: key("1")}, []replog.Revision{1, 3, 5}},
		{"a key in another table", replog.Filter{Tables: []string{"order"}, Keys: key("1")}, []replog.Revision{1, 2, 7}},
		{"a key whose changes cancel out", replog.Filter{Tables: []string{"order"}, Keys: key("2")}, []replog.Revision{4}},
		{"a key of either class", replog.Filter{Tables: []string{"item"}, Keys: key("17")}, []replog.Revision{5, 6, 8, 10}},
		{"a key of one class", replog.Filter{Tables: []string{"item"}, Keys: key(`["17"]`)}, []replog.Revision{6}},
		{"a key that was refused", replog.Filter{Tables: []string{"item"}, Keys: key("30")}, []replog.Revision{10}},
		{"a key of two columns", replog.Filter{Tables: []string{"pair"}, Keys: key(`[1, "a"]`)}, []replog.Revision{9}},
		{"two keys", replog.Filter{Tables: []string{"item"}, Keys: append(key("1"), key("20")...)}, []replog.Revision{1, 3, 5, 8}},
		{"a key within bounds", replog.Filter{Tables: []string{"item"}, Keys: key("17"), After: 5, UpTo: 8}, []replog.Revision{6, 8}},
		{"applied only", replog.Filter{Tables: []string{"order"}, AppliedOnly: true}, []replog.Revision{1, 4, 7}},
	}
	for i := range searches {
		searches[i].check(t, log)
	}
	log = reopen()
	for i := range searches {
		searches[i].check(t, log)
	}
}

func testOutcomes(t *testing.T, open Open) {
	log, _ := open(t)
	divided := partlyStale(applied(bert, 2, update(1, 1, 2), update(2, 20, 21)))
	divided.Parts[0].Outcome, divided.Parts[0].Columns = replog.Conflict, nil
	write(t, log,
		applied(anna, 1, insert(1, 1)),
		refused(replog.Conflict, bert, 1, insert(1, 2)),
		divided,
		partlyStale(applied(bert, 3, update(1, 1, 2), update(2, 20, 21))),
		refused(replog.Ignored, bert, 4, update(1, 1, 2)),
		refused(replog.Held, bert, 5, update(1, 1, 2)))
	for _, s := range []search{
		{"applied", replog.Filter{Outcomes: []replog.Outcome{replog.Applied}}, []replog.Revision{1, 3, 4}},
		{"conflict", replog.Filter{Outcomes: []replog.Outcome{replog.Conflict}}, []replog.Revision{2, 3}},
		{"ignored", replog.Filter{Outcomes: []replog.Outcome{replog.Ignored}}, []replog.Revision{4, 5}},
		{"held or conflict", replog.Filter{Outcomes: []replog.Outcome{replog.Held, replog.Conflict}}, []replog.Revision{2, 3, 6}},
		{"applied or held", replog.Filter{Outcomes: []replog.Outcome{replog.Applied, replog.Held}}, []replog.Revision{1, 3, 4, 6}},
		{"rejected", replog.Filter{Outcomes: []replog.Outcome{replog.Rejected}}, nil},
	} {
		s.check(t, log)
	}
}

func testLabels(t *testing.T, open Open) {
	log, _ := open(t)
	named := func(e replog.Entry, label string) replog.Entry {
		e.Transaction.Marked, e.Transaction.Label = true, label
		return e
	}
	write(t, log,
		named(applied(anna, 1, insert(1, 1)), "order 17"),
		applied(anna, 2, insert(2, 2)),
		named(applied(anna, 3, insert(3, 3)), "order 170"),
		named(refused(replog.Conflict, bert, 1, insert(1, 3)), "order 17"),
		named(applied(bert, 2, insert(4, 3)), "Order 17"))
	for _, s := range []search{
		{"a label", replog.Filter{Label: "order 17"}, []replog.Revision{1, 4}},
		{"a part of one", replog.Filter{Label: "order"}, nil},
	} {
		s.check(t, log)
	}
}

func testArrivals(t *testing.T, open Open) {
	log, _ := open(t)
	at := func(e replog.Entry, received replog.Millis) replog.Entry {
		e.Received = received
		return e
	}
	// The clock is set back between the second and the third.
	write(t, log,
		at(applied(anna, 1, insert(1, 1)), 1000),
		at(applied(anna, 2, insert(2, 2)), 3000),
		at(applied(bert, 1, insert(3, 3)), 2000),
		at(refused(replog.Conflict, bert, 2, insert(1, 4)), 4000))
	for _, s := range []search{
		{"since", replog.Filter{Since: 3000}, []replog.Revision{2, 4}},
		{"until", replog.Filter{Until: 2000}, []replog.Revision{1, 3}},
		{"between", replog.Filter{Since: 2000, Until: 3000}, []replog.Revision{2, 3}},
		{"since, after a revision", replog.Filter{Since: 2000, After: 2}, []replog.Revision{3, 4}},
		{"until, up to a revision", replog.Filter{Until: 3000, UpTo: 2}, []replog.Revision{1, 2}},
		{"after the last", replog.Filter{Since: 4001}, nil},
		{"before the first", replog.Filter{Until: 999}, nil},
		{"the wrong way round", replog.Filter{Since: 3000, Until: 2000}, nil},
		{"since, of a table", replog.Filter{Since: 2000, Tables: []string{"item"}}, []replog.Revision{2, 3, 4}},
	} {
		s.check(t, log)
	}
}

func testText(t *testing.T, open Open) {
	log, _ := open(t)
	words := func(c replog.Change, words string) replog.Change {
		c.New = append([]replog.Value{}, c.New...)
		c.New[len(c.New)-1] = replog.Text(words)
		return c
	}
	write(t, log,
		labelled(applied(anna, 1, insert(1, 1))),
		refused(replog.Conflict, bert, 1, insert(1, 3)),
		applied(bert, 2, insert(2, 4), words(insert(3, 0), "it's\n50% ÄRGER_")),
		applied(bert, 3, in("visit", update(1, 3, 1234))...),
		partlyStale(applied(bert, 4, update(1, 13, 15), update(2, 20, 21))),
		applied(bert, 5, insert(5, 12345)),
		applied(clara, 1, words(insert(6, 0), "\u212aelvin \xff seventh"), insert(7, 1)))
	for _, s := range []search{
		{"a label", replog.Filter{Text: "łódź"}, []replog.Revision{1}},
		{"a reason", replog.Filter{Text: "exists"}, []replog.Revision{2}},
		{"the detail of a reason", replog.Filter{Text: "is there"}, []replog.Revision{2}},
		{"the reason of a part", replog.Filter{Text: "newer at"}, []replog.Revision{5}},
		{"an argument", replog.Filter{Text: "it's\n50% ärger_"}, []replog.Revision{3}},
		{"no pattern", replog.Filter{Text: "50%_"}, nil},
		{"a number", replog.Filter{Text: "1234"}, []replog.Revision{4, 6}},
		{"SQL", replog.Filter{Text: `update "item" set "stock" = ?`}, []replog.Revision{5}},
		{"SQL as people read it", replog.Filter{Text: "UPDATE visit SET stock = 1234 WHERE id = 1"}, []replog.Revision{4}},
		{"the text of the second statement", replog.Filter{Text: "ärger"}, []replog.Revision{3}},
		{"part of a word, in another case", replog.Filter{Text: "kElViN"}, []replog.Revision{7}},
		{"text that is not UTF-8", replog.Filter{Text: "SEVENTH"}, []replog.Revision{7}},
		{"a keyword", replog.Filter{Text: "updat"}, []replog.Revision{4, 5}},
		{"one letter", replog.Filter{Text: "ł"}, []replog.Revision{1}},
		{"no letter", replog.Filter{Text: "'quoted'"}, []replog.Revision{1}},
		{"what is not there", replog.Filter{Text: "nowhere"}, nil},
	} {
		s.check(t, log)
	}
}

// testPieces looks for random pieces of what people see of awkward statements.
func testPieces(t *testing.T, open Open) {
	log, _ := open(t)
	random := rand.New(rand.NewPCG(3, 4))
	var seen []string
	for i, v := range []replog.Value{
		{}, replog.Integer(-1234567), replog.Real(0.1), replog.Real(1e300), replog.Real(math.Inf(-1)),
		replog.Text("İstanbul, \u212aelvin, ſtraße"), replog.Text("it's \"quoted\" \\ a\nb\tc\u2028d <&>"), replog.Text("a\x00b\xffc"),
		replog.Text("日本語 🙂 עברית ΑΣ"), replog.Blob([]byte{0, 1, 0xab, 0xcd}), replog.Text("UPDATE nothing SET null"),
	} {
		c := update(int64(i), 0, 1)
		c.Table, c.Columns, c.New = `odd "table"`, []string{"stock", "ünïcode"}, append(c.New, v)
		c.Old = append(c.Old, replog.Value{})
		ran := take(int64(i), 1)
		ran.SQL = "UPDATE\t\"odd \"\"table\"\"\" SET \"stock\"=stock-?1,\nünïcode = :Şeker\u2028 -- <İ>\nWHERE id=?2OR @kelvin"
		ran.Args = append(ran.Args, v, replog.Text("it's"))
		for n, e := range []replog.Entry{applied(anna, replog.Seq(2*i+1), c), intents(anna, replog.Seq(2*i+2), nil, replog.Step{Intent: ran})} {
			e = write(t, log, e)[0]
			must(t, e.Transaction.EachStatement(func(_ int, s *replog.Statement) error {
				sql, args := s.SQL()
				seen = append(seen, replog.Inline(sql, args, replog.Value.String))
				if n == 1 {
					seen = append(seen, sql)
				}
				return nil
			}))
		}
	}
	for range 1500 {
		n := random.IntN(len(seen))
		from := random.IntN(len(seen[n]))
		piece := seen[n][from : from+1+random.IntN(len(seen[n])-from)]
		if random.IntN(2) == 0 {
			piece = strings.ToUpper(piece)
		}
		if !replog.NewSearch(piece).In(seen[n]) {
			continue // a letter whose upper case is not its own
		}
		// Of each value: a row statement, and an intent in two renderings.
		of := replog.Revision(n/3*2 + 1 + min(n%3, 1))
		found := slices.ContainsFunc(read(t, log, replog.Filter{Text: piece}), func(e replog.Entry) bool { return e.Revision == of })
		if !found {
			t.Errorf("%q is not found in %q", piece, seen[n])
		}
	}
}

func testTogether(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log,
		labelled(applied(anna, 1, insert(1, 1))),
		labelled(applied(bert, 1, insert(2, 1))),
		labelled(refused(replog.Conflict, bert, 2, insert(1, 2))),
		refused(replog.Conflict, bert, 3, insert(1, 2)),
		labelled(refused(replog.Conflict, clara, 1, in("order", insert(1, 2))...)),
		refused(replog.Held, clara, 2, insert(1, 3)))
	all := replog.Filter{
		After: 1, UpTo: 6, Since: 6000, Until: 7000, Outcomes: []replog.Outcome{replog.Conflict, replog.Rejected},
		Devices: []replog.DeviceID{bert, clara}, Tables: []string{"item", "order"}, Keys: []string{"[1]"},
	}
	for _, s := range []search{
		{"without label", all, []replog.Revision{3, 4, 5}},
		{"with text", with(all, func(f *replog.Filter) { f.Text = "item" }), []replog.Revision{3, 4, 5}},
		{"with label", with(all, func(f *replog.Filter) { f.Label = labelled(replog.Entry{}).Transaction.Label }), []replog.Revision{3, 5}},
		{"one device", with(all, func(f *replog.Filter) { f.Devices = f.Devices[:1] }), []replog.Revision{3, 4}},
		{"two devices alone", replog.Filter{Devices: []replog.DeviceID{anna, clara}}, []replog.Revision{1, 5, 6}},
		{"another key", with(all, func(f *replog.Filter) { f.Keys = []string{"[2]"} }), nil},
		{"nothing that old", with(all, func(f *replog.Filter) { f.Until = 6001 }), nil},
	} {
		s.check(t, log)
	}
	stop := errors.New("stop")
	if err := log.Entries(context.Background(), all, func(replog.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a search returned error %v, want that of yield", err)
	}
}

func with(f replog.Filter, change func(*replog.Filter)) replog.Filter {
	change(&f)
	return f
}
