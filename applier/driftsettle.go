package applier

import "slices"

// Settlement is how the schema of a device's file stands to that of the log.
type Settlement struct {
	// Statements are to be logged: what the file has beyond the log.
	Statements []string
	// Same are the objects, and the columns of tables, that were added to the
	// file without the log, and that the log has too: others came first.
	Same []DriftDifference
	// Lacks are those that the log has and the file does not have yet: its
	// application is older. It goes on with the columns that it has.
	Lacks []DriftDifference
	// Conflicts are those of which the file has another version, or none any
	// more. In all of these, A is the log's and B the file's.
	Conflicts []DriftDifference
	// Notes and Local are as in SchemaDrift.
	Notes []DriftDifference
	Local []DriftDifference
}

// Settle compares the objects found in a device's file with those of the log, given
// those on which both agreed last.
func Settle(agreed, log, found []Object) (*Settlement, error) {
	d, err := Drift(log, found)
	if err != nil {
		return nil, err
	}
	s := &Settlement{Statements: d.Statements, Conflicts: d.Conflicts, Notes: d.Notes, Local: d.Local}
	form := newSchemaForm(agreed, log, found)
	for _, m := range d.Missing {
		if form.has(agreed, &m) {
			s.Conflicts = append(s.Conflicts, m)
		} else {
			s.Lacks = append(s.Lacks, m)
		}
	}
	// What only the log has of views and the like came after the file.
	s.Notes = slices.DeleteFunc(slices.Clone(s.Notes), func(n DriftDifference) bool {
		if n.B != "" || form.has(agreed, &n) {
			return false
		}
		s.Lacks = append(s.Lacks, n)
		return true
	})
	if len(s.Conflicts) > 0 {
		s.Statements = nil
	}
	s.Same = form.added(agreed, found, log)
	sortDifferences(s.Conflicts)
	sortDifferences(s.Lacks)
	return s, nil
}

// has tells whether a list has what a difference is about.
func (f *schemaForm) has(list []Object, d *DriftDifference) bool {
	switch d.Kind {
	case "column":
		t := findObject(list, typeTable, d.Table)
		if t == nil {
			return false
		}
		_, ok := f.definition(t.SQL).column(foldName(d.Name))
		return ok
	case "constraint":
		t := findObject(list, typeTable, d.Table)
		return t != nil && slices.ContainsFunc(f.definition(t.SQL).constraints, func(c clause) bool {
			return slices.ContainsFunc(f.definition("CREATE TABLE t(a, "+d.A+")").constraints, func(x clause) bool { return x.norm == c.norm })
		})
	}
	return findObject(list, d.Kind, d.Name) != nil
}

// added lists what was added to from in both of two lists, alike.
func (f *schemaForm) added(from, a, b []Object) (list []DriftDifference) {
	for i := range a {
		x := &a[i]
		y, was := findObject(b, x.Type, x.Name), findObject(from, x.Type, x.Name)
		switch {
		case y == nil:
		case was == nil && f.same(x, y):
			list = append(list, difference(x.Type, x, x.Name, y.SQL, x.SQL, ""))
		case was != nil && x.Type == typeTable:
			before, left, right := f.definition(was.SQL), f.definition(x.SQL), f.definition(y.SQL)
			for _, c := range left.columns {
				_, old := before.column(c.name)
				if other, ok := right.column(c.name); ok && !old && other.norm == c.norm {
					list = append(list, difference("column", x, c.name, other.text, c.text, ""))
				}
			}
		}
	}
	sortDifferences(list)
	return list
}
