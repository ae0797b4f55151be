package story

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"replog/client"
	"replog/replog"
)

// columns is how bodies of many lines are coded.
const columns = replog.ColumnCoding + ", zstd"

// codings is a transport that notes in which codings bodies come.
type codings struct {
	up, down []string
	// refuse answers as a server would that does not know columns.
	refuse bool
}

func (c *codings) options() client.Options {
	return client.Options{HTTP: &http.Client{Transport: c}, BusyTimeout: 50 * time.Millisecond}
}

func (c *codings) RoundTrip(r *http.Request) (*http.Response, error) {
	up := r.Header.Get("Content-Encoding")
	c.up = append(c.up, up)
	if c.refuse {
		r.Header.Set("Accept-Encoding", strings.ReplaceAll(r.Header.Get("Accept-Encoding"), replog.ColumnCoding, "other"))
	}
	if c.refuse && up == columns {
		_, _ = io.Copy(io.Discard, r.Body)
		p := replog.MarshalProblem(&replog.Problem{Status: http.StatusUnsupportedMediaType, Code: replog.CodeMalformed, Title: "malformed request"})
		return &http.Response{StatusCode: http.StatusUnsupportedMediaType, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(p))}, nil
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		c.down = append(c.down, res.Header.Get("Content-Encoding"))
	}
	return res, err
}

// writeMany writes some rows, in a transaction each.
func (d *device) writeMany(rows int) {
	d.w.t.Helper()
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, "INSERT INTO replog_transaction VALUES('t%d'); INSERT INTO invoice VALUES('i-%[1]d-%s', 1, %[1]d.25, NULL);\n", i, d.path)
	}
	d.write(b.String())
}

func TestManyRowsTravelInColumnsAndFewDoNot(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	for _, tc := range []struct {
		rows   int
		coding string
	}{{1, "zstd"}, {200, columns}, {2, "zstd"}} {
		a.writeMany(tc.rows)
		a.write("DELETE FROM invoice WHERE id LIKE 'i-%'")
		var up, down codings
		sent, err := a.trySync(client.Both, up.options())
		if err != nil || up.up[0] != tc.coding {
			t.Fatalf("%d rows went up in %q, %v", tc.rows, up.up, err)
		}
		got, err := b.trySync(client.Both, down.options())
		if err != nil || down.down[0] != tc.coding {
			t.Fatalf("%d rows came down in %q, %v", tc.rows, down.down, err)
		}
		if tc.rows > 100 && (sent.BytesSent > 20_000 || got.BytesReceived > 20_000) {
			t.Errorf("%d bytes up, %d down", sent.BytesSent, got.BytesReceived)
		}
	}
	w.converge(a, b)
}

func TestAServerThatDoesNotKnowColumnsGetsNone(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	c := codings{refuse: true}
	x := a.openWith(c.options())
	for n := range 2 {
		a.writeMany(200)
		a.write("DELETE FROM invoice WHERE id LIKE 'i-%'")
		if r, err := x.Sync(t.Context(), client.Both); err != nil || r.Uploaded != 200 {
			t.Fatalf("sync %d: %+v %v", n, r, err)
		}
	}
	if got := strings.Join(c.up, "; "); got != columns+"; zstd; zstd" {
		t.Errorf("uploads in %s", got)
	}
	if _, err := b.trySync(client.Both, c.options()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.down, "; "); got != "zstd; zstd; zstd" {
		t.Errorf("answers in %s", got)
	}
	w.converge(a, b)
}

func TestAnAnswerInColumnsThatIsCutLeavesTheDeviceAsItWas(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.writeMany(100)
	a.sync(client.Both)
	l := &line{cut: 0}
	x := b.openWith(l.options())
	before := ""
	for ; ; l.cut++ {
		if l.cut+70 < len(l.taped) {
			l.cut += 50
		}
		_, err := x.Sync(t.Context(), client.Both)
		if err == nil {
			break // all that counts had come
		}
		if !isUnreachable(err) {
			t.Fatalf("cut after %d of %d bytes: %v", l.cut, len(l.taped), err)
		}
		if before == "" {
			before = b.bytes()
		}
		if b.bytes() != before {
			t.Fatalf("cut after %d of %d bytes: the file has changed", l.cut, len(l.taped))
		}
		l.replay = true
	}
	if l.cut < len(l.taped)-16 || l.header.Get("Content-Encoding") != columns {
		t.Fatalf("%d of %d bytes, in %q, pass for a whole answer", l.cut, len(l.taped), l.header.Get("Content-Encoding"))
	}
	w.converge(a, b)
}
