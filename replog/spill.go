package replog

import (
	"bufio"
	"encoding/binary"
	"os"
)

// Codec says how a Spill keeps its items.
type Codec[T any] struct {
	// Size is about how much memory an item takes, in bytes.
	Size func(*T) int
	// Append appends an item's form to b, and Parse reads that. What Parse
	// returns may share b, which lasts as long as what At returns.
	Append func(b []byte, item *T) []byte
	Parse  func(b []byte) (T, error)
}

// Spill is a list that only grows, of any length: what is past some megabytes is
// kept in a temporary file. It is for one goroutine.
type Spill[T any] struct {
	codec  Codec[T]
	memory []T
	size   int
	file   *os.File // holds the items after those in memory; nil for none
	gone   bool     // the file has no name any more
	out    *bufio.Writer
	end    int64 // of the file
	count  int   // of the items in the file
	// starts has the place in the file of one item in markEvery: of all, that
	// would take much memory.
	starts []int64
	// next is the item after the one that At returned last, of those in the file,
	// and at is where it begins.
	next int
	at   int64
	item T // what At returned last of the file
	// window is a part of the file, from an offset on.
	window []byte
	from   int64
	form   []byte
}

// spillMemory is how much of a Spill is kept in memory, and formMemory how long a
// recorded form in memory is at most, both in bytes. The changes of a form take
// several times as much.
var spillMemory, formMemory = 4 << 20, 2 << 20

// SetMemory changes how much of a Spill is kept in memory, about, and how long a
// recorded form in memory is at most, both in bytes (4 MiB and 2 MiB), until restore
// is called. It is for tests, which it shows long transactions without writing long
// ones, and is called while nothing else runs.
func SetMemory(spill, form int) (restore func()) {
	spillBefore, formBefore := spillMemory, formMemory
	spillMemory, formMemory = spill, form
	return func() { spillMemory, formMemory = spillBefore, formBefore }
}

// spillWindow is how much of its file a Spill reads at a time, in bytes.
const spillWindow = 256 << 10

// An item in the file is its length, as a number of sizeBytes bytes, and its form.
const (
	markEvery = 64
	sizeBytes = 8
)

// NewSpill makes an empty list.
func NewSpill[T any](c Codec[T]) *Spill[T] { return &Spill[T]{codec: c} }

// Len is the number of items.
func (s *Spill[T]) Len() int { return len(s.memory) + s.count }

// Add appends an item. It fails where the file cannot be written.
func (s *Spill[T]) Add(item T) error {
	if s.file == nil {
		if s.size < spillMemory {
			s.size += s.codec.Size(&item)
			s.memory = append(s.memory, item)
			return nil
		}
		if err := s.open(); err != nil {
			return spillError(err)
		}
	}
	s.form = s.codec.Append(append(s.form[:0], make([]byte, sizeBytes)...), &item)
	binary.LittleEndian.PutUint64(s.form, uint64(len(s.form)-sizeBytes))
	if _, err := s.out.Write(s.form); err != nil {
		return spillError(err)
	}
	if s.count%markEvery == 0 {
		s.starts = append(s.starts, s.end)
	}
	s.count++
	s.end += int64(len(s.form))
	return nil
}

// open makes the file and, where the system lets it, takes its name away, so
// that nothing is left of it whatever happens.
func (s *Spill[T]) open() (err error) {
	if s.file, err = os.CreateTemp("", "replog-"); err != nil {
		return err
	}
	s.gone = os.Remove(s.file.Name()) == nil
	s.out = bufio.NewWriterSize(s.file, spillWindow)
	return nil
}

// SpillError says that what is too long for memory cannot be kept on disk, or read
// back.
type SpillError struct{ Err error }

func (e *SpillError) Error() string {
	return "keep what is too long for memory on disk: " + e.Err.Error()
}
func (e *SpillError) Unwrap() error { return e.Err }

// Next says what to do.
func (e *SpillError) Next() string {
	return "make room in the folder for temporary files, or name another one by TMPDIR"
}

func spillError(err error) error { return &SpillError{err} }

// At returns an item, valid until the next call. Going through the list in order
// is fast. It fails where the file cannot be read.
func (s *Spill[T]) At(i int) (*T, error) {
	if i < len(s.memory) {
		return &s.memory[i], nil
	}
	if i -= len(s.memory); i == s.next-1 {
		return &s.item, nil
	}
	form, err := s.find(i)
	if err == nil {
		s.item, err = s.codec.Parse(form)
	}
	if err != nil {
		s.next, s.at = 0, 0
		return nil, spillError(err)
	}
	return &s.item, nil
}

// find returns the form of an item in the file and moves behind it.
func (s *Spill[T]) find(i int) ([]byte, error) {
	if i >= s.count {
		return nil, os.ErrClosed // or it would not be asked for
	}
	if mark := i / markEvery; i < s.next || s.next < mark*markEvery {
		s.next, s.at = mark*markEvery, s.starts[mark]
	}
	for {
		size, err := s.read(s.at, sizeBytes)
		if err != nil {
			return nil, err
		}
		begin := s.at + sizeBytes
		n := int64(binary.LittleEndian.Uint64(size))
		s.at = begin + n
		if s.next++; s.next > i {
			return s.read(begin, n)
		}
	}
}

// read returns n bytes of the file, valid until the next call.
func (s *Spill[T]) read(begin, n int64) ([]byte, error) {
	if begin < s.from || s.from+int64(len(s.window)) < begin+n {
		if err := s.out.Flush(); err != nil {
			return nil, err
		}
		size := max(n, min(spillWindow, s.end-begin))
		if int64(cap(s.window)) < size {
			s.window = make([]byte, size)
		}
		s.window, s.from = s.window[:size], begin
		if _, err := s.file.ReadAt(s.window, begin); err != nil {
			s.window = s.window[:0]
			return nil, err
		}
	}
	return s.window[begin-s.from:][:n], nil
}

// Close lets go of the file. The list is empty afterwards.
func (s *Spill[T]) Close() error {
	if s == nil {
		return nil
	}
	file, gone := s.file, s.gone
	*s = Spill[T]{codec: s.codec}
	if file == nil {
		return nil
	}
	err := file.Close()
	if !gone {
		err = os.Remove(file.Name())
	}
	return err
}
