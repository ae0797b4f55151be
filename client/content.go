package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"replog/applier"
	"replog/replog"
)

// snapshot downloads the database's content into a new file and returns its
// revision.
func (s *server) snapshot(ctx context.Context, path string) (replog.Revision, error) {
	res, err := s.do(ctx, call{method: "GET", path: "/snapshot"}, &traffic{})
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	at, err := strconv.ParseInt(res.Header.Get(replog.HeaderRevision), 10, 64)
	if err != nil {
		return 0, &UnreachableError{URL: s.address(), Err: fmt.Errorf("the snapshot has no revision: %w", err)}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	if _, err = io.Copy(f, res.Body); err != nil {
		f.Close()
		return 0, &UnreachableError{URL: s.address(), Err: fmt.Errorf("the snapshot was cut: %w", err)}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	return replog.Revision(at), checkIntegrity(path)
}

func checkIntegrity(path string) error {
	c, err := applier.Open(path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("the snapshot: %w", err)
	}
	defer c.Close()
	row, err := c.QueryRow("PRAGMA quick_check(1)")
	if err == nil && row[0].Bytes() != "ok" {
		err = errors.New(row[0].Bytes())
	}
	if err != nil {
		return fmt.Errorf("the snapshot is damaged: %w", err)
	}
	return nil
}

func (d *Device) publish(ctx context.Context, content string) error {
	f, err := os.Open(content)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	res, err := d.server.do(ctx, call{method: "PUT", body: func() io.Reader { return io.NewSectionReader(f, 0, info.Size()) }, contentType: "application/vnd.sqlite3"}, &traffic{})
	var p *replog.Problem
	if errors.As(err, &p) && p.Code == replog.CodeExists {
		return &ExistsError{
			What: fmt.Sprintf("the server has a database %q already", d.server.name),
			Hint: "nothing was changed; publish under another name, or leave out --publish to join it",
		}
	}
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// sameContent compares a file's content with the server's.
func (d *Device) sameContent(content, snapshot string) error {
	a, err := applier.Open(content, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := applier.Open(snapshot, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer b.Close()
	c, err := applier.Compare(a, b, applier.CompareOptions{})
	if err != nil {
		return err
	}
	if !c.Equal {
		return &DiffersError{Path: d.path, Detail: summary(c)}
	}
	return nil
}

// summary says in a line where two databases differ.
func summary(c *applier.Comparison) string {
	var list []string
	for _, s := range c.Schema {
		list = append(list, s.String())
	}
	for _, t := range c.Tables {
		if n := t.OnlyA + t.OnlyB + t.Different; n > 0 {
			list = append(list, fmt.Sprintf("table %q in %d rows", t.Table, n))
		}
	}
	return strings.Join(list, "; ")
}
