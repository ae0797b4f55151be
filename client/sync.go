package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"replog/replog"
)

// Mode says which way a sync goes.
type Mode int

// The modes.
const (
	Both     Mode = iota
	PushOnly      // upload; process no verdict, apply nothing
	PullOnly      // download only
)

// SyncResult says what a sync did. Outcomes count the transactions whose verdict
// it processed.
type SyncResult struct {
	Device     replog.DeviceID `json:"device"`
	Database   string          `json:"database"`
	SyncPoint  replog.Revision `json:"sync_point"`
	Uploaded   int             `json:"uploaded"`
	Applied    int             `json:"applied"`
	Ignored    int             `json:"ignored"`
	Conflicts  int             `json:"conflicts"`
	Rejected   int             `json:"rejected"`
	Held       int             `json:"held"`
	Downloaded int             `json:"downloaded"` // entries of other devices
	// Waiting counts the conflicts that wait for a person, old ones included.
	Waiting       int   `json:"waiting"`
	BytesSent     int64 `json:"bytes_sent"`
	BytesReceived int64 `json:"bytes_received"`
	DurationMS    int64 `json:"duration_ms"`
	// Missed counts the rows that capture had missed, as a table had been made
	// anew, and that a comparison found: they are recorded as one transaction.
	Missed int `json:"missed,omitempty"`
	// Differed counts the entries whose statements, run again here, made other changes
	// than elsewhere, so that these were fetched.
	Differed int `json:"differed,omitempty"`
	// Local names the tables and columns that the server does not have: they are
	// in this file only.
	Local []string `json:"local,omitempty"`
	// Lacks names what the log has and this file does not, as its application has not
	// made it yet: it goes on with what it has.
	Lacks []string `json:"lacks,omitempty"`
	// Rejoined says what it took to come back to a log that had given up revisions.
	Rejoined *RejoinResult `json:"rejoined,omitempty"`
	// Shortcuts counts the rebases that did not undo the outbox.
	Shortcuts int `json:"-"`
}

// Sync uploads the outbox and brings the file to the server's head. However it
// ends, the file is either as before or wholly at a later sync point, and nothing
// recorded is lost. Errors are those of errors.go, or unexpected.
func (d *Device) Sync(ctx context.Context, mode Mode) (*SyncResult, error) {
	var result *SyncResult
	err := locked(ctx, d.path, d.options, func() error {
		var err error
		result, err = d.sync(ctx, mode)
		return err
	})
	return result, err
}

func (d *Device) sync(ctx context.Context, mode Mode) (*SyncResult, error) {
	start := d.options.Clock()
	result := &SyncResult{}
	var err error
	if result.Missed, err = d.prepare(ctx); err != nil {
		return nil, mismatch(d.path, err)
	}
	if err := d.options.Fault(FaultClosed); err != nil {
		return nil, err
	}
	id, err := d.identity()
	if err != nil {
		return nil, err
	}
	r := run{Device: d, mode: mode, last: id.LastSeq, result: result}
	for more := true; more; {
		if more, err = r.round(ctx); err == nil && !more && mode != PushOnly {
			more, err = r.settle(ctx)
		}
		var blind *blindError
		if errors.As(err, &blind) { // since the sync began
			var missed int
			missed, err = d.prepare(ctx)
			result.Missed += missed
			more = true
		}
		if err != nil {
			return nil, mismatch(d.path, err)
		}
	}
	if id, err = d.identity(); err != nil {
		return nil, err
	}
	if result.Waiting, err = d.waiting(); err != nil {
		return nil, err
	}
	if result.Local, err = r.local(id); err != nil {
		return nil, err
	}
	if result.Lacks, err = readNames(replog.Text(id.Schema.lacks)); err != nil {
		return nil, err
	}
	result.Device, result.Database, result.SyncPoint = id.Device, id.Name, id.SyncPoint
	result.BytesSent, result.BytesReceived = r.traffic.sent.Load(), r.traffic.received.Load()
	result.DurationMS = d.options.Clock().Sub(start).Milliseconds()
	return result, nil
}

// prepare makes sure that the file is enrolled, with the tables that it has now,
// reads the token, and closes what was gathered. It returns how many rows capture
// had missed, which are recorded now.
func (d *Device) prepare(ctx context.Context) (missed int, err error) {
	var id *identity
	err = d.read(func() error {
		if id, err = d.identity(); err != nil {
			return err
		}
		return d.checkTables(id)
	})
	if err != nil {
		return 0, err
	}
	if d.server.token, err = readToken(d.path); err != nil {
		return 0, err
	}
	if missed, err = d.seeAgain(ctx, id); err != nil {
		return 0, err
	}
	return missed, d.closeNow()
}

// closeNow closes what was gathered, if anything was.
func (d *Device) closeNow() error {
	row, err := d.replica.QueryRow("SELECT 1 FROM main.replog_change LIMIT 1")
	if err != nil || row == nil {
		return busy(d.path, err)
	}
	return d.write(func() error {
		id, err := d.identity()
		if err != nil {
			return err
		}
		return d.close(id)
	})
}

// run is one sync, a request after the other.
type run struct {
	*Device
	mode Mode
	// sent and last are the highest seq that was sent, and the highest that is
	// to be: what is closed during the sync waits for the next.
	sent, last replog.Seq
	// again: transactions that the server had lost are being sent again.
	again bool
	// differed are entries of which the changes are needed.
	differed []replog.Revision
	checks   schemaChecks
	// settled: the file's schema has been compared with the log's as it is.
	settled bool
	result  *SyncResult
	traffic traffic
}

// round is one request and what follows from its answer. It tells whether
// another is needed: the answer stopped before the head, or more is to be sent.
func (r *run) round(ctx context.Context) (more bool, err error) {
	id, err := r.identity()
	if err != nil {
		return false, err
	}
	upload, rest, err := r.nextUpload()
	if err != nil {
		return false, err
	}
	mode := r.mode
	if rest && mode == Both {
		mode = PushOnly // the last request brings all verdicts
	}
	answer, err := r.exchange(ctx, id, upload, wish{mode: mode, differed: r.differed}, &r.traffic)
	if gap := gapAt(err); gap > 0 && !r.again {
		r.again, r.sent = true, gap-1
		return true, r.forgetUploaded(gap)
	}
	if err != nil {
		return false, err
	}
	defer answer.close()
	if n := len(upload); n > 0 {
		r.sent = upload[n-1].seq
		r.result.Uploaded += n
	}
	if err := r.options.Fault(FaultAnswered); err != nil {
		return false, err
	}
	if mode == PushOnly {
		if err := r.noteUploaded(upload); err != nil {
			return false, err
		}
		again, err := r.sendLost(answer.first.LastSeq)
		return rest || again, err
	}
	err = r.rebase(answer, r.result)
	var reload *reloadError
	if errors.As(err, &reload) {
		return true, r.loadAgain(ctx)
	}
	var differed *differedError
	if errors.As(err, &differed) && !slices.Contains(r.differed, differed.revision) {
		r.differed = append(r.differed, differed.revision)
		if !answer.foreignSchema { // as statements may name what this file does not have yet
			r.result.Differed++
		}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	r.differed = nil
	r.noteChecks(answer)
	if err := r.options.Fault(FaultCommitted); err != nil || rest || answer.done.More {
		return err == nil, err
	}
	return r.sendLost(0)
}

// sendLost looks for what was uploaded above a seq, and is no longer in the log: of all
// that still has no verdict when the log's head is reached, or of what is above the last
// that the log has. It tells whether to send that again now.
func (r *run) sendLost(above replog.Seq) (again bool, err error) {
	row, err := r.replica.QueryRow("SELECT min(seq) FROM main.replog_outbox WHERE uploaded AND seq > ?", replog.Integer(int64(above)))
	if err != nil || row[0].IsNull() || r.again {
		return false, busy(r.path, err)
	}
	first := replog.Seq(row[0].Int64())
	r.again, r.sent = true, first-1
	return r.mode != PullOnly, r.forgetUploaded(first)
}

// nextUpload picks what the next request sends and tells whether that leaves
// something for another.
func (r *run) nextUpload() (upload []*pending, rest bool, err error) {
	if r.mode == PullOnly {
		return nil, false, nil
	}
	pending, err := r.outbox().list()
	if err != nil {
		return nil, false, busy(r.path, err)
	}
	size := 0
	for _, p := range pending {
		if p.uploaded || p.seq <= r.sent || p.seq > r.last {
			continue
		}
		size += p.size
		if len(upload) > 0 && size > r.options.MaxUpload {
			return upload, true, nil
		}
		upload = append(upload, p)
	}
	return upload, false, nil
}

// gapAt is the seq that the server misses, where an error says that; else 0.
func gapAt(err error) replog.Seq {
	var p *replog.Problem
	if errors.As(err, &p) && p.Code == replog.CodeGap {
		return p.ExpectedSeq
	}
	return 0
}

// forgetUploaded makes transactions from a seq on count as not uploaded: the
// server was brought back to a state before them.
func (d *Device) forgetUploaded(from replog.Seq) error {
	return d.write(func() error {
		return d.replica.Exec("UPDATE main.replog_outbox SET uploaded = 0 WHERE seq >= ?", replog.Integer(int64(from)))
	})
}

// wish is what an answer is to hold.
type wish struct {
	mode Mode
	// differed are entries whose changes are wanted; asChanges, those of all.
	differed  []replog.Revision
	asChanges bool
}

// exchange sends transactions and reads the answer to its end, before anything
// is locked. Where the answer does not come it asks again: sending twice is
// harmless.
func (d *Device) exchange(ctx context.Context, id *identity, sent []*pending, w wish, t *traffic) (a *answer, err error) {
	err = d.server.again(ctx, true, func() error {
		a, err = d.ask(ctx, id, sent, w, t)
		return err
	})
	return a, err
}

// ask is an attempt of exchange.
func (d *Device) ask(ctx context.Context, id *identity, sent []*pending, w wish, t *traffic) (*answer, error) {
	upload, err := d.newUpload(id, sent, w)
	if err != nil {
		return nil, err
	}
	res, err := d.server.once(ctx, call{
		method: "POST", path: "/sync", body: func() io.Reader { return upload }, encoding: upload.coding, contentType: "application/x-ndjson",
		sending: gauge{d.options.Progress, StageUpload, -1}, receiving: gauge{d.options.Progress, StageDownload, -1},
	}, t)
	if failed := upload.end(); failed != nil {
		return nil, errors.Join(busy(d.path, failed), closeBody(res))
	}
	if upload.coding == codingColumns && notTaken(err) {
		d.noColumns = true
		return d.ask(ctx, id, sent, w, t)
	}
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	a, err := readAnswer(res.Body, id.Device)
	if err := checkAnswer(a, err, id, w.mode, d.server.address()); err != nil {
		return nil, errors.Join(err, a.close())
	}
	_, _ = io.Copy(io.Discard, res.Body) // so that the connection can be used again
	return a, nil
}

// notTaken tells whether the server does not know the coding of a body.
func notTaken(err error) bool {
	var p *replog.Problem
	return errors.As(err, &p) && p.Status == http.StatusUnsupportedMediaType
}

func checkAnswer(a *answer, err error, id *identity, mode Mode, address string) error {
	switch {
	case errors.Is(err, replog.ErrForm):
		return fmt.Errorf("%s: the server's answer: %w", address, err)
	case err != nil:
		return &UnreachableError{URL: address, Err: fmt.Errorf("the answer was cut: %w", err)}
	case mode != PushOnly && a.done.Revision < id.SyncPoint:
		return endsBefore()
	case mode != PushOnly && a.done.Revision == id.SyncPoint && id.Chain != "" && a.done.Chain != "" && a.done.Chain != id.Chain:
		return otherHistory()
	}
	return nil
}

// noteUploaded remembers that the server has some transactions.
func (d *Device) noteUploaded(sent []*pending) error {
	if len(sent) == 0 {
		return nil
	}
	return d.write(func() error {
		last := sent[len(sent)-1].seq
		return d.replica.Exec("UPDATE main.replog_outbox SET uploaded = 1 WHERE seq <= ?", replog.Integer(int64(last)))
	})
}
