package server

import (
	"errors"
	"math/rand/v2"
	"testing"

	"replog/replog"
)

// slowLog is a log in memory, of which only what the appender remembers counts.
type slowLog struct {
	replog.LogTx
	entries []replog.Entry
	gate    chan struct{}
	fail    replog.Revision
}

var errSlow = errors.New("the disk is slow, and then on fire")

func (l *slowLog) Head() (h replog.Head) {
	for i := range l.entries {
		h.Revision, h.Chain = l.entries[i].Revision, h.Chain.Next(&l.entries[i])
	}
	return h
}

func (l *slowLog) Rollback() error { return nil }

func (l *slowLog) Append(e replog.Entry) error {
	if l.gate != nil {
		<-l.gate
	}
	if e.Revision == l.fail {
		return errSlow
	}
	l.entries = append(l.entries, e)
	return nil
}

func (l *slowLog) LastSeq(device replog.DeviceID) (last replog.Seq, err error) {
	for _, e := range l.entries {
		if e.Transaction.Device == device {
			last = e.Transaction.Seq
		}
	}
	return last, nil
}

func (l *slowLog) Foreign(after replog.Revision, device replog.DeviceID) (newest replog.Revision, err error) {
	for _, e := range l.entries {
		if e.Transaction.Device != device && e.Revision > after && len(e.Changes) > 0 {
			newest = e.Revision
		}
	}
	return newest, nil
}

// entryOf is an entry of a device that changes something, or does not.
func entryOf(r replog.Revision, device replog.DeviceID, seq replog.Seq, changes bool) *replog.Entry {
	e := &replog.Entry{Revision: r, Outcome: replog.Applied, Transaction: replog.Transaction{Device: device, Seq: seq}}
	if changes {
		e.Changes = []replog.Change{{}}
	}
	return e
}

func TestWhatIsBeingAppendedIsSeenAsIfItWere(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		log, plain := &slowLog{}, &slowLog{}
		a := newAppender(log)
		devices := []replog.DeviceID{"a", "b", "c"}
		for range 60 {
			device := devices[random.IntN(3)]
			after := replog.Revision(random.IntN(5))
			switch random.IntN(3) {
			case 0:
				got, err := a.Foreign(after, device)
				if want, _ := plain.Foreign(after, device); got != want || err != nil {
					t.Fatalf("seed %d: foreign to %s after %d: %d, %v, want %d", seed, device, after, got, err, want)
				}
			case 1:
				got, err := a.LastSeq(device)
				if want, _ := plain.LastSeq(device); got != want || err != nil {
					t.Fatalf("seed %d: last seq of %s: %d, %v, want %d", seed, device, got, err, want)
				}
			default:
				last, _ := plain.LastSeq(device)
				e := entryOf(plain.Head().Revision+1, device, last+1, random.IntN(2) == 0)
				_ = plain.Append(*e)
				a.add(&appending{entry: e, job: &job{}, release: func() {}})
				if a.Head() != plain.Head() {
					t.Fatalf("seed %d: the head is %v, want %v", seed, a.Head(), plain.Head())
				}
			}
		}
		if err := a.wait(); err != nil || len(log.entries) != len(plain.entries) {
			t.Fatalf("seed %d: %d entries of %d, %v", seed, len(log.entries), len(plain.entries), err)
		}
		a.end()
	}
}

func TestAnAppendThatFailsIsToldOfItsOwnTransaction(t *testing.T) {
	log := &slowLog{gate: make(chan struct{}), fail: 2}
	a := newAppender(log)
	first, second := &job{}, &job{}
	released := 0
	for i, e := range []*replog.Entry{entryOf(1, "a", 1, true), entryOf(2, "a", 2, true), entryOf(3, "b", 1, true)} {
		as := &appending{entry: e, job: first, cut: i, release: func() { released++ }}
		if i == 2 {
			as.job, as.cut = second, 0
		}
		a.add(as) // and none of them is in the log yet
	}
	close(log.gate)
	_, err := a.Concurrent(replog.RowID{}, 0, "b")
	var failed *judgeError
	if !errors.As(err, &failed) || failed.job != first || failed.cut != 1 || !errors.Is(failed.err, errSlow) {
		t.Errorf("it failed as %+v", err)
	}
	if err := a.Commit(); err == nil {
		t.Error("it was committed all the same")
	}
	a.end()
	if len(log.entries) != 1 || released != 3 {
		t.Errorf("%d entries are in the log, %d were let go of", len(log.entries), released)
	}
}
