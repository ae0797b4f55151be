package replog

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLinesOfAnyLengthUpToTheLimitAreRead(t *testing.T) {
	const limit = 4 * lineBuffer
	for _, n := range []int{1, 2, lineBuffer - 1, lineBuffer, lineBuffer + 1, 3 * lineBuffer, limit} {
		line := strings.Repeat("x", n-1) + "\n"
		r := NewLineReader(strings.NewReader(line + "next\n"))
		r.limit = limit
		got, err := r.next()
		if err != nil || string(got) != line {
			t.Errorf("a line of %d bytes: got %d bytes, %v", n, len(got), err)
		}
		if got, err := r.next(); err != nil || string(got) != "next\n" {
			t.Errorf("the line after one of %d bytes: got %q, %v", n, got, err)
		}
		if _, err := r.next(); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: got error %v, want io.EOF", err)
		}
	}
}

func TestALineAboveTheLimitIsRefused(t *testing.T) {
	for _, limit := range []int{10, lineBuffer, 4 * lineBuffer} {
		r := NewLineReader(strings.NewReader(strings.Repeat("x", limit) + "\n"))
		r.limit = limit
		if _, err := r.next(); !errors.Is(err, ErrForm) {
			t.Errorf("limit %d: got error %v, want ErrForm", limit, err)
		}
	}
}

func TestALineWithoutItsLineFeedIsUnexpectedEOF(t *testing.T) {
	for _, n := range []int{1, lineBuffer, lineBuffer + 1, 2 * lineBuffer} {
		r := NewLineReader(strings.NewReader(strings.Repeat("x", n)))
		if _, err := r.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: got error %v, want io.ErrUnexpectedEOF", n, err)
		}
	}
}

func TestAReadersErrorIsPassedOn(t *testing.T) {
	broken := errors.New("connection reset")
	r := NewLineReader(io.MultiReader(strings.NewReader("first\nsec"), iotest.ErrReader(broken)))
	if _, err := r.next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.next(); !errors.Is(err, broken) {
		t.Errorf("got error %v, want the reader's", err)
	}
}

func TestHowTheInputArrivesDoesNotMatter(t *testing.T) {
	x := transactions()["plain"]
	form, hash := x.Encode()
	_, got, err := NewLineReader(iotest.OneByteReader(bytes.NewReader(form))).Transaction()
	if err != nil || got != hash {
		t.Errorf("got hash %s, %v, want %s", got, err, hash)
	}
}
