package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"replog/client"
)

// progress is what shows how far the work of a command has come: bars, where a
// person looks at standard error; nothing for scripts, --json and --quiet.
func progress(c *cli.Context) client.Progress {
	if c.Bool("json") || c.Bool("quiet") || !isTerminal(c.App.ErrWriter) {
		return nil
	}
	b := &bars{out: c.App.ErrWriter, now: time.Now, throttle: 100 * time.Millisecond}
	return b.report
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// shortWork is how long work takes that nobody needs to watch.
const shortWork = time.Second

// bars shows one bar at a time, for work that takes longer than shortWork, and
// leaves nothing on the screen when the work is over.
type bars struct {
	out      io.Writer
	now      func() time.Time
	throttle time.Duration // how often a bar is drawn at most

	mu    sync.Mutex
	stage client.Stage // "" between two stages
	begun time.Time
	bar   *progressbar.ProgressBar
	shown bool
}

// stageNames are the words for a stage while it runs: short, as a bar should fit
// on a line of 80.
var stageNames = map[client.Stage]string{
	client.StageSnapshot: "snapshot",
	client.StagePublish:  "publishing",
	client.StageUpload:   "uploading",
	client.StageDownload: "downloading",
}

// report is a client.Progress.
func (b *bars) report(stage client.Stage, done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if done == total {
		b.clear()
		return
	}
	if stage != b.stage {
		b.clear()
		b.begin(stage, total)
	}
	b.shown = b.shown || b.now().Sub(b.begun) >= shortWork
	_ = b.bar.Set64(done) // a terminal that is gone is no reason to stop
}

// Write is where a bar draws itself from the start, so that it knows the rate;
// what comes too early is not shown.
func (b *bars) Write(p []byte) (int, error) {
	if !b.shown {
		return len(p), nil
	}
	return b.out.Write(p)
}

func (b *bars) begin(stage client.Stage, total int64) {
	b.stage, b.begun = stage, b.now()
	b.bar = progressbar.NewOptions64(max(total, -1),
		progressbar.OptionSetWriter(b),
		progressbar.OptionSetDescription(stageNames[stage]),
		progressbar.OptionSetWidth(15),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(b.throttle),
		progressbar.OptionSetSpinnerChangeInterval(0),
	)
}

func (b *bars) clear() {
	if b.shown {
		_ = b.bar.Clear() // as above
	}
	b.stage, b.bar, b.shown = "", nil, false
}
