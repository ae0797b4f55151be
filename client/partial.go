package client

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"replog/replog"
)

// PartialPath is the folder beside a database in which a snapshot is downloaded
// and checked before it replaces anything. Where that is cut the folder stays,
// for the next try to go on; it may be deleted.
func PartialPath(path string) string { return path + "-partial" }

// The files in such a folder.
const (
	receivedName = "received" // the bytes as they came, see partial
	contentName  = "content.db"
)

// openFolder makes the folder, or clears one that is there of all but what was
// received.
func openFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make a folder for the download: %w", err)
	}
	return clearFolder(folder)
}

// closeFolder removes the folder, unless there was an error and something in it
// is worth going on with.
func closeFolder(folder string, err error) error {
	if err == nil {
		return os.RemoveAll(folder)
	}
	if cleared := clearFolder(folder); cleared != nil {
		return errors.Join(err, cleared)
	}
	_ = os.Remove(folder) // fails where something was received
	return err
}

func clearFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == receivedName {
			continue
		}
		if err := removeFile(filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// representation is what an answer's headers say of a snapshot.
type representation struct {
	// Tag is the strong ETag: with it a download can go on. "" where there is none.
	Tag string `json:"tag"`
	// Encoding is zstd or "", Total the length so encoded, -1 where it is not told.
	Encoding string `json:"encoding"`
	Total    int64  `json:"total"`
	// Size and Digest, a SHA-256 in hexadecimal, are those of the SQLite file.
	Size   int64  `json:"size"`
	Digest string `json:"digest"`

	Revision replog.Revision `json:"revision"`
	Epoch    replog.Epoch    `json:"epoch"`
	Database string          `json:"database"`
	Chain    replog.Chain    `json:"chain,omitempty"`
}

// sameBytes tells whether bytes of one representation fit behind those of the
// other.
func (r *representation) sameBytes(other *representation) bool {
	return r.Tag != "" && r.Tag == other.Tag && r.Encoding == other.Encoding && r.Digest == other.Digest
}

// partial is the file of what was received of a snapshot: a line of JSON that
// says of which one, then its bytes as they came over the wire.
type partial struct {
	file  *os.File
	of    representation
	start int64 // where the bytes begin
	have  int64 // how many there are
}

// maxPartialLine bounds the first line.
const maxPartialLine = 8 << 10

// openPartial opens the file, or makes it. One whose line cannot be read, or
// that nothing can be added to, counts as empty.
func openPartial(folder string) (*partial, error) {
	f, err := os.OpenFile(filepath.Join(folder, receivedName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep what is downloaded: %w", err)
	}
	p := &partial{file: f}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	line, err := bufio.NewReader(io.LimitReader(f, maxPartialLine)).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &p.of) != nil || p.of.Tag == "" {
		return p, p.clear()
	}
	p.start = int64(len(line))
	p.have = info.Size() - p.start
	if p.of.Total >= 0 && p.have > p.of.Total {
		return p, p.clear()
	}
	return p, nil
}

// clear empties the file.
func (p *partial) clear() error {
	p.of, p.start, p.have = representation{}, 0, 0
	return p.file.Truncate(0)
}

// begin empties the file and says of what the bytes to come are.
func (p *partial) begin(of representation) error {
	if err := p.clear(); err != nil {
		return err
	}
	line, err := json.Marshal(of)
	if err != nil {
		return err
	}
	if _, err := p.file.WriteAt(append(line, '\n'), 0); err != nil {
		return err
	}
	p.of, p.start = of, int64(len(line))+1
	return nil
}

// add appends bytes.
func (p *partial) add(b []byte) error {
	_, err := p.file.WriteAt(b, p.start+p.have)
	if err == nil {
		p.have += int64(len(b))
	}
	return err
}

// stored reads the bytes that there are.
func (p *partial) stored() io.Reader { return io.NewSectionReader(p.file, p.start, p.have) }

// useful tells whether a download can go on behind what is there.
func (p *partial) useful() bool { return p.have > 0 && p.of.Tag != "" }

// close leaves the file where somebody can go on with it, and removes it
// otherwise.
func (p *partial) close() error {
	err := p.file.Close()
	if !p.useful() {
		err = errors.Join(err, removeFile(p.file.Name()))
	}
	return err
}
