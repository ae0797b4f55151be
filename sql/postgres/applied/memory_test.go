package applied

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"replog/replog"
)

// longRows is the number of rows of the long entry; REPLOG_LONG_ROWS gives another.
func longRows(t *testing.T) int {
	given := os.Getenv("REPLOG_LONG_ROWS")
	if given == "" {
		return 60_000
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// series makes changes as they are asked for, as a list on disk does.
type series struct {
	n  int
	at func(i int64) replog.Change
	c  replog.Change
}

func (s *series) Len() int { return s.n }

func (s *series) At(i int) (*replog.Change, error) {
	s.c = s.at(int64(i))
	return &s.c, nil
}

// counted is a replica whose rows are made as they are read.
type counted struct {
	memory
	n  int
	at func(i int64) []replog.Value
}

func (c *counted) Rows(_ string, yield func([]replog.Value) error) error {
	for i := range int64(c.n) {
		if err := yield(c.at(i)); err != nil {
			return err
		}
	}
	return nil
}

func TestALongEntryAndAComparisonTakeLittleMemory(t *testing.T) {
	n := longRows(t)
	shape := shapeOf("item", 1, "id INTEGER", "u INTEGER", "name TEXT")
	shape.Indexes = []replog.TableIndex{{Columns: []int{1}, Unique: true}}
	m := newMemory(shape)
	s := newSite(t, open(t), m)
	row := func(i int64) []replog.Value {
		return []replog.Value{replog.Integer(i), replog.Integer(i), replog.Text("the name of an item " + strconv.FormatInt(i, 10))}
	}
	template := m.change("item", replog.Insert, nil)
	grown := growth(func() {
		s.long(n, func(i int64) replog.Change {
			c := template
			c.Key, c.New = integers(i), row(i)
			return c
		})
		s.long(n, func(i int64) replog.Change {
			return replog.Change{
				Table: "item", Op: replog.Update, Key: integers(i), KeyColumns: template.KeyColumns,
				Columns: []string{"u"}, Old: integers(i), New: integers(i + 1),
			}
		})
		content := &counted{memory: *m, n: n, at: func(i int64) []replog.Value {
			r := row(i)
			r[1] = replog.Integer(i + 1)
			return r
		}}
		counts, err := s.tables.Compare(t.Context(), s.tx, content, func(d Difference) error {
			t.Errorf("%s", show(d))
			return nil
		})
		if err != nil || len(counts) != 1 || counts[0].A != int64(n) || counts[0].B != int64(n) {
			t.Errorf("got %v, %v", counts, err)
		}
	})
	t.Logf("%d rows: the heap grew by %d MB at most", n, grown>>20)
	if grown > 50<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}

func (s *site) long(n int, at func(i int64) replog.Change) {
	s.t.Helper()
	start := time.Now()
	e := s.entry()
	e.LongChanges = &series{n: n, at: at}
	if err := s.tables.Apply(s.t.Context(), s.tx, e); err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("%d changes in %v", n, time.Since(start).Round(time.Millisecond))
}

// growth is by how much the live heap grew at most while do ran.
func growth(do func()) uint64 {
	live := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before, most := live(), uint64(0)
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				most = max(most, live())
			}
		}
	})
	do()
	close(done)
	watching.Wait()
	return max(most, before) - before
}
