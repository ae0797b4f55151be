package model

import (
	"fmt"
	"slices"
	"strings"

	"replog/applier"
	"replog/client"
	"replog/replog"
)

// absorb feeds the model what arrived at the server, and compares verdicts.
func (w *world) absorb() error {
	if w.server == nil || w.host.log() == nil {
		return nil
	}
	entries, err := w.host.entries(w.server.Head())
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if err := w.absorbEntry(e); err != nil {
			return fmt.Errorf("revision %d, device %s, transaction %d: %w", e.Revision, e.Transaction.Device, e.Transaction.Seq, err)
		}
	}
	return nil
}

func (w *world) absorbEntry(e *replog.Entry) error {
	if e.Revision != w.server.Head()+1 {
		return fmt.Errorf("the revision before was %d", w.server.Head())
	}
	if last := w.logged[e.Transaction.Device]; e.Transaction.Seq != last+1 {
		return fmt.Errorf("the transaction before it in the log was %d", last)
	}
	w.logged[e.Transaction.Device]++
	t, holders := w.holders(e)
	if t == nil {
		return fmt.Errorf("it is in no device's outbox")
	}
	if err := t.sameRecorded(&e.Transaction); err != nil {
		return err
	}
	for _, n := range holders {
		if t.told {
			break // by entries that the log has given up
		}
		if err := n.model.CheckTimes(t); err != nil {
			return err
		}
	}
	t.told = true
	want := w.server.Process(t)
	if w.failed != nil {
		return w.failed
	}
	if err := w.family.checkBank(w.server.States[want.Revision]); err != nil {
		return err
	}
	w.countSteps(e, want)
	w.logf("revision %d: device %d, transaction %d: %s %s\n%s", want.Revision, holders[0].number, t.Seq, want.Outcome, want.Reason, t.list())
	if err := want.sameVerdict(e); err != nil {
		return fmt.Errorf("%w\nthe transaction, base %d seen %d without %v:\n%s", err, t.Base, t.Seen, t.Without, t.list())
	}
	return nil
}

// holders are the devices with the entry's transaction in their outboxes: several
// where a file was copied since it was closed.
func (w *world) holders(e *replog.Entry) (found *Txn, holders []*node) {
	for _, n := range w.nodes {
		for _, t := range n.model.Outbox {
			if t.Device == e.Transaction.Device && t.Seq == e.Transaction.Seq && t.Hash == e.Hash {
				found, holders = t, append(holders, n)
			}
		}
	}
	return found, holders
}

// sameRecorded compares the recorded form and adopts its order and times.
func (t *Txn) sameRecorded(r *replog.Transaction) error {
	if r.Marked != t.Marked || r.Whole != t.Whole || r.Label != t.Label {
		return fmt.Errorf("marked %v, whole %v, label %q; want %v, %v, %q", r.Marked, r.Whole, r.Label, t.Marked, t.Whole, t.Label)
	}
	want := place{t.Base, t.Seen, t.Without}
	if t.recorded != nil {
		want = *t.recorded
	}
	if r.Base != want.base || r.Seen != want.seen || !slices.Equal(r.Without, want.without) {
		return fmt.Errorf("base %d, seen %d, without %v; want %d, %d, %v", r.Base, r.Seen, r.Without, want.base, want.seen, want.without)
	}
	if r.HasIntents() != (t.Steps != nil) {
		return fmt.Errorf("it has intents: %v, want %v", r.HasIntents(), t.Steps != nil)
	}
	if t.Steps != nil {
		return t.adoptSteps(r)
	}
	if err := sameOrder(r); err != nil {
		return err
	}
	net, err := replog.InMemory(r.NetChanges())
	if err != nil {
		return err
	}
	return t.adopt(net, r.RecordedStatements().Len())
}

// sameVerdict compares outcome, reason, parts and effects.
func (e *Entry) sameVerdict(got *replog.Entry) error {
	if got.Outcome != e.Outcome || got.Reason.Code != e.Reason {
		return fmt.Errorf("it is %s %q (%s), want %s %q", got.Outcome, got.Reason.Code, got.Reason.Detail, e.Outcome, e.Reason)
	}
	var parts []string
	for _, p := range got.Parts {
		parts = append(parts, fmt.Sprintf("%s %s %v %v %v", p.Outcome, p.Reason.Code, p.Rows, p.Columns, p.Statements))
	}
	if e.Txn.Steps != nil && ((got.Digest != nil) != e.Exact || got.AsRun != e.AsRun) {
		return fmt.Errorf("it has a digest: %v, and did as on its device: %v; want %v, %v", got.Digest != nil, got.AsRun, e.Exact, e.AsRun)
	}
	if !slices.Equal(got.Tables, e.Tables) {
		return fmt.Errorf("its intents may write %q, want %q", got.Tables, e.Tables)
	}
	if want := e.parts(); !sameSet(parts, want) {
		return fmt.Errorf("its parts are\n  %s\nwant\n  %s", strings.Join(parts, "\n  "), strings.Join(want, "\n  "))
	}
	var effects, want []string
	for i := range got.Changes {
		effects = append(effects, changeText(&got.Changes[i]))
	}
	for _, x := range e.Effects {
		want = append(want, x.text())
	}
	if !sameSet(effects, want) {
		return fmt.Errorf("its effects are\n  %s\nwant\n  %s", strings.Join(effects, "\n  "), strings.Join(want, "\n  "))
	}
	return nil
}

// parts renders what a verdict has to list: the groups that were not applied,
// and what was stale in those that were.
func (e *Entry) parts() []string {
	var out []string
	for _, l := range e.Left {
		out = append(out, fmt.Sprintf("%s %s [] [] [%d]", replog.Ignored, replog.ReasonOptional, l.Statement))
	}
	for _, v := range e.Verdicts {
		if v.Outcome != replog.Applied {
			out = append(out, fmt.Sprintf("%s %s %v [] []", v.Outcome, v.Reason, v.Rows))
			continue
		}
		for row, columns := range v.Stale {
			names := []string{}
			for _, c := range columns {
				names = append(names, e.Txn.Net[row].Table.Columns[c].Name)
			}
			out = append(out, fmt.Sprintf("%s %s [%d] %v []", replog.Ignored, replog.ReasonStale, row, names))
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// text renders an effect, as changeText does a change.
func (e *Effect) text() string {
	c := replog.Change{Table: e.Net.ID.Table, Op: e.Op, Restored: e.Restored}
	var columns []string
	for i, col := range e.Net.Table.Columns {
		if e.Op == replog.Update && !slices.Contains(e.Columns, i) {
			continue
		}
		at := e.Net.Time
		if e.Op != replog.Delete {
			at, _ = e.wrote(i)
			if e.Restored && !slices.Contains(e.Columns, i) {
				at = 0
			}
		}
		columns = append(columns, columnText(col.Name, e.Before, e.After, i, at))
	}
	return changeHead(&c, e.Net.ID.Key, e.Net.Unit > 0) + strings.Join(columns, ", ")
}

func columnText(name string, old, now Row, i int, at replog.Millis) string {
	text := name
	if old != nil {
		text += " from " + old[i].String()
	}
	if now != nil {
		text += " to " + now[i].String()
	}
	return fmt.Sprintf("%s at %d", text, at)
}

func changeHead(c *replog.Change, key string, moved bool) string {
	return fmt.Sprintf("%s %s %s (in a unit: %v, restored: %v) ", c.Op, c.Table, key, moved, c.Restored)
}

func changeText(c *replog.Change) string {
	var columns []string
	for i, name := range c.Columns {
		columns = append(columns, columnText(name, c.Old, c.New, i, c.TimeOf(i)))
	}
	return changeHead(c, replog.KeyString(c.Key), c.Unit > 0) + strings.Join(columns, ", ")
}

// check compares a device with its model: what an application sees, the
// confirmed state, the outbox and the conflicts.
func (n *node) check() error {
	visible, err := n.app.read(n.family)
	if err != nil {
		return err
	}
	if d := visible.Difference(n.model.Visible); d != nil {
		return fmt.Errorf("device %d at revision %d: the file against the model:\n  %s", n.number, n.model.SyncPoint, strings.Join(d, "\n  "))
	}
	if !n.model.IsBlind() { // then nobody can tell
		if err := n.sameConfirmed(); err != nil {
			return err
		}
	}
	if err := n.sameOutbox(); err != nil {
		return err
	}
	if err := n.family.checkBank(visible); err != nil {
		return err
	}
	return n.sameConflicts()
}

func (n *node) sameConfirmed() error {
	confirmed, at, err := n.confirmed()
	if err != nil {
		return fmt.Errorf("device %d: confirmed state: %w", n.number, err)
	}
	if at != n.model.SyncPoint {
		return fmt.Errorf("device %d: its confirmed state is at revision %d, want %d", n.number, at, n.model.SyncPoint)
	}
	if d := confirmed.Difference(n.server.States[at]); d != nil {
		return fmt.Errorf("device %d: its confirmed state at revision %d against the model:\n  %s", n.number, at, strings.Join(d, "\n  "))
	}
	return nil
}

func (n *node) confirmed() (State, replog.Revision, error) {
	path := n.file("confirmed")
	at, err := n.dev.Confirmed(ctx, path)
	if err != nil {
		return nil, 0, err
	}
	state, err := n.family.readFile(path)
	return state, at, err
}

// sameByDiff compares the device with another database as `replog diff` does.
func (n *node) sameByDiff(path string) error {
	a, err := applier.Open(n.path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := applier.Open(path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer b.Close()
	c, err := applier.Compare(a, b, applier.CompareOptions{})
	same := err == nil && (c.Equal || (len(n.more) > 0 || n.anew) && !slices.ContainsFunc(c.Tables, func(t applier.TableComparison) bool { return !t.Same() }))
	if err == nil && !same {
		err = fmt.Errorf("device %d differs from the snapshot: %+v", n.number, c)
	}
	return err
}

// readFile reads a database's content.
func (f *family) readFile(path string) (State, error) {
	c, err := openForeign(path)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.read(f)
}

func (n *node) sameOutbox() error {
	list, err := n.dev.Pending(ctx)
	if err != nil {
		return err
	}
	var got, want []string
	for _, p := range list {
		if p.State != client.PendingGathered {
			got = append(got, fmt.Sprintf("%d effect %v", p.Seq, p.Effect))
		}
	}
	for _, t := range n.model.Outbox {
		want = append(want, fmt.Sprintf("%d effect %v", t.Seq, !n.model.NoEffect[t.Seq]))
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("device %d: its outbox is %v, want %v", n.number, got, want)
	}
	return nil
}

// sameConflicts checks that each group that was not applied is kept, and what
// was stale.
func (n *node) sameConflicts() error {
	list, err := n.dev.Conflicts(ctx)
	if err != nil {
		return err
	}
	var got, want []string
	for _, c := range list {
		got = append(got, fmt.Sprintf("revision %d transaction %d: %s %s, %d rows", c.Revision, c.Seq, c.Outcome, c.Reason.Code, len(c.Changes)))
		if waits := c.State != client.StateNoted; waits != c.Outcome.Waits() {
			return fmt.Errorf("device %d: conflict %s is %s", n.number, c.ID, c.State)
		}
	}
	for _, e := range slices.Concat(n.model.Former, n.model.Processed) {
		for range e.Left {
			want = append(want, fmt.Sprintf("revision %d transaction %d: %s %s, 0 rows", e.Revision, e.Txn.Seq, replog.Ignored, replog.ReasonOptional))
		}
		for _, v := range e.Verdicts {
			about := fmt.Sprintf("revision %d transaction %d: ", e.Revision, e.Txn.Seq)
			if v.Outcome != replog.Applied {
				want = append(want, about+fmt.Sprintf("%s %s, %d rows", v.Outcome, v.Reason, len(v.Rows)))
			}
			if v.Outcome == replog.Applied {
				for range v.Stale {
					want = append(want, about+fmt.Sprintf("%s %s, 1 rows", replog.Ignored, replog.ReasonStale))
				}
			}
		}
	}
	if !sameSet(got, want) {
		return fmt.Errorf("device %d: its conflicts are\n  %s\nwant\n  %s", n.number, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	return nil
}

// sameResult compares what a sync says that it did.
func (n *node) sameResult(r *client.SyncResult, mode client.Mode) error {
	if err := n.absorb(); err != nil {
		return err
	}
	if r.Shortcuts > 0 {
		n.count.add("syncs that took a short cut")
		if r.Downloaded > 0 {
			n.count.add("syncs that took a short cut beside others' changes")
		}
	}
	n.countResult(r)
	if mode != client.PullOnly && n.logged[n.model.ID] < n.asked {
		return fmt.Errorf("a sync succeeded, but transaction %d is not in the log", n.asked)
	}
	at, err := n.number1("SELECT sync_point FROM replog_device")
	if err == nil && r.SyncPoint != replog.Revision(at) {
		err = fmt.Errorf("sync says that the sync point is %d; it is %d", r.SyncPoint, at)
	}
	if err == nil && mode == client.PushOnly && r.SyncPoint != n.model.SyncPoint {
		err = fmt.Errorf("push only went from revision %d to %d", n.model.SyncPoint, r.SyncPoint)
	}
	return err
}
