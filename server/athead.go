package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"replog/applier"
	"replog/replog"
)

// rowKeeper is a transaction on the log of a store that keeps the rows of databases as
// rows of tables.
type rowKeeper interface {
	replog.LogTx
	// RebuildRows makes all tables again of a content, which is that of the head.
	RebuildRows(ctx context.Context, content replog.Content) error
	// MapTable and UnmapTable change where the rows of a table go, and bring them there.
	MapTable(ctx context.Context, m replog.TableMapping, content replog.Content) error
	UnmapTable(ctx context.Context, table string, content replog.Content) error
}

// ErrNoRows says that a store keeps no rows.
var ErrNoRows = errors.New("the store keeps no rows")

// AtHead is a replica of a database at the head of its log, and a transaction that
// holds the lock on the head.
type AtHead struct {
	tx      rowKeeper
	content replog.Content
}

// WithReplica makes a replica of a database in an empty folder, and runs f on it at the
// head of the log, whose lock is held meanwhile. What f has done is committed unless it
// fails. ErrNoRows where the store keeps no rows.
func WithReplica(ctx context.Context, stores Stores, name, folder string, f func(*AtHead) error) (err error) {
	log, err := stores.Open(ctx, name)
	if err != nil {
		return err
	}
	cfg := Config{Data: folder, Stores: stores}.withDefaults()
	cfg.Logger = slog.New(slog.DiscardHandler) // that there is no replica yet is no news
	d := &database{cfg: &cfg, name: name, folder: folder, log: log}
	defer func() {
		if d.replica != nil {
			err = errors.Join(err, d.replica.Close())
		}
		err = errors.Join(err, log.Close())
	}()
	if err := d.start(ctx); err != nil {
		return err
	}
	if d.broken.Load() {
		return errBroken
	}
	begun, err := log.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = begun.Rollback() }() // after Commit it does nothing
	tx, ok := begun.(rowKeeper)
	if !ok {
		return fmt.Errorf("database %s: %w", name, ErrNoRows)
	}
	if err := d.level(ctx, tx.Head()); err != nil {
		return err
	}
	if err := f(&AtHead{tx: tx, content: applier.NewContent(d.replica.Conn)}); err != nil {
		return err
	}
	return tx.Commit()
}

// Head is the head of the log.
func (a *AtHead) Head() replog.Head { return a.tx.Head() }

// RebuildRows makes the tables that the store keeps of the database again.
func (a *AtHead) RebuildRows(ctx context.Context) error { return a.tx.RebuildRows(ctx, a.content) }

// MapTable has the rows of a table go to one that exists.
func (a *AtHead) MapTable(ctx context.Context, m replog.TableMapping) error {
	return a.tx.MapTable(ctx, m, a.content)
}

// UnmapTable has the rows of a table go to a table of their own again.
func (a *AtHead) UnmapTable(ctx context.Context, table string) error {
	return a.tx.UnmapTable(ctx, table, a.content)
}
