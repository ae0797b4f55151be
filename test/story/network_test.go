package story

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"replog/applier"
	"replog/client"
	"replog/replog"
)

// line is a transport that something happens on.
type line struct {
	// answered runs when the server has answered and the device has read nothing.
	answered func(n int)
	// cut, where not negative, is how many bytes of the answer's body arrive.
	cut int
	// plain asks for answers that are not compressed.
	plain bool
	// lost loses the answer.
	lost bool

	requests int
	// taped is the last answer; where replay is set it is given again instead of
	// asking the server.
	taped  []byte
	header http.Header
	replay bool
}

func (l *line) options() client.Options {
	return client.Options{HTTP: &http.Client{Transport: l}, BusyTimeout: 50 * time.Millisecond}
}

var errLost = errors.New("the connection was lost")

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.requests++
	if l.replay {
		return &http.Response{StatusCode: http.StatusOK, Header: l.header, Body: l.body()}, nil
	}
	if l.plain {
		r.Header.Set("Accept-Encoding", "identity")
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	if l.answered != nil {
		l.answered(l.requests)
	}
	if l.lost {
		return nil, errLost
	}
	l.taped, l.header = b, res.Header
	res.Body = l.body()
	return res, nil
}

// body is as much of the answer as arrives.
func (l *line) body() io.ReadCloser {
	if l.cut >= 0 && l.cut < len(l.taped) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(l.taped[:l.cut]), broken{}))
	}
	return io.NopCloser(bytes.NewReader(l.taped))
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAnAnswerCutAtAnyByteLeavesTheDeviceAsItWas(t *testing.T) {
	for _, plain := range []bool{false, true} {
		w := newWorld(t)
		a := w.publish("a.db", shop)
		b := w.clone("b.db")
		a.write("UPDATE customer SET name = 'Ada L.' WHERE id = 1")
		a.sync(client.Both)
		b.write("INSERT INTO invoice VALUES('i3', 3, 30.25, 'b')")
		l := &line{plain: plain}
		if _, err := b.trySync(client.Both, l.options()); !isUnreachable(err) {
			t.Fatal(err)
		}
		before := b.bytes()
		l.replay = true
		x := b.openWith(l.options())
		for l.cut = 1; l.cut < len(l.taped); l.cut++ {
			_, err := x.Sync(t.Context(), client.Both)
			if err == nil {
				break // all that counts had come
			}
			if !isUnreachable(err) {
				t.Fatalf("cut after %d of %d bytes: %v", l.cut, len(l.taped), err)
			}
			if b.bytes() != before {
				t.Fatalf("cut after %d of %d bytes: the file has changed", l.cut, len(l.taped))
			}
		}
		if l.cut < len(l.taped)-16 {
			t.Fatalf("%d of %d bytes pass for a whole answer", l.cut, len(l.taped))
		}
		w.converge(a, b)
		if got := b.status().SyncPoint; got != 2 {
			t.Fatalf("sync point %d: something was uploaded twice", got)
		}
	}
}

func isUnreachable(err error) bool {
	var e *client.UnreachableError
	return errors.As(err, &e)
}

func isBusy(err error) bool {
	var e *client.BusyError
	return errors.As(err, &e)
}

func TestALostAnswerIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	for range 3 {
		a.write("UPDATE customer SET name = name || '!' WHERE id = 1")
		if _, err := a.trySync(client.Both, (&line{cut: -1, lost: true}).options()); !isUnreachable(err) {
			t.Fatal(err)
		}
	}
	if r := a.sync(client.Both); r.Uploaded != 3 || r.Applied != 3 || r.SyncPoint != 3 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, b)
}

func TestALostAnswerToAPushIsMadeUpByAPull(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	if _, err := a.trySync(client.PushOnly, (&line{cut: -1, lost: true}).options()); !isUnreachable(err) {
		t.Fatal(err)
	}
	if r := a.sync(client.PullOnly); r.Applied != 1 || r.SyncPoint != 1 || a.status().Pending != 0 {
		t.Fatalf("%+v", r)
	}
}

func TestTheApplicationMayWriteDuringASync(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("UPDATE customer SET name = 'by a' WHERE id = 2")
	a.sync(client.Both)
	b.write("UPDATE customer SET email = 'b@b' WHERE id = 2")
	l := &line{cut: -1, answered: func(int) {
		b.write("UPDATE customer SET email = 'later@b' WHERE id = 2; INSERT INTO invoice VALUES('during', 2, 1, NULL)")
	}}
	r, err := b.trySync(client.Both, l.options())
	if err != nil || r.Applied != 1 || r.Downloaded != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	b.shows("SELECT name, email FROM customer WHERE id = 2", `["by a","later@b"]`)
	if list := b.pending(); len(list) != 1 || !list[0].Effect || list[0].State != client.PendingClosed {
		t.Fatalf("%+v", list)
	}
	w.converge(a, b)
	a.shows("SELECT name, email FROM customer WHERE id = 2", `["by a","later@b"]`)
}

func TestABigOutboxGoesUpInSeveralRequests(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	for i := range 9 {
		a.write("INSERT INTO replog_transaction VALUES('t'); UPDATE customer SET name = name || '+' WHERE id = 1")
		if i == 4 {
			b.write("UPDATE customer SET email = 'b@b' WHERE id = 1")
			b.sync(client.Both)
		}
	}
	l := &line{cut: -1}
	o := l.options()
	o.MaxUpload = 2000
	r, err := a.trySync(client.Both, o)
	if err != nil || r.Uploaded != 9 || r.Applied != 9 || r.SyncPoint != 10 {
		t.Fatalf("%+v %v", r, err)
	}
	if l.requests < 3 || l.requests > 9 {
		t.Fatalf("%d requests", l.requests)
	}
	w.converge(a, b)
}

func TestABigOutboxIsPushedInSeveralRequestsToo(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	for range 5 {
		a.write("INSERT INTO replog_transaction VALUES('t'); UPDATE customer SET name = name || '+' WHERE id = 1")
	}
	l := &line{cut: -1}
	o := l.options()
	o.MaxUpload = 1
	if r, err := a.trySync(client.PushOnly, o); err != nil || r.Uploaded != 5 || l.requests != 5 {
		t.Fatalf("%+v %v in %d requests", r, err, l.requests)
	}
	for _, p := range a.pending() {
		if p.State != client.PendingUploaded {
			t.Fatalf("%+v", p)
		}
	}
	if r := a.sync(client.Both); r.Uploaded != 0 || r.Applied != 5 {
		t.Fatalf("%+v", r)
	}
}

func TestTwoSyncsOfOneFileDoNotMeet(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	l := &line{cut: -1, answered: func(int) {
		if _, err := a.trySync(client.Both, client.Options{BusyTimeout: 30 * time.Millisecond}); !isBusy(err) {
			t.Errorf("a second sync: %v", err)
		}
	}}
	if _, err := a.trySync(client.Both, l.options()); err != nil {
		t.Fatal(err)
	}
}

func TestASecondSyncWaitsForTheFirst(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	var second sync.WaitGroup
	l := &line{cut: -1, answered: func(int) {
		second.Go(func() {
			x, err := client.Open(a.path, client.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer x.Close()
			if r, err := x.Sync(t.Context(), client.Both); err != nil || r.SyncPoint != 1 {
				t.Errorf("%+v %v", r, err)
			}
		})
	}}
	if _, err := a.trySync(client.Both, l.options()); err != nil {
		t.Fatal(err)
	}
	second.Wait()
}

func TestALockedFileIsLeftForLater(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	writer, err := applier.Open(a.path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	lock := func(int) {
		if err := writer.Begin(); err != nil {
			t.Error(err)
		}
	}
	unlock := func() {
		if err := writer.Rollback(); err != nil {
			t.Error(err)
		}
	}

	lock(0)
	if _, err := a.trySync(client.Both, (&line{cut: -1}).options()); !isBusy(err) {
		t.Fatalf("locked before the outbox was closed: %v", err)
	}
	unlock()
	if _, err := a.trySync(client.Both, (&line{cut: -1, answered: lock}).options()); !isBusy(err) {
		t.Fatalf("locked when the answer came: %v", err)
	}
	unlock()
	if r := a.sync(client.Both); r.Applied != 1 || r.SyncPoint != 1 {
		t.Fatalf("%+v", r)
	}
}

// A reader of a rollback-journal database keeps a writer from committing.
func TestAReaderThatHoldsUpTheCommitIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	reader, err := applier.Open(a.path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	l := &line{cut: -1, answered: func(int) {
		if err := reader.BeginRead(); err != nil {
			t.Error(err)
		}
	}}
	if _, err := a.trySync(client.Both, l.options()); !isBusy(err) {
		t.Fatal(err)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if r := a.sync(client.Both); r.Applied != 1 || r.SyncPoint != 1 {
		t.Fatalf("%+v", r)
	}
}

func TestACloneWhoseDownloadBringsNothingLeavesNothing(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	l := &line{cut: 0}
	if _, err := client.Clone(t.Context(), w.url, w.dir+"/b.db", w.admin(), "", l.options()); !isUnreachable(err) {
		t.Fatal(err)
	}
	w.leaves(w.dir + "/b.db")
	w.equal(a, w.clone("b.db"))
}

func TestWhatIsWrittenDuringASyncWaitsForTheNext(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	const step = "INSERT INTO replog_transaction VALUES('t'); UPDATE customer SET name = name || '+' WHERE id = 1"
	a.write(step)
	a.write(step)
	l := &line{cut: -1, answered: func(n int) {
		if n < 5 {
			a.write(step)
		}
	}}
	o := l.options()
	o.MaxUpload = 1
	if r, err := a.trySync(client.Both, o); err != nil || r.Uploaded != 2 || l.requests != 2 {
		t.Fatalf("%+v %v in %d requests", r, err, l.requests)
	}
	if n := len(a.pending()); n != 2 {
		t.Fatalf("%d pending", n)
	}
}

func TestAnAnswerFromAnotherHistoryChangesNothing(t *testing.T) {
	for _, tc := range []struct{ code, from, to string }{
		{replog.CodeEpoch, `{"done":{"revision":1`, `{"done":{"revision":0`},
		{replog.CodeEpoch, `"chain":"`, `"chain":"0`},
	} {
		t.Run(tc.from, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", shop)
			a.write("UPDATE customer SET name = 'first' WHERE id = 1")
			a.sync(client.Both)
			l := &line{cut: -1, plain: true}
			if _, err := a.trySync(client.Both, l.options()); err != nil {
				t.Fatal(err)
			}
			before := a.read("SELECT * FROM customer")
			altered := bytes.Replace(l.taped, []byte(tc.from), []byte(tc.to), 1)
			if bytes.Equal(altered, l.taped) {
				t.Fatalf("the answer is not as the test thinks: %s", l.taped)
			}
			l.taped, l.replay = altered, true
			_, err := a.trySync(client.Both, l.options())
			mismatch(t, err, tc.code)
			if a.read("SELECT * FROM customer") != before || a.status().SyncPoint != 1 {
				t.Error("the file changed")
			}
			w.converge(a, w.clone("b.db"))
		})
	}
}
