package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"replog/applier"
	"replog/replog"
)

func TestLogIsSearchedByQuery(t *testing.T) {
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
		"?table=ITEM&key=2&all=1":                  "1 2",
		"?table=item&key=2":                        "1",
		"?table=audit&all=1":                       "",
		"?outcome=conflict":                        "2",
		"?outcome=conflict&outcome=applied&text=s": "1 2 3",
		"?text=DESK&all=1":                         "3",
		"?since=2001-01-01T00:00:00Z":              "1 3",
		"?until=2001-01-01T00:00:00Z":              "",
		"?label=x&all=1":                           "",
	} {
		var got []string
		for _, l := range h.log(a.token, query) {
			got = append(got, formatRevision(l.Revision))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q gives %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"?tables=item", "?key=2", "?form=xml", "?outcome=lost", "?since=today"} {
		h.expect(h.do("GET", "/v1/shop/log"+query, a.token, nil), http.StatusBadRequest, replog.CodeMalformed)
	}
	h.expect(h.do("GET", "/v1/shop/log/1?form=stat", a.token, nil), http.StatusBadRequest, replog.CodeMalformed)
}

func TestLogHasOtherForms(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.sync()

	r := h.do("GET", "/v1/shop/log?form=stat", a.token, nil)
	h.ok(r, http.StatusOK)
	var stat replog.LogStat
	h.must(json.Unmarshal(r.body, &stat))
	if stat.Revision != 1 || len(stat.Tables) != 1 || stat.Tables[0] != (replog.TableStat{Table: "item", Inserted: 1}) {
		t.Errorf("got %+v", stat)
	}

	r = h.do("GET", "/v1/shop/log/1?form=whole", a.token, nil)
	h.ok(r, http.StatusOK)
	var whole replog.EntryDetail
	h.must(json.Unmarshal(r.body, &whole))
	if !whole.AsRecorded || whole.Net != nil || len(whole.Changes) != 1 || whole.Statements[0].Change.New[1] != replog.Text("chair") {
		t.Errorf("got %+v", whole)
	}

	r = h.do("GET", "/v1/shop/log?form=sql", a.token, nil)
	h.ok(r, http.StatusOK)
	if got := r.Header.Get("Content-Type"); got != typeSQL {
		t.Errorf("the script has type %q", got)
	}
	d := h.srv.opened("shop")
	made := filepath.Join(t.TempDir(), "made.db")
	h.must(copyFile(made, h.basePath("shop")))
	cmd := exec.Command("sqlite3", "-batch", made)
	cmd.Stdin = bytes.NewReader(r.body)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	x, err := applier.Open(made, applier.OpenOptions{ReadOnly: true})
	h.must(err)
	defer x.Close()
	y, err := applier.Open(d.replicaPath(), applier.OpenOptions{ReadOnly: true})
	h.must(err)
	defer y.Close()
	c, err := applier.Compare(x, y, applier.CompareOptions{})
	h.must(err)
	if !c.Equal {
		t.Errorf("the script makes something else: %+v", c)
	}
}
