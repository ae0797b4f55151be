package client

import (
	"io"
	"sync"
)

// Stage names a part of the work that may take long.
type Stage string

// The stages, each counted in bytes on the wire.
const (
	StageSnapshot Stage = "snapshot" // downloading the server's content
	StagePublish  Stage = "publish"  // uploading a database's first content
	StageUpload   Stage = "upload"   // uploading transactions
	StageDownload Stage = "download" // downloading what others did
)

// Progress is told how far a stage has come, often. total is below 0 where it
// is not known. When a stage is over, done or not, done equals total. A stage
// may come several times. Progress may be called from several goroutines.
type Progress func(stage Stage, done, total int64)

// gauge says as what a stream's progress is reported; the zero value not at all.
type gauge struct {
	progress Progress
	stage    Stage
	total    int64
}

// meter reports how much of a stream was read.
type meter struct {
	gauge
	r    io.Reader
	mu   sync.Mutex
	done int64
	past bool
}

// over puts a meter between a stream and its reader.
func (g gauge) over(r io.Reader) *meter {
	if g.progress == nil {
		g.progress = func(Stage, int64, int64) {}
	}
	return &meter{gauge: g, r: r}
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += int64(n)
	if n > 0 && !m.past && m.done != m.total {
		m.progress(m.stage, m.done, m.total)
	}
	return n, err
}

// end reports that the stage is over: the stream may not have been read to its
// end, or may still be read.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.past {
		m.past = true
		m.progress(m.stage, m.done, m.done)
	}
}
