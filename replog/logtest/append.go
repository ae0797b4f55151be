package logtest

import (
	"context"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"replog/replog"
)

func testEmpty(t *testing.T, open Open) {
	log, _ := open(t)
	same(t, "head", head(t, log), Start)
	same(t, "entries", len(read(t, log, replog.Filter{})), 0)
	tx := begin(t, log)
	same(t, "head of the transaction", tx.Head(), Start)
	must(t, tx.Commit())
	same(t, "head after an empty commit", head(t, log), Start)
}

// testRoundTrip covers every field of an entry, and every way in which what was
// done differs from what was recorded.
func testRoundTrip(t *testing.T, open Open) {
	log, _ := open(t)
	entries := write(t, log,
		applied(anna, 1, insert(1, 10), insert(2, 20), remove(3, 30), update(4, 1, 2)),
		labelled(applied(bert, 1, update(1, 10, 11))),
		netted(applied(bert, 2, update(1, 11, 12), update(1, 12, 13))),
		cancelled(applied(bert, 3, update(1, 13, 14), update(1, 14, 13))),
		partlyStale(applied(bert, 4, update(1, 13, 15), update(2, 20, 21))),
		restored(applied(bert, 5, update(3, 30, 31))),
		withoutEffect(applied(clara, 1, remove(9, 9))),
		moved(applied(clara, 2, remove(1, 15), insert(7, 15))),
		inAnotherOrder(applied(clara, 7, insert(11, 1), insert(12, 2), insert(13, 3), insert(14, 4))),
		refused(replog.Ignored, clara, 3, update(2, 20, 22)),
		refused(replog.Conflict, clara, 4, insert(2, 5)),
		refused(replog.Rejected, clara, 5, insert(8, -1)),
		refused(replog.Held, clara, 6, update(8, -1, 1)),
	)
	same(t, "entries", read(t, log, replog.Filter{}), entries)
	for _, want := range entries {
		same(t, "entry", readOne(t, log, want.Revision), want)
	}
}

func labelled(e replog.Entry) replog.Entry {
	e.Transaction.Marked, e.Transaction.Label = true, "order 17 – Łódź \x00 'quoted'"
	e.Transaction.Base, e.Transaction.Seen, e.Transaction.Without = 1, 3, []replog.Seq{4, 6}
	return e
}

// netted makes the net change of an entry's updates of one row.
func netted(e replog.Entry) replog.Entry {
	s := e.Transaction.Statements
	net := s[0].Change
	net.New, net.Time = s[len(s)-1].New, s[len(s)-1].Time
	e.Transaction.SetNet([]replog.Change{net})
	e.Changes = netOf(&e.Transaction)
	return e
}

func cancelled(e replog.Entry) replog.Entry {
	e.Transaction.SetNet(nil)
	e.Changes = []replog.Change{}
	return e
}

// partlyStale leaves the first change out, and gives the second another old
// value than was recorded.
func partlyStale(e replog.Entry) replog.Entry {
	second := e.Changes[1]
	second.Old = []replog.Value{replog.Text("found")}
	e.Changes = []replog.Change{second}
	e.Parts = []replog.Part{{
		Outcome: replog.Ignored, Reason: replog.Reason{Code: replog.ReasonStale, Detail: "newer at revision 2"},
		Rows: []int{0}, Columns: []string{"stock"},
	}}
	e.Reason = e.Parts[0].Reason
	return e
}

// restored brings a deleted row back: two columns, of which one was written.
func restored(e replog.Entry) replog.Entry {
	back := insert(3, 31)
	back.Restored, back.Times = true, []replog.Millis{0, back.Time}
	e.Changes = []replog.Change{back}
	return e
}

// inAnotherOrder is an entry of which a part came after what is recorded later,
// and another was not made.
func inAnotherOrder(e replog.Entry) replog.Entry {
	c := e.Changes
	e.Changes = []replog.Change{c[2], c[0], c[3]}
	return e
}

func withoutEffect(e replog.Entry) replog.Entry {
	e.Changes = []replog.Change{}
	return e
}

// moved makes one unit of an entry's changes, with context.
func moved(e replog.Entry) replog.Entry {
	context := update(5, 1, 2)
	context.Context = &replog.Context{Columns: []string{"code"}, Values: []replog.Value{replog.Text("a")}}
	context.Times = []replog.Millis{77}
	for i := range e.Transaction.Statements {
		e.Transaction.Statements[i].Unit = 1
	}
	e.Transaction.Statements = append(e.Transaction.Statements, replog.Statement{Change: context})
	e.Changes = netOf(&e.Transaction)
	return e
}

func testValues(t *testing.T, open Open) {
	log, _ := open(t)
	values := []replog.Value{
		{}, replog.Integer(0), replog.Integer(math.MinInt64), replog.Integer(math.MaxInt64),
		replog.Real(0), replog.Real(math.Copysign(0, -1)), replog.Real(1), replog.Real(0.1),
		replog.Real(1.7976931348623157e308), replog.Real(5e-324), replog.Real(2.2250738585072014e-308),
		replog.Real(math.Inf(1)), replog.Real(math.Inf(-1)),
		replog.Text(""), replog.Text("a\x00b"), replog.Text("\xff\xfe"), replog.Text("]}\"\\\n\r\t\u2028<&>"),
		replog.Text("日本語 🙂 עברית"), replog.Text("0"), replog.Text("null"),
		replog.Blob(nil), replog.Blob([]byte{0, 1, 255}), replog.Blob([]byte("text")),
	}
	c := replog.Change{Table: `odd "name"; --`, Op: replog.Insert, Time: 5}
	for i, v := range values {
		c.Columns = append(c.Columns, "column "+string(rune('a'+i)))
		c.New = append(c.New, v)
	}
	c.Key, c.KeyColumns = c.New, c.Columns
	want := write(t, log, applied(anna, 1, c))
	same(t, "entries", read(t, log, replog.Filter{}), want)
	tx := begin(t, log)
	past, err := tx.Concurrent(c.Row(), 0, bert)
	must(t, err)
	same(t, "concurrent", past, []replog.PastChange{{Revision: 1, Device: anna, Change: c}})
}

func testRevisions(t *testing.T, open Open) {
	log, _ := open(t)
	for i := range replog.Seq(5) {
		write(t, log, applied(anna, 2*i+1, update(1, 1, 2)), applied(anna, 2*i+2, update(1, 2, 1)))
	}
	same(t, "head", head(t, log).Revision, replog.Revision(10))
	for i, e := range read(t, log, replog.Filter{}) {
		same(t, "revision", e.Revision, replog.Revision(i+1))
	}
}

func testWrongRevision(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log, applied(anna, 1, insert(1, 1)))
	for _, r := range []replog.Revision{-1, 0, 1, 3} {
		tx := begin(t, log)
		if tx.Append(sealed(applied(anna, 2, insert(2, 2)), r)) == nil {
			t.Errorf("revision %d was appended to a log that stands at 1", r)
		}
		must(t, tx.Append(sealed(applied(anna, 2, insert(3, 3)), 2)))
		same(t, "head", tx.Head().Revision, replog.Revision(2))
		must(t, tx.Rollback())
	}
	same(t, "entries", len(read(t, log, replog.Filter{})), 1)
}

func testWrongHash(t *testing.T, open Open) {
	log, _ := open(t)
	tx := begin(t, log)
	e := sealed(applied(anna, 1, insert(1, 1)), 1)
	e.Hash = sealed(applied(anna, 2, insert(1, 1)), 1).Hash
	if tx.Append(e) == nil {
		t.Error("an entry was appended with the hash of another transaction")
	}
	must(t, tx.Rollback())
	same(t, "head", head(t, log), Start)
}

func testSeqTwice(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log, applied(anna, 1, insert(1, 1)))
	tx := begin(t, log)
	if tx.Append(sealed(applied(anna, 1, insert(2, 2)), 2)) == nil {
		t.Error("a second entry was appended for the same seq")
	}
	must(t, tx.Rollback())
	same(t, "head", head(t, log).Revision, replog.Revision(1))
}

func testRollback(t *testing.T, open Open) {
	log, _ := open(t)
	tx := begin(t, log)
	must(t, tx.Append(sealed(applied(anna, 1, insert(1, 1)), 1)))
	must(t, tx.Rollback())
	must(t, tx.Rollback())
	if tx.Commit() == nil {
		t.Error("a transaction was committed after its rollback")
	}
	same(t, "head", head(t, log), Start)
	want := write(t, log, applied(anna, 1, insert(2, 2)))
	same(t, "entries", read(t, log, replog.Filter{}), want)
	tx = begin(t, log)
	past, err := tx.Concurrent(change(insert(1, 1)).Row(), 0, bert)
	must(t, err)
	same(t, "concurrent changes of a row that was rolled back", len(past), 0)
}

func change(c replog.Change) *replog.Change { return &c }

func testRollbackAfterCommit(t *testing.T, open Open) {
	log, _ := open(t)
	tx := begin(t, log)
	must(t, tx.Append(sealed(applied(anna, 1, insert(1, 1)), 1)))
	must(t, tx.Commit())
	must(t, tx.Rollback())
	if tx.Commit() == nil {
		t.Error("a transaction was committed twice")
	}
	same(t, "head", head(t, log).Revision, replog.Revision(1))
}

func testOneWriter(t *testing.T, open Open) {
	log, _ := open(t)
	first := begin(t, log)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := log.Begin(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second writer got error %v, want its context's", err)
	}
	began := make(chan replog.LogTx)
	go func() {
		second, err := log.Begin(context.Background())
		if err != nil {
			t.Error(err)
		}
		began <- second
	}()
	must(t, first.Append(sealed(applied(anna, 1, insert(1, 1)), 1)))
	must(t, first.Commit())
	second := <-began
	same(t, "head of the second writer", second.Head().Revision, replog.Revision(1))
	must(t, second.Rollback())
}

func testReopen(t *testing.T, open Open) {
	log, reopen := open(t)
	want := write(t, log, applied(anna, 1, insert(1, 1)), refused(replog.Held, bert, 1, update(1, 1, 2)))
	log = reopen()
	want = append(want, write(t, log, applied(bert, 2, update(1, 1, 3)))...)
	log = reopen()
	same(t, "entries", read(t, log, replog.Filter{}), want)
	stand := head(t, log)
	stand.Revision, stand.Chain = 0, Start.Chain // for chains see testChain
	same(t, "head", stand, Start)
	same(t, "revision", head(t, log).Revision, replog.Revision(3))
	tx := begin(t, log)
	newest, err := tx.Foreign(0, bert)
	must(t, err)
	same(t, "foreign", newest, replog.Revision(1))
}

func testLarge(t *testing.T, open Open) {
	log, _ := open(t)
	changes := make([]replog.Change, 10_000)
	for i := range changes {
		changes[i] = insert(int64(i), int64(i)*7)
	}
	want := write(t, log, applied(anna, 1, changes...))
	got := read(t, log, replog.Filter{})
	if len(got) != 1 || !reflect.DeepEqual(got[0].Changes, want[0].Changes) {
		t.Error("the transaction came back otherwise")
	}
	tx := begin(t, log)
	past, err := tx.Concurrent(changes[9_999].Row(), 0, bert)
	must(t, err)
	same(t, "concurrent", past, []replog.PastChange{{Revision: 1, Device: anna, Change: changes[9_999]}})
}
