package client

import (
	"errors"
	"io"
	"strings"
	"testing"

	"replog/replog"
)

func TestStreamOfEventsIsRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		heads      []replog.Revision
		fails      bool
	}{
		{"an event", "id: 3\nevent: head\ndata: {\"revision\":3,\"epoch\":\"e\"}\n\n", []replog.Revision{3}, false},
		{"lines that end as on Windows", "event: head\r\ndata: {\"revision\":3}\r\n\r\n", []replog.Revision{3}, false},
		{"no space after the colon", "event:head\ndata:{\"revision\":3}\n\n", []replog.Revision{3}, false},
		{"data in two lines", "event: head\ndata: {\"revision\":\ndata: 3}\n\n", []replog.Revision{3}, false},
		{"comments and other events", ": x\n\nevent: later\ndata: y\n\ndata: no name\n\nevent: head\ndata: {\"revision\":4}\n\n", []replog.Revision{4}, false},
		{"one that was cut", "event: head\ndata: {\"revision\":3}\n", nil, false},
		{"not an event", "event: head\ndata: <html>\n\n", nil, true},
		{"no data", "event: head\n\n", nil, true},
		{"an endless line", ":" + strings.Repeat("x", maxEventLine), nil, true},
	} {
		var heads []replog.Revision
		err := readEvents(strings.NewReader(c.text), func(e *replog.HeadEvent) error {
			if e != nil {
				heads = append(heads, e.Revision)
			}
			return nil
		})
		if len(heads) != len(c.heads) || len(heads) > 0 && heads[0] != c.heads[0] {
			t.Errorf("%s: %v, want %v", c.name, heads, c.heads)
		}
		if fails := !errors.Is(err, io.EOF); fails != c.fails {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	stop := errors.New("stop")
	if err := readEvents(strings.NewReader("\n\n"), func(*replog.HeadEvent) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error: %v", err)
	}
}
