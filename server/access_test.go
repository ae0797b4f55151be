package server

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"replog/replog"
)

// cast is one token of each kind.
type cast struct {
	admin, enrolment, device, other, foreign, revoked, none string
}

func newCast(h *harness) (cast, *double) {
	h.shop()
	h.publish("garden", shopSchema)
	a, revoked, foreign := h.enrol("shop"), h.enrol("shop"), h.enrol("garden")
	h.ok(h.do("DELETE", "/v1/shop/devices/"+string(revoked.header.Device), h.admin(), nil), http.StatusNoContent)
	return cast{
		admin: h.admin(), enrolment: h.enrolmentToken("shop"), device: a.token,
		other: h.enrolmentToken("garden"), foreign: foreign.token, revoked: revoked.token,
	}, a
}

func TestEveryCallTakesItsTokensOnly(t *testing.T) {
	h := newHarness(t)
	who, a := newCast(h)
	device := string(h.enrol("shop").header.Device)
	file := h.sqliteFile(shopSchema)
	sync := string(a.upload())
	const (
		no   = http.StatusForbidden
		what = http.StatusUnauthorized
	)
	for _, c := range []struct {
		method, path, body       string
		admin, enrolment, device int
		unknown                  bool // no such call, whoever asks
	}{
		{"GET", "/v1/shop/log", "", 200, no, 200, false},
		{"GET", "/v1/shop/log/1", "", 404, no, 404, false},
		{"GET", "/v1/shop/events?after=x", "", 400, no, 400, false},
		{"GET", "/v1/shop/snapshot", "", 200, 200, 200, false},
		{"POST", "/v1/shop/sync", sync, no, no, 200, false},
		{"GET", "/v1/shop/devices", "", 200, no, no, false},
		{"GET", "/v1/shop/devices/" + device + "/verdicts", "", 200, no, 200, false},
		{"PUT", "/v1/new", string(file), 201, no, no, false},
		{"PUT", "/v1/shop", string(file), 409, no, no, false},
		{"DELETE", "/v1/shop/devices/" + device, "", 204, no, no, false},
		{"GET", "/v1/absent/log", "", 404, no, no, false},
		{"GET", "/v1/absent/snapshot", "", 404, no, no, false},
		{"POST", "/v1/absent/sync", sync, 404, no, no, false},
		{"GET", "/v1/shop", "", 404, 404, 404, true},
		{"PATCH", "/v1/shop/log", "", 404, 404, 404, true},
		// Last, as it spends the enrolment token.
		{"POST", "/v1/shop/devices", `{"name":"x"}`, 201, 201, no, false},
	} {
		for _, by := range []struct {
			name, token string
			want        int
		}{
			{"nobody", who.none, what},
			{"an unknown token", "replog_device_" + strings.Repeat("A", 43), what},
			{"a revoked device", who.revoked, what},
			{"an administrator", who.admin, c.admin},
			{"an enrolment token", who.enrolment, c.enrolment},
			{"a device", who.device, c.device},
			{"an enrolment token of another database", who.other, no},
			{"a device of another database", who.foreign, no},
		} {
			if c.unknown && by.token != "" && by.want == no {
				by.want = http.StatusNotFound
			}
			r := h.do(c.method, c.path, by.token, []byte(c.body))
			if r.StatusCode != by.want {
				t.Errorf("%s %s by %s: %d, want %d: %s", c.method, c.path, by.name, r.StatusCode, by.want, r.body)
			}
			if r.StatusCode == what && r.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s by %s: no WWW-Authenticate", c.method, c.path, by.name)
			}
		}
	}
}

func TestRevokingWorksFromTheNextRequestOn(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.sync()
	access, err := OpenAccess(t.Context(), h.cfg.Stores, nil, nil) // as another process would
	h.must(err)
	defer access.Close()
	tokens, err := access.List(t.Context())
	h.must(err)
	for _, k := range tokens {
		if k.Kind == DeviceToken {
			h.must(access.Revoke(t.Context(), k.ID))
		}
	}
	r, err := a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusUnauthorized, replog.CodeUnauthorized)
	devices := h.do("GET", "/v1/shop/devices", h.admin(), nil)
	if !strings.Contains(string(devices.body), `"revoked_at"`) {
		t.Errorf("the device is not listed as revoked: %s", devices.body)
	}
}

func TestEnrolmentTokenServesOnce(t *testing.T) {
	h := newHarness(t)
	h.shop()
	token := h.enrolmentToken("shop")
	h.ok(h.do("GET", "/v1/shop/snapshot", token, nil), http.StatusOK)
	h.expect(h.do("POST", "/v1/shop/devices", token, []byte(`{`)), http.StatusBadRequest, replog.CodeMalformed)
	h.ok(h.do("POST", "/v1/shop/devices", token, []byte(`{}`)), http.StatusCreated)
	h.expect(h.do("POST", "/v1/shop/devices", token, []byte(`{}`)), http.StatusUnauthorized, replog.CodeUnauthorized)
	h.expect(h.do("GET", "/v1/shop/snapshot", token, nil), http.StatusUnauthorized, replog.CodeUnauthorized)
}

func TestEnrolmentTokenSentTwiceAtOnceMakesOneDevice(t *testing.T) {
	h := newHarness(t)
	h.shop()
	token := h.enrolmentToken("shop")
	codes := make(chan int, 8)
	for range cap(codes) {
		go func() {
			r, err := h.send("POST", "/v1/shop/devices", token, []byte(`{}`))
			if err != nil {
				codes <- 0
				return
			}
			codes <- r.StatusCode
		}()
	}
	made := 0
	for range cap(codes) {
		switch code := <-codes; code {
		case http.StatusCreated:
			made++
		case http.StatusUnauthorized:
		default:
			t.Errorf("status %d", code)
		}
	}
	if made != 1 {
		t.Errorf("%d devices", made)
	}
}

func TestEnrolmentTokenExpires(t *testing.T) {
	begun := time.Now()
	var passed atomic.Int64
	h := newHarness(t, func(c *Config) {
		c.Clock = func() time.Time { return begun.Add(time.Duration(passed.Load())) }
	})
	h.shop()
	token := h.enrolmentToken("shop") // for an hour
	passed.Store(int64(59 * time.Minute))
	h.ok(h.do("GET", "/v1/shop/snapshot", token, nil), http.StatusOK)
	passed.Store(int64(61 * time.Minute))
	h.expect(h.do("POST", "/v1/shop/devices", token, []byte(`{}`)), http.StatusUnauthorized, replog.CodeUnauthorized)
}

func TestFirstAdministratorsTokenIsPrivateAndMadeOnce(t *testing.T) {
	h := newHarness(t)
	path := filepath.Join(h.cfg.Data, adminTokenFile)
	info, err := os.Stat(path)
	h.must(err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	first := h.admin()
	if !regexp.MustCompile(`^replog_administrator_[A-Za-z0-9_-]{43}$`).MatchString(first) {
		t.Errorf("token %q", first)
	}
	h.restart()
	if h.admin() != first {
		t.Error("a restart made another token")
	}
}

func TestTokensAreNotInTheRegistry(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	secrets := []string{h.admin(), a.token, h.enrolmentToken("shop")}
	h.stop()
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(filepath.Join(h.cfg.Data, "server.db"+suffix))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		h.must(err)
		for _, secret := range secrets {
			if strings.Contains(string(b), secret) || strings.Contains(string(b), secret[len(secret)-43:]) {
				t.Errorf("server.db%s holds a token", suffix)
			}
		}
	}
}

func TestAccessSaysWhatIsMissing(t *testing.T) {
	ctx := context.Background()
	h := newHarness(t)
	a, err := OpenAccess(ctx, h.cfg.Stores, nil, nil)
	h.must(err)
	defer a.Close()
	if _, _, err := a.CreateEnrolment(ctx, "shop", "", 0); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("an absent database: %v", err)
	}
	if err := a.Revoke(ctx, "x"); !errors.Is(err, ErrNoToken) {
		t.Errorf("an absent token: %v", err)
	}
}

func TestAdministratorsTokenOfAccessWorks(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, err := OpenAccess(t.Context(), h.cfg.Stores, nil, nil)
	h.must(err)
	defer a.Close()
	_, secret, err := a.CreateAdministrator(t.Context(), "second")
	h.must(err)
	h.ok(h.do("GET", "/v1/shop/devices", secret, nil), http.StatusOK)
}
