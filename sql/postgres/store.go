package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"replog/replog"
	"replog/sql/internal/form"
)

// Options says how a store is opened. The zero Options are good.
type Options struct {
	// PartitionRevisions is how many revisions a part of the log holds that can be
	// dropped as one; 0 is a million. It counts for parts that are made from now on.
	PartitionRevisions int64
	// Readers bounds the connections on which logs are read at length at the same time,
	// as downloads do; 0 is 24. There are 8 more for short questions, 8 for the registry,
	// and some for each log that is written.
	Readers int
	// Listen addresses the server itself where the store's address is PgBouncer's,
	// which loses notifications; "" is the store's address.
	Listen string
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Store is a log store: a PostgreSQL database that has the schema replog. It is safe
// for concurrent use.
type Store struct {
	dsn     string
	options Options
	// Readers, short questions and writers have connections of their own, so that none
	// keeps the others waiting.
	readers, quick, writers *sql.DB
	hints                   *announcer
}

// Open opens a store. ErrNotStore where the PostgreSQL database holds none,
// *VersionError where its version is not this program's: nothing is migrated.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	o.PartitionRevisions = cmp.Or(o.PartitionRevisions, 1_000_000)
	o.Readers = cmp.Or(o.Readers, 24)
	o.Listen = cmp.Or(o.Listen, dsn)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PartitionRevisions < 0 || o.Readers < 0 {
		return nil, errors.New("open the log store: numbers below 0 in its options")
	}
	s := &Store{dsn: dsn, options: o}
	_, err := configOf(o.Listen)
	if err != nil {
		return nil, err
	}
	for pool, connections := range map[**sql.DB]int{&s.readers: o.Readers, &s.quick: quickConnections, &s.writers: unlimited} {
		if *pool, err = open(dsn, connections); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	err = checkVersion(ctx, s.quick)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the log store: %w", err), s.Close())
	}
	s.hints = newAnnouncer(s.writers)
	return s, nil
}

// DB is the store's pool of connections. What runs on it names the schema replog, and
// needs nothing of a session.
func (s *Store) DB() *sql.DB { return s.writers }

// Close releases the store. Logs that are still open fail from then on.
func (s *Store) Close() error {
	if s.hints != nil {
		s.hints.close()
	}
	var err error
	for _, pool := range []*sql.DB{s.readers, s.quick, s.writers} {
		if pool != nil {
			err = errors.Join(err, pool.Close())
		}
	}
	return err
}

// make makes a database with an empty log that stands at head, whose Database is its
// id, and has fill put into it what it begins with, all in one transaction. fill may be
// nil. *ExistsError where there is a database of that name or id that is not retired.
func (s *Store) make(ctx context.Context, name string, head replog.Head, fill func(*Tx) error) error {
	err := s.makeIn(ctx, name, head, fill)
	if hasState(err, uniqueViolation) {
		err = &ExistsError{Name: name}
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

func (s *Store) makeIn(ctx context.Context, name string, head replog.Head, fill func(*Tx) error) error {
	c, err := beginWriter(ctx, s.writers)
	if err != nil {
		return err
	}
	var n int64
	err = c.row(insertDatabase, []any{head.Database, name, s.options.Now().UnixMilli()}, &n)
	if err == nil {
		err = c.run(insertHead, n, string(head.Epoch), int64(head.Revision), string(head.Chain))
	}
	if err != nil {
		return errors.Join(err, c.rollback())
	}
	l := newLog(s, head.Database, name, n)
	<-l.turn
	l.known.forget(head)
	t := l.newTx(c, head, form.LastChange{})
	t.creates = true
	if err = c.runAll(l.text(createDatabase)); err == nil {
		err = t.makeParts(int64(head.Revision))
	}
	if err == nil {
		err = t.beginRows()
	}
	if err == nil && fill != nil {
		err = fill(t)
	}
	if err != nil {
		return errors.Join(err, t.Rollback())
	}
	return t.Commit()
}
