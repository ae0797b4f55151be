package server

import (
	"fmt"
	"runtime/debug"
	"sync"

	"replog/replog"
)

// appender is a transaction on the log that appends one entry while the next
// transaction is judged: these are two databases, and half of the work each.
// What judging asks of the log waits for the appends, but for what an upload of
// one device asks of each transaction. It is used by one goroutine.
type appender struct {
	replog.LogTx
	head  replog.Head // with what is being appended
	last  map[replog.DeviceID]replog.Seq
	since map[sinceKey]replog.Revision // see Foreign

	queue   chan *appending
	waiting sync.WaitGroup
	failed  *judgeError // set before the append that failed is done
}

type sinceKey struct {
	after  replog.Revision
	device replog.DeviceID
}

// appending is an entry on its way into the log.
type appending struct {
	entry   *replog.Entry
	job     *job
	cut     int    // how many of the job's transactions come before it
	release func() // called when it is there
}

// appendsAhead is how many entries wait to be appended at most.
const appendsAhead = 16

func newAppender(tx replog.LogTx) *appender {
	a := &appender{
		LogTx: tx, head: tx.Head(), last: map[replog.DeviceID]replog.Seq{}, since: map[sinceKey]replog.Revision{},
		queue: make(chan *appending, appendsAhead),
	}
	go a.work()
	return a
}

func (a *appender) work() {
	for e := range a.queue {
		if a.failed == nil {
			if err := a.append(e.entry); err != nil {
				a.failed = &judgeError{job: e.job, cut: e.cut, err: err}
			}
		}
		e.release()
		a.waiting.Done()
	}
}

// append makes an error of a panic: one transaction must not take the server down.
func (a *appender) append(e *replog.Entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return a.LogTx.Append(*e)
}

// add has an entry appended. That it could not be is a *judgeError of a later
// call.
func (a *appender) add(e *appending) {
	a.head.Revision, a.head.Chain = e.entry.Revision, a.head.Chain.Next(e.entry)
	t := &e.entry.Transaction
	a.last[t.Device] = t.Seq
	if e.entry.Made().Len() > 0 {
		for of := range a.since {
			if of.device != t.Device && of.after < e.entry.Revision {
				a.since[of] = e.entry.Revision
			}
		}
	}
	a.waiting.Add(1)
	a.queue <- e
}

// wait returns when everything is appended, or a *judgeError.
func (a *appender) wait() error {
	a.waiting.Wait()
	if a.failed != nil {
		return a.failed
	}
	return nil
}

// Head implements replog.LogTx.
func (a *appender) Head() replog.Head { return a.head }

// LastSeq implements replog.LogTx.
func (a *appender) LastSeq(device replog.DeviceID) (replog.Seq, error) {
	if seq, ok := a.last[device]; ok {
		return seq, nil
	}
	if err := a.wait(); err != nil {
		return 0, err
	}
	seq, err := a.LogTx.LastSeq(device)
	if err == nil {
		a.last[device] = seq
	}
	return seq, err
}

// Foreign implements replog.LogTx.
func (a *appender) Foreign(after replog.Revision, device replog.DeviceID) (replog.Revision, error) {
	of := sinceKey{after, device}
	if r, ok := a.since[of]; ok {
		return r, nil
	}
	if err := a.wait(); err != nil {
		return 0, err
	}
	r, err := a.LogTx.Foreign(after, device)
	if err == nil {
		a.since[of] = r
	}
	return r, err
}

// Find implements replog.LogTx.
func (a *appender) Find(device replog.DeviceID, seq replog.Seq) (replog.Judged, error) {
	if err := a.wait(); err != nil {
		return replog.Judged{}, err
	}
	return a.LogTx.Find(device, seq)
}

// Concurrent implements replog.LogTx.
func (a *appender) Concurrent(row replog.RowID, after replog.Revision, device replog.DeviceID) ([]replog.PastChange, error) {
	if err := a.wait(); err != nil {
		return nil, err
	}
	return a.LogTx.Concurrent(row, after, device)
}

// Unsettled implements replog.LogTx.
func (a *appender) Unsettled(device replog.DeviceID, after replog.Seq) ([]replog.Judged, error) {
	if err := a.wait(); err != nil {
		return nil, err
	}
	return a.LogTx.Unsettled(device, after)
}

// Planned implements replog.LogTx.
func (a *appender) Planned(r replog.Revision, yield func(int, *replog.Change) error) error {
	if err := a.wait(); err != nil {
		return err
	}
	return a.LogTx.Planned(r, yield)
}

// Wrote implements replog.LogTx.
func (a *appender) Wrote(table string, after replog.Revision, device replog.DeviceID) (replog.Revision, error) {
	if err := a.wait(); err != nil {
		return 0, err
	}
	return a.LogTx.Wrote(table, after, device)
}

// Commit implements replog.LogTx.
func (a *appender) Commit() error {
	if err := a.wait(); err != nil {
		return err
	}
	return a.LogTx.Commit()
}

// end waits for what is being appended, and rolls back what is not committed.
func (a *appender) end() {
	close(a.queue)
	a.waiting.Wait()
	_ = a.LogTx.Rollback()
}
