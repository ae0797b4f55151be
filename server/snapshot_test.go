package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"replog/applier"
	"replog/replog"
)

// fetch asks for the snapshot of shop.
func (h *harness) fetch(headers ...string) *reply {
	h.t.Helper()
	return h.do("GET", "/v1/shop/snapshot", h.admin(), nil, headers...)
}

// the headers of a client that wants the newest, and of one that takes zstd.
var (
	newest = []string{"Cache-Control", "no-cache"}
	coded  = []string{"Accept-Encoding", "zstd"}
)

// checkDigest checks that a plain body is what the headers say.
func (h *harness) checkDigest(r *reply, plain []byte) {
	h.t.Helper()
	digest := sha256.Sum256(plain)
	if got := r.Header.Get(replog.HeaderDigest); got != hex.EncodeToString(digest[:]) {
		h.t.Errorf("the digest is %q", got)
	}
	if got := r.Header.Get(replog.HeaderSize); got != strconv.Itoa(len(plain)) {
		h.t.Errorf("the size is %q of %d", got, len(plain))
	}
}

// snapshotFiles counts the files kept.
func (h *harness) snapshotFiles() int {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.srv.opened("shop").snapshotsFolder(), "*"))
	h.must(err)
	return len(files)
}

func TestSnapshotIsTheReplicaWithItsTriggers(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	r := h.do("GET", "/v1/shop/snapshot", a.token, nil)
	h.ok(r, http.StatusOK)
	if r.Header.Get(replog.HeaderRevision) != "1" || r.Header.Get(replog.HeaderDatabase) != a.header.Database ||
		r.Header.Get(replog.HeaderEpoch) != string(a.header.Epoch) {
		t.Errorf("headers: %v", r.Header)
	}
	h.checkDigest(r, r.body)
	path := filepath.Join(t.TempDir(), "snapshot.db")
	h.must(os.WriteFile(path, r.body, 0o600))
	if rows := h.rows(path, allItems); rows != h.replicaRows("shop", allItems) {
		t.Errorf("rows: %s", rows)
	}
	schema := `SELECT +type, +name, +sql FROM sqlite_schema ORDER BY rowid`
	base := h.rows(h.basePath("shop"), schema)
	if got := h.rows(path, schema); got != base {
		t.Errorf("schema\n%s\nwant\n%s", got, base)
	}
	if got := h.rows(path, `INSERT INTO item VALUES (3, 'x', 0)`) + h.rows(path, `SELECT +what FROM audit`); got != "[\"first 3\"]\n[\"second 3\"]\n" {
		t.Errorf("the triggers fire as %s", got)
	}
	c, err := applier.Open(path, applier.OpenOptions{})
	h.must(err)
	defer c.Close()
	list, err := applier.ReadObjects(c)
	h.must(err)
	if applier.FingerprintObjects(list) != a.header.Schema {
		t.Error("the snapshot's schema has another fingerprint")
	}
}

func TestSnapshotComesInPartsOfEitherForm(t *testing.T) {
	h := newHarness(t)
	h.shop()
	tags := map[string]bool{}
	for _, form := range [][]string{nil, coded} {
		whole := h.fetch(form...)
		h.ok(whole, http.StatusOK)
		etag := whole.Header.Get("ETag")
		if tags[etag] || len(etag) != 34 || whole.Header.Get("Vary") != "Accept-Encoding" ||
			whole.Header.Get("Content-Length") != strconv.Itoa(len(whole.body)) {
			t.Errorf("headers: %v", whole.Header)
		}
		tags[etag] = true
		size := len(whole.body)
		for _, from := range []int{0, 1, 100, size - 1} {
			part := h.fetch(append(form, "Range", fmt.Sprintf("bytes=%d-", from), "If-Range", etag)...)
			h.ok(part, http.StatusPartialContent)
			if !bytes.Equal(part.body, whole.body[from:]) || part.Header.Get("ETag") != etag ||
				part.Header.Get("Content-Encoding") != whole.Header.Get("Content-Encoding") ||
				part.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", from, size-1, size) ||
				part.Header.Get(replog.HeaderDigest) != whole.Header.Get(replog.HeaderDigest) {
				t.Errorf("from %d: headers %v", from, part.Header)
			}
		}
		beyond := h.fetch(append(form, "Range", fmt.Sprintf("bytes=%d-", size))...)
		h.ok(beyond, http.StatusRequestedRangeNotSatisfiable)
		unchanged := h.fetch(append(form, "If-None-Match", etag)...)
		h.ok(unchanged, http.StatusNotModified)
		other := h.fetch(append(form, "Range", "bytes=1-", "If-Range", `"another"`)...)
		h.ok(other, http.StatusOK)
		if !bytes.Equal(other.body, whole.body) || other.Header.Get("Content-Length") != strconv.Itoa(size) {
			t.Errorf("another ETag gets %d bytes, headers %v", len(other.body), other.Header)
		}
		h.ok(h.fetch(append(form, "If-Match", `"another"`)...), http.StatusPreconditionFailed)
	}
}

func TestSnapshotIsCompressedWhereAskedFor(t *testing.T) {
	h := newHarness(t)
	h.shop()
	r := h.fetch(coded...)
	h.ok(r, http.StatusOK)
	whole := h.fetch()
	if r.Header.Get("Content-Encoding") != "zstd" || whole.Header.Get("Content-Encoding") != "" || len(r.body) >= len(whole.body) {
		t.Errorf("%d of %d bytes, headers %v", len(r.body), len(whole.body), r.Header)
	}
	z, err := zstd.NewReader(bytes.NewReader(r.body))
	h.must(err)
	defer z.Close()
	plain, err := io.ReadAll(z)
	h.must(err)
	if !bytes.Equal(plain, whole.body) {
		t.Error("it is another file")
	}
	h.checkDigest(r, plain)
	h.checkDigest(whole, plain)
}

func TestSnapshotServesForAWhileUnlessTheNewestIsAskedFor(t *testing.T) {
	var minutes atomic.Int64
	h := newHarness(t, func(c *Config) {
		c.Clock = func() time.Time { return time.UnixMilli(0).Add(time.Duration(minutes.Load()) * time.Minute) }
	})
	h.shop()
	a := h.enrol("shop")
	revision := func(headers ...string) string { return h.fetch(headers...).Header.Get(replog.HeaderRevision) }
	if got := revision(); got != "0" {
		t.Fatalf("revision %s", got)
	}
	a.insert(2, "chair")
	a.sync()
	if got := revision(); got != "0" {
		t.Errorf("a commit made another one, of revision %s", got)
	}
	if got := revision(newest...); got != "1" {
		t.Errorf("the newest is of revision %s", got)
	}
	a.insert(3, "desk")
	a.sync()
	minutes.Add(2)
	if got := revision(); got != "1" {
		t.Errorf("revision %s, though the one before it is kept", got)
	}
	minutes.Add(20)
	if got := revision(); got != "2" {
		t.Errorf("long after, revision %s", got)
	}
}

func TestDownloadGoesOnAfterTheSnapshotWasReplaced(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	first := h.fetch(coded...)
	for id := range int64(2) {
		a.insert(10+id, "chair")
		a.sync()
		r := h.fetch(append(newest, coded...)...)
		h.ok(r, http.StatusOK)
		part := h.fetch(append(coded, "Range", "bytes=50-", "If-Range", first.Header.Get("ETag"), "Cache-Control", "no-cache")...)
		if id == 0 {
			h.ok(part, http.StatusPartialContent)
			if !bytes.Equal(part.body, first.body[50:]) || part.Header.Get(replog.HeaderRevision) != "0" {
				t.Errorf("%d bytes, headers %v", len(part.body), part.Header)
			}
			continue
		}
		// The second to be made takes its place: two are kept.
		h.ok(part, http.StatusOK)
		if part.Header.Get(replog.HeaderRevision) != "2" {
			t.Errorf("headers %v", part.Header)
		}
	}
	if n := h.snapshotFiles(); n != keptSnapshots {
		t.Errorf("%d files are kept", n)
	}
}

func TestSnapshotsAreMadeAgainWithTheSameETag(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	plain, packed := h.fetch(), h.fetch(coded...)
	again := func(what string) {
		t.Helper()
		if got := h.fetch().Header.Get("ETag"); got != plain.Header.Get("ETag") {
			t.Errorf("%s: ETag %s", what, got)
		}
		if got := h.fetch(coded...).Header.Get("ETag"); got != packed.Header.Get("ETag") {
			t.Errorf("%s: compressed, ETag %s", what, got)
		}
	}
	h.must(os.RemoveAll(h.srv.opened("shop").snapshotsFolder()))
	again("the folder was deleted")
	h.restart()
	if n := h.snapshotFiles(); n != 0 {
		t.Errorf("%d files are left after a start", n)
	}
	again("restarted")
}

func TestSnapshotIsMadeOnceForThoseWhoWait(t *testing.T) {
	h := newHarness(t)
	h.shop()
	d := h.srv.opened("shop")
	d.snapshots.making <- struct{}{} // as if one were being made
	var wait sync.WaitGroup
	tags := make([]string, 8)
	for i := range tags {
		wait.Go(func() { tags[i] = h.fetch(coded...).Header.Get("ETag") })
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := d.openSnapshot(ctx, wanted{})
		gone <- err
	}()
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who gave up got %v", err)
	}
	<-d.snapshots.making
	wait.Wait()
	for _, tag := range tags {
		if tag == "" || tag != tags[0] {
			t.Errorf("ETags %v", tags)
		}
	}
	if n := h.snapshotFiles(); n != 1 {
		t.Errorf("%d files", n)
	}
}

func TestUploadsDoNotWaitForASnapshot(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	// A view of the replica that is never closed is the worst that making one
	// can do to the writer.
	c, err := applier.Open(h.srv.opened("shop").replicaPath(), applier.OpenOptions{})
	h.must(err)
	defer c.Close()
	h.must(c.BeginRead())
	h.srv.opened("shop").snapshots.making <- struct{}{}
	for id := range int64(200) {
		a.insert(10+id, "chair")
		a.sync()
	}
	<-h.srv.opened("shop").snapshots.making
}

func TestDamagedReplicaGivesNoSnapshot(t *testing.T) {
	h := newHarness(t)
	h.publish("shop", `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL);
		WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 200)
		INSERT INTO item SELECT i, hex(randomblob(200)), 1 FROM n`)
	replica := h.srv.opened("shop").replicaPath()
	h.rows(replica, `PRAGMA wal_checkpoint(TRUNCATE)`)
	f, err := os.OpenFile(replica, os.O_RDWR, 0)
	h.must(err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, 64), 6*4096)
	h.must(err)
	h.must(f.Close())
	h.expect(h.fetch(), http.StatusInternalServerError, replog.CodeInternal)
	if n := h.snapshotFiles(); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

func TestSnapshotIsMadeWhileTheWriterWorks(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := int64(2); ; i++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			a.insert(i, "chair")
			if _, err := a.try(); err != nil {
				ended <- err
				return
			}
		}
	}()
	for n := range 20 {
		r := h.fetch(newest...)
		h.ok(r, http.StatusOK)
		path := filepath.Join(t.TempDir(), "snapshot.db")
		h.must(os.WriteFile(path, r.body, 0o600))
		// Each transaction adds one row to the one that was published.
		if got := h.rows(path, `SELECT count(*) - 1 FROM item`); got != "["+r.Header.Get(replog.HeaderRevision)+"]\n" {
			t.Fatalf("snapshot %d of revision %s has %s more rows", n, r.Header.Get(replog.HeaderRevision), got)
		}
	}
	close(stop)
	h.must(<-ended)
}
