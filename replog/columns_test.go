package replog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// inColumns writes parts, with a flush after each but the last.
func inColumns(t interface{ Fatal(...any) }, parts ...[]byte) []byte {
	var b bytes.Buffer
	w := NewColumnWriter(&b)
	for i, part := range parts {
		if n, err := w.Write(part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
		if i == len(parts)-1 {
			break
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fromColumns(b []byte) ([]byte, error) {
	return io.ReadAll(NewColumnReader(bytes.NewReader(b)))
}

// comesBack fails the test unless the parts come back, and returns their form.
func comesBack(t interface{ Fatal(...any) }, parts ...[]byte) []byte {
	in := inColumns(t, parts...)
	back, err := fromColumns(in)
	if want := bytes.Join(parts, nil); err != nil || !bytes.Equal(back, want) {
		t.Fatal(fmt.Sprintf("%.1000q came back as %.1000q, %v", want, back, err))
	}
	return in
}

func TestWhatGoesThroughColumnsComesBack(t *testing.T) {
	long := strings.Repeat("long ", maxBlock/3)
	var wide strings.Builder
	for range 3 {
		wide.WriteString("[" + strings.Repeat("1,", maxColumns) + "1]\n")
	}
	for _, text := range []string{
		"", "\n", "\n\n\n", "x", "x\ny", "\x00", "\x00\n\x00\n", "{}\n{}\n", "1\n2\n3", "1\n1\n1\n", "-\n--\n-e5\n",
		`{"a":"b` + "\n" + `{"a":"b` + "\n", `"\"` + "\n" + `"\\"` + "\n" + `"\\\"` + "\n",
		"[\"\"]\n[\"\"]\n", "[null]\n[null]\n", "[null]\n[1]\n[\"x\"]\n", "[null,1]\n[2,null]\n", "nul\nnull\nnulls\n",
		"[007]\n[008]\n", "[0]\n[1]\n", "[9223372036854775807]\n[9223372036854775808]\n", "[999999999999999999]\n[-1]\n",
		"[1.5e300]\n[-0.0]\n[5E+7]\n", `["a\u0000"]` + "\n" + `["b` + "\x00" + `"]` + "\n",
		`{"k":["0123456789abcdef"]}` + "\n" + `{"k":["0123456789abcdeF"]}` + "\n",
		`["0-1-2-3"]` + "\n" + `["4-5-6"]` + "\n" + `["4-5-6-x"]` + "\n",
		long, long + "\n" + long, long + "\n{}\n{}\n", strings.Repeat("\n", 2*maxBlockLines), wide.String(),
		strings.Repeat(`{"a":1,"b":"`+strings.Repeat("x", 500)+`"}`+"\n", 3000),
	} {
		comesBack(t, []byte(text))
	}
}

func TestEveryKindOfColumnIsUsedWhereItFits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]struct {
		kind  columnKind
		value func(i int) string
	}{
		"text":         {columnText | columnQuoted, func(i int) string { return `"` + strings.Repeat("y", i%7) + `"` }},
		"numbers":      {columnText, func(int) string { return fmt.Sprint(random.IntN(1000) * (1 + random.IntN(2)*1000)) }},
		"fixed":        {columnFixed, func(int) string { return fmt.Sprintf("%04d", random.IntN(10_000)) }},
		"constant":     {columnConstant, func(int) string { return "17" }},
		"all null":     {columnConstant, func(int) string { return "null" }},
		"delta":        {columnDelta, func(i int) string { return fmt.Sprint(1700000000000 + 10*i + random.IntN(10)) }},
		"quoted delta": {columnDelta | columnQuoted, func(i int) string { return fmt.Sprintf(`"%d"`, 1700000000000-10*i) }},
		"uuid": {columnHex | columnQuoted, func(int) string {
			return fmt.Sprintf(`"%08x-0000-4000-8000-%012x"`, random.Uint32(), random.Uint64()>>16)
		}},
		"hash":          {columnHex | columnQuoted, func(int) string { return fmt.Sprintf(`"%016x"`, random.Uint64()) }},
		"fields":        {columnFields, func(int) string { return fmt.Sprintf("-%d.%d", random.IntN(100), random.IntN(1000)) }},
		"quoted fields": {columnFields | columnQuoted, func(i int) string { return fmt.Sprintf(`"item %d of 12"`, i) }},
		"nulls":         {columnNulls, func(i int) string { return []string{"null", `"x"`, `"yy"`}[i%3] }},
	}
	for name, c := range kinds {
		t.Run(name, func(t *testing.T) {
			var lines, other []byte
			for i := range 100 {
				lines = fmt.Appendf(lines, `{"v":%s}`+"\n", c.value(i))
				other = fmt.Appendf(other, `{"w":["a%d",%s]}`+"\n", i, c.value(i))
			}
			comesBack(t, append(lines, other...))
			var l blockLines
			var e columnEncoder
			l.split(lines)
			e.encode(&l)
			at := 1 + 1 + len(`{"v":x}`) + 1 + 100 // templates, lines
			if got := columnKind(e.out[at]); got != c.kind {
				t.Errorf("%.200q are a column of kind %#x, want %#x", lines, got, c.kind)
			}
		})
	}
}

func TestAKeyIsWrittenOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var once, twice []byte
	for range 1000 {
		key := random.Uint64()
		once = fmt.Appendf(once, `{"key":["%016x"],"new":[]}`+"\n", key)
		twice = fmt.Appendf(twice, `{"key":["%016x"],"new":["%[1]016x"]}`+"\n", key)
	}
	if a, b := len(comesBack(t, once)), len(comesBack(t, twice)); b > a+30 {
		t.Errorf("%d bytes with a key once, %d with it twice", a, b)
	}
}

// Formerly written blocks can be read for ever.
func TestTheFormOfColumnsStays(t *testing.T) {
	const text = `{"t":1700000000000,"id":"00112233-4455-6677-8899-aabbccddeeff","old":["00112233-4455-6677-8899-aabbccddeeff",null,"x"],"at":"12:30","ok":"y"}` + "\n" +
		`{"t":1700000000001,"id":"01112233-4455-6677-8899-aabbccddee00","old":["01112233-4455-6677-8899-aabbccddee00",5,"yz"],"at":"12:45","ok":"y"}` + "\n" +
		"the end"
	got := inColumns(t, []byte(text))
	const want = "\x86\t\x96\x01" + // 289 bytes without a line feed at the end, in a body of 150
		"\x01*{\"t\":\x00,\"id\":\x00,\"old\":[\x00,\x00,\x00],\"at\":\x00,\"ok\":\x00}" + // a template
		"\x03\x01\x01\x00" + // three lines
		"\x02\athe end" + // a whole line
		"\x03\a\x80\xa0\xab\xfe\xf9b\x02" + // numbers
		"\x15\x140000-00-00-00-000000" + // UUIDs
		"\x00\x11\"3DUfw\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x01\x11\"3DUfw\x88\x99\xaa\xbb\xcc\xdd\xee\x00" +
		"\x04\x01" + // the same
		"\a\x00\x01\x02\x015" + // a null and a constant
		"\x10\x05x\nyz\n" + // text
		"\x16\x0412:\x00\x03\x02<\x1e" + // fields
		"\x02\x03\"y\"" // a constant
	if string(got) != want {
		t.Errorf("it is %q", got)
	}
	if back, err := fromColumns(got); string(back) != text || err != nil {
		t.Errorf("it came back as %q, %v", back, err)
	}
}

func TestAFlushBringsWhatWasWritten(t *testing.T) {
	var wire bytes.Buffer
	w, r := NewColumnWriter(&wire), NewColumnReader(&wire)
	for i := range 3 {
		text := strings.Repeat(fmt.Sprintf(`{"i":%d}`, i), 50*i) + "\n"
		_, err := w.Write([]byte(text))
		if err := errors.Join(err, w.Flush()); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != text {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

// flushes notes how much was written before each flush.
type flushes struct {
	bytes.Buffer
	at []int
}

func (f *flushes) Flush() error { f.at = append(f.at, f.Len()); return nil }

func TestLongColumnsAreFlushedByThemselves(t *testing.T) {
	x := orders(3000)
	form, _ := x.Encode()
	var out flushes
	w := NewColumnWriter(&out)
	if _, err := w.Write(form); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(form) / maxBlock; len(out.at) < 4*n || len(out.at) > 20*n {
		t.Errorf("%d flushes in %d bytes", len(out.at), len(form))
	}
	if back, err := fromColumns(out.Bytes()); err != nil || !bytes.Equal(back, form) {
		t.Error("it did not come back", err)
	}
}

func TestAColumnWriterKeepsItsError(t *testing.T) {
	broken := errors.New("broken")
	w := NewColumnWriter(brokenWriter{broken})
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, errColumnsClosed) {
		t.Error(err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestColumnsThatAreCutAreNoticedWithinABlock(t *testing.T) {
	x := orders(20)
	form, _ := x.Encode()
	parts := [][]byte{form, form[:1000], form}
	in := inColumns(t, parts...)
	ends := map[int]int{0: 0}
	for i := range parts {
		ends[len(inColumns(t, parts[:i+1]...))] = len(bytes.Join(parts[:i+1], nil))
	}
	for cut := range len(in) {
		out, err := io.ReadAll(NewColumnReader(iotest.OneByteReader(bytes.NewReader(in[:cut]))))
		if n, whole := ends[cut]; whole && (len(out) != n || err != nil) {
			t.Errorf("cut at %d, the end of a block: %d bytes, want %d, %v", cut, len(out), n, err)
		} else if !whole && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %d bytes, %v", cut, len(out), err)
		}
	}
	lost := errors.New("lost")
	for _, cut := range []int{0, 1, len(in) / 2} {
		_, err := io.ReadAll(NewColumnReader(io.MultiReader(bytes.NewReader(in[:cut]), iotest.ErrReader(lost))))
		if !errors.Is(err, lost) {
			t.Errorf("lost at %d: %v", cut, err)
		}
	}
}

// jsonLike draws what lines are made of, and what only looks like it.
func jsonLike() *rapid.Generator[string] {
	digits := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,3})?(e[+-]?[0-9])?`)
	hex := rapid.StringMatching(`"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"`)
	name := rapid.StringMatching(`"[a-z "\\\x00-]{0,5}[0-9]{0,3}"`)
	key := rapid.SampledFrom([]string{`"table":`, `"columns":["a","b]"]`, `"op":1`, `"key":`, `"new":`})
	return rapid.OneOf(digits, hex, name, key, rapid.SampledFrom([]string{"null", "true", "{", "}", "[", "]", ",", ":", `"`, `\`, "\n", "\x00"}))
}

func TestAnyBytesComeBackFromColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SliceOfN(jsonLike(), 0, 20)
		var text []byte
		for range rapid.IntRange(0, 5).Draw(t, "kinds") {
			shape := strings.Join(tokens.Draw(t, "shape"), "")
			values := jsonLike()
			for range rapid.IntRange(1, 20).Draw(t, "lines") {
				line := strings.ReplaceAll(shape, "null", values.Draw(t, "value"))
				text = append(append(text, line...), '\n')
			}
		}
		text = append(text, rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "tail")...)
		var parts [][]byte
		for rest := text; ; {
			n := rapid.IntRange(0, len(rest)).Draw(t, "part")
			if parts = append(parts, rest[:n]); n == len(rest) || len(parts) == 5 {
				parts = append(parts, rest[n:])
				break
			}
			rest = rest[n:]
		}
		comesBack(t, parts...)
	})
}

func TestTransactionsComeBackFromColumns(t *testing.T) {
	var form []byte
	for _, x := range transactions() {
		for range 3 {
			b, _ := x.Encode()
			form = append(form, b...)
		}
	}
	comesBack(t, form)
	x := orders(5000)
	b, _ := x.Encode()
	in := comesBack(t, form, b, form)
	if len(in) > len(b)/3 {
		t.Errorf("%d bytes become %d", len(b), len(in))
	}
}
