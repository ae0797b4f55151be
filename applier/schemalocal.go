package applier

import "slices"

// IsLocal tells of a statement that InspectSchema has looked at whether it is to run
// without being recorded, as it concerns this file alone: one about a table or a
// column that is in this file only, and one that is refused and of which other files
// need know nothing. Those are what each replica has of its own: virtual tables and
// what depends on them, views, triggers and indexes that are not unique, and tables
// that are not replicated. settled are the objects that were compared with the log's,
// nil where none were: tables that are not among them are new.
func (r *Replica) IsLocal(s *SchemaStatement, settled []Object) (bool, error) {
	local, err := r.namesLocal(s.SQL, settled)
	return local || r.isOwn(s), err
}

// isOwn tells of one that is refused whether it may run all the same.
func (r *Replica) isOwn(s *SchemaStatement) bool {
	if s.Refused == nil {
		return false
	}
	switch {
	case s.Type == typeTable && s.Action != SchemaCreate:
		return r.Schema.Table(s.Name) == nil
	case s.Type == typeIndex && s.Action == SchemaCreate:
		_, unique := uniqueIndex(s.SQL)
		return !unique || r.Schema.Table(s.Table) == nil
	}
	return true
}

// namesLocal tells whether SQL names what capture does not know.
func (r *Replica) namesLocal(sql string, settled []Object) (bool, error) {
	names := map[string]bool{}
	if settled != nil {
		list, err := r.Objects()
		if err != nil {
			return false, err
		}
		for _, o := range list {
			names[foldName(o.Name)] = o.Type == typeTable && findNamed(settled, typeTable, o.Name) == nil
		}
	}
	for _, t := range r.Schema.Skipped {
		if t.Why == whyLocal {
			names[foldName(t.Name)] = true
		}
	}
	for _, t := range r.Schema.Tables {
		for _, c := range t.Local {
			if slices.ContainsFunc(tokenize(sql), func(k token) bool { return k.isName() && unquoted(k) == foldName(t.Name) }) {
				names[foldName(c.Name)] = true
			}
		}
	}
	return slices.ContainsFunc(tokenize(sql), func(k token) bool { return k.isName() && names[unquoted(k)] }), nil
}
