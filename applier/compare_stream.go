package applier

import (
	"errors"

	"replog/replog"
)

// A batch ends at this many rows or bytes, so that memory stays flat with rows
// of any size.
const (
	batchRows  = 256
	batchBytes = 256 << 10
)

// stream reads the rows of a query in a goroutine of its own, a few batches
// ahead, so that two sides are read at once. The connection belongs to it until
// stop returns.
type stream struct {
	batches chan [][]replog.Value
	done    chan struct{}
	err     error // set before batches is closed
	batch   [][]replog.Value
	pos     int
}

var errStreamStopped = errors.New("stream stopped")

// startStream runs query; an empty one has no rows.
func startStream(c *Conn, query string) *stream {
	s := &stream{batches: make(chan [][]replog.Value, 2), done: make(chan struct{})}
	go func() {
		defer close(s.batches)
		if query != "" {
			s.err = s.read(c, query)
		}
	}()
	return s
}

func (s *stream) read(c *Conn, query string) error {
	batch, size := make([][]replog.Value, 0, batchRows), 0
	send := func() error {
		select {
		case s.batches <- batch:
			batch, size = make([][]replog.Value, 0, batchRows), 0
			return nil
		case <-s.done:
			return errStreamStopped
		}
	}
	err := c.Query(query, func(row []replog.Value) error {
		batch = append(batch, row)
		for _, v := range row {
			size += len(v.Bytes())
		}
		if len(batch) == batchRows || size >= batchBytes {
			return send()
		}
		return nil
	})
	if err == nil && len(batch) > 0 {
		err = send()
	}
	return err
}

// head returns the current row, nil at the end.
func (s *stream) head() ([]replog.Value, error) {
	for s.pos == len(s.batch) {
		batch, ok := <-s.batches
		if !ok {
			s.batch, s.pos = nil, 0
			return nil, s.err
		}
		s.batch, s.pos = batch, 0
	}
	return s.batch[s.pos], nil
}

// next moves past the current row.
func (s *stream) next() { s.pos++ }

// stop ends the query and waits for its goroutine.
func (s *stream) stop() {
	close(s.done)
	for range s.batches {
	}
}
