package applier

import "slices"

// settings checks the settings of an application's connection that the statement
// depends on. Elsewhere it will run with SQLite's defaults, but with foreign keys.
func (x *Intents) settings(i *Inspection, k *checker, e *effects) error {
	ask := func(query string) (int64, error) {
		row, err := x.r.QueryRow(query)
		if err != nil || row == nil {
			return 0, err
		}
		return row[0].Int64(), nil
	}
	related := false
	for t := range e.tables {
		related = related || len(t.ForeignKeys) > 0 || len(t.Inbound) > 0
	}
	for _, s := range []struct {
		query string
		want  int64
		asks  bool
		what  string
	}{
		{"PRAGMA foreign_keys", 1, related, "foreign keys are off"},
		{"PRAGMA ignore_check_constraints", 0, true, "CHECK constraints are off"},
		{"PRAGMA writable_schema", 0, true, "writable_schema is on"},
		{"SELECT 'a' LIKE 'A'", 1, k.likes(i), "LIKE is case-sensitive"},
	} {
		if !s.asks {
			continue
		}
		got, err := ask(s.query)
		if err != nil {
			return err
		}
		if got != s.want {
			k.fail(UnsafeSetting, "%s on this connection", s.what)
		}
	}
	return nil
}

// likes tells whether anything that takes part may call LIKE.
func (k *checker) likes(i *Inspection) bool {
	if slices.Contains(i.Functions, "like") {
		return true
	}
	for _, x := range k.catalog.triggers {
		if slices.Contains(i.Touches, x.table) || slices.ContainsFunc(tokenize(x.sql), func(t token) bool { return t.is("like") }) {
			return true
		}
	}
	return slices.ContainsFunc(i.Touches, func(name string) bool { return k.catalog.has(name, "like") })
}
