package server

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"replog/replog"
)

// codings are those of bodies, with what puts one into it.
var codings = map[string]func(*harness, []byte) []byte{
	"":                     func(_ *harness, b []byte) []byte { return b },
	"identity":             func(_ *harness, b []byte) []byte { return b },
	"gzip":                 (*harness).gzip,
	"zstd":                 (*harness).zstd,
	"ZSTD":                 (*harness).zstd,
	"replog-columns":       (*harness).columns,
	"replog-columns, zstd": func(h *harness, b []byte) []byte { return h.zstd(h.columns(b)) },
	"Replog-Columns,zstd":  func(h *harness, b []byte) []byte { return h.zstd(h.columns(b)) },
	"replog-columns, gzip": func(h *harness, b []byte) []byte { return h.gzip(h.columns(b)) },
}

func (h *harness) coded(w io.WriteCloser, made *bytes.Buffer, b []byte) []byte {
	h.t.Helper()
	_, err := w.Write(b)
	h.must(errors.Join(err, w.Close()))
	return made.Bytes()
}

func (h *harness) gzip(b []byte) []byte {
	var made bytes.Buffer
	return h.coded(gzip.NewWriter(&made), &made, b)
}

func (h *harness) zstd(b []byte) []byte {
	var made bytes.Buffer
	z, err := zstd.NewWriter(&made)
	h.must(err)
	return h.coded(z, &made, b)
}

func (h *harness) columns(b []byte) []byte {
	var made bytes.Buffer
	return h.coded(replog.NewColumnWriter(&made), &made, b)
}

// decoded is an answer's body without its coding.
func (r *reply) decoded(t *testing.T) []byte {
	t.Helper()
	var b io.Reader = bytes.NewReader(r.body)
	coding, compressed := strings.CutSuffix(r.Header.Get("Content-Encoding"), "zstd")
	if compressed {
		z, err := zstd.NewReader(b)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		b = z
	}
	if coding == "replog-columns, " {
		b = replog.NewColumnReader(b)
	} else if coding != "" {
		t.Fatalf("an answer in %q", coding)
	}
	plain, err := io.ReadAll(b)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestBodiesAreTakenInEachCoding(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	next := int64(2)
	for coding, make := range codings {
		for range 2 * replog.ColumnsFrom / 400 {
			a.insert(next, "chair")
			next++
		}
		r, err := a.send(make(h, a.upload()), "Content-Encoding", coding)
		h.must(err)
		h.ok(r, http.StatusOK)
		got, err := readAnswer(r.body)
		if err != nil || got.Revision != replog.Revision(next-2) {
			t.Fatalf("%s: %+v, %v", coding, got, err)
		}
		a.outbox, a.header.SyncPoint, a.header.Chain = nil, got.Revision, got.Chain
	}
}

func TestOtherCodingsOfBodiesAreRefused(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	for _, coding := range []string{"br", "zstd, replog-columns", "zstd, zstd", "replog-columns, replog-columns", "replog-columns, br", "replog-columns-2, zstd"} {
		r, err := a.send(a.upload(), "Content-Encoding", coding)
		h.must(err)
		h.expect(r, http.StatusUnsupportedMediaType, replog.CodeMalformed)
		if got := r.Header.Get("Accept-Encoding"); got != takenCodings {
			t.Errorf("%s: Accept-Encoding %q", coding, got)
		}
	}
}

// What a client does not name it does not get; short answers gain nothing by
// columns.
func TestAnswersComeInACodingThatTheClientTakes(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	one := h.enrol("shop")
	one.header.SyncPoint, one.header.Chain = 0, ""
	for i := range int64(100) {
		a.insert(3+i, strings.Repeat("chair", 20))
	}
	a.sync()
	many := h.enrol("shop")
	many.header.SyncPoint, many.header.Chain = 0, ""
	one.header.PushOnly = true // to get a short answer
	const zstd, columns = "zstd", "replog-columns, zstd"
	for _, c := range []struct{ accepted, short, long string }{
		{"", "", ""}, {"identity", "", ""}, {"gzip", "", ""}, {"replog-columns", "", ""}, {"zstd;q=0", "", ""},
		{"replog-columns, zstd;q=0", "", ""},
		{"zstd", zstd, zstd}, {"gzip;q=0.5, zstd", zstd, zstd}, {"replog-columns;q=0, zstd", zstd, zstd},
		{"replog-columns, zstd", zstd, columns}, {"gzip, zstd;q=0.5, Replog-Columns;q=0.7", zstd, columns},
	} {
		for _, x := range []struct {
			device  *double
			want    string
			entries int
		}{{one, c.short, 0}, {many, c.long, 101}} {
			r, err := x.device.send(x.device.upload(), "Accept-Encoding", c.accepted)
			h.must(err)
			h.ok(r, http.StatusOK)
			if got := r.Header.Get("Content-Encoding"); got != x.want || r.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%q is answered in %q, want %q", c.accepted, got, x.want)
			}
			if got, err := readAnswer(r.decoded(t)); err != nil || len(got.entries) != x.entries {
				t.Errorf("%q: %d entries, %v", c.accepted, len(got.entries), err)
			}
		}
	}
}

func TestOnlyLinesOfJSONComeInColumns(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, strings.Repeat("chair", 10_000))
	a.sync()
	for path, want := range map[string]string{"log?form=sql": "zstd", "log/1?form=whole": "zstd", "log": "replog-columns, zstd", "snapshot": "zstd"} {
		r := h.do("GET", a.path(path), a.token, nil, "Accept-Encoding", "replog-columns, zstd")
		h.ok(r, http.StatusOK)
		if got := r.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%s comes in %q, want %q", path, got, want)
		}
		r.decoded(t)
	}
}

func TestUploadsAreBoundedDecoded(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Limits.UploadBytes = 100_000 })
	h.shop()
	a := h.enrol("shop")
	a.insert(2, string(bytes.Repeat([]byte{'x'}, 200_000)))
	for coding, make := range codings {
		r, err := a.send(make(h, a.upload()), "Content-Encoding", coding)
		h.must(err)
		h.expect(r, http.StatusRequestEntityTooLarge, replog.CodeTooLarge)
	}
}

// A body of few bytes whose blocks hold as much as they may: a line without end.
func TestColumnsThatExpandAreBoundedToo(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Limits.UploadBytes = 10 << 20 })
	h.shop()
	a := h.enrol("shop")
	const size, values = 512 << 10, 128
	body := binary.AppendUvarint([]byte{1}, values) // one template of so many values
	body = append(body, bytes.Repeat([]byte{0}, values)...)
	body = append(body, 1, 1, 2) // one line of it; the first value is constant
	body = append(binary.AppendUvarint(body, size/values), strings.Repeat("y", size/values)...)
	body = append(body, bytes.Repeat([]byte{4, 0}, values-1)...) // the others are the same
	block := binary.AppendUvarint(nil, size<<2|2)
	block = append(binary.AppendUvarint(block, uint64(len(body))), body...)
	if back, err := io.ReadAll(replog.NewColumnReader(bytes.NewReader(block))); len(back) != size || err != nil {
		t.Fatalf("the block holds %d bytes, %v", len(back), err)
	}
	bomb := append(h.columns(replog.EncodeSyncHeader(a.header)), bytes.Repeat(block, 1000)...) // 500 MB
	for coding, make := range map[string]func([]byte) []byte{"replog-columns, zstd": h.zstd, "replog-columns, gzip": h.gzip, "replog-columns": bytes.Clone} {
		r, err := a.send(make(bomb), "Content-Encoding", coding)
		h.must(err)
		h.expect(r, http.StatusRequestEntityTooLarge, replog.CodeTooLarge)
	}
}

func TestColumnsThatAreWrongAreRefusedAsMalformed(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	for i := range int64(30) {
		a.insert(i+2, "chair")
	}
	whole := h.columns(a.upload())
	for name, body := range map[string][]byte{
		"not columns": a.upload(),
		"empty":       nil,
		"cut":         whole[:len(whole)-1],
		"cut early":   whole[:10],
		"more":        append(bytes.Clone(whole), 0xff, 0xff, 0xff, 0xff, 0xff),
		"altered":     bytes.Replace(whole, []byte("chair"), []byte("ch\nir"), 1),
	} {
		for coding, make := range map[string]func([]byte) []byte{"replog-columns, zstd": h.zstd, "replog-columns": bytes.Clone} {
			r, err := a.send(make(body), "Content-Encoding", coding)
			h.must(err)
			if r.StatusCode != http.StatusBadRequest {
				t.Errorf("%s, %s: %d %s", coding, name, r.StatusCode, r.body)
			}
		}
	}
}
