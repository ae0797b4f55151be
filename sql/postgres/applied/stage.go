package applied

import (
	"context"
	"fmt"
	"strings"

	"replog/replog"
)

// staging says what of the rows is staged.
type staging int

const (
	stageKeys staging = iota // the keys of rows that fit
	stageAll                 // all rows, with their columns
)

// staged is a temporary table with the rows that a table should have: their keys as
// k0, k1, …, and of stageAll also
//
//   - key, as replog.KeyString gives it;
//   - elsewhere: the row is in misfit, and compared there;
//   - bad: the row cannot stand in the table as it is;
//   - c0, c1, …: the carried columns, by their numbers, as their base types.
type staged struct {
	name    string
	columns []string
	kind    staging
	rows    int64
}

func (s *staged) drop(ctx context.Context, c Conn) error {
	return execAll(ctx, c, "DROP TABLE %s", s.name)
}

// stage makes the temporary table of content.
func (t *Tables) stage(ctx context.Context, c Conn, made *table, content replog.Content, kind staging) (*staged, error) {
	s, err := t.makeStage(ctx, c, made, kind)
	if err != nil {
		return nil, err
	}
	err = t.eachBatch(made, content, func(rows []*pending) error {
		s.rows += int64(len(rows))
		return s.add(ctx, c, made, rows)
	})
	return s, err
}

// eachBatch calls f for some rows of content at a time.
func (t *Tables) eachBatch(made *table, content replog.Content, f func(rows []*pending) error) error {
	var rows []*pending
	bytes := 0
	write := func() error {
		if len(rows) == 0 {
			return nil
		}
		err := f(rows)
		clear(rows)
		rows, bytes = rows[:0], 0
		return err
	}
	err := content.Rows(made.shape.Name, func(row []replog.Value) error {
		p := made.pendRow(row, opInsert, t.revision)
		rows = append(rows, p)
		if bytes += p.size(); len(rows) < maxRows && bytes < maxBytes {
			return nil
		}
		return write()
	})
	if err == nil {
		err = write()
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", made.shape.Name, err)
	}
	return nil
}

func (t *Tables) makeStage(ctx context.Context, c Conn, made *table, kind staging) (*staged, error) {
	t.serial++
	name := fmt.Sprintf("replog_stage_%d", t.serial)
	s := &staged{name: "pg_temp." + name, kind: kind}
	var parts []string
	column := func(name, base string) {
		s.columns = append(s.columns, name)
		parts = append(parts, name+" "+base)
	}
	for i, n := range made.shape.Key {
		column(fmt.Sprintf("k%d", i), made.cols[n].base)
	}
	if kind == stageAll {
		column("key", "text")
		column("elsewhere", "boolean")
		column("bad", "boolean")
		for _, n := range made.carried() {
			column(fmt.Sprintf("c%d", n), made.cols[n].base)
		}
	}
	return s, execAll(ctx, c, "CREATE TEMP TABLE %s (%s) ON COMMIT DROP", name, strings.Join(parts, ", "))
}

// add adds rows. What the server does not read is bad.
func (s *staged) add(ctx context.Context, c Conn, made *table, rows []*pending) error {
	if s.kind == stageKeys {
		fitting := rows[:0]
		for _, p := range rows {
			if !anyBad(p.cells) {
				fitting = append(fitting, p)
			}
		}
		rows = fitting
	}
	w := &writer{t: &Tables{}, c: c, careful: true}
	var refused []*pending
	err := w.run(ctx, rows, func(rows []*pending) error {
		return s.copy(ctx, c, made, rows)
	}, func(p *pending, err error) error {
		p.refused = err
		refused = append(refused, p)
		return nil
	})
	if err != nil || len(refused) == 0 || s.kind == stageKeys {
		return err
	}
	return s.copy(ctx, c, made, refused)
}

func (s *staged) copy(ctx context.Context, c Conn, made *table, rows []*pending) error {
	numbers := made.carried()
	none := make([]any, len(numbers))
	keys := len(made.shape.Key)
	return copyRows(ctx, c, s.name, s.columns, len(rows), func(i int, cells []any) {
		p := rows[i]
		isBad := p.refused != nil || anyBad(p.cells)
		for n, k := range p.keys {
			cells[n] = k.text
			if isBad && (p.refused != nil || k.bad != nil) || p.elsewhere {
				cells[n] = nil
			}
		}
		if s.kind == stageKeys {
			return
		}
		cells[keys], cells[keys+1], cells[keys+2] = p.key, p.elsewhere, isBad
		if p.elsewhere || p.refused != nil {
			copy(cells[keys+3:], none)
			return
		}
		copyCells(cells[keys+3:], p.cells, numbers)
	})
}
