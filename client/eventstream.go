package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"replog/replog"
)

// events opens the stream of new heads after a revision. Errors are those of do;
// the caller closes the answer's body.
func (s *server) events(ctx context.Context, after replog.Revision) (*http.Response, error) {
	return s.once(ctx, call{method: http.MethodGet, path: fmt.Sprintf("/events?after=%d", after)}, &traffic{})
}

// maxEventLine bounds a line of a stream of events.
const maxEventLine = 64 << 10

// readEvents reads server-sent events from r until it ends. It calls sign for
// every line, whatever it says, with the event that the line ends, if any.
func readEvents(r io.Reader, sign func(*replog.HeadEvent) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxEventLine)
	var name string
	var data []string
	for in.Scan() {
		line := in.Text()
		var event *replog.HeadEvent
		switch field, value, _ := strings.Cut(line, ":"); {
		case line == "":
			if name == replog.EventHead {
				event = &replog.HeadEvent{}
				if err := json.Unmarshal([]byte(strings.Join(data, "\n")), event); err != nil {
					return fmt.Errorf("an event that is none: %w", err)
				}
			}
			name, data = "", nil
		case field == "event":
			name = strings.TrimPrefix(value, " ")
		case field == "data":
			data = append(data, strings.TrimPrefix(value, " "))
		}
		if err := sign(event); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return err
	}
	return io.EOF
}
