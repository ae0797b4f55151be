package model

import (
	"errors"
	"fmt"
	"slices"

	"replog/client"
	"replog/replog"
)

// modeNames are for messages.
var modeNames = map[client.Mode]string{client.Both: "", client.PushOnly: " push only", client.PullOnly: " pull only"}

// sync runs a sync with drawn trouble, then checks the device.
func (n *node) sync(mode client.Mode) error {
	if n.g.chance(20, "network trouble") {
		n.wire.trouble = trouble(1 + n.g.upTo(int(sentTwice), "trouble"))
		n.wire.bytes = n.g.upTo(600, "bytes")
	}
	crash := 8
	if n.model.IsBlind() {
		crash = 25
	}
	if n.g.chance(crash, "the device crashes") {
		n.faults = faults{left: 1 + n.g.upTo(5, "at fault point")}
	}
	if n.depth == 0 && n.g.chance(8, "the server crashes") {
		n.host.faults = faults{left: 1 + n.g.upTo(4, "at the server's fault point")}
	}
	asked := fmt.Sprintf("network %s at byte %d, device fault %d, server fault %d", n.wire.trouble, n.wire.bytes, n.faults.left, n.host.faults.left)
	n.logf("device %d syncs%s: %s", n.number, modeNames[mode], asked)
	n.count.add("syncs, network trouble: " + n.wire.trouble.String())
	planned := n.wire.trouble != noTrouble && n.wire.trouble != sentTwice
	forked := n.model.Forked()
	return n.exchange(planned, func() error {
		result, err := n.dev.Sync(ctx, mode)
		if err != nil {
			return err
		}
		if forked && mode != client.PushOnly {
			return fmt.Errorf("a copy synced")
		}
		return n.sameResult(result, mode)
	})
}

// syncCalmly syncs without trouble; what fails is a failure.
func (n *node) syncCalmly() error {
	n.logf("device %d syncs at last", n.number)
	if n.model.Forked() {
		if err := n.fork(); err != nil {
			return err
		}
	}
	return n.exchange(false, func() error {
		r, err := n.dev.Sync(ctx, client.Both)
		if err == nil {
			n.countResult(r)
		}
		return err
	})
}

func (n *node) repair() error {
	n.logf("device %d is repaired", n.number)
	n.world.now++ // the backup is named by the time
	return n.exchange(false, func() error {
		_, err := n.dev.Repair(ctx)
		n.reloaded = err == nil
		return err
	})
}

// exchange runs something that asks the server, follows it in the model, and
// checks the device. Errors are expected where trouble was planned.
func (n *node) exchange(planned bool, f func() error) error {
	n.busy, n.requests, n.begun = true, 0, n.clock()
	n.world.depth++
	err := f()
	n.world.depth--
	n.busy = false
	n.wire.trouble = noTrouble
	if n.failed != nil {
		return n.failed
	}
	crashed := n.faults.fired
	dead := n.host.faults.fired
	if crashed {
		n.count.add("crashes of a device")
	}
	n.logf("device %d: done, error: %v", n.number, err)
	if err != nil && !n.expected(err, planned, crashed, dead) {
		return fmt.Errorf("device %d: %w", n.number, err)
	}
	n.faults = faults{}
	if crashed {
		if err := n.reopen(); err != nil {
			return err
		}
	}
	if n.depth == 0 {
		if n.host.faults = (faults{}); dead {
			n.count.add("crashes of the server")
			if err := n.host.restart(); err != nil {
				return err
			}
		}
	}
	if err := n.observe(); err != nil {
		return err
	}
	return n.check()
}

func (n *node) expected(err error, planned, crashed, dead bool) bool {
	var unreachable *client.UnreachableError
	return n.refused(err) || crashed && errors.Is(err, errCrash) || (planned || dead) && errors.As(err, &unreachable)
}

// beforeRequest runs when the device is about to ask the server. What had
// gathered is closed by then.
func (n *node) beforeRequest() {
	if n.failed != nil || n.model == nil {
		return
	}
	if err := n.observe(); err != nil {
		n.world.fail(err)
		return
	}
	if n.requests++; n.requests == 1 {
		n.asked = n.model.LastSeq
	}
	if !n.ending && n.wire.trouble == noTrouble && n.g.chance(10, "meanwhile, before the request") {
		n.world.fail(n.operate())
	}
}

// afterRequest runs when the server has answered and the device has not read
// the answer.
func (n *node) afterRequest() {
	if n.failed != nil || n.model == nil || n.ending {
		return
	}
	if n.depth < 3 && n.g.chance(40, "meanwhile, after the request") {
		if n.g.chance(70, "the same device writes") {
			n.world.fail(n.writeSomehow())
		} else {
			n.world.fail(n.operate())
		}
	}
}

// observe follows what the device did since the last time: whether it closed
// what had gathered, and where its sync point is.
func (n *node) observe() error {
	if err := n.absorbAfterClosing(); err != nil {
		return err
	}
	at, err := n.number1("SELECT sync_point FROM replog_device")
	if err != nil {
		return err
	}
	r := replog.Revision(at)
	if done, err := n.rejoined(r); done || err != nil {
		return err
	}
	if r != n.model.SyncPoint || n.reloaded {
		n.reloaded = false
		if r < n.model.SyncPoint || r > n.server.Head() {
			return fmt.Errorf("device %d went from revision %d to %d; the head is %d", n.number, n.model.SyncPoint, r, n.server.Head())
		}
		if n.model.IsBlind() {
			return fmt.Errorf("device %d: its sync point moved, and what capture missed was not looked for", n.number)
		}
		if gathered, err := n.gathered(); err != nil || gathered > 0 {
			return fmt.Errorf("device %d: %d changes were not closed before the sync point moved: %w", n.number, gathered, err)
		}
		n.model.MoveTo(r)
		n.count.add("rebases")
		if slices.ContainsFunc(n.model.Outbox, func(t *Txn) bool { return t.Steps != nil }) {
			n.count.add("rebases that ran intents of the outbox again")
		}
		if len(n.model.Outbox) > 0 {
			n.count.add("rebases of an outbox")
		}
		if len(n.model.NoEffect) > 0 {
			n.count.add("rebases that left something without effect")
		}
	}
	return nil
}

func (n *node) absorbAfterClosing() error {
	gathered, err := n.gathered()
	if err != nil {
		return err
	}
	if gathered == 0 {
		closed, err := n.closeModel()
		if err != nil {
			return err
		}
		for _, t := range closed {
			n.logf("device %d closed transaction %d: marked %v base %d seen %d without %v\n%s", n.number, t.Seq, t.Marked, t.Base, t.Seen, t.Without, t.list())
		}
	}
	if err := n.readHashes(); err != nil {
		return err
	}
	return n.absorb()
}

func (n *node) gathered() (int64, error) { return n.number1("SELECT count(*) FROM replog_change") }

// discard drops a conflict, which changes nothing but its own state.
func (n *node) discard() error {
	list, err := n.dev.Conflicts(ctx)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.State == client.StateWaiting {
			n.logf("device %d discards %s", n.number, c.ID)
			return n.dev.Discard(ctx, c.ID)
		}
	}
	return nil
}
