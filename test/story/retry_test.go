package story

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"replog/client"
)

// patient makes a device try again, with waits that are none.
func patient(o client.Options, waiting func()) client.Options {
	o.RetryFor = time.Hour
	o.Sleep = func(context.Context, time.Duration) error {
		waiting()
		return nil
	}
	return o
}

func TestASyncWaitsForAServerThatIsDown(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	w.stop()
	waits := 0
	r, err := a.trySync(client.Both, patient(client.Options{}, func() {
		if waits++; waits == 3 {
			w.start()
		}
	}))
	if err != nil || r.Applied != 1 || waits != 3 {
		t.Fatalf("%+v after %d waits: %v", r, waits, err)
	}
}

func TestASyncWhoseAnswersAreLostOrCutSendsTheSameAgain(t *testing.T) {
	for _, lost := range []bool{true, false} {
		w := newWorld(t)
		a := w.publish("a.db", shop)
		b := w.clone("b.db")
		a.write("UPDATE customer SET name = name || '!' WHERE id = 1")
		l := &line{cut: -1, lost: lost}
		if !lost {
			l.cut = 30
		}
		waits := 0
		r, err := a.trySync(client.Both, patient(l.options(), func() {
			if waits++; waits == 2 {
				l.lost, l.cut = false, -1
			}
		}))
		if err != nil || r.Uploaded != 1 || r.Applied != 1 || r.SyncPoint != 1 || l.requests != 3 {
			t.Fatalf("%+v in %d requests: %v", r, l.requests, err)
		}
		w.converge(a, b)
	}
}

// enrolling is a network that loses the answers to enrolments.
type enrolling struct{ asked int }

func (e *enrolling) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/devices") {
		e.asked++
		res.Body.Close()
		return nil, errLost
	}
	return res, err
}

// A token is good for one enrolment: whether it is spent cannot be known.
func TestAnEnrolmentWhoseAnswerIsLostIsNotSentAgain(t *testing.T) {
	w := newWorld(t)
	w.publish("a.db", shop)
	b := w.file("b.db", shop)
	e := &enrolling{}
	o := patient(client.Options{HTTP: &http.Client{Transport: e}}, func() { t.Error("it waits") })
	if _, err := b.tryInit(client.InitRequest{}, o); !isUnreachable(err) || e.asked != 1 {
		t.Fatalf("asked %d times: %v", e.asked, err)
	}
}

func TestCloneAndInitWaitForAServerThatIsDown(t *testing.T) {
	w := newWorld(t)
	w.publish("a.db", shop)
	b := w.file("b.db", shop)
	admin := w.admin()
	for name, enrol := range map[string]func(client.Options) error{
		"init": func(o client.Options) error { _, err := b.tryInit(client.InitRequest{}, o); return err },
		"clone": func(o client.Options) error {
			_, err := client.Clone(t.Context(), w.url, w.dir+"/c.db", admin, "", o)
			return err
		},
	} {
		w.stop()
		if err := enrol(patient(client.Options{}, w.start)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
