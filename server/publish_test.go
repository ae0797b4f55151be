package server

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

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
	kept, err := os.ReadFile(h.basePath("shop"))
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
	h.rows(filepath.Join(h.cfg.Data, "server.db"), `DELETE FROM database`) // a crash right after the rename
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
