package client

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// packing is the zstd form of a file, made as it is read.
type packing struct {
	from io.Reader
	part []byte
	made bytes.Buffer
	zstd *zstd.Encoder
	err  error // what comes after what is made
}

func newPacking(from io.Reader) *packing {
	p := &packing{from: from, part: make([]byte, 256<<10)}
	p.zstd, p.err = newCompressor(&p.made)
	return p
}

// Read implements io.Reader.
func (p *packing) Read(b []byte) (int, error) {
	for p.made.Len() == 0 {
		if p.err != nil {
			return 0, p.err
		}
		n, err := p.from.Read(p.part)
		if _, failed := p.zstd.Write(p.part[:n]); failed != nil {
			err = failed
		}
		if errors.Is(err, io.EOF) {
			if failed := p.zstd.Close(); failed != nil {
				err = failed
			}
		}
		p.err = err
	}
	return p.made.Read(b)
}
