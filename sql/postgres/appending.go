package postgres

import (
	"slices"

	"replog/replog"
	"replog/sql/internal/form"
)

// appending gathers the rows of one entry.
type appending struct {
	t        *Tx
	b        *batches
	e        *replog.Entry
	revision int64
	asStored bool
	size     int64 // of its bodies, in bytes
	// tables are those that are noted, and rows are rows that are, as far as it is
	// worth while to remember.
	tables map[hashed]bool
	rows   map[hashed]bool
	body   []byte
}

// all gathers everything.
func (a *appending) all(recorded *replog.Form) error {
	a.tables = map[hashed]bool{}
	for _, name := range a.e.Tables {
		a.touchTable(tableHash(name), name)
	}
	if a.e.Outcome == replog.Applied && !a.asStored {
		if err := a.effects(); err != nil {
			return err
		}
	}
	if err := a.recorded(recorded); err != nil {
		return err
	}
	return a.entryRow(recorded)
}

// sendFull sends the batches where they are full.
func (a *appending) sendFull() error {
	if !a.b.full() {
		return nil
	}
	return a.t.send()
}

// recorded gathers the statements and the net changes of the recorded form, and what
// was changed where they say it.
func (a *appending) recorded(recorded *replog.Form) error {
	fates, err := a.e.Fates()
	if err != nil {
		return err
	}
	hasNet := a.e.Transaction.RecordedNet() != nil
	// Most entries touch no other rows than they change: they are what was recorded,
	// and the statements are the net changes.
	others := hasNet || !a.asStored
	statements, nets := 0, 0
	return form.EachBody(recorded, func(kind form.Kind, body []byte) error {
		if kind == form.NoNet {
			return nil
		}
		sh, p, exact, err := a.t.shapes.of(body)
		if err != nil {
			return err
		}
		batch, n := a.b.statements, &statements
		if kind == form.Net {
			batch, n = a.b.nets, &nets
		}
		a.bodyRow(batch, *n, sh, &p, body, exact)
		if kind != form.Net {
			if err := a.fate(fates, *n, kind, body); err != nil {
				return err
			}
		}
		*n++
		if kind == form.Intent {
			return a.sendFull()
		}
		a.touchTable(sh.tableHash, sh.table)
		if a.asStored && (kind == form.Net) == hasNet {
			a.changed(*n-1, sh, p.key, body)
		}
		if others {
			if err := a.touch(sh, p.key, body); err != nil {
				return err
			}
		}
		return a.sendFull()
	})
}

// bodyRow gathers the columns that all bodies have.
func (a *appending) bodyRow(b *batch, n int, sh *shape, p *pieces, body []byte, exact bool) {
	a.storeText(sh)
	b.int(a.revision).int(int64(n)).hash(sh.id).bare(p.time).json(p.key).json(p.old).json(p.new)
	if len(p.more) == 0 {
		b.null()
	} else {
		b.json(p.more)
	}
	if exact {
		b.null()
	} else {
		b.json(body)
	}
	a.size += int64(len(body))
	a.b.bytes += len(body)
}

func (a *appending) storeText(sh *shape) {
	if !a.t.known.store(sh.id) {
		return
	}
	b := a.b.texts.hash(sh.id).text(sh.operation)
	if sh.isIntent {
		b.null().null().null()
	} else {
		b.text(sh.table).json([]byte(sh.keyColumns)).json([]byte(sh.columns))
	}
	b.text(sh.sql).json([]byte(sh.start))
	if sh.isIntent {
		b.null()
	} else {
		b.json([]byte(sh.middle))
	}
	a.b.bytes += 2 * len(sh.start)
}

// fate gathers what became of a statement, where that is not what became of the entry.
func (a *appending) fate(fates *replog.Fates, n int, kind form.Kind, body []byte) error {
	var part *replog.Part
	if len(a.e.Parts) > 0 {
		var s replog.Statement
		if kind == form.Intent {
			s.Intent = &replog.Intent{}
		} else {
			var err error
			if s.Change, err = replog.ParseChange(body); err != nil {
				return err
			}
		}
		part = fates.Of(n, &s)
	}
	if part == nil {
		a.b.statements.null().null().null()
		return nil
	}
	a.b.statements.text(string(part.Outcome)).text(part.Reason.Code).text(part.Reason.Detail)
	return nil
}

// effects gathers the changes that were not all made as recorded.
func (a *appending) effects() error {
	hasIntents := a.e.Transaction.HasIntents() // whose tables are known
	return form.EachEffect(a.e, func(n, planned int, c *replog.Change) error {
		a.body = c.AppendJSON(a.body[:0])
		sh, p, exact, err := a.t.shapes.of(a.body)
		if err != nil {
			return err
		}
		if planned >= 0 {
			a.b.effects.int(a.revision).int(int64(n)).null().null().null().null().null().null().null().int(int64(planned))
		} else {
			a.bodyRow(a.b.effects, n, sh, &p, a.body, exact)
			a.b.effects.null()
		}
		a.changed(n, sh, p.key, a.body)
		if !hasIntents {
			a.touchTable(sh.tableHash, sh.table)
		}
		return a.sendFull()
	})
}

// changed notes that the entry's n-th change is of a row.
func (a *appending) changed(n int, sh *shape, key, body []byte) {
	row := rowHash(sh.table, string(key))
	a.b.changed.hash(row).int(a.revision).int(int64(n))
	a.noted(row)
	k := a.t.known
	if !k.rows.add(row, past{revision: a.e.Revision, device: a.e.Transaction.Device, body: string(body)}) {
		k.added.rotated = true
	}
	if !k.added.rotated {
		k.added.rows = append(k.added.rows, row)
	}
}

// touch notes the rows that a statement or a net change is of, but for those that are
// noted: a row that is noted twice only takes room.
func (a *appending) touch(sh *shape, key, body []byte) error {
	a.touchRow(rowHash(sh.table, string(key)))
	if !sh.movesKey {
		return nil
	}
	c, err := replog.ParseChange(body)
	if err != nil {
		return err
	}
	if after := c.KeyAfter(); !slices.Equal(after, c.Key) {
		a.touchRow(rowHash(c.Table, replog.KeyString(after)))
	}
	return nil
}

func (a *appending) touchRow(row hashed) {
	if a.noted(row) {
		a.b.rows.hash(row).int(a.revision)
	}
}

// rememberedRows is how many rows of an entry are remembered.
const rememberedRows = 50_000

// noted remembers a row, and tells whether it is new.
func (a *appending) noted(row hashed) bool {
	if a.rows == nil {
		a.rows = map[hashed]bool{}
	}
	if a.rows[row] {
		return false
	}
	if len(a.rows) < rememberedRows {
		a.rows[row] = true
	}
	return true
}

func (a *appending) touchTable(id hashed, name string) {
	if a.tables[id] {
		return
	}
	a.tables[id] = true
	a.b.tables.hash(id).int(a.revision)
	if a.t.known.store(id) {
		a.b.names.hash(id).text(name)
	}
}
