package client

import (
	"context"
	"errors"
	"os"
)

// Remove takes every trace of replog out of a file. What was not synced stays in
// the tables, but can no longer be uploaded.
func Remove(ctx context.Context, path string, o Options) error {
	o = o.withDefaults()
	if _, err := os.Stat(path); err != nil {
		return openError(path, err)
	}
	err := locked(ctx, path, o, func() error {
		r, err := openReplica(path, o)
		if err != nil {
			return err
		}
		defer r.Close()
		d := &Device{path: path, options: o, replica: r}
		if ok, err := hasTable(r.Conn, "replog_device"); err != nil || !ok {
			return errors.Join(err, &NotEnrolledError{Path: path})
		}
		return d.write(r.Uninstall)
	})
	if err != nil {
		return err
	}
	if err := os.RemoveAll(PartialPath(path)); err != nil {
		return err
	}
	left := []string{TokenPath(path), lockPath(path)}
	if next, err := nextDevice(path, ""); err == nil && next != "" {
		left = append(left, nextTokenPath(path, next))
	}
	for _, p := range left {
		if err := removeFile(p); err != nil {
			return err
		}
	}
	return nil
}

// removeFile removes a file, if it is there.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
