package applied

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// misfits compares those of the rows that are in misfit.
func (cmp *comparison) misfits(ctx context.Context, rows []*pending) error {
	if !cmp.table.misfits {
		return nil
	}
	byKey := make(map[string]*pending, len(rows))
	for _, p := range rows {
		byKey[p.key] = p
	}
	found := &misfitBatch{differing: map[string]map[int]CellDifference{}, doubtful: map[int][]doubt{}}
	hashes := textArray(len(rows), func(i int) string { return keyHash(rows[i].key) })
	args := []any{cmp.t.database, cmp.table.shape.Name, hashes}
	err := query(ctx, cmp.c, findMisfits, args, func(scan func(...any) error) error {
		var key string
		var columns, rest []byte
		if err := scan(&key, &columns, &rest); err != nil {
			return err
		}
		p := byKey[key]
		if p == nil {
			return nil // somebody changed the key by hand
		}
		p.elsewhere = true
		return found.compare(cmp.table, p, columns, rest)
	})
	if err == nil {
		err = found.settle(ctx, cmp)
	}
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(found.differing)) {
		d := Difference{Key: key}
		for _, n := range slices.Sorted(maps.Keys(found.differing[key])) {
			d.Columns = append(d.Columns, found.differing[key][n])
		}
		if err := cmp.found(d); err != nil {
			return err
		}
	}
	return nil
}

// misfitBatch is what is found of some rows: columns that differ, by key and number,
// and, by number, such as differ as text but may be the same to PostgreSQL.
type misfitBatch struct {
	differing map[string]map[int]CellDifference
	doubtful  map[int][]doubt
}

type doubt struct{ key, a, b string }

func (m *misfitBatch) differs(key string, n int, d CellDifference) {
	if m.differing[key] == nil {
		m.differing[key] = map[int]CellDifference{}
	}
	m.differing[key][n] = d
}

// compare compares a row with what misfit has of it.
func (m *misfitBatch) compare(t *table, p *pending, columns, rest []byte) error {
	var wires map[string]json.RawMessage
	var texts map[string]*string
	err := json.Unmarshal(columns, &wires)
	if err == nil {
		err = json.Unmarshal(rest, &texts)
	}
	if err != nil {
		return fmt.Errorf("row %s in replog.misfit: %w", p.key, err)
	}
	for n, c := range p.cells {
		if t.cols[n] == nil {
			continue
		}
		name := t.shape.Columns[n].Name
		there := texts[name]
		if wire, isBad := wires[name]; isBad {
			text := string(wire)
			there = &text
			if c.bad != nil && c.bad.wire == text {
				continue
			}
		}
		a := c.shown()
		_, isWire := wires[name]
		switch {
		case c.bad == nil && !isWire && a != nil && there != nil:
			if *a != *there {
				m.doubtful[n] = append(m.doubtful[n], doubt{p.key, *a, *there})
			}
		case c.bad == nil && !isWire && a == nil && there == nil:
		default:
			m.differs(p.key, n, CellDifference{name, a, there})
		}
	}
	return nil
}

// shown is what a difference shows of a cell.
func (c *cell) shown() *string {
	switch {
	case c.bad != nil:
		return &c.bad.wire
	case c.null:
		return nil
	}
	return &c.text
}

// settle asks PostgreSQL about what is doubtful: it may have written a value otherwise.
func (m *misfitBatch) settle(ctx context.Context, cmp *comparison) error {
	for _, n := range slices.Sorted(maps.Keys(m.doubtful)) {
		doubts := m.doubtful[n]
		c := cmp.table.cols[n]
		different := func(d doubt) {
			m.differs(d.key, n, CellDifference{cmp.table.shape.Columns[n].Name, &d.a, &d.b})
		}
		var from source
		from.raw("a", c.base, textArray(len(doubts), func(i int) string { return doubts[i].a }))
		from.raw("b", c.base, textArray(len(doubts), func(i int) string { return doubts[i].b }))
		text := fmt.Sprintf("SELECT s.n FROM %s WHERE %s", from.text("n"), c.distinct("s.a", "s.b"))
		var places []int
		err := guard(ctx, cmp.c, func() error {
			return query(ctx, cmp.c, text, from.args, func(scan func(...any) error) error {
				var place int
				err := scan(&place)
				places = append(places, place)
				return err
			})
		})
		if err != nil && !isRowFault(err) {
			return err
		}
		for i, d := range doubts {
			if err != nil || slices.Contains(places, i+1) {
				different(d)
			}
		}
	}
	return nil
}

// otherMisfits finds rows of misfit that the replica does not have.
func (cmp *comparison) otherMisfits(ctx context.Context, s *staged) error {
	if !cmp.table.misfits {
		return nil
	}
	text := fmt.Sprintf(`
		SELECT m.key FROM replog.misfit AS m
		WHERE m.database = $1 AND m.table_name = $2 AND NOT EXISTS (SELECT FROM %s AS s WHERE s.key = m.key)`, s.name)
	return query(ctx, cmp.c, text, []any{cmp.t.database, cmp.table.shape.Name}, func(scan func(...any) error) error {
		d := Difference{OnlyB: true}
		if err := scan(&d.Key); err != nil {
			return err
		}
		return cmp.found(d)
	})
}
