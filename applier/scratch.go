package applier

import (
	"fmt"
	"slices"

	"replog/replog"
)

// scratch is a database in memory that is made of a list of objects, without rows.
type scratch struct {
	*Conn
	// left are objects that SQLite could not make here, as they need what only the
	// application has, or what they depend on is left out itself.
	left []Object
}

// newScratch makes a scratch database. Virtual tables, and what depends on them, are
// not in it. byRowID: tables without a declared key are replicated by rowid.
func newScratch(list []Object, byRowID bool) (*scratch, error) {
	c, err := Open(":memory:", OpenOptions{Create: true})
	if err != nil {
		return nil, err
	}
	s := &scratch{Conn: c}
	if byRowID {
		if err := c.Script("CREATE TABLE " + rowIDMark + "(v)"); err != nil {
			c.Close()
			return nil, err
		}
	}
	list, s.left = divideVirtual(list)
	for _, o := range list {
		err := c.Script(o.SQL)
		if err != nil && resultCode(err) != sqliteError {
			c.Close()
			return nil, fmt.Errorf("make %s %q in memory: %w", o.Type, o.Name, err)
		}
		if err != nil {
			s.left = append(s.left, o)
		}
	}
	return s, nil
}

// divideVirtual takes virtual tables, and the views and triggers that name them, out
// of a list: each replica has its own.
func divideVirtual(list []Object) (rest, virtual []Object) {
	names := map[string]bool{}
	depends := func(o *Object) bool {
		if o.Type == typeTable {
			return isVirtual(o.SQL)
		}
		return o.Type != typeIndex && namesAny(o.SQL, names)
	}
	for before := -1; before != len(virtual); {
		before = len(virtual)
		for i := range list {
			o := &list[i]
			if !slices.Contains(virtual, *o) && depends(o) {
				virtual = append(virtual, *o)
				if o.Type != typeTrigger {
					names[foldName(o.Name)] = true
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(o Object) bool { return slices.Contains(virtual, o) }), virtual
}

// namesAny tells whether SQL names, quoted or not, any of some folded names.
func namesAny(sql string, names map[string]bool) bool {
	return len(names) > 0 && slices.ContainsFunc(tokenize(sql), func(t token) bool { return t.isName() && names[unquoted(t)] })
}

// columnDefault is what rows that are there already get of a column that ALTER
// TABLE adds, exact in type and bytes.
func columnDefault(c *Column, strict bool) (replog.Value, error) {
	s, err := newScratch(nil, false)
	if err != nil {
		return replog.Value{}, err
	}
	defer s.Close()
	options := ""
	if strict {
		options = " STRICT"
	}
	sql := "CREATE TABLE t(id INTEGER PRIMARY KEY)" + options + "; INSERT INTO t VALUES(1); ALTER TABLE t ADD COLUMN " + replog.QuoteName(c.Name) + " " + c.Type
	if c.Default != "" {
		sql += " DEFAULT " + c.Default
	}
	if err := s.Script(sql); err != nil {
		return replog.Value{}, err
	}
	row, err := s.QueryRow("SELECT +" + replog.QuoteName(c.Name) + " FROM t")
	if err != nil {
		return replog.Value{}, err
	}
	return row[0], nil
}
