package client

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"replog/applier"
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

func TestUndoImagesComeBackAsTheyWere(t *testing.T) {
	c, err := applier.Open(filepath.Join(t.TempDir(), "a.db"), applier.OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Script(`CREATE TABLE "odd ""name"""(k PRIMARY KEY, "a<b", v)`); err != nil {
		t.Fatal(err)
	}
	schema, err := applier.ReadSchema(c)
	if err != nil {
		t.Fatal(err)
	}
	table := schema.Tables[0]
	var images []applier.RowImage
	for _, v := range everyValue {
		row := []replog.Value{replog.Integer(1), v, v}
		images = append(images,
			applier.RowImage{Table: table, Key: row[:1], After: row},
			applier.RowImage{Table: table, Key: row[:1], Before: row},
			applier.RowImage{Table: table, Key: row[:1], Before: row, After: row})
	}
	p := &pending{undo: encodeImages(images)}
	got, err := p.images(schema)
	if err != nil || len(got) != len(images) {
		t.Fatal(len(got), err)
	}
	for i, m := range images {
		g := got[i]
		if g.Table != m.Table || !slices.Equal(g.Key, m.Key) || !sameImage(g.Before, m.Before) || !sameImage(g.After, m.After) {
			t.Errorf("%+v came back as %+v", m, g)
		}
	}
}

func sameImage(a, b []replog.Value) bool { return (a == nil) == (b == nil) && slices.Equal(a, b) }

func TestUndoImagesOfAnotherSchemaAreRefused(t *testing.T) {
	schema := &applier.Schema{}
	for _, undo := range []string{`[{"table":"gone","columns":["k"],"key":[1],"before":[1],"after":null}]`} {
		if _, err := (&pending{undo: []byte(undo)}).images(schema); !errors.Is(err, applier.ErrSchema) {
			t.Error(err)
		}
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
