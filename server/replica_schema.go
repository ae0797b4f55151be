package server

import (
	"fmt"
	"time"

	"replog/applier"
	"replog/replog"
)

// beginSchema makes ready for schema statements, in the replica's transaction and
// before the savepoint that they run in.
func (r *replica) beginSchema() error {
	r.altered = true
	return r.intents.Uninstall()
}

// inspectSchema looks at a schema statement as the replica stands.
func (r *replica) inspectSchema(in *replog.Intent) (*applier.SchemaStatement, error) {
	return r.InspectSchema(in.SQL, r.schemaOptions(in))
}

// alter runs a statement that inspectSchema has looked at, for so long at most; 0 is no
// limit.
func (r *replica) alter(in *replog.Intent, s *applier.SchemaStatement, within time.Duration) error {
	o := r.schemaOptions(in)
	o.Time = within
	result, err := r.RunSchema(s, o)
	if err == nil {
		r.triggers = result.Triggers
	}
	return err
}

func (r *replica) schemaOptions(in *replog.Intent) applier.SchemaOptions {
	return applier.SchemaOptions{Legacy: in.Legacy, Triggers: r.triggers, Limits: r.limits.Intents}
}

// endSchema keeps what schema statements made of the triggers.
func (r *replica) endSchema() error {
	if err := r.Exec(`DELETE FROM replog_trigger`); err != nil {
		return err
	}
	for _, o := range applier.WithTriggers(nil, r.triggers) {
		err := r.Exec(`INSERT INTO replog_trigger (name, sql) VALUES (?, ?)`, replog.Text(o.Name), replog.Text(o.SQL))
		if err != nil {
			return err
		}
	}
	r.intents.SetTriggers(r.triggers)
	return nil
}

// reread finds the schema again after schema statements were undone.
func (r *replica) reread() error {
	if !r.altered {
		return nil
	}
	if err := r.Refresh(); err != nil {
		return err
	}
	var err error
	if r.triggers, err = stashedTriggers(r.Conn); err != nil {
		return err
	}
	r.intents.SetTriggers(r.triggers)
	return nil
}

// objects are the application's, as they stand in the open transaction.
func (r *replica) objects() ([]applier.Object, error) {
	list, err := applier.ReadObjects(r.Conn)
	return applier.WithTriggers(list, r.triggers), err
}

// repeatSchema does again what the log says of an entry with schema statements.
func (r *replica) repeatSchema(d *replog.Delivery) error {
	if err := r.beginSchema(); err != nil {
		return err
	}
	changes := replog.NewChangeSpill()
	apply := func() error {
		err := r.Apply(changes)
		_ = changes.Close() // a temporary file; nothing is lost
		changes = replog.NewChangeSpill()
		return err
	}
	defer func() { _ = changes.Close() }()
	err := d.Each(func(kind replog.LineKind, text string) error {
		if kind == replog.LineChange {
			c, err := replog.ParseChange([]byte(text))
			if err != nil {
				return err
			}
			return changes.Add(c)
		}
		if err := apply(); err != nil {
			return err
		}
		in, err := replog.ParseIntent([]byte(text))
		if err != nil {
			return err
		}
		return r.repeatStatement(&in)
	})
	if err == nil {
		err = apply()
	}
	if err == nil {
		err = r.endSchema()
	}
	return err
}

// repeatStatement runs a statement of the log: what it may cost was decided when it
// came.
func (r *replica) repeatStatement(in *replog.Intent) error {
	s, err := r.inspectSchema(in)
	if err != nil {
		return err
	}
	s.Refused = nil
	if err := r.alter(in, s, 0); err != nil {
		return fmt.Errorf("%.200q: %w", in.SQL, err)
	}
	return nil
}
