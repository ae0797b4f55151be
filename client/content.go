package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"replog/applier"
	"replog/replog"
)

// publish makes a new database on the server of a file. It is compressed on the
// way, so its progress is that of reading the file.
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
	var read *meter // of the last attempt
	body := func() io.Reader {
		read = gauge{d.options.Progress, StagePublish, info.Size()}.over(io.NewSectionReader(f, 0, info.Size()))
		return newPacking(read)
	}
	res, err := d.server.do(ctx, call{method: "PUT", body: body, encoding: codingZstd, contentType: "application/vnd.sqlite3"}, &traffic{})
	if read != nil {
		read.end()
	}
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

// keepsRowIDs tells whether tables without a declared key are to be replicated: it
// was asked for, or the file is the server's content, whose mark says so.
func (d *Device) keepsRowIDs(req *InitRequest) (bool, error) {
	if req.RowIDTables {
		return true, nil
	}
	if cut, err := hasTable(d.replica.Conn, "replog_device"); err != nil || cut {
		return false, err
	}
	return applier.KeepsRowIDs(d.replica.Conn)
}

// copyContent copies the file, which the caller keeps from being written, to
// path, without what an init that was cut may have left in it, and marked as
// content whose rowids are kept. SQLite's backup refuses a connection that is
// writing, so another one reads.
func (d *Device) copyContent(path string, keepRowIDs bool) error {
	reader, err := applier.Open(d.path, applier.OpenOptions{ReadOnly: true, BusyTimeout: d.options.BusyTimeout})
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := reader.Backup(path); err != nil {
		return err
	}
	r, err := openReplica(path, d.options)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Uninstall(); err != nil || !keepRowIDs {
		return err
	}
	return r.KeepRowIDs()
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
	if err := d.sameRowIDs(a, b); err != nil {
		return err
	}
	c, err := applier.Compare(a, b, applier.CompareOptions{})
	if err != nil {
		return err
	}
	if !c.Equal {
		return &DiffersError{Path: d.path, Detail: summary(c)}
	}
	return nil
}

// sameRowIDs checks that the tables without a declared key are replicated by both
// sides or by none.
func (d *Device) sameRowIDs(content, snapshot *applier.Conn) error {
	ours, err := applier.KeepsRowIDs(content)
	if err != nil {
		return err
	}
	theirs, err := applier.KeepsRowIDs(snapshot)
	if err != nil || ours == theirs {
		return err
	}
	detail := "the server's database was published without --rowid-tables: leave it out here too"
	if theirs {
		detail = "the server's database was published with --rowid-tables: give that here too"
	}
	return &MismatchError{Path: d.path, Code: replog.CodeSchema, Detail: detail}
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
