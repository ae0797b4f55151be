package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"replog/replog"
)

func (h *harness) log(token, query string) []replog.LogLine {
	h.t.Helper()
	r := h.do("GET", "/v1/shop/log"+query, token, nil)
	h.ok(r, http.StatusOK)
	var lines []replog.LogLine
	for s := bufio.NewScanner(bytes.NewReader(r.body)); s.Scan(); {
		var l replog.LogLine
		h.must(json.Unmarshal(s.Bytes(), &l))
		lines = append(lines, l)
	}
	return lines
}

func TestLogIsSelectedByQuery(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	b.insert(2, "stool") // a conflict: revision 2
	b.sync()
	a.insert(3, "desk")
	a.sync()
	device := "&device=" + string(b.header.Device)
	for query, want := range map[string]string{
		"":                        "1 3",
		"?all=1":                  "1 2 3",
		"?all=1&order=desc":       "3 2 1",
		"?all=1&after=1":          "2 3",
		"?all=1&after=1&upto=2":   "2",
		"?all=1&limit=1":          "1",
		"?order=desc&limit=1":     "3",
		"?all=1" + device:         "2",
		"?all=0" + device:         "",
		"?after=3":                "",
		"?after=3000":             "",
		"?all=1&order=asc&upto=1": "1",
	} {
		var got []string
		for _, l := range h.log(a.token, query) {
			got = append(got, formatRevision(l.Revision))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q gives %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"?after=x", "?after=-1", "?limit=1.5", "?all=yes", "?order=up", "?device=x", "?upto=99999999999999999999"} {
		h.expect(h.do("GET", "/v1/shop/log"+query, a.token, nil), http.StatusBadRequest, replog.CodeMalformed)
	}
}

func TestTheVerdictsOnADevicesTransactionsAreRead(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	b.insert(2, "stool") // a conflict: revision 2
	b.sync()
	a.insert(3, "desk")
	a.sync()
	for query, want := range map[string]string{
		"/" + string(a.header.Device):                              "1:applied 3:applied to 3",
		"/" + string(b.header.Device):                              "2:conflict to 3",
		"/" + string(a.header.Device) + "/verdicts?after=1&upto=2": "to 2",
		"/" + string(a.header.Device) + "/verdicts?upto=2":         "1:applied to 2",
		"/" + string(a.header.Device) + "/verdicts?after=9":        "to 3",
		"/00000000-0000-4000-8000-000000000000/verdicts":           "to 3",
	} {
		if !strings.Contains(query, "/verdicts") {
			query += "/verdicts"
		}
		r := h.do("GET", "/v1/shop/devices"+query, b.token, nil)
		h.ok(r, http.StatusOK)
		var got []string
		for lines := replog.NewLineReader(bytes.NewReader(r.body)); ; {
			line, err := lines.AnswerLine()
			h.must(err)
			if line.Done != nil {
				got = append(got, "to "+formatRevision(line.Done.Revision))
				break
			}
			if line.Verdict.Hash == "" || (line.Verdict.Outcome == replog.Conflict) != (len(line.Verdict.Parts) > 0) {
				t.Errorf("%+v", line.Verdict)
			}
			got = append(got, formatRevision(line.Verdict.Revision)+":"+string(line.Verdict.Outcome))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%q gives %q, want %q", query, text, want)
		}
	}
	for _, path := range []string{"x/verdicts", string(a.header.Device) + "/verdicts?after=x"} {
		h.expect(h.do("GET", "/v1/shop/devices/"+path, a.token, nil), http.StatusBadRequest, replog.CodeMalformed)
	}
}

func TestOneRevisionOfTheLogIsReadWhole(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	r := h.do("GET", "/v1/shop/log/1", a.token, nil)
	h.ok(r, http.StatusOK)
	var l replog.LogLine
	h.must(json.Unmarshal(r.body, &l))
	if l.Revision != 1 || l.Outcome != replog.Applied || len(l.Statements) != 1 || l.Statements[0].Args[1] != replog.Text("chair") {
		t.Errorf("got %+v", l)
	}
	h.expect(h.do("GET", "/v1/shop/log/2", a.token, nil), http.StatusNotFound, replog.CodeNotFound)
	h.expect(h.do("GET", "/v1/shop/log/x", a.token, nil), http.StatusBadRequest, replog.CodeMalformed)
}

func TestDevicesAreListedAndRevoked(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	h.expect(h.do("DELETE", "/v1/shop/devices/x", h.admin(), nil), http.StatusBadRequest, replog.CodeMalformed)
	h.expect(h.do("DELETE", "/v1/shop/devices/00000000-0000-4000-8000-000000000000", h.admin(), nil),
		http.StatusNotFound, replog.CodeNotFound)
	h.ok(h.do("DELETE", "/v1/shop/devices/"+string(a.header.Device), h.admin(), nil), http.StatusNoContent)
	var listed device
	h.must(json.Unmarshal(h.do("GET", "/v1/shop/devices", h.admin(), nil).body, &listed))
	if listed.ID != a.header.Device || listed.Name != "a laptop" || listed.Revoked == 0 || listed.Enrolled == 0 {
		t.Errorf("listed: %+v", listed)
	}
}

func TestHealthNeedsNoToken(t *testing.T) {
	h := newHarness(t)
	h.shop()
	h.ok(h.do("GET", "/healthz", "", nil), http.StatusOK)
	h.ok(h.do("GET", "/readyz", "", nil), http.StatusOK)
	h.srv.opened("shop").broken.Store(true)
	h.ok(h.do("GET", "/readyz", "", nil), http.StatusServiceUnavailable)
	h.must(h.srv.Close())
	h.ok(h.do("GET", "/healthz", "", nil), http.StatusOK)
	h.ok(h.do("GET", "/readyz", "", nil), http.StatusServiceUnavailable)
}

// syncBuffer is a buffer that the server's goroutines write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestRequestsAreLoggedWithoutTokens(t *testing.T) {
	var out syncBuffer
	h := newHarness(t, func(c *Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	h.shop()
	a := h.enrol("shop")
	token := h.enrolmentToken("shop")
	a.sync()
	h.do("GET", "/v1/shop/snapshot?token="+token, token, nil)
	h.do("GET", "/v1/shop/log", "replog_device_wrong", nil)
	logged := out.String()
	for _, secret := range []string{h.admin(), a.token, token, "wrong"} {
		if strings.Contains(logged, secret) {
			t.Errorf("the log holds a token:\n%s", logged)
		}
	}
	for _, want := range []string{`"path":"/v1/shop/sync"`, `"status":401`, string(a.header.Device)} {
		if !strings.Contains(logged, want) {
			t.Errorf("the log lacks %s:\n%s", want, logged)
		}
	}
}

func TestUploadThatStallsIsGivenUp(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	h.cfg.Limits.Stall = 500 * time.Millisecond
	h.restart()
	a.insert(2, "chair")
	body := a.upload()
	conn, err := net.Dial("tcp", h.web.Listener.Addr().String())
	h.must(err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /v1/shop/sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		a.token, len(body)+1, body)
	h.must(err)
	h.must(conn.SetReadDeadline(time.Now().Add(10 * time.Second)))
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	h.must(err)
	defer r.Body.Close()
	if r.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", r.StatusCode)
	}
	if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[2]\n" {
		t.Errorf("what came whole is not kept: %s", rows)
	}
}

func TestServeStopsWhenTold(t *testing.T) {
	h := newHarness(t)
	h.shop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- h.srv.Serve(ctx, l) }()
	url := "http://" + l.Addr().String() + "/healthz"
	eventually(t, func() bool {
		r, err := http.Get(url)
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	stop()
	h.must(<-ended)
	if _, err := http.Get(url); err == nil {
		t.Error("it still answers")
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	h := newHarness(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	h.must(l.Close())
	if err := h.srv.Serve(t.Context(), l); err == nil || errors.Is(err, http.ErrServerClosed) {
		t.Errorf("got %v", err)
	}
}
