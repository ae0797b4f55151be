package applier

import (
	"fmt"
	"strings"

	"replog/replog"
)

// NewContent gives the replicated tables that a connection sees, as they stand whenever
// it is asked.
func NewContent(c *Conn) replog.Content { return content{c} }

type content struct{ c *Conn }

// Tables implements replog.Content.
func (k content) Tables() ([]replog.Table, error) {
	s, err := ReadSchema(k.c)
	if err != nil {
		return nil, err
	}
	shapes := make([]replog.Table, 0, len(s.Tables))
	for _, t := range s.Tables {
		shape, err := shapeOf(k.c, t)
		if err != nil {
			return nil, err
		}
		shapes = append(shapes, shape)
	}
	return shapes, nil
}

// Rows implements replog.Content.
func (k content) Rows(table string, yield func(row []replog.Value) error) error {
	s, err := ReadSchema(k.c)
	if err != nil {
		return err
	}
	t := s.Table(table)
	if t == nil {
		return fmt.Errorf("%w: no table %q", ErrSchema, table)
	}
	columns := make([]string, len(t.Columns))
	for i := range t.Columns {
		columns[i] = "+" + replog.QuoteName(t.Columns[i].Name)
	}
	return k.c.Query("SELECT "+strings.Join(columns, ", ")+" FROM main."+replog.QuoteName(t.Name), yield)
}

func shapeOf(c *Conn, t *Table) (replog.Table, error) {
	shape := replog.Table{Name: t.Name, Key: t.Key, ByRowID: t.ByRowID}
	for _, col := range t.Columns {
		shape.Columns = append(shape.Columns, replog.TableColumn{Name: col.Name, Type: col.Type, NotNull: col.NotNull})
	}
	for _, f := range t.ForeignKeys {
		r := replog.TableReference{Columns: f.Columns, Parent: f.Parent.Name}
		for _, i := range f.Referenced {
			r.Referenced = append(r.Referenced, f.Parent.Columns[i].Name)
		}
		shape.References = append(shape.References, r)
	}
	var err error
	shape.Indexes, err = indexShapes(c, t)
	return shape, err
}

// indexShapes are the whole indexes on stored columns, but for the primary key's.
func indexShapes(c *Conn, t *Table) ([]replog.TableIndex, error) {
	var list []replog.TableIndex
	err := c.Query(`SELECT +name, +"unique", +origin FROM pragma_index_list(?) WHERE origin <> 'pk' AND NOT partial ORDER BY seq DESC`,
		func(row []replog.Value) error {
			x := replog.TableIndex{Name: row[0].Bytes(), Unique: row[1].Int64() == 1}
			plain := true
			err := c.Query(`SELECT +name FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno`, func(part []replog.Value) error {
				i := -1
				if !part[0].IsNull() {
					i = t.Column(part[0].Bytes())
				}
				plain = plain && i >= 0
				x.Columns = append(x.Columns, i)
				return nil
			}, replog.Text(x.Name))
			if row[2].Bytes() == "u" {
				x.Name = ""
			}
			if plain && !IsOwn(x.Name) {
				list = append(list, x)
			}
			return err
		}, replog.Text(t.Name))
	return list, err
}
