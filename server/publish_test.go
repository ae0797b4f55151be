package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"replog/applier"
	"replog/replog"
)

func TestPublishedFileIsRevisionZero(t *testing.T) {
	h := newHarness(t)
	file := h.sqliteFile(shopSchema)
	r := h.do("PUT", "/v1/shop", h.admin(), file)
	h.ok(r, http.StatusCreated)
	if r.Header.Get(replog.HeaderRevision) != "0" || len(r.Header.Get(replog.HeaderDatabase)) != 36 || len(r.Header.Get(replog.HeaderEpoch)) != 36 {
		t.Errorf("headers: %v", r.Header)
	}
	kept, err := os.ReadFile(h.srv.database("shop").basePath())
	h.must(err)
	if !bytes.Equal(kept, file) {
		t.Error("the base is not the file that was sent")
	}
}

func TestPublishTakesZstdAndWALFiles(t *testing.T) {
	h := newHarness(t)
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	h.must(err)
	_, err = z.Write(h.sqliteFile("PRAGMA journal_mode=WAL;" + shopSchema))
	h.must(err)
	h.must(z.Close())
	h.ok(h.do("PUT", "/v1/shop", h.admin(), b.Bytes(), "Content-Encoding", "zstd"), http.StatusCreated)
	if rows := h.replicaRows("shop", allItems); rows != "[1,\"lamp\",12.5]\n" {
		t.Errorf("rows: %s", rows)
	}
}

func TestPublishingATakenNameChangesNothing(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	h.expect(h.do("PUT", "/v1/shop", h.admin(), h.sqliteFile(`CREATE TABLE x (id INTEGER PRIMARY KEY)`)),
		http.StatusConflict, replog.CodeExists)
	a.insert(2, "chair")
	a.sync()
	h.restart()
	if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[2]\n" {
		t.Errorf("rows: %s", rows)
	}
}

func TestFileThatIsNotFitIsRefusedAndLeavesNothing(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Limits.PublishBytes = 1 << 20 })
	sound := h.sqliteFile(shopSchema + `
		CREATE TABLE filler (id INTEGER PRIMARY KEY, x);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 2000)
		INSERT INTO filler SELECT i, hex(zeroblob(50)) FROM n;`)
	damaged := bytes.Clone(sound)
	page := len(damaged) / 4096 / 2 * 4096
	copy(damaged[page:], bytes.Repeat([]byte{0xa5}, 100))
	for _, c := range []struct {
		name, database string
		body           []byte
		status         int
		code           string
	}{
		{"empty text", "shop", []byte("hello"), 400, replog.CodeMalformed},
		{"a text", "shop", bytes.Repeat([]byte("no database at all "), 1000), 400, replog.CodeMalformed},
		{"cut", "shop", sound[:len(sound)/2], 400, replog.CodeMalformed},
		{"damaged", "shop", damaged, 400, replog.CodeMalformed},
		{"enrolled", "shop", h.sqliteFile(`CREATE TABLE replog_x (id INTEGER PRIMARY KEY)`), 400, replog.CodeMalformed},
		{"too large", "shop", make([]byte, 2<<20), 413, replog.CodeTooLarge},
		{"bad name", "Shop", sound, 400, replog.CodeMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.expect(h.do("PUT", "/v1/"+c.database, h.admin(), c.body), c.status, c.code)
			for _, folder := range []string{"databases", "incoming"} {
				left, err := os.ReadDir(filepath.Join(h.cfg.Data, folder))
				if err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
				if len(left) > 0 {
					t.Errorf("%s holds %v", folder, left)
				}
			}
		})
	}
	h.ok(h.do("PUT", "/v1/shop", h.admin(), sound), http.StatusCreated)
}

func TestDatabaseWithoutARegistryEntryIsTakenUp(t *testing.T) {
	h := newHarness(t)
	h.shop()
	h.stop()
	h.rows(filepath.Join(h.cfg.Data, registryFile), `DELETE FROM database`) // a crash right after the rename
	h.start()
	if token := h.enrolmentToken("shop"); token == "" {
		t.Error("no token")
	}
}

func TestDatabaseThatWasReplacedIsToldToItsDevices(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	h.stop()
	h.must(os.RemoveAll(filepath.Join(h.cfg.Data, "databases", "shop")))
	h.start()
	r, err := a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusForbidden, replog.CodeForbidden)
	h.shop()
	r, err = a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusConflict, replog.CodeDatabase)
}

func TestSecondServerOnAFolderIsRefused(t *testing.T) {
	h := newHarness(t)
	if _, err := Open(h.cfg); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	h.restart()
}

func TestSnapshotIsTheReplicaWithItsTriggers(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	r := h.do("GET", "/v1/shop/snapshot", a.token, nil)
	h.ok(r, http.StatusOK)
	want := `"` + string(a.header.Epoch) + `-1"`
	if got := r.Header.Get("ETag"); got != want || r.Header.Get(replog.HeaderRevision) != "1" ||
		r.Header.Get(replog.HeaderDatabase) != a.header.Database || r.Header.Get(replog.HeaderEpoch) != string(a.header.Epoch) {
		t.Errorf("headers: %v", r.Header)
	}
	path := filepath.Join(t.TempDir(), "snapshot.db")
	h.must(os.WriteFile(path, r.body, 0o600))
	if rows := h.rows(path, allItems); rows != h.replicaRows("shop", allItems) {
		t.Errorf("rows: %s", rows)
	}
	schema := `SELECT +type, +name, +sql FROM sqlite_schema ORDER BY rowid`
	base := h.rows(h.srv.database("shop").basePath(), schema)
	if got := h.rows(path, schema); got != base {
		t.Errorf("schema\n%s\nwant\n%s", got, base)
	}
	if got := h.rows(path, `INSERT INTO item VALUES (3, 'x', 0)`) + h.rows(path, `SELECT +what FROM audit`); got != "[\"first 3\"]\n[\"second 3\"]\n" {
		t.Errorf("the triggers fire as %s", got)
	}
	c, err := applier.Open(path, applier.OpenOptions{})
	h.must(err)
	defer c.Close()
	s, err := applier.ReadSchema(c)
	h.must(err)
	if s.Fingerprint() != a.header.Schema {
		t.Error("the snapshot's schema has another fingerprint")
	}
}

func TestSnapshotCanBeFetchedInParts(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	whole := h.do("GET", "/v1/shop/snapshot", a.token, nil)
	etag := whole.Header.Get("ETag")
	part := h.do("GET", "/v1/shop/snapshot", a.token, nil, "Range", "bytes=100-199", "If-Range", etag)
	h.ok(part, http.StatusPartialContent)
	if !bytes.Equal(part.body, whole.body[100:200]) {
		t.Error("the part is not that of the whole")
	}
	h.ok(h.do("GET", "/v1/shop/snapshot", a.token, nil, "If-None-Match", etag), http.StatusNotModified)
	a.insert(2, "chair")
	a.sync()
	moved := h.do("GET", "/v1/shop/snapshot", a.token, nil, "Range", "bytes=100-199", "If-Range", etag)
	h.ok(moved, http.StatusOK)
	if moved.Header.Get("ETag") == etag {
		t.Error("another revision has the same ETag")
	}
	old, err := filepath.Glob(filepath.Join(h.srv.database("shop").snapshotsFolder(), "*"))
	h.must(err)
	if len(old) != 1 || !strings.HasSuffix(old[0], "-1.db") {
		t.Errorf("snapshots kept: %v", old)
	}
}

func TestSnapshotIsCompressedWhereAskedFor(t *testing.T) {
	h := newHarness(t)
	h.shop()
	whole := h.do("GET", "/v1/shop/snapshot", h.admin(), nil)
	r := h.do("GET", "/v1/shop/snapshot", h.admin(), nil, "Accept-Encoding", "zstd")
	h.ok(r, http.StatusOK)
	if r.Header.Get("Content-Encoding") != "zstd" || r.Header.Get("ETag") != "W/"+whole.Header.Get("ETag") ||
		r.Header.Get(replog.HeaderRevision) != "0" || len(r.body) >= len(whole.body) {
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
	h.ok(h.do("GET", "/v1/shop/snapshot", h.admin(), nil, "Accept-Encoding", "zstd", "If-None-Match", r.Header.Get("ETag")),
		http.StatusNotModified)
	part := h.do("GET", "/v1/shop/snapshot", h.admin(), nil, "Accept-Encoding", "zstd", "Range", "bytes=0-15")
	if string(part.body) != "SQLite format 3\x00" {
		t.Errorf("the part is %q", part.body)
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
		r := h.do("GET", "/v1/shop/snapshot", h.admin(), nil)
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
