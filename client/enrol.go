package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// InitRequest says which file becomes a device of which database.
type InitRequest struct {
	Path string
	// URL is http(s)://HOST:PORT/NAME.
	URL string
	// Token is an enrolment token for the database or, to publish, an
	// administrator's.
	Token string
	// Publish makes the file's content the new database's first.
	Publish bool
	// RequireAll makes tables that cannot be captured an error.
	RequireAll bool
	// RowIDTables replicates the tables without a declared key, by rowid. To
	// join, it must be as it was when the database was published.
	RowIDTables bool
	// Whole forbids the server to divide unmarked transactions.
	Whole bool
	// Name is a label for people, such as the machine's name.
	Name string
}

// InitResult says what init or clone did.
type InitResult struct {
	Device   replog.DeviceID
	Database string
	Head     replog.Revision // where the file stands
	Captured []string
	Skipped  []applier.SkippedTable
	Warnings []string

	log replog.Revision // the log's head when the device was enrolled
}

// Init makes a file a device. Where it fails, the file is as before. An enrolled
// file gets a new address for the same database instead.
func Init(ctx context.Context, req InitRequest, o Options) (*InitResult, error) {
	o = o.withDefaults()
	base, name, err := ParseServer(req.URL)
	if err != nil {
		return nil, err
	}
	var result *InitResult
	if _, err := os.Stat(req.Path); err != nil {
		return nil, openError(req.Path, err)
	}
	err = locked(ctx, req.Path, o, func() error {
		r, err := openReplica(req.Path, o)
		if err != nil {
			return err
		}
		defer r.Close()
		d := &Device{path: req.Path, options: o, replica: r, server: server{http: o.HTTP, retries: o.retries(), url: base, name: name, token: req.Token}}
		if err := d.upgrade(); err != nil {
			return err
		}
		id, err := d.identity()
		var none *NotEnrolledError
		switch {
		case errors.As(err, &none):
			result, err = d.enrolFile(ctx, &req)
		case err == nil:
			result, err = d.readdress(ctx, id, &req)
		}
		return err
	})
	return result, err
}

// readdress gives an enrolled file its server's new address.
func (d *Device) readdress(ctx context.Context, id *identity, req *InitRequest) (*InitResult, error) {
	if req.Publish {
		return nil, &ExistsError{What: d.path + " is enrolled already, at " + id.Server + "/" + id.Name, Hint: "run `replog init --remove` on it first"}
	}
	var err error
	if d.server.token, err = readToken(d.path); err != nil {
		return nil, err
	}
	// Whether the log has all that the file knows, the next sync finds out.
	if _, err := d.exchange(ctx, id, nil, wish{mode: PushOnly}, &traffic{}); err != nil {
		if err = mismatch(d.path, err); !gaveUp(err) {
			return nil, err
		}
	}
	err = d.write(func() error {
		return d.replica.Exec("UPDATE main.replog_device SET server = ?, name = ?", replog.Text(d.server.url), replog.Text(d.server.name))
	})
	return d.result(id.Device, id.SyncPoint), err
}

func (d *Device) result(device replog.DeviceID, at replog.Revision) *InitResult {
	r := &InitResult{Device: device, Database: d.server.name, Head: at, Skipped: d.replica.Schema.Skipped}
	for _, t := range d.replica.Schema.Tables {
		r.Captured = append(r.Captured, t.Name)
	}
	for _, s := range r.Skipped {
		r.Warnings = append(r.Warnings, fmt.Sprintf("table %q is not replicated: %s", s.Name, s.Why))
	}
	return r
}

// enrolFile captures first, so that nothing the application writes meanwhile is
// missed, and takes capture out again where enrolling fails.
func (d *Device) enrolFile(ctx context.Context, req *InitRequest) (*InitResult, error) {
	if err := d.checkNames(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(d.path), ".replog-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	content := filepath.Join(dir, "content.db")
	var nulls, unkept []string
	err = d.write(func() error {
		keepRowIDs, err := d.keepsRowIDs(req)
		if err != nil {
			return err
		}
		if err := d.copyContent(content, keepRowIDs); err != nil {
			return err
		}
		if err := d.replica.Uninstall(); err != nil { // of an init that was cut
			return err
		}
		if err := d.replica.Refresh(); err != nil {
			return err
		}
		if keepRowIDs {
			if err := d.replica.KeepRowIDs(); err != nil {
				return err
			}
		}
		if err := d.checkCapturable(req); err != nil {
			return err
		}
		if nulls, err = d.replica.TablesWithNullKeys(); err != nil {
			return err
		}
		if unkept, err = d.replica.UnkeptTables(); err != nil {
			return err
		}
		return d.install(req.Whole)
	})
	if err != nil {
		return nil, err
	}
	if err := d.options.Fault(FaultCaptured); err != nil {
		return nil, err
	}
	result, err := d.join(ctx, req, content)
	if err != nil {
		return nil, errors.Join(err, d.write(d.replica.Uninstall))
	}
	for _, name := range nulls {
		result.Warnings = append(result.Warnings, fmt.Sprintf("table %q has rows with NULL in the primary key: such rows are not replicated", name))
	}
	for _, name := range unkept {
		result.Warnings = append(result.Warnings, fmt.Sprintf("virtual table %q will not follow what a sync brings, as the triggers that keep it cannot run there", name))
	}
	return result, nil
}

func (d *Device) checkCapturable(req *InitRequest) error {
	s := d.replica.Schema
	if req.RequireAll && len(s.Skipped) > 0 {
		e := &UncapturedError{Path: d.path}
		for _, t := range s.Skipped {
			e.Tables = append(e.Tables, fmt.Sprintf("%s (%s)", t.Name, t.Why))
		}
		return e
	}
	if len(s.Tables) == 0 {
		return &NotFoundError{What: d.path + " has no table with a primary key", Hint: "create tables first; `replog init --rowid-tables` takes those without a key too"}
	}
	return nil
}

// checkNames refuses a file whose application uses names like ours, which
// removal would take for ours. What an init that was cut left has replog_device.
func (d *Device) checkNames() error {
	cut, err := hasTable(d.replica.Conn, "replog_device")
	if err != nil || cut {
		return busy(d.path, err)
	}
	what := ""
	err = d.replica.Query(`SELECT type, name FROM main.sqlite_schema
		WHERE type IN ('table', 'view', 'trigger', 'index') AND lower(name) GLOB 'replog_*'`, func(row []replog.Value) error {
		if !applier.IsRowIDMark(row[1].Bytes()) {
			what = row[0].Bytes() + " " + row[1].Bytes()
		}
		return nil
	})
	if err != nil || what == "" {
		return busy(d.path, err)
	}
	return &ExistsError{
		What: d.path + " has a " + what + " of its own",
		Hint: "nothing was changed; names that begin with replog_ are replog's: rename it",
	}
}

// install puts capture and the device's tables into the file, in the caller's
// transaction; the device has no identity yet.
func (d *Device) install(whole bool) error {
	if err := d.replica.Install(); err != nil {
		return err
	}
	if err := d.replica.Script(schemaSQL + gathered.TableSQL + gathered.SchemaSQL); err != nil {
		return err
	}
	if err := d.installSchema(); err != nil {
		return err
	}
	w := int64(0)
	if whole {
		w = 1
	}
	return d.replica.Exec("INSERT INTO main.replog_device VALUES(?, '', ?, ?, '', '', 0, 0, 0, 0, ?, NULL, '', '', 0)",
		replog.Integer(format), replog.Text(d.server.url), replog.Text(d.server.name), replog.Integer(w))
}

// join publishes or compares the content, then enrols.
func (d *Device) join(ctx context.Context, req *InitRequest, content string) (*InitResult, error) {
	var from *snapshot
	if req.Publish {
		if err := d.publish(ctx, content); err != nil {
			return nil, err
		}
	} else {
		var err error
		request := snapshotRequest{folder: filepath.Join(filepath.Dir(content), "snapshot"), newest: true}
		if err := openFolder(request.folder); err != nil {
			return nil, err
		}
		if from, err = d.server.snapshot(ctx, request, &d.options); err != nil {
			return nil, err
		}
		if err := d.sameContent(content, from.path); err != nil {
			return nil, err
		}
	}
	return d.enrol(ctx, req.Name, from)
}

// enrol gets an identity from the server and writes it down: the token first,
// then the file, which is a device from then on. Its content is that of a
// snapshot or, where that is nil, what was published.
func (d *Device) enrol(ctx context.Context, label string, from *snapshot) (*InitResult, error) {
	e, err := d.server.enrol(ctx, label)
	if err != nil {
		return nil, err
	}
	at, epoch, chain := replog.Revision(0), e.Epoch, replog.FirstChain(e.DatabaseID)
	if from != nil {
		if err := from.sameDatabase(d.path, e.DatabaseID); err != nil {
			return nil, err
		}
		at, epoch, chain = from.revision, from.epoch, from.chain
		if err := d.agreeWith(from.path); err != nil {
			return nil, err
		}
	}
	if err := d.options.Fault(FaultEnrolled); err != nil {
		return nil, err
	}
	if err := writeToken(d.path, e.Token); err != nil {
		return nil, err
	}
	if err := d.options.Fault(FaultTokenWritten); err != nil {
		return nil, err
	}
	err = d.write(func() error {
		err := d.replica.Exec("UPDATE main.replog_device SET device = ?, database = ?, epoch = ?, sync_point = ?, chain = ?",
			replog.Text(string(e.Device)), replog.Text(e.DatabaseID), replog.Text(string(epoch)), replog.Integer(int64(at)), replog.Text(string(chain)))
		if err != nil {
			return err
		}
		return d.addPoint(at, chain, replog.MillisOf(d.options.Clock()))
	})
	result := d.result(e.Device, at)
	result.log = e.Head
	return result, err
}

// enrol asks for an identity.
func (s *server) enrol(ctx context.Context, label string) (*replog.Enrolment, error) {
	body, err := json.Marshal(replog.EnrolRequest{Name: label})
	if err != nil {
		return nil, err
	}
	res, err := s.do(ctx, call{method: "POST", path: "/devices", body: bodyOf(body), contentType: "application/json"}, &traffic{})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	e := &replog.Enrolment{}
	if err := json.NewDecoder(res.Body).Decode(e); err != nil {
		return nil, &UnreachableError{URL: s.address(), Err: fmt.Errorf("the answer was cut: %w", err)}
	}
	return e, nil
}
