package client

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"replog/replog"
)

func TestAServersAddressIsSplit(t *testing.T) {
	for _, tc := range []struct{ raw, base, name string }{
		{"http://host/shop", "http://host", "shop"},
		{"https://host:8443/shop", "https://host:8443", "shop"},
		{"http://host/behind/a/proxy/shop", "http://host/behind/a/proxy", "shop"},
		{"HTTP://[::1]:80/a-b_1", "http://[::1]:80", "a-b_1"},
		{"http://host/with%20space/shop", "http://host/with%20space", "shop"},
	} {
		base, name, err := ParseServer(tc.raw)
		if err != nil || base != tc.base || name != tc.name {
			t.Errorf("%s gives %q, %q, %v", tc.raw, base, name, err)
		}
	}
	for _, raw := range []string{
		"", "shop", "host/shop", "ftp://host/shop", "http:///shop", "http://host", "http://host/", "http://host/shop/",
		"http://host/Shop", "http://host/sh.op", "http://user@host/shop", "http://host/shop?a=1", "http://host/shop#a", "http://host:port/shop",
	} {
		if base, name, err := ParseServer(raw); err == nil {
			t.Errorf("%q gives %q, %q", raw, base, name)
		}
	}
}

func TestATokenIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	var missing *NotFoundError
	if _, err := readToken(path); !errors.As(err, &missing) {
		t.Fatal(err)
	}
	for _, token := range []string{"first", "second"} {
		if err := writeToken(path, token); err != nil {
			t.Fatal(err)
		}
		if got, err := readToken(path); err != nil || got != token {
			t.Fatal(got, err)
		}
	}
	info, err := os.Stat(TokenPath(path))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
}

func TestOneReplogAtATimeWorksOnAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	o := Options{BusyTimeout: 30 * time.Millisecond}.withDefaults()
	err := locked(t.Context(), path, o, func() error {
		return locked(t.Context(), path, o, func() error { return nil })
	})
	var busy *BusyError
	if !errors.As(err, &busy) {
		t.Fatal(err)
	}
	if err := locked(t.Context(), path, o, func() error { return nil }); err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	err = locked(t.Context(), path, o, func() error { return locked(cancelled, path, o, func() error { return nil }) })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// everyValue has a value of each kind whose form is not plain.
var everyValue = []replog.Value{
	{}, replog.Integer(-1 << 63), replog.Integer(1<<53 + 1), replog.Real(1), replog.Real(0.1), replog.Text(""), replog.Text("a\x00<b>&\u2028"),
	replog.Text("\xff"), replog.Blob(nil), replog.Blob([]byte{0, 255}),
}

func TestWhatAReplayMadeComesBackAsItWas(t *testing.T) {
	box := newOutbox(t)
	var made []replog.Change
	for i, v := range everyValue {
		key := []replog.Value{replog.Integer(int64(i))}
		made = append(made, replog.Change{
			Table: `odd "name"`, Op: replog.Update, Key: key, KeyColumns: []string{"k"},
			Columns: []string{"a<b", "v"}, Old: []replog.Value{v, replog.Integer(0)}, New: []replog.Value{{}, v},
		})
	}
	short := &replog.Transaction{Device: "d", Seq: 1, Statements: []replog.Statement{{Change: made[0]}}}
	long := &replog.Transaction{Device: "d", Seq: 2}
	long.SetLong(short.RecordedStatements(), nil)
	for _, recorded := range []*replog.Transaction{short, long} {
		if err := box.add(recorded); err != nil {
			t.Fatal(err)
		}
		list, err := box.list()
		if err != nil {
			t.Fatal(err)
		}
		p := list[0]
		for _, want := range []replog.Changes{replog.ChangeList(made), recorded.NetChanges(), replog.ChangeList{}} {
			if err := box.replayed(p, recorded, want, ""); err != nil {
				t.Fatal(err)
			}
			got, err := box.made(p)
			if err != nil {
				t.Fatal(err)
			}
			if same, err := replog.SameChanges(got, want); err != nil || !same {
				t.Errorf("transaction %d: %v came back as %v, %v", p.seq, want, got, err)
			}
		}
		if err := box.take(p); err != nil {
			t.Fatal(err)
		}
		if err := forgetLong(box.Conn, p.long); err != nil {
			t.Fatal(err)
		}
	}
	row, err := box.QueryRow("SELECT (SELECT count(*) FROM replog_outbox) + (SELECT count(*) FROM replog_long)")
	if err != nil || row[0] != replog.Integer(0) {
		t.Errorf("left behind: %v, %v", row, err)
	}
}

func TestOnlyLinesThatDifferAreShown(t *testing.T) {
	if got := differingLines("a\nb\nc", "a\nB\nc\nd"); got != "- b\n+ B\n+ d" {
		t.Error(got)
	}
	if got := differingLines("a\nb", "a\nb"); got != "" {
		t.Error(got)
	}
}
