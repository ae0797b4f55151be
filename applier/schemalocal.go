package applier

import "slices"

// IsLocal tells of a statement that InspectSchema has looked at whether it is to run
// without being recorded, as it concerns this file alone: one about a table or a
// column that is in this file only, and one that is refused and of which other files
// need know nothing. Those are what each replica has of its own: virtual tables and
// what depends on them, views, triggers and indexes that are not unique, and tables
// that are not replicated.
func (r *Replica) IsLocal(s *SchemaStatement) bool {
	if r.namesLocal(s.SQL) {
		return true
	}
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
func (r *Replica) namesLocal(sql string) bool {
	names := map[string]bool{}
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
	return namesAny(sql, names)
}
