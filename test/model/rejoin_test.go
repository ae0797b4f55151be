package model

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"replog/replog"
)

// The server's log is put back now and then to what it was. Devices that knew no more
// than that go on; the others rejoin, in any order, and have to end like everybody.

// canGiveUp tells whether the log is in a file, that of the only server.
func (h *host) canGiveUp() bool {
	_, err := os.Stat(h.logPath())
	return err == nil && len(h.servers) == 1
}

func (h *host) logPath() string {
	return filepath.Join(h.servers[0].cfg.Data, "databases", databaseName, "log.db")
}

// stopped runs f while the only server is down.
func (h *host) stopped(f func() error) error {
	h.faults = faults{}
	if err := h.servers[0].close(); err != nil {
		return err
	}
	return errors.Join(f(), h.servers[0].open(h.open))
}

// keepLog copies the log, to be put back.
func (w *world) keepLog() error {
	w.logf("the log is copied at revision %d", w.server.Head())
	w.keptAt, w.kept = w.server.Head(), w.file("log")
	return w.host.stopped(func() error {
		b, err := os.ReadFile(w.host.logPath())
		if err != nil {
			return err
		}
		return os.WriteFile(w.kept, b, 0o600)
	})
}

// giveUp puts the log back, and brings everybody together again.
func (w *world) giveUp() error {
	if err := w.absorb(); err != nil {
		return err
	}
	w.logf("the log goes back from revision %d to %d", w.server.Head(), w.keptAt)
	unknown := w.g.chance(50, "the server does not know of it")
	err := w.host.stopped(func() error {
		gone := []string{w.host.logPath() + "-wal", w.host.logPath() + "-shm"}
		if unknown {
			replica := filepath.Join(filepath.Dir(w.host.logPath()), "replica.db")
			gone = append(gone, replica, replica+"-wal", replica+"-shm")
		}
		for _, path := range gone {
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
		b, err := os.ReadFile(w.kept)
		if err != nil {
			return err
		}
		return os.WriteFile(w.host.logPath(), b, 0o600)
	})
	if err != nil {
		return err
	}
	w.count.add("logs that were put back")
	w.server.GiveUp(w.keptAt)
	w.logged = map[replog.DeviceID]replog.Seq{}
	for _, e := range w.server.Log {
		w.logged[e.Txn.Device] = e.Txn.Seq
	}
	return w.comeBack()
}

// comeBack has the devices rejoin that have to, with work of the others in between.
func (w *world) comeBack() error {
	var ahead, others []*node
	for _, n := range w.nodes {
		if n.model.SyncPoint > w.keptAt {
			ahead = append(ahead, n)
		} else {
			others = append(others, n)
		}
	}
	ending := w.ending
	w.ending = true // so that nothing happens between
	defer func() { w.ending = ending }()
	for len(ahead) > 0 {
		if len(others) > 0 && w.g.chance(50, "another works before") {
			n := others[w.g.upTo(len(others), "device")]
			if err := errors.Join(n.writeSomehow(), n.syncCalmly()); err != nil {
				return err
			}
		}
		at := w.g.upTo(len(ahead), "which rejoins")
		n := ahead[at]
		ahead, others = append(ahead[:at:at], ahead[at+1:]...), append(others, n)
		if err := n.rejoin(); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) rejoin() error {
	common, err := n.number1(fmt.Sprintf("SELECT coalesce(max(revision), 0) FROM replog_point WHERE revision <= %d", n.keptAt))
	if err != nil {
		return err
	}
	if n.leaves, err = n.epoch(); err != nil {
		return err
	}
	n.logf("device %d rejoins from revision %d, with %d in common", n.number, n.model.SyncPoint, common)
	n.world.now++ // the backup is named by the time
	n.common = replog.Revision(common)
	err = n.exchange(false, func() error {
		_, err := n.dev.Rejoin(ctx)
		return err
	})
	if err == nil && n.leaves != "" {
		err = fmt.Errorf("device %d did not rejoin", n.number)
	}
	return err
}

func (n *node) epoch() (string, error) {
	rows, err := n.app.query("SELECT epoch FROM replog_device")
	if err != nil {
		return "", err
	}
	return rows[0][0].Bytes(), nil
}

// rejoined follows a device that was to rejoin, once it has: it is of another epoch then.
func (n *node) rejoined(at replog.Revision) (bool, error) {
	if n.leaves == "" {
		return false, nil
	}
	epoch, err := n.epoch()
	if err != nil || epoch == n.leaves {
		return false, err
	}
	n.leaves = ""
	n.count.add("devices that rejoined")
	n.count.addMany("transactions that came back", n.model.Rejoin(at, n.common))
	return true, nil
}
