package replog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// hostileBlock is a block that gives back size bytes, it says.
func hostileBlock(size int, body string) string {
	b := binary.AppendUvarint(nil, uint64(size)<<2)
	b = binary.AppendUvarint(b, uint64(len(body)))
	return string(b) + body
}

func TestColumnsThatAreWrongAreRefused(t *testing.T) {
	number := func(n uint64) string { return string(binary.AppendUvarint(nil, n)) }
	for name, in := range map[string]string{
		"an empty block":              number(0),
		"an empty stored block":       number(blockStored),
		"a big block":                 number(maxBlock<<2 + 1<<2),
		"a big stored block":          number((maxBlock+1)<<2 | blockStored),
		"a size without end":          strings.Repeat("\xff", 12),
		"a body that is longer":       number(2<<2) + number(3) + "abc",
		"a body without end":          number(2<<2) + strings.Repeat("\xff", 12),
		"an empty body":               hostileBlock(9, ""),
		"no lines":                    hostileBlock(9, "\x00\x00"),
		"fewer lines than it says":    hostileBlock(9, "\x00\x02\x00"),
		"a template that is cut":      hostileBlock(9, "\x01\x05ab"),
		"more templates than there":   hostileBlock(9, "\x02\x01ab"),
		"a template that is not":      hostileBlock(2, "\x00\x01\x01"),
		"lines without a column":      hostileBlock(2, "\x00\x01\x00"),
		"a kind that is not":          hostileBlock(9, "\x00\x01\x00\x08\x01a"),
		"a flag that is not":          hostileBlock(9, "\x00\x01\x00\x42\x01a"),
		"nulls of nulls":              hostileBlock(9, "\x00\x02\x00\x00\x07\x01\x01\x07\x01\x01\x02\x01a"),
		"nulls that are cut":          hostileBlock(9, "\x00\x02\x00\x00\x07\x01"),
		"text with too few values":    hostileBlock(9, "\x00\x02\x00\x00\x00\x02a\n"),
		"text that is cut":            hostileBlock(9, "\x00\x01\x00\x00\x05a\n"),
		"values that are cut":         hostileBlock(9, "\x00\x02\x00\x00\x01\x02abc"),
		"numbers that are cut":        hostileBlock(9, "\x00\x02\x00\x00\x03\x01\x02"),
		"a number that is cut":        hostileBlock(9, "\x00\x01\x00\x03\x01\x80"),
		"the same as itself":          hostileBlock(2, "\x00\x01\x00\x04\x00"),
		"the same as a later one":     hostileBlock(9, "\x01\x02\x00\x00\x01\x01\x04\x01\x02\x01a"),
		"hex that is cut":             hostileBlock(9, "\x00\x01\x00\x05\x03000\x01\x02"),
		"a field of fields":           hostileBlock(9, "\x00\x01\x00\x06\x02a\x00\x06\x02a\x00\x02\x01a"),
		"a field that is quoted":      hostileBlock(9, "\x00\x01\x00\x06\x02a\x00\x12\x01a"),
		"fields that are cut":         hostileBlock(9, "\x00\x01\x00\x06\x03a\x00\x00\x02\x01a"),
		"less than it says":           hostileBlock(9, "\x00\x01\x00\x02\x01a"),
		"more than it says":           hostileBlock(8, "\x00\x01\x00\x02\x03aaaa"),
		"a body that goes on":         hostileBlock(9, "\x00\x01\x00\x02\x01ab"),
		"too many columns":            hostileBlock(maxBlock, "\x01"+number(2*maxColumns+1)+strings.Repeat("\x00", 2*maxColumns+1)),
		"too many fields":             hostileBlock(maxBlock, "\x00\x01\x00\x06"+number(2*maxColumns+1)+strings.Repeat("\x00", 2*maxColumns+1)),
		"widths that overflow":        hostileBlock(maxBlock, "\x00"+number(maxBlockLines)+strings.Repeat("\x00", maxBlockLines)+"\x01"+number(maxBlock)),
		"a constant that is too long": hostileBlock(20, "\x01\x08\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x02\x04aaaa\x04\x00\x04\x01\x04\x02\x04\x03\x04\x04\x04\x05\x04\x06"),
	} {
		if _, err := fromColumns([]byte(in)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A block of few bytes may say that it holds very much.
func TestColumnsThatWouldBeHugeAreStopped(t *testing.T) {
	number := func(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) }
	constant := number(maxBlock/2) + strings.Repeat("x", maxBlock/2)
	lines := number(maxBlockLines) + strings.Repeat("\x01", maxBlockLines)
	for name, in := range map[string]string{
		"lines":    hostileBlock(maxBlock, "\x01"+number(1000)+strings.Repeat("y", 1000)+lines),
		"constant": hostileBlock(maxBlock, "\x01\x01\x00"+lines+"\x02"+constant),
		"same": hostileBlock(maxBlock, "\x01"+number(maxColumns/2)+strings.Repeat("\x00", maxColumns/2)+"\x01\x01"+
			"\x02"+constant+strings.Repeat("\x04\x00", maxColumns/2-1)),
		"columns": hostileBlock(maxBlock, "\x01"+number(2*maxColumns-1)+strings.Repeat("\x00", 2*maxColumns-1)+"\x01\x01"+
			strings.Repeat("\x06\x01\x00\x02\x01x", 2*maxColumns-1)),
	} {
		t.Run(name, func(t *testing.T) {
			if len(in) > maxBlock {
				t.Fatalf("%d bytes", len(in))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			n, err := io.Copy(io.Discard, NewColumnReader(strings.NewReader(in)))
			runtime.ReadMemStats(&after)
			if n > 0 || !errors.Is(err, ErrForm) {
				t.Errorf("%d bytes, %v", n, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 20*maxBlock {
				t.Errorf("it took %d bytes", took)
			}
		})
	}
}

func TestNoByteOfColumnsMayPanic(t *testing.T) {
	x := orders(5)
	form, _ := x.Encode()
	in := inColumns(t, bytes.Repeat(form, 2))
	for i := range in {
		for bit := range 8 {
			altered := bytes.Clone(in)
			altered[i] ^= 1 << bit
			_, err := fromColumns(altered)
			if err != nil && !errors.Is(err, ErrForm) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
}

func FuzzAnyBytesComeBackFromColumns(f *testing.F) {
	x := orders(3)
	form, _ := x.Encode()
	f.Add(form, uint16(100))
	for _, text := range []string{"", "x\ny", "1\n2\nnull\n", "[null,\"a\"]\n[1,\"a\"]\n", "\x00\n\"\\\"\n", `["12:30","00112233445566778899"]` + "\n" + `["12:35","01112233445566778899"]` + "\n"} {
		f.Add([]byte(text), uint16(3))
		f.Add([]byte(strings.Repeat(text, 20)), uint16(1000))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		at := min(int(cut), len(b))
		comesBack(t, b[:at], b[at:])
		comesBack(t, bytes.Repeat(append(b, '\n'), 3))
	})
}

func FuzzColumnsAreRefusedOrComeBack(f *testing.F) {
	x := orders(3)
	form, _ := x.Encode()
	f.Add(inColumns(f, form, form))
	f.Add(inColumns(f, []byte(strings.Repeat(`{"a":null,"b":"12:30","c":17,"d":"00112233445566778899","e":[17,"x"]}`+"\n"+`{"a":5,"b":"12:31","c":99,"d":"00112233445566778900","e":[99,"y"]}`+"\n", 3))))
	f.Add([]byte(hostileBlock(9, "\x00\x01\x00\x02\x01a")))
	f.Fuzz(func(t *testing.T, b []byte) {
		// As a body, too: the fuzzer should not have to find its length.
		for _, in := range [][]byte{b, []byte(hostileBlock(max(len(b), 100), string(b)))} {
			out, err := fromColumns(in)
			if err != nil && !errors.Is(err, ErrForm) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q: %v", in, err)
			}
			if len(out) > len(in)*maxBlock {
				t.Errorf("%q: %d bytes", in, len(out))
			}
			comesBack(t, out)
		}
	})
}
