package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// What an application's own migration made of the file's schema is found at the end
// of a sync, when the file is where the log is: data flows whatever comes of it. What
// was added is sent as a schema transaction. Capture knows of the new tables and
// columns only once that was applied: until then, and where it is refused, they are
// in this file only. What the log has too, as another device was first, the file
// takes from the server's snapshot.

// derivedLabel is that of the transactions with what was found.
const derivedLabel = "schema found in the file"

// notCompared stands for what the file lacks until it is compared.
const notCompared = `["?"]`

// noteSchema has the file compared with the log, whose schema has changed.
func (m *move) noteSchema() error {
	m.answer.dropped = m.answer.dropped || m.dropped
	if m.lacking && m.id.Schema.lacks == "" {
		m.id.Schema.lacks = notCompared
	}
	if !m.schemas {
		return nil
	}
	return m.replica.Exec("UPDATE main.replog_schema SET found = '', lacks = ?", replog.Text(m.id.Schema.lacks))
}

// schemaChecks is what a sync knows when it compares the schemas.
type schemaChecks struct {
	// derived: what this device found was applied. otherwise: others changed the
	// schema, or something of theirs was left out.
	derived, otherwise bool
	// sent and taken: a sync sends once what was found, and takes content once.
	sent, taken bool
}

// maxSeq is past every seq.
const maxSeq = replog.Seq(math.MaxInt64)

// noteChecks notes what an answer means for the comparison.
func (r *run) noteChecks(a *answer) {
	r.checks.otherwise = r.checks.otherwise || a.foreignSchema || a.dropped
	r.checks.derived = r.checks.derived || a.schema && !a.foreignSchema
}

// settle compares the file's schema with the log's at the sync point, unless that was
// done. It tells whether something is to be sent now.
func (r *run) settle(ctx context.Context) (more bool, err error) {
	var id *identity
	var found string
	waits := false
	err = r.read(func() error {
		if id, err = r.identity(); err != nil {
			return err
		}
		if found, err = gathered.Found(r.replica); err != nil {
			return err
		}
		if r.settled = found == id.Schema.found; !r.settled {
			waits, err = r.schemaWaits()
		}
		return err
	})
	if err != nil || r.settled || waits {
		return false, err
	}
	log, err := r.server.schema(ctx, "?at="+strconv.FormatInt(int64(id.SyncPoint), 10))
	if err != nil {
		return false, err
	}
	s := settling{run: r, log: log, found: found}
	if s.objects, err = applier.ParseObjects(log.Objects); err != nil {
		return false, fmt.Errorf("%s: the server's answer: %w", r.server.address(), err)
	}
	if err := s.compare(); err != nil {
		return false, err
	}
	adopts := r.replica.Adoptable(s.objects)
	if adopts && (!r.checks.derived || r.checks.otherwise) && !r.checks.taken {
		r.checks.taken = true
		return true, s.takeContent(ctx)
	}
	if r.options.LocalSchema {
		s.result.Statements = nil
	}
	if len(s.result.Statements) > 0 {
		if r.mode == PullOnly || r.checks.sent {
			return false, nil // the next sync looks again
		}
		r.checks.sent = true
	}
	return s.note(id.SyncPoint, adopts)
}

// local names what stays in this file only. Nothing is said of a schema that has not
// been compared with the log's yet.
func (r *run) local(id *identity) ([]string, error) {
	if !r.settled {
		err := r.read(func() error {
			found, err := gathered.Found(r.replica)
			r.settled = found == id.Schema.found
			return err
		})
		if err != nil || !r.settled {
			return nil, err
		}
	}
	return r.replica.Schema.Local(), nil
}

// schemaWaits tells whether schema statements of this device wait for their verdict.
func (d *Device) schemaWaits() (bool, error) {
	row, err := d.replica.QueryRow(`SELECT 1 WHERE EXISTS(SELECT 1 FROM main.replog_outbox WHERE schema > 0)
		OR EXISTS(SELECT 1 FROM main.replog_gathered WHERE schema) OR EXISTS(SELECT 1 FROM main.replog_change WHERE op = 11 AND v1 LIKE '%,"schema":true%')`)
	return row != nil, err
}

// settling is one comparison.
type settling struct {
	*run
	log     *replog.SchemaVersion
	objects []applier.Object // the log's
	found   string
	result  *applier.Settlement
}

// compare works out how the file stands to the log. What cannot be settled is a
// *MismatchError with both versions.
func (s *settling) compare() error {
	file, err := applier.ParseObjects(s.found)
	if err != nil {
		return err
	}
	agreed, err := s.agreed()
	if err != nil {
		return busy(s.path, err)
	}
	if s.result, err = applier.Settle(agreed, s.objects, file); err != nil {
		return err
	}
	if len(s.result.Conflicts) == 0 {
		return nil
	}
	var lines []string
	for _, d := range s.result.Conflicts {
		lines = append(lines, describeConflict(&d)...)
	}
	return &MismatchError{Path: s.path, Code: replog.CodeSchema,
		Detail: "its schema and the log's have gone apart (- the log's, + the file's):\n" + strings.Join(lines, "\n")}
}

// errMoved says that the file is no longer what was compared.
var errMoved = errors.New("the schema has changed again")

// note records the result: what was found is put into the outbox, and what the log
// has by now is captured.
func (s *settling) note(at replog.Revision, adopts bool) (more bool, err error) {
	err = s.write(func() error {
		id, err := s.identity()
		if err != nil {
			return err
		}
		if now, err := gathered.Found(s.replica); err != nil || now != s.found || id.SyncPoint != at {
			return errors.Join(err, errMoved)
		}
		before := id.LastSeq
		if adopts {
			if err := s.adopt(id); err != nil {
				return err
			}
		}
		if len(s.result.Statements) > 0 {
			if err := s.derive(id); err != nil {
				return err
			}
		}
		more = id.LastSeq > before
		return errors.Join(s.keep(), s.save(id))
	})
	if errors.Is(err, errMoved) {
		return false, nil // the next sync looks again
	}
	if err == nil && more {
		s.last = maxSeq
		more = s.mode == Both
	}
	return more, err
}

// keep notes that the schemas were compared. The log's is agreed on where the file
// lacks nothing of it.
func (s *settling) keep() error {
	lacks := s.lacks()
	found, err := gathered.Found(s.replica)
	if err != nil {
		return err
	}
	err = s.replica.Exec("UPDATE main.replog_schema SET found = ?, lacks = ?, captured = ?",
		replog.Text(found), replog.Text(lacks), replog.Text(s.replica.Schema.Describe()))
	if err != nil || lacks != "" {
		return err
	}
	return s.replica.Exec("UPDATE main.replog_schema SET agreed = ?, fingerprint = ?", replog.Text(s.log.Objects), replog.Text(s.log.Fingerprint))
}

// derive puts what was found in the file into the outbox, and after it nothing yet:
// see adopt.
func (s *settling) derive(id *identity) error {
	if err := s.close(id); err != nil {
		return err
	}
	now := max(replog.MillisOf(s.options.Clock()), id.LastTime)
	t := &replog.Transaction{Marked: true, Label: derivedLabel, Schema: true, Time: now}
	if err := s.place(id, t); err != nil {
		return err
	}
	for _, sql := range s.result.Statements {
		t.Steps = append(t.Steps, replog.Step{Intent: &replog.Intent{SQL: sql, Schema: replog.SchemaDerived, Time: now}})
	}
	if err := s.number(id, t); err != nil {
		return err
	}
	return s.addSteps(t)
}

// adopt has capture know what the log has by now, and makes a transaction of what was
// written to it until then.
func (s *settling) adopt(id *identity) error {
	if err := s.close(id); err != nil {
		return err
	}
	adopted, err := s.replica.AdoptSchema(s.objects)
	if err != nil {
		return err
	}
	g, err := s.replica.GatherUnseen(adopted, id.LastTime)
	if err != nil || g == nil {
		return err
	}
	return s.addUnseen(id, g)
}

// addUnseen puts a gathered transaction of rows into the outbox.
func (d *Device) addUnseen(id *identity, g *applier.Gathered) error {
	t := g.Transaction()
	t.Whole = id.Whole
	if err := d.place(id, &t); err != nil {
		return err
	}
	if err := d.number(id, &t); err != nil {
		return err
	}
	return d.outbox().add(&t)
}

// schema asks for the log's schema: the newest, or with ?at= that of a revision.
func (s *server) schema(ctx context.Context, query string) (v *replog.SchemaVersion, err error) {
	err = s.again(ctx, true, func() error {
		res, err := s.once(ctx, call{method: "GET", path: "/schema" + query}, &traffic{})
		if err != nil {
			return err
		}
		defer res.Body.Close()
		v = &replog.SchemaVersion{}
		if err := json.NewDecoder(res.Body).Decode(v); err != nil {
			return &UnreachableError{URL: s.address(), Err: fmt.Errorf("the answer was cut: %w", err)}
		}
		return nil
	})
	return v, err
}
