package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"replog/replog"
)

// Clone makes a new device from the server's snapshot. path must not exist.
func Clone(ctx context.Context, url, path, token, label string, o Options) (*InitResult, error) {
	o = o.withDefaults()
	base, name, err := ParseServer(url)
	if err != nil {
		return nil, err
	}
	for _, p := range []string{path, TokenPath(path)} {
		if _, err := os.Lstat(p); err == nil {
			return nil, &ExistsError{What: p + " exists", Hint: "nothing was changed; name a file that does not exist"}
		}
	}
	s := server{http: o.HTTP, retries: o.retries(), url: base, name: name, token: token}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".replog-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	tmp := filepath.Join(dir, filepath.Base(path))
	at, err := s.snapshot(ctx, tmp)
	if err != nil {
		return nil, err
	}
	result, err := s.enrolClone(ctx, tmp, label, at, o)
	if err != nil {
		return nil, err
	}
	// The token first: a database without one could not be completed.
	if err := os.Link(TokenPath(tmp), TokenPath(path)); err != nil {
		return nil, fmt.Errorf("place the token: %w", err)
	}
	if err := os.Link(tmp, path); err != nil {
		return nil, errors.Join(fmt.Errorf("place the clone: %w", err), os.Remove(TokenPath(path)))
	}
	return result, nil
}

func (s server) enrolClone(ctx context.Context, tmp, label string, at replog.Revision, o Options) (*InitResult, error) {
	r, err := openReplica(tmp, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	d := &Device{path: tmp, options: o, replica: r, server: s}
	if err := d.write(func() error { return d.install(false) }); err != nil {
		return nil, err
	}
	return d.enrol(ctx, label, at)
}
