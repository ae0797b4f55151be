package form

import (
	"errors"
	"fmt"
	"io"

	"replog/replog"
)

// List is one of the lists of bodies that are stored of an entry.
type List int

// The lists.
const (
	Statements List = iota // and intents, as the device ran them
	Nets                   // the recorded net changes
	Made                   // the changes that were not all made as recorded
)

// Bodies gives bodies one after the other.
type Bodies interface {
	// Next returns a body, valid until the next call; io.EOF after the last.
	Next() ([]byte, error)
	Close() error
}

// Source is where a store's entries are read.
type Source interface {
	// Bodies opens a list of an entry's bodies. Several may be open.
	Bodies(list List, r replog.Revision) (Bodies, error)
	// Schema is the schema version of just that revision.
	Schema(r replog.Revision) (replog.SchemaVersion, error)
}

// Each calls each for all bodies of a list, which are valid until it returns.
func Each(s Source, list List, r replog.Revision, each func(body []byte) error) error {
	bodies, err := s.Bodies(list, r)
	if err != nil {
		return err
	}
	defer bodies.Close()
	for {
		body, err := bodies.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(body)
		}
		if err != nil {
			return err
		}
	}
}

// send gives changes as they are stored.
func send(s Source, list List, r replog.Revision, yield func(replog.LineKind, string) error) error {
	return Each(s, list, r, func(body []byte) error { return yield(replog.LineChange, string(body)) })
}

// sendNext gives the next bodies of an open list.
func sendNext(bodies Bodies, count int, yield func(replog.LineKind, string) error) error {
	for range count {
		body, err := bodies.Next()
		if err != nil {
			return fmt.Errorf("%w: a change is missing: %w", replog.ErrForm, err)
		}
		if err := yield(replog.LineChange, string(body)); err != nil {
			return err
		}
	}
	return nil
}
