package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"replog/applier"
	"replog/client"
	"replog/replog"
	"replog/sql/sqlite"
)

// storedLog reads a log where servers keep it, beside them if they run.
type storedLog struct {
	replog.Store
	where string
}

func openFolderLog(data, name string) (*storedLog, error) {
	folder := databaseFolder(data, name)
	if !isFolder(folder) {
		return nil, &failure{err: fmt.Errorf("%s has no database %q", data, name), next: "give the folder that `replog serve --data` uses"}
	}
	log, err := sqlite.NewFolder(data, sqlite.Options{ReadOnly: true}).Open(context.Background(), name)
	if err != nil {
		return nil, err
	}
	return &storedLog{Store: log, where: folder}, nil
}

func (l *storedLog) Lines(ctx context.Context, f replog.Filter, yield func(replog.LogLine) error) error {
	return l.Entries(ctx, f, func(e replog.Entry) error {
		line, err := e.Line()
		if err != nil {
			return err
		}
		return yield(line)
	})
}

func (l *storedLog) Stats(ctx context.Context, f replog.Filter, yield func(replog.LogStat) error) error {
	return l.Entries(ctx, f, func(e replog.Entry) error {
		stat, err := e.Stat()
		if err != nil {
			return err
		}
		return yield(stat)
	})
}

func (l *storedLog) Script(ctx context.Context, f replog.Filter, w io.Writer) error {
	first, err := l.Base(ctx, "", 0)
	if err != nil {
		return err
	}
	defer func() { _ = first.Release() }() // it was only read
	base, err := applier.Open(first.Path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer base.Close()
	return applier.WriteScript(ctx, base, l.Store, f, w)
}

func (l *storedLog) Entry(ctx context.Context, r replog.Revision) (replog.EntryDetail, error) {
	e, err := l.Store.Entry(ctx, r)
	if errors.Is(err, replog.ErrNotFound) {
		return replog.EntryDetail{}, client.NoRevision(fmt.Sprintf("%s: no such revision: %d", l.where, r))
	}
	if err != nil {
		return replog.EntryDetail{}, err
	}
	defer e.Close()
	return e.Detail()
}
