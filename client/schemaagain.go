package client

import (
	"slices"

	"replog/applier"
	"replog/replog"
)

// schemaAgain makes the schema what the log has at a revision where the file's history
// and the log part, in the caller's write transaction; the content is loaded afterwards.
// What the outbox adds to that is run again when it is replayed. What else was added
// stays in the file, for itself, as an application may need it: the log gets it back from
// whoever made it.
func (d *Device) schemaAgain(id *identity, at *replog.SchemaVersion) error {
	if at.Fingerprint == id.Schema.fingerprint {
		return nil
	}
	log, err := applier.ParseObjects(at.Objects)
	if err != nil {
		return err
	}
	agreed, err := d.agreed()
	if err != nil {
		return err
	}
	own, err := d.pendingStatements()
	if err != nil {
		return err
	}
	is, err := applier.After(log, own)
	if err != nil {
		return err
	}
	drift, err := applier.Drift(is, agreed)
	if err != nil {
		return err
	}
	is = withOthers(is, agreed, drift, id.Schema.lacks == "")
	if drift, err = applier.Drift(is, agreed); err != nil {
		return err
	}
	var others []*replog.Intent
	for _, sql := range drift.Statements {
		others = append(others, &replog.Intent{SQL: sql})
	}
	err = d.changeSchema(func() error {
		if err := d.replica.DisownSchema(others); err != nil {
			return err
		}
		return d.replica.BringBack(log, is)
	})
	if err != nil {
		return err
	}
	if id.Schema.lacks != "" {
		id.Schema.lacks = notCompared
		log = known(log, agreed)
	}
	err = d.replica.Exec("UPDATE main.replog_schema SET agreed = ?, fingerprint = ?, found = '', lacks = ?",
		replog.Text(applier.FormatObjects(log)), replog.Text(at.Fingerprint), replog.Text(id.Schema.lacks))
	if err != nil {
		return err
	}
	id.Schema, err = d.schemaState()
	return err
}

// pendingStatements are the schema statements of the outbox that were run.
func (d *Device) pendingStatements() (list []*replog.Intent, err error) {
	pending, err := d.outbox().list()
	if err != nil {
		return nil, err
	}
	for _, p := range pending {
		if p.schema == noSchema {
			continue
		}
		t, err := d.outbox().load(p)
		if err != nil {
			return nil, err
		}
		if list, err = addStatements(list, t); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// withOthers are the objects of a file with what others' statements, which the log has
// given up, made of them: another version, or none where missing tells that what is not
// there was taken away.
func withOthers(is, agreed []applier.Object, drift *applier.SchemaDrift, missing bool) []applier.Object {
	list := drift.Conflicts
	if missing {
		list = append(slices.Clone(list), drift.Missing...)
	}
	is = slices.Clone(is)
	for _, d := range list {
		name := d.Table
		if name == "" {
			name = d.Name
		}
		of := func(o applier.Object) bool { return o.Table == name || o.Name == name }
		is = slices.DeleteFunc(is, of)
		for _, o := range agreed {
			if of(o) {
				is = append(is, o)
			}
		}
	}
	return is
}

// known are objects of the log as far as a file follows them that lacks some.
func known(log, agreed []applier.Object) []applier.Object {
	var list []applier.Object
	for _, o := range log {
		at := slices.IndexFunc(agreed, func(a applier.Object) bool { return a.Type == o.Type && a.Name == o.Name })
		if at >= 0 {
			list = append(list, agreed[at])
		}
	}
	return list
}
