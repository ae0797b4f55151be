package model

import (
	"errors"
	"fmt"
	"maps"
	"os"

	"replog/client"
	"replog/replog"
)

// duplicate copies a device's file with its token, as it is at this moment, and
// lets the copy take part. Both know of transactions that wait for their verdict,
// where the device has just sent some.
func (n *node) duplicate() error {
	if !n.busy && n.depth == 0 && n.g.chance(60, "it sends before") {
		if err := errors.Join(n.writeSomehow(), n.sync(client.PushOnly), n.writeSomehow()); err != nil {
			return err
		}
	}
	c := n.newNode()
	c.model, c.more, c.anew, c.captures = n.model.Copy(), maps.Clone(n.more), n.anew, n.captures
	c.drives = n.drives
	c.observeRuns()
	for _, suffix := range []string{"", "-wal", "-token"} {
		b, err := os.ReadFile(n.path + suffix)
		if errors.Is(err, os.ErrNotExist) && suffix == "-wal" {
			continue
		}
		if err == nil {
			err = os.WriteFile(c.path+suffix, b, 0o600)
		}
		if err != nil {
			return err
		}
	}
	n.logf("device %d is a copy of %d", c.number, n.number)
	n.count.add("files copied")
	n.world.copied = true
	err := c.openApplication()
	if err != nil {
		return err
	}
	if c.dev, err = client.Open(c.path, c.options()); err != nil {
		return err
	}
	c.world.nodes = append(c.world.nodes, c)
	return c.check()
}

// fork runs `replog init --fork` on a device, which may crash, and follows it in
// the model.
func (n *node) fork() error {
	if !n.ending && n.g.chance(20, "the device crashes") {
		n.faults = faults{left: 1 + n.g.upTo(7, "at fault point")}
	}
	n.logf("device %d is forked, device fault %d", n.number, n.faults.left)
	token, err := n.host.token()
	if err != nil {
		return err
	}
	n.busy, n.begun = true, n.clock()
	n.world.depth++
	_, err = client.Fork(ctx, client.ForkRequest{Path: n.path, Token: token}, n.options())
	n.world.depth--
	n.busy = false
	if n.failed != nil {
		return n.failed
	}
	n.logf("device %d: done, error: %v", n.number, err)
	var unreachable *client.UnreachableError
	if err != nil && !(n.faults.fired && errors.Is(err, errCrash)) && !(n.host.faults.fired && errors.As(err, &unreachable)) {
		return fmt.Errorf("device %d: fork: %w", n.number, err)
	}
	if err := n.reopen(); err != nil {
		return err
	}
	rows, err := n.app.query("SELECT device, sync_point FROM replog_device")
	if err != nil {
		return err
	}
	id, at := replog.DeviceID(rows[0][0].Bytes()), replog.Revision(rows[0][1].Int64())
	if id == n.model.ID {
		n.count.add("forks that crashed before they committed")
		if err := n.observe(); err != nil {
			return err
		}
		return n.check()
	}
	if n.model.IsBlind() {
		return fmt.Errorf("device %d was forked, and what capture missed was not looked for", n.number)
	}
	n.model.Close()
	if err := n.absorb(); err != nil {
		return err
	}
	held := len(n.model.Former) + len(n.model.Processed)
	known := len(n.model.Outbox)
	n.model.Fork(id, at)
	n.count.add("forks")
	if len(n.model.Outbox) > 0 {
		n.count.add("forks with something of their own")
	}
	if held < len(n.model.Former) {
		n.count.add("forks that learned a verdict or held something")
	}
	if known > len(n.model.Outbox) {
		n.count.add("forks that dropped something")
	}
	n.logf("device %d is %s at revision %d", n.number, id, at)
	if err := n.readHashes(); err != nil {
		return err
	}
	return n.check()
}

// readHashes reads from the file how the log will call the device's transactions
// apart from another copy's.
func (n *node) readHashes() error {
	rows, err := n.app.query("SELECT seq, hash FROM replog_outbox ORDER BY seq")
	if err != nil {
		return err
	}
	for _, r := range rows {
		for _, t := range n.model.Outbox {
			if int64(t.Seq) == r[0].Int64() {
				t.Hash = replog.Hash(r[1].Bytes())
			}
		}
	}
	return nil
}

// refused tells whether an error says that the file is a copy, rightly.
func (n *node) refused(err error) bool {
	var e *client.MismatchError
	if !errors.As(err, &e) || e.Code != replog.CodeFork || n.absorb() != nil {
		return false
	}
	return n.model.Forked()
}
