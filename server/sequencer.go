package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"replog/applier"
	"replog/replog"
)

// job is what one upload hands to the writer at a time: whole transactions of
// one device, in order. The writer goes on until one of them is refused.
type job struct {
	device  replog.DeviceID
	lastSeq replog.Seq     // the highest that the device says it has given out
	schema  bool           // the device has the schema right
	forms   []*replog.Form // closed by who submits it, once it is answered
	// epoch is that in which the device was found to fit the log, and rejoined what it
	// says of transactions that were recorded on revisions given up since.
	epoch    replog.Epoch
	rejoined *replog.Rejoined
	// known is a head of the log that the device knows, and that the log may have given
	// up; none where its epoch is "".
	known  replog.Head
	answer chan result // holds one

	result result
	cut    int // of forms, those still to be tried; see judgeError
	// unrun says of forms, by number, why they are refused without being run.
	unrun map[int]*replog.Reason
}

// result has a verdict for each of a job's first transactions, and, where these
// are not all, why the next one was not taken.
type result struct {
	verdicts []replog.Verdict
	err      error
}

// submit hands a job to the writer and returns what waits for its result; where
// the queue is full the result is a busy problem. The caller is inside enter and
// leave, so the queue is open, and waits before it leaves.
func (d *database) submit(j *job) (wait func() result) {
	j.answer = make(chan result, 1)
	select {
	case d.queue <- j:
		return func() result { return <-j.answer }
	default:
		return func() result { return result{err: busy("too many uploads wait for this database")} }
	}
}

// write is the database's writer. It ends when the queue is closed and empty.
func (d *database) write() {
	defer close(d.stopped)
	for {
		select {
		case first, ok := <-d.queue:
			if !ok {
				return
			}
			d.process(d.gather(first))
		case told := <-d.behind:
			told <- d.catchUp()
		}
	}
}

// gather takes what waits behind the first job, so that all of it shares the
// commits. Nobody waits for company: a batch is often one job.
func (d *database) gather(first *job) []*job {
	batch := []*job{first}
	for len(batch) < d.cfg.Limits.BatchUploads {
		select {
		case j, ok := <-d.queue:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// process answers every job of the batch. Where one transaction cannot be
// judged, everything is rolled back and done again without it and what follows
// it in its job: after an error nobody knows what is left in the replica's
// transaction. Where an intent took that transaction with it, everything is done
// again with its own refused. Where the commit is refused, each job is tried alone.
func (d *database) process(batch []*job) {
	for _, j := range batch {
		j.cut = len(j.forms)
	}
	var failed []*judgeError
	for {
		err := d.attempt(batch)
		var one *judgeError
		if errors.As(err, &one) && one.refuse(d) {
			continue
		}
		if errors.As(err, &one) {
			d.cfg.Logger.Error("a transaction could not be judged and logged", "database", d.name,
				"device", one.job.device, "seq", one.job.forms[one.cut].Seq, "error", one.err)
			failed = append(failed, one)
			one.job.cut = one.cut
			continue
		}
		var refused *refusedError
		if errors.As(err, &refused) && len(batch) > 1 {
			for _, j := range batch {
				d.process([]*job{j})
			}
			return
		}
		for _, f := range failed {
			f.job.result.err = f.err
		}
		for _, j := range batch {
			if err != nil {
				j.result = result{err: err}
			}
			j.answer <- j.result
		}
		return
	}
}

// attempt takes the batch through both commits and leaves each job's result in
// it. An error concerns all jobs: nothing of them is known to be in the log.
func (d *database) attempt(batch []*job) error {
	if d.dead.Load() {
		return errKilled
	}
	if d.broken.Load() {
		return errBroken
	}
	ctx := context.Background() // a batch belongs to no request
	if d.isBehind() {
		if err := d.catchUp(); err != nil {
			return err
		}
	}
	begun, err := d.begin(ctx, batch)
	if err != nil {
		d.cfg.Logger.Error("the log's head cannot be locked", "database", d.name, "error", err)
		return busy("the log takes nothing at the moment")
	}
	tx := newAppender(begun)
	defer tx.end()
	if err := d.levelOrBreak(ctx, tx.Head()); err != nil {
		return err
	}
	d.heads.move(tx.Head()) // whoever made it, it is committed
	before := tx.Head().Revision
	if err := d.replica.Begin(); err != nil {
		return fmt.Errorf("lock the replica: %w", err)
	}
	defer d.undo()
	for _, j := range batch {
		j.result = result{}
		if err := d.run(ctx, tx, j); err != nil {
			return err
		}
	}
	if tx.Head().Revision == before {
		return settleRecalled(tx, batch)
	}
	if err := tx.wait(); err != nil {
		return err
	}
	return d.commit(ctx, tx, batch)
}

// undo rolls the replica back, where commit has not ended its transaction. A
// replica that cannot even do that is built again.
func (d *database) undo() {
	if d.replica == nil {
		return
	}
	err := d.replica.Rollback()
	if err == nil {
		err = d.replica.reread()
	}
	if err != nil {
		d.cfg.Logger.Error("the replica cannot roll back", "database", d.name, "error", err)
		d.replica.Close()
		d.replica = nil
	}
}

// levelOrBreak brings the replica to the log's head. Where not even building it
// again does that, the log and the first content contradict each other, and the
// database takes no more uploads from this process.
func (d *database) levelOrBreak(ctx context.Context, head replog.Head) error {
	err := d.level(ctx, head)
	if contradicts(err) {
		d.cfg.Logger.Error("no replica agrees with the log: uploads are refused", "database", d.name, "error", err)
		d.broken.Store(true)
	}
	return err
}

// run judges a job's transactions and appends them to the log. What stops a job
// goes to its result; an error concerns the batch.
func (d *database) run(ctx context.Context, tx *appender, j *job) error {
	if len(j.forms) > 0 && j.epoch != tx.Head().Epoch {
		j.result.err = busy(otherLog)
		return nil
	}
	var kept unsure
	for n, form := range j.forms[:j.cut] {
		known, err := admit(tx, j, form)
		var refused *replog.Problem
		if errors.As(err, &refused) {
			j.result.err = err
			return nil
		}
		if err != nil {
			return err
		}
		if known != nil {
			j.result.verdicts = append(j.result.verdicts, *known)
			continue
		}
		v, err := d.judgeAndLog(ctx, tx, &appending{job: j, cut: n}, form, &kept)
		var earlier *judgeError
		if err != nil && !errors.As(err, &earlier) {
			err = &judgeError{job: j, cut: n, err: err}
		}
		if err != nil {
			return err
		}
		j.result.verdicts = append(j.result.verdicts, *v)
	}
	return nil
}

// judgeAndLog has the entry of one transaction appended. A panic is an error: one
// transaction must not take the server down.
func (d *database) judgeAndLog(ctx context.Context, tx *appender, as *appending, form *replog.Form, kept *unsure) (made *replog.Verdict, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	placed := form.Transaction
	as.job.rejoined.Place(&placed)
	v, err := judge(ctx, d.replica, tx, &placed, kept, allowed{schema: as.job.schema, unrun: as.job.unrun[as.cut]})
	if err != nil {
		return nil, err
	}
	e := &replog.Entry{
		Revision: tx.Head().Revision + 1, Hash: form.Hash, Received: d.cfg.now(),
		Outcome: v.Outcome, Reason: v.Reason, Parts: v.Parts,
		Transaction: form.Transaction, Form: form, Changes: v.Changes, LongChanges: v.LongChanges,
		Tables: v.Tables, AsRun: v.AsRun, Digest: v.Digest, BySteps: v.BySteps,
		Schema: v.Schema, StepEnds: v.StepEnds,
	}
	if e.Schema != nil {
		e.Schema.Revision = e.Revision
		e.Schema.Content = applier.NewContent(d.replica.Conn)
	}
	told := e.Verdict()
	as.entry, as.release = e, v.close
	tx.add(as)
	if e.Schema != nil { // the store may read the replica as the entry left it
		if err := tx.wait(); err != nil {
			return nil, err
		}
	}
	return &told, nil
}

// commit makes the batch durable: the log first, which is the point of no
// return, then the replica.
func (d *database) commit(ctx context.Context, tx *appender, batch []*job) error {
	head := tx.Head()
	if err := d.replica.intents.Rest(); err != nil {
		return fmt.Errorf("take away what intents need: %w", err)
	}
	if err := d.replica.moveTo(head); err != nil {
		return fmt.Errorf("move the replica: %w", err)
	}
	if err := d.fault(FaultBeforeLogCommit); err != nil {
		return err
	}
	err := tx.Commit()
	if errors.Is(err, replog.ErrUnknownOutcome) {
		_ = tx.LogTx.Rollback() // lets go of the lock, which settle takes
		return d.settle(ctx, batch, err)
	}
	if err != nil && !d.cfg.Stores.Unavailable(err) {
		return &refusedError{err}
	}
	if err != nil {
		return fmt.Errorf("commit to the log: %w", err)
	}
	if err := d.fault(FaultAfterLogCommit); err != nil {
		return err
	}
	if err := d.replica.commitAt(head); err != nil {
		// The log has it, so it has happened; the next batch catches up.
		d.cfg.Logger.Error("the replica stays behind the log for now", "database", d.name, "error", err)
	}
	d.announce(head)
	d.keep(head)
	return d.fault(FaultBeforeAnswer)
}

// settleRecalled commits a transaction that appended nothing, where verdicts in it came
// out of the log: one whose commit had an unknown outcome may be visible before it is as
// durable as commits are. A commit after it is so no sooner than it is.
func settleRecalled(tx replog.LogTx, batch []*job) error {
	for _, j := range batch {
		if len(j.result.verdicts) == 0 {
			continue
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("make sure of what is in the log: %w", err)
		}
		return nil
	}
	return nil
}

// settle finds out, from the log, what a commit of unknown outcome did. Where
// the log cannot be read, devices send again, and the next batch finds out:
// every batch begins with the log's head, read under its lock.
func (d *database) settle(ctx context.Context, batch []*job, unknown error) error {
	d.undo()
	tx, err := d.begin(ctx, nil)
	if err != nil {
		return errors.Join(unknown, err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := d.levelOrBreak(ctx, tx.Head()); err != nil {
		return err
	}
	if err := d.recallAll(tx, batch, unknown); err != nil {
		return err
	}
	if err := settleRecalled(tx, batch); err != nil {
		return err
	}
	d.announce(tx.Head())
	return nil
}

// recallAll puts into each job's result what the log has of it.
func (d *database) recallAll(tx replog.LogTx, batch []*job, unknown error) error {
	for _, j := range batch {
		for i := range j.result.verdicts {
			known, err := recall(tx, j.device, j.forms[i])
			if err == nil && known == nil {
				err = fmt.Errorf("seq %d: %w", j.forms[i].Seq, unknown)
			}
			if err != nil {
				j.result = result{verdicts: j.result.verdicts[:i], err: err}
				break
			}
			j.result.verdicts[i] = *known
		}
	}
	return nil
}
