package server

import (
	"errors"

	"replog/applier"
	"replog/replog"
)

// A batch fails as a whole, mostly for one transaction in it. These errors say for which,
// as far as that is known.

// judgeError says that the server could not judge a transaction, or log it, of
// whose job cut others come before. The others in its batch may fare better.
type judgeError struct {
	job *job
	cut int
	err error
}

func (e *judgeError) Error() string { return e.err.Error() }
func (e *judgeError) Unwrap() error { return e.err }

// refuse sees to it that a transaction is refused without being run, where running it
// cost the replica its transaction; false where that is not what happened.
func (e *judgeError) refuse(d *database) bool {
	var lost *applier.LostError
	if !errors.As(e.err, &lost) || e.job.unrun[e.cut] != nil {
		return false
	}
	d.cfg.Logger.Warn("a statement could only be stopped together with all others of its batch, which is done again without it",
		"database", d.name, "device", e.job.device, "seq", e.job.forms[e.cut].Seq, "error", e.err)
	if e.job.unrun == nil {
		e.job.unrun = map[int]*replog.Reason{}
	}
	e.job.unrun[e.cut] = &replog.Reason{Code: replog.ReasonLimit, Detail: lost.Error()}
	return true
}

// refusedError says that the log did not take a batch, and not whose fault that is.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return "commit to the log: " + e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }
