package applier

import (
	"slices"

	"replog/replog"
)

// Adds tells whether a schema statement adds something that rows which are there, or
// come, take no notice of: a table, a column, a view, a trigger, or an index that is
// not unique. What others wrote before it can be written after it.
func Adds(sql string) bool {
	h, ok := parseHead(tokenize(sql))
	if !ok {
		return false
	}
	_, unique := uniqueIndex(sql)
	return h.action == SchemaAddColumn || h.action == SchemaCreate && !(h.kind == typeIndex && unique)
}

// DisownSchema makes capture forget the tables and columns that schema statements
// added, in the caller's transaction: they are in this file only from then on, with
// what they hold. Nothing may be gathered.
func (r *Replica) DisownSchema(statements []*replog.Intent) error {
	return r.alone(func() error {
		for _, in := range statements {
			h, ok := parseHead(tokenize(in.SQL))
			if !ok || h.kind != typeTable {
				continue
			}
			id, err := r.capturedID(h.name)
			switch {
			case err != nil:
			case id == 0:
			case h.action == SchemaCreate:
				err = r.disown(id)
			case h.action == SchemaAddColumn:
				err = r.know(h.name, func(names []string) []string {
					return slices.DeleteFunc(names, func(name string) bool { return foldName(name) == foldName(h.column) })
				})
			}
			if err != nil {
				return err
			}
		}
		return r.recapture(false)
	})
}

func (r *Replica) disown(id int64) error {
	if err := r.dropCapture(id); err != nil {
		return err
	}
	return r.Exec("DELETE FROM main.replog_table WHERE id = ?", replog.Integer(id))
}

// TakeBack makes the objects that schema statements changed what they were before, in
// the caller's transaction, where was are the objects before the first of them. Of
// tables the content is lost, and has to be loaded; what only this file has of
// indexes, views and triggers stays where it can. Nothing may be gathered.
func (r *Replica) TakeBack(was []Object, statements []*replog.Intent) error {
	is, err := After(was, statements)
	if err != nil {
		return err
	}
	return r.BringBack(was, is)
}

// BringBack is TakeBack for objects that are as given, whatever made them so.
func (r *Replica) BringBack(was, is []Object) error {
	changed := touched(was, is)
	return r.alone(func() error {
		now, err := ReadObjects(r.Conn)
		if err != nil {
			return err
		}
		b := takingBack{r: r, was: was, is: is, changed: changed, dropped: map[string]bool{}}
		if err := b.drop(now); err != nil {
			return err
		}
		if err := b.create(); err != nil {
			return err
		}
		if err := b.keep(now); err != nil {
			return err
		}
		return r.recapture(true)
	})
}

// After are objects after some statements, as far as these can be run.
func After(was []Object, statements []*replog.Intent) ([]Object, error) {
	s, err := newScratch(was, false)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, in := range statements {
		legacy := "OFF"
		if in.Legacy {
			legacy = "ON"
		}
		if err := s.Script("PRAGMA legacy_alter_table = " + legacy); err != nil {
			return nil, err
		}
		if err := s.Script(in.SQL); err != nil && resultCode(err) != sqliteError {
			return nil, err
		}
	}
	is, err := ReadObjects(s.Conn)
	return append(is, s.left...), err
}

type takingBack struct {
	r       *Replica
	was, is []Object
	changed []string
	// dropped are the tables and views that were dropped, folded.
	dropped map[string]bool
}

func (b *takingBack) isChanged(o *Object) bool {
	return slices.Contains(b.changed, o.Type+" "+o.Name)
}

// drop drops what was changed: what belongs to a table goes with it.
func (b *takingBack) drop(now []Object) error {
	for _, kind := range []string{typeTrigger, typeView, typeIndex, typeTable} {
		for i := range now {
			o := &now[i]
			if o.Type != kind || !b.isChanged(o) || findObject(b.is, o.Type, o.Name) == nil {
				continue
			}
			if kind == typeTable {
				id, err := b.r.capturedID(o.Name)
				if err != nil {
					return err
				}
				if err := b.r.disown(id); err != nil {
					return err
				}
			}
			if kind == typeTable || kind == typeView {
				b.dropped[foldName(o.Name)] = true
			}
			if err := b.r.Script("DROP " + kind + " main." + replog.QuoteName(o.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// create makes what is not there of what was.
func (b *takingBack) create() error {
	for _, kind := range []string{typeTable, typeIndex, typeView, typeTrigger} {
		for i := range b.was {
			o := &b.was[i]
			if o.Type != kind || !b.isChanged(o) && !b.dropped[foldName(o.Table)] {
				continue
			}
			if there, err := b.isThere(o); err != nil || there {
				if err != nil {
					return err
				}
				continue
			}
			if err := b.r.Script(o.SQL); err != nil {
				return err
			}
			if kind == typeTable {
				if err := b.r.know(o.Name, nil); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *takingBack) isThere(o *Object) (bool, error) {
	row, err := b.r.QueryRow("SELECT 1 FROM main.sqlite_schema WHERE type = ? AND name = ? COLLATE NOCASE", replog.Text(o.Type), replog.Text(o.Name))
	return row != nil, err
}

// keep makes again what only this file has on tables that were dropped, where that is
// possible.
func (b *takingBack) keep(now []Object) error {
	for i := range now {
		o := &now[i]
		if !b.dropped[foldName(o.Table)] || o.Type == typeTable || o.Type == typeView || findObject(b.is, o.Type, o.Name) != nil {
			continue
		}
		if there, err := b.isThere(o); err != nil {
			return err
		} else if !there {
			_ = b.r.Savepoint(func() error { return b.r.Script(o.SQL) }) // it may name what is no more
		}
	}
	return nil
}
