package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"replog/applier"
	"replog/client"
	"replog/replog"
	"replog/sql/sqlite"
)

// baseFile is a database's first content, in the database's folder.
const baseFile = "base.db"

// folderLog reads the store in a server's folder, beside the server if it runs.
type folderLog struct {
	*sqlite.Log
	folder string
}

func openFolderLog(data, name string) (*folderLog, error) {
	folder := databaseFolder(data, name)
	if !isFolder(folder) {
		return nil, &failure{err: fmt.Errorf("%s has no database %q", data, name), next: "give the folder that `replog serve --data` uses"}
	}
	log, err := sqlite.Open(filepath.Join(folder, logFile), sqlite.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	return &folderLog{Log: log, folder: folder}, nil
}

func (l *folderLog) Lines(ctx context.Context, f replog.Filter, yield func(replog.LogLine) error) error {
	return l.Entries(ctx, f, func(e replog.Entry) error {
		line, err := e.Line()
		if err != nil {
			return err
		}
		return yield(line)
	})
}

func (l *folderLog) Stats(ctx context.Context, f replog.Filter, yield func(replog.LogStat) error) error {
	return l.Entries(ctx, f, func(e replog.Entry) error {
		stat, err := e.Stat()
		if err != nil {
			return err
		}
		return yield(stat)
	})
}

func (l *folderLog) Script(ctx context.Context, f replog.Filter, w io.Writer) error {
	base, err := applier.Open(filepath.Join(l.folder, baseFile), applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer base.Close()
	return applier.WriteScript(ctx, base, l.Log, f, w)
}

func (l *folderLog) Entry(ctx context.Context, r replog.Revision) (replog.EntryDetail, error) {
	e, err := l.Log.Entry(ctx, r)
	if errors.Is(err, replog.ErrNotFound) {
		return replog.EntryDetail{}, client.NoRevision(fmt.Sprintf("%s: no such revision: %d", l.folder, r))
	}
	if err != nil {
		return replog.EntryDetail{}, err
	}
	defer e.Close()
	return e.Detail()
}
