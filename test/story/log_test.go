package story

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"replog/client"
	"replog/replog"
)

// impatient is a line on which answers to questions about the log are cut after
// two lines, as those of a server are that gives up on a slow reader.
type impatient struct{ asked int }

func (i *impatient) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Del("Accept-Encoding")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "/log") {
		return res, err
	}
	i.asked++
	defer res.Body.Close()
	var sent []byte
	in := bufio.NewReader(res.Body)
	for range 2 {
		line, err := in.ReadBytes('\n')
		sent = append(sent, line...)
		if err != nil { // the whole answer
			res.Body = io.NopCloser(bytes.NewReader(sent))
			return res, nil
		}
	}
	res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(sent), broken{}))
	return res, nil
}

func TestALogThatIsReadSlowlyIsReadWhole(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	for n := range 7 {
		a.write(fmt.Sprintf("UPDATE customer SET email = '%d' WHERE id = 1", n))
		a.sync(client.Both)
	}
	for name, test := range map[string]struct {
		filter replog.Filter
		want   []replog.Revision
		asked  int
	}{
		"newest first":             {replog.Filter{Descending: true}, []replog.Revision{7, 6, 5, 4, 3, 2, 1}, 4},
		"oldest first":             {replog.Filter{}, []replog.Revision{1, 2, 3, 4, 5, 6, 7}, 4},
		"to a limit":               {replog.Filter{Descending: true, Limit: 3}, []replog.Revision{7, 6, 5}, 2},
		"to a limit that was met":  {replog.Filter{Descending: true, Limit: 2}, []replog.Revision{7, 6}, 1},
		"down to the first of all": {replog.Filter{Descending: true, UpTo: 2}, []replog.Revision{2, 1}, 1},
	} {
		i := &impatient{}
		log, err := a.openWith(client.Options{HTTP: &http.Client{Transport: i}}).Log()
		if err != nil {
			t.Fatal(err)
		}
		var got []replog.Revision
		err = log.Lines(t.Context(), test.filter, func(l replog.LogLine) error {
			got = append(got, l.Revision)
			return nil
		})
		if err != nil || !slices.Equal(got, test.want) || i.asked != test.asked {
			t.Errorf("%s: got %v, %v by asking %d times; want %v by %d", name, got, err, i.asked, test.want, test.asked)
		}
		stop := errors.New("stop")
		if err := log.Stats(t.Context(), test.filter, func(replog.LogStat) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("%s: got error %v, want that of the reader", name, err)
		}
	}
}

func TestAWholeEntryComesAsItIs(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
	a.write("INSERT INTO t VALUES(1, CAST(x'ff00' AS TEXT)), (2, x'00'), (3, 9e999), (4, '<&>' || char(8232)), (5, 0.1)")
	a.write("UPDATE t SET id = 6 WHERE id = 5")
	a.sync(client.Both)
	log, err := a.open().Log()
	if err != nil {
		t.Fatal(err)
	}
	got, err := log.Entry(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var want replog.EntryDetail
	w.stopped(func() {
		store, err := w.stores().Open(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		e, err := store.Entry(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if want, err = e.Detail(); err != nil {
			t.Fatal(err)
		}
	})
	if !reflect.DeepEqual(got, want) {
		x, _ := json.Marshal(got)
		y, _ := json.Marshal(want)
		t.Errorf("\n got %s\nwant %s", x, y)
	}
	var missing *client.NotFoundError
	if _, err := log.Entry(t.Context(), 2); !errors.As(err, &missing) {
		t.Errorf("a revision that is not there: got error %v, want a NotFoundError", err)
	}
}
