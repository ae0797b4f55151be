package applied

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"replog/replog"
)

// Difference is a row that is not the same in a replica (A) and in its table (B).
type Difference struct {
	Table string
	// Key is the row's, as replog.KeyString gives it; of a row only in B, a JSON array
	// of what stands in PostgreSQL.
	Key          string
	OnlyA, OnlyB bool
	// Columns are those that differ, of a row that both have.
	Columns []CellDifference
}

// CellDifference is a column of a row that differs: A as the mapping makes it of the
// replica's value, or, if that does not fit, in the wire's form; nil is NULL.
type CellDifference struct {
	Name string
	A, B *string
}

// Count is what the comparison of a table found.
type Count struct {
	Table                   string
	A, B                    int64 // rows; of B with those in misfit
	OnlyA, OnlyB, Different int64
	// LeftOut: no table in PostgreSQL holds its rows.
	LeftOut bool
}

// Equal tells whether no row differs.
func (c Count) Equal() bool { return c.OnlyA == 0 && c.OnlyB == 0 && c.Different == 0 }

// Compare compares the tables, as the transaction of c sees them, with what the
// mapping makes of a replica's content: every byte, bit and digit that the mapping
// keeps. Rows in misfit are compared by their exact values. It calls yield for each row
// that differs; an error of yield ends it and is returned. What is buffered is not
// looked at.
func (t *Tables) Compare(ctx context.Context, c Conn, content replog.Content, yield func(Difference) error) ([]Count, error) {
	shapes, err := content.Tables()
	if err != nil {
		return nil, err
	}
	var counts []Count
	known := map[string]bool{}
	for _, shape := range shapes {
		known[shape.Name] = true
		made := t.tables[shape.Name]
		if made == nil || !sameShape(made.shape, shape) {
			return counts, fmt.Errorf("%w: of %s as the replica has it", ErrNoTables, shape.Name)
		}
		cmp := &comparison{t: t, c: c, table: made, count: Count{Table: shape.Name}, yield: yield}
		if !made.usable() {
			cmp.count.LeftOut = true
		} else if err := cmp.run(ctx, content); err != nil {
			return counts, fmt.Errorf("comparing %s: %w", shape.Name, err)
		}
		counts = append(counts, cmp.count)
	}
	for _, made := range t.sorted() {
		if !known[made.shape.Name] {
			return counts, fmt.Errorf("%w: %s is in PostgreSQL only", ErrNoTables, made.shape.Name)
		}
	}
	return counts, nil
}

// comparison compares one table.
type comparison struct {
	t     *Tables
	c     Conn
	table *table
	count Count
	yield func(Difference) error
}

func (cmp *comparison) run(ctx context.Context, content replog.Content) error {
	s, err := cmp.t.makeStage(ctx, cmp.c, cmp.table, stageAll)
	if err != nil {
		return err
	}
	err = cmp.t.eachBatch(cmp.table, content, func(rows []*pending) error {
		cmp.count.A += int64(len(rows))
		if err := cmp.misfits(ctx, rows); err != nil {
			return err
		}
		return s.add(ctx, cmp.c, cmp.table, rows)
	})
	if err == nil {
		err = cmp.join(ctx, s)
	}
	if err == nil {
		err = cmp.otherMisfits(ctx, s)
	}
	if err == nil {
		err = cmp.countB(ctx)
	}
	if err == nil {
		err = s.drop(ctx, cmp.c)
	}
	return err
}

func (cmp *comparison) countB(ctx context.Context) error {
	const misfits = `(SELECT count(*) FROM replog.misfit WHERE database = $1 AND table_name = $2)`
	return cmp.c.QueryRowContext(ctx, "SELECT count(*) + "+misfits+" FROM "+cmp.table.target(), cmp.t.database, cmp.table.shape.Name).Scan(&cmp.count.B)
}

func (cmp *comparison) found(d Difference) error {
	switch {
	case d.OnlyA:
		cmp.count.OnlyA++
	case d.OnlyB:
		cmp.count.OnlyB++
	default:
		cmp.count.Different++
	}
	d.Table = cmp.table.shape.Name
	return cmp.yield(d)
}

// join compares what is staged with the table.
func (cmp *comparison) join(ctx context.Context, s *staged) error {
	numbers := cmp.table.carried()
	return query(ctx, cmp.c, cmp.text(s, numbers), nil, func(scan func(...any) error) error {
		var key, there sql.NullString
		var isBad sql.NullBool
		var differs []sql.NullBool
		var a, b []sql.NullString
		if err := scan(&key, &there, &isBad, pq.Array(&differs), pq.Array(&a), pq.Array(&b)); err != nil {
			return err
		}
		d := Difference{Key: key.String, OnlyA: !there.Valid, OnlyB: !key.Valid}
		if d.OnlyB {
			d.Key = there.String
		}
		if !d.OnlyA && !d.OnlyB {
			for i, n := range numbers {
				if differs[i].Bool {
					name := cmp.table.shape.Columns[n].Name
					d.Columns = append(d.Columns, CellDifference{name, textOf(a[i]), textOf(b[i])})
				}
			}
		}
		return cmp.found(d)
	})
}

func textOf(s sql.NullString) *string {
	if !s.Valid {
		return nil
	}
	return &s.String
}

// text is the query that finds the rows that differ.
func (cmp *comparison) text(s *staged, numbers []int) string {
	var differs, a, b, key []string
	for _, n := range numbers {
		c := cmp.table.cols[n]
		x := fmt.Sprintf("s.c%d", n)
		y := fmt.Sprintf("t.%s::%s", quote(c.name), c.base)
		differs = append(differs, c.distinct(x, y))
		a, b = append(a, x+"::text"), append(b, y+"::text")
	}
	for _, n := range cmp.table.shape.Key {
		key = append(key, "t."+quote(cmp.table.columns[n]))
	}
	return fmt.Sprintf(`
		SELECT s.key, CASE WHEN t.ctid IS NOT NULL THEN pg_catalog.to_json(ARRAY[%s]::text[])::text END, s.bad,
			ARRAY[%s], ARRAY[%s], ARRAY[%s]
		FROM (SELECT * FROM %s WHERE NOT elsewhere) AS s
		FULL JOIN %s AS t ON %s
		WHERE s.key IS NULL OR t.ctid IS NULL OR s.bad OR %s`,
		strings.Join(key, ", "), strings.Join(differs, ", "), strings.Join(a, ", "), strings.Join(b, ", "),
		s.name, cmp.table.target(), onKey(cmp.table, "t"), strings.Join(differs, " OR "))
}

// distinct is a condition: two values of the column's base type are not the same.
func (c *column) distinct(x, y string) string {
	form := "%s"
	switch c.kind {
	case kindFloat:
		form = "pg_catalog.float8send(%s::double precision)"
	case kindText:
		form = `%s COLLATE "C"`
	case kindJSON, kindWire, kindOther:
		form = "%s::text"
	}
	return fmt.Sprintf("("+form+" IS DISTINCT FROM "+form+")", x, y)
}
