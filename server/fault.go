package server

import "errors"

// The points at which Config.Fault is asked, in the order in which an upload
// passes them.
const (
	// FaultBeforeLogCommit: everything is judged, nothing is durable.
	FaultBeforeLogCommit = "before the log's commit"
	// FaultAfterLogCommit: the log has it, the replica does not.
	FaultAfterLogCommit = "after the log's commit, before the replica's"
	// FaultBeforeAnswer: the log and the replica have it, the device knows nothing.
	FaultBeforeAnswer = "after both commits, before the answer"
	// FaultMidAnswer: part of the answer is sent.
	FaultMidAnswer = "mid-answer"
)

// errKilled says that a fault point fired: for its database this process no
// longer exists.
var errKilled = errors.New("killed at a fault point")

// fault asks Config.Fault. Where that fails, the database is dead: nothing is
// written any more, and connections are aborted.
func (d *database) fault(point string) error {
	if d.cfg.Fault == nil {
		return nil
	}
	if err := d.cfg.Fault(point); err != nil {
		d.cfg.Logger.Warn("killed at a fault point", "database", d.name, "point", point, "error", err)
		d.dead.Store(true)
		return errKilled
	}
	return nil
}
