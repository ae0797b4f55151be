package applier

import (
	"encoding/binary"
	"errors"
	"math"

	"replog/replog"
)

// Images is a list of row images, of any length: a long one is on disk.
type Images struct {
	*replog.Spill[RowImage]
}

// NewImages makes an empty list of rows of a schema's tables.
func NewImages(s *Schema) *Images {
	return &Images{replog.NewSpill(replog.Codec[RowImage]{
		Size:   (*RowImage).size,
		Append: appendImage,
		Parse: func(b []byte) (RowImage, error) {
			p := imageParser{schema: s, b: b}
			return p.image(), p.err
		},
	})}
}

// each calls f for every image, in order, until one call fails.
func (l *Images) each(f func(*RowImage) error) error {
	for i := range l.Len() {
		m, err := l.At(i)
		if err == nil {
			err = f(m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// size is about how much memory an image takes, in bytes.
func (i *RowImage) size() int {
	const itself, value = 100, 32
	n := itself
	for _, list := range [][]replog.Value{i.Key, i.Before, i.After} {
		n += value * len(list)
		for _, v := range list {
			n += len(v.Bytes())
		}
	}
	return n
}

// The form of an image on disk: the table's name, then three lists of values, a
// list being its length plus one, 0 for nil, and a value its storage class and
// what the class needs.

func appendImage(b []byte, i *RowImage) []byte {
	b = appendSized(b, i.Table.Name)
	for _, list := range [][]replog.Value{i.Key, i.Before, i.After} {
		if list == nil {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(list))+1)
		for _, v := range list {
			b = appendValue(b, v)
		}
	}
	return b
}

func appendSized(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendValue(b []byte, v replog.Value) []byte {
	b = append(b, byte(v.Kind()))
	switch v.Kind() {
	case replog.KindInteger:
		b = binary.AppendVarint(b, v.Int64())
	case replog.KindReal:
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float64()))
	case replog.KindText, replog.KindBlob:
		b = appendSized(b, v.Bytes())
	}
	return b
}

// errImage says that what is on disk is not what was written there.
var errImage = errors.New("a row image on disk is damaged")

// imageParser reads what appendImage wrote. It remembers its first failure.
type imageParser struct {
	schema *Schema
	b      []byte
	err    error
}

func (p *imageParser) image() RowImage {
	var i RowImage
	if i.Table = p.schema.Table(p.bytes()); i.Table == nil {
		p.err = errImage
	}
	i.Key, i.Before, i.After = p.list(), p.list(), p.list()
	return i
}

func (p *imageParser) list() []replog.Value {
	n := p.number()
	if n == 0 || n > maxColumns+1 || p.err != nil {
		return nil
	}
	list := make([]replog.Value, n-1)
	for i := range list {
		list[i] = p.value()
	}
	return list
}

func (p *imageParser) value() replog.Value {
	kind := p.take(1)
	if p.err != nil {
		return replog.Value{}
	}
	switch replog.Kind(kind[0]) {
	case replog.KindInteger:
		v, n := binary.Varint(p.b)
		p.take(max(n, 0))
		return replog.Integer(v)
	case replog.KindReal:
		if bits := p.take(8); bits != nil {
			return replog.Real(math.Float64frombits(binary.LittleEndian.Uint64(bits)))
		}
	case replog.KindText:
		return replog.Text(p.bytes())
	case replog.KindBlob:
		return replog.Blob([]byte(p.bytes()))
	}
	return replog.Value{}
}

func (p *imageParser) number() uint64 {
	v, n := binary.Uvarint(p.b)
	p.take(max(n, 0))
	return v
}

func (p *imageParser) bytes() string { return string(p.take(int(p.number()))) }

func (p *imageParser) take(n int) []byte {
	if p.err != nil || n > len(p.b) {
		p.err = errImage
		return nil
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return b
}
