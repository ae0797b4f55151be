package client

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"replog/replog"
)

// uploadPart is about how much of an upload is made at a time, in bytes of
// recorded form.
const uploadPart = 256 << 10

// upload is the body of a request: the header and the recorded forms of some
// transactions, coded, each read from the outbox when its turn comes. The
// connection to the file is used by whoever reads; end takes it back.
type upload struct {
	mu     sync.Mutex
	outbox outbox
	left   []*pending
	long   *longForm // what is left of the first of them
	made   bytes.Buffer
	coder  io.WriteCloser
	coding string
	err    error // of the file, or io.EOF
	failed error
}

var errEnded = errors.New("the request has ended")

func (d *Device) newUpload(id *identity, sent []*pending, w wish) (*upload, error) {
	u := &upload{outbox: d.outbox(), left: sent, coding: codingZstd}
	size := 0
	for _, p := range sent {
		size += p.size
	}
	if size >= replog.ColumnsFrom && !d.noColumns {
		u.coding = codingColumns
	}
	var err error
	if u.coder, err = newCoder(&u.made, u.coding); err != nil {
		return nil, err
	}
	_, err = u.coder.Write(replog.EncodeSyncHeader(replog.SyncHeader{
		Version: replog.WireVersion, Database: id.Database, Epoch: id.Epoch, Device: id.Device,
		SyncPoint: id.SyncPoint, Chain: id.Chain, LastSeq: id.LastSeq, Seen: id.Seen, Rejoined: id.Rejoined, Clock: replog.MillisOf(d.options.Clock()),
		Schema: id.Schema.fingerprint, PushOnly: w.mode == PushOnly,
		Differed: w.differed, AsChanges: w.asChanges || id.Schema.lacks != "",
	}))
	return u, err
}

// Read implements io.Reader.
func (u *upload) Read(b []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.made.Len() == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.make()
	}
	return u.made.Read(b)
}

// make codes the next transactions, or a part of a long one.
func (u *upload) make() {
	for size := 0; size < uploadPart && len(u.left) > 0; {
		form, whole, err := u.next()
		if err == nil {
			_, err = u.coder.Write(form)
		}
		if err != nil {
			u.err, u.failed = err, err
			return
		}
		if size += len(form); whole {
			u.left = u.left[1:]
		}
	}
	if len(u.left) > 0 {
		return
	}
	if u.err = u.coder.Close(); u.err == nil {
		u.err = io.EOF
	}
}

// next reads what comes next, and tells whether that is the end of a transaction.
func (u *upload) next() (form []byte, whole bool, err error) {
	if u.long == nil {
		recorded, long, err := u.outbox.stored(u.left[0])
		is := false
		if err == nil {
			is, err = isLongForm(u.outbox.Conn, long)
		}
		if err != nil || !is {
			return []byte(recorded.Bytes()), true, err
		}
		begin, err := replog.Begun([]byte(recorded.Bytes()))
		if err != nil {
			return nil, false, err
		}
		u.long = &longForm{conn: u.outbox.Conn, id: long.Int64(), begin: begin, list: -1}
	}
	if form, err = u.long.next(); form == nil {
		u.long, whole = nil, true
	}
	return form, whole, err
}

// end lets nobody read any further, and returns why the file could not be read,
// if it could not.
func (u *upload) end() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.left, u.err = nil, errEnded
	return u.failed
}

// closeBody closes the body of an answer, if there is one.
func closeBody(res *http.Response) error {
	if res == nil {
		return nil
	}
	return res.Body.Close()
}
