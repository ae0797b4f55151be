package client

import (
	"bytes"
	"errors"
	"io"
	"os"

	"replog/replog"
)

// spoolMemory is how much of an answer is kept in memory, in bytes; a longer one
// goes to a file.
const spoolMemory = 1 << 20

// spool keeps bytes until they are read, any number of times.
type spool struct {
	memory bytes.Buffer
	file   *os.File // nil while memory does
}

func (s *spool) Write(b []byte) (int, error) {
	if s.file == nil && s.memory.Len()+len(b) <= spoolMemory {
		return s.memory.Write(b)
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "replog-")
		if err != nil {
			return 0, &replog.SpillError{Err: err}
		}
		s.file = f
		if _, err := f.Write(s.memory.Bytes()); err != nil {
			return 0, &replog.SpillError{Err: err}
		}
		s.memory = bytes.Buffer{}
	}
	n, err := s.file.Write(b)
	if err != nil {
		err = &replog.SpillError{Err: err}
	}
	return n, err
}

// reader reads from the beginning.
func (s *spool) reader() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.memory.Bytes()), nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}
