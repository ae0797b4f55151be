package postgres

import (
	"replog/replog"
)

// known is what a process remembers of a log from one transaction to the next, so that
// most questions of a writer need no query. It is right as long as the log goes on from
// where this process saw it last: the chain tells (see Tx.learn). What a transaction
// adds to it is taken back where that is not committed.
type known struct {
	shapes shapes
	// revision and chain are where the log stood; chain is "" where nothing is known.
	revision replog.Revision
	chain    replog.Chain
	// stored are texts and names of tables that are in the store.
	stored  map[hashed]bool
	devices map[replog.DeviceID]seqs
	rows    rowIndex
	// partsTo: revisions below have parts of the tables to go to; there may be more.
	partsTo int64

	added added
}

// seqs are what is known of a device's transactions.
type seqs struct {
	last    replog.Seq // -1 for not known
	settled replog.Seq // above it none is unsettled; -1 for not known
}

// added is what the transaction at hand added.
type added struct {
	stored  []hashed
	devices []replog.DeviceID
	rows    []hashed
	// from is the revision that it began at. rotated: the rows before are forgotten.
	from    replog.Revision
	rotated bool
}

// maxDevices bounds how many devices are remembered.
const maxDevices = 10_000

func newKnown() *known { return &known{} }

// forget forgets everything; the log stands at head.
func (k *known) forget(head replog.Head) {
	*k = known{shapes: k.shapes, stored: map[hashed]bool{}, devices: map[replog.DeviceID]seqs{}}
	k.rows.reset(head.Revision)
	k.stands(head)
}

// stands notes where the log stands when a transaction begins, or was committed.
func (k *known) stands(head replog.Head) {
	k.revision, k.chain = head.Revision, head.Chain
	k.added = added{from: head.Revision}
}

// rollback takes back what the transaction added.
func (k *known) rollback() {
	for _, h := range k.added.stored {
		delete(k.stored, h)
	}
	for _, d := range k.added.devices {
		delete(k.devices, d)
	}
	if k.added.rotated {
		k.rows.reset(k.added.from)
	}
	for _, h := range k.added.rows {
		k.rows.remove(h, k.added.from)
	}
	k.added = added{from: k.added.from}
	k.partsTo = 0 // where a failover was the reason, parts may be lost that the log does not show
}

// store tells whether a text has to be stored, and takes it for stored from now on.
func (k *known) store(h hashed) bool {
	if k.stored[h] {
		return false
	}
	if len(k.stored) >= maxShapes {
		clear(k.stored)
		k.added.stored = nil
	}
	k.stored[h] = true
	k.added.stored = append(k.added.stored, h)
	return true
}

func (k *known) device(id replog.DeviceID) seqs {
	if s, ok := k.devices[id]; ok {
		return s
	}
	return seqs{last: -1, settled: -1}
}

// learnt notes what the log says of a device, with the transaction's appends.
func (k *known) learnt(id replog.DeviceID, s seqs) {
	if len(k.devices) >= maxDevices {
		clear(k.devices)
		k.added.devices = nil
	}
	k.devices[id] = s
	k.added.devices = append(k.added.devices, id)
}

// appended notes an append of a device.
func (k *known) appended(e *replog.Entry) {
	device, seq := e.Transaction.Device, e.Transaction.Seq
	s := k.device(device)
	if s.last >= 0 {
		s.last = max(s.last, seq)
	}
	if s.settled >= 0 && e.Unsettled() {
		s.settled = max(s.settled, seq)
	}
	k.learnt(device, s)
}
