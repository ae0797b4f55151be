package applier

import "slices"

// virtualWriter is a trigger, by folded name, and the tables that it writes to.
type virtualWriter struct {
	trigger string
	tables  []string
}

// sort divides the triggers that may write to virtual tables: those that stay on,
// and the tables that others write to. Of the triggers that keep one table all
// stay on or none: half of them would only damage it.
func (d *standIn) sort(triggers []trigger) (kept []virtualWriter, lost map[string]bool) {
	lost = map[string]bool{}
	for _, t := range triggers {
		tables, ok := d.writes(&t)
		if ok && !slices.ContainsFunc(tables, func(name string) bool { return !d.virtual[name] }) {
			if len(tables) > 0 {
				kept = append(kept, virtualWriter{foldName(t.name), tables})
			}
			continue
		}
		for _, name := range tables {
			lost[name] = true
		}
	}
	for before := -1; before != len(kept); {
		before = len(kept)
		kept = slices.DeleteFunc(kept, func(w virtualWriter) bool {
			if !slices.ContainsFunc(w.tables, func(name string) bool { return lost[name] }) {
				return false
			}
			for _, name := range w.tables {
				lost[name] = true
			}
			return true
		})
	}
	return kept, lost
}
