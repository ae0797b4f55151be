package client

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"replog/replog"
)

// orders are lines like those of the figures in bench/.
func orders(rows int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for i := range rows {
		note := make([]byte, 20+random.IntN(41))
		for j := range note {
			note[j] = byte('a' + random.IntN(26))
		}
		id := replog.Text(fmt.Sprintf("%08x-%04x-4000-8000-%012x", random.Uint32(), random.IntN(1<<16), random.Uint64()>>16))
		c := replog.Change{
			Table: "orders", Op: replog.Insert, Time: 1700000000000 + replog.Millis(i/100),
			Key: []replog.Value{id}, KeyColumns: []string{"id"},
			Columns: []string{"id", "customer", "item", "qty", "price", "note", "created_at"},
			New: []replog.Value{id, replog.Text(fmt.Sprintf("customer %d", random.IntN(5000))), replog.Text(fmt.Sprintf("item-%04d", random.IntN(2000))),
				replog.Integer(random.Int64N(100)), replog.Real(float64(random.IntN(100_000)) / 100), replog.Text(string(note)),
				replog.Text(time.UnixMilli(1700000000000).UTC().Add(time.Duration(i) * time.Minute).Format(time.RFC3339))},
		}
		b = append(c.AppendJSON(append(b, `{"change":`...)), '}', '\n')
	}
	return b
}

func coded(t testing.TB, coding string, lines []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := newCoder(&b, coding)
	if err != nil {
		t.Fatal(err)
	}
	for part := lines; len(part) > 0; {
		n := min(len(part), 64<<10)
		if _, err := w.Write(part[:n]); err != nil {
			t.Fatal(err)
		}
		part = part[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decodedTo(t testing.TB, w io.Writer, b []byte, coding ...string) {
	t.Helper()
	d, err := decode(&counter{r: bytes.NewReader(b), n: new(atomic.Int64)}, http.Header{"Content-Encoding": coding})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if _, err := io.Copy(w, d.Reader); err != nil {
		t.Fatal(err)
	}
}

func TestBodiesComeBackFromTheirCoding(t *testing.T) {
	const rows = 5000
	lines := orders(rows)
	small := map[string]int{}
	for _, coding := range []string{codingZstd, codingColumns} {
		b := coded(t, coding, lines)
		small[coding] = len(b)
		for _, named := range [][]string{{coding}, {strings.ToUpper(coding)}, strings.Split(coding, ", ")} {
			var back bytes.Buffer
			if decodedTo(t, &back, b, named...); !bytes.Equal(back.Bytes(), lines) {
				t.Errorf("it came back otherwise from %q", named)
			}
		}
	}
	var back bytes.Buffer
	if decodedTo(t, &back, lines); !bytes.Equal(back.Bytes(), lines) {
		t.Error("lines that are not coded came back otherwise")
	}
	if small[codingColumns] > 52*rows || small[codingColumns] > small[codingZstd]*3/4 {
		t.Errorf("%d rows take %d bytes in columns, %d without", rows, small[codingColumns], small[codingZstd])
	}
}

// BenchmarkColumns compares columns under zstd with zstd alone.
func BenchmarkColumns(b *testing.B) {
	const rows = 20_000
	lines := orders(rows)
	plain, columns := coded(b, codingZstd, lines), coded(b, codingColumns, lines)
	var took [4]time.Duration
	for b.Loop() {
		for i, work := range []func(){
			func() { coded(b, codingZstd, lines) },
			func() { coded(b, codingColumns, lines) },
			func() { decodedTo(b, io.Discard, plain, codingZstd) },
			func() { decodedTo(b, io.Discard, columns, codingColumns) },
		} {
			begun := time.Now()
			work()
			took[i] += time.Since(begun)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "encode-ratio")
	b.ReportMetric(float64(took[3])/float64(took[2]), "decode-ratio")
	b.ReportMetric(float64(took[1]+took[3])/float64(took[0]+took[2]), "both-ratio")
	b.ReportMetric(float64(len(plain))/rows, "plain-B/row")
	b.ReportMetric(float64(len(columns))/rows, "columns-B/row")
}
