package server

import (
	"context"
	"sync"

	"replog/replog"
)

// lastSeqs remembers the highest seq of each device in the log, so that a
// download, which must not wait for the writer, can be refused to a device that
// was restored. The writer itself asks the log, under its lock.
type lastSeqs struct {
	mu    sync.Mutex
	known map[replog.DeviceID]replog.Seq
}

// raise records that the log holds the device's transactions up to seq.
func (l *lastSeqs) raise(device replog.DeviceID, seq replog.Seq) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[replog.DeviceID]replog.Seq{}
	}
	l.known[device] = max(l.known[device], seq)
}

func (l *lastSeqs) of(device replog.DeviceID) (replog.Seq, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seq, ok := l.known[device]
	return seq, ok
}

// committed records what a batch brought.
func (l *lastSeqs) committed(batch []*job) {
	for _, j := range batch {
		if n := len(j.result.verdicts); n > 0 {
			l.raise(j.device, j.result.verdicts[n-1].Seq)
		}
	}
}

// forget has everything read from the log again.
func (l *lastSeqs) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.known)
}

// lastSeq returns the highest seq of the device in the log, 0 for none.
func (d *database) lastSeq(ctx context.Context, device replog.DeviceID) (replog.Seq, error) {
	if seq, ok := d.last.of(device); ok && d.shared == nil { // or another server may know of more
		return seq, nil
	}
	newest, err := d.log.LastSeq(ctx, device)
	if err != nil {
		return 0, err
	}
	d.last.raise(device, newest)
	return newest, nil
}
