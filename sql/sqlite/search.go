package sqlite

import (
	"context"
	"errors"
	"strings"

	"replog/replog"
	"replog/sql/internal/form"
)

// A search goes through the revisions that its indexes give, one after the
// other in the order asked for, and reads only the entries that pass the rest
// of the filter. Nothing is gathered, so it begins to give, and stops at the
// limit, at once.

// search calls yield for the entries that f selects.
func (l *Log) search(ctx context.Context, s *session, f replog.Filter, yield func(replog.Entry) error) error {
	query, args, err := candidates(s, f)
	if err != nil {
		return err
	}
	conditions, values := entryConditions(f)
	one := selectEntry + "WHERE revision = ?" + conditions
	values = append([]any{nil}, values...)
	r := newReader(s)
	text := replog.NewSearch(f.Text)
	found := 0
	err = s.rows(query, args, func(scan func(...any) error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		var revision int64
		if err := scan(&revision); err != nil {
			return err
		}
		if f.Text != "" {
			if ok, err := s.mentions(replog.Revision(revision), text); err != nil || !ok {
				return err
			}
		}
		values[0] = revision
		return r.all(one, values, func(e replog.Entry) error {
			if err := yield(e); err != nil {
				return err
			}
			if found++; found == f.Limit {
				return errLimit
			}
			return nil
		})
	})
	if errors.Is(err, errLimit) {
		return nil
	}
	return err
}

// mentions tells whether a text occurs in an entry.
func (s *session) mentions(revision replog.Revision, text replog.Search) (bool, error) {
	row := form.Row{Revision: revision}
	var label string
	err := s.row(selectWords, []any{int64(revision)}, &label, &row.Reason.Code, &row.Reason.Detail, (*[]byte)(&row.Parts))
	if err != nil {
		return false, err
	}
	return form.Mentioned(source{s}, &row, label, text)
}

// errLimit ends a search.
var errLimit = errors.New("the limit is reached")

// candidates is the query for the revisions, in order, of the entries that may
// pass the filter: those that pass all of its parts that have an index.
func candidates(s *session, f replog.Filter) (string, []any, error) {
	c := compound{after: int64(f.After), upTo: int64(f.UpTo)}
	if len(f.Tables) > 0 {
		names, err := s.spellings(f.Tables)
		if err != nil {
			return "", nil, err
		}
		if len(f.Keys) > 0 {
			where := "table_name IN (" + marks(len(names)) + ") AND key IN (" + marks(len(f.Keys)) + ")"
			args := append(names, anys(f.Keys)...)
			c.add(part{"changed_row", where, args}, part{"touched_row", where, args})
		} else {
			c.addEach("touched_table", "table_name = ?", names)
		}
	}
	if len(f.Devices) > 0 {
		c.addEach("entry", "device = ?", anys(f.Devices))
	}
	if f.Label != "" {
		c.add(part{"entry", "label = ? AND label <> ''", []any{f.Label}})
	}
	if wantsNotApplied(f) {
		c.add(part{"entry", notApplied, nil})
	}
	if len(c.sets) == 0 {
		where, args, ok := likely(f.Text)
		if !ok {
			where = "true"
		}
		c.add(part{"entry", where, args})
	}
	query, args := c.render()
	query += " ORDER BY revision"
	if f.Descending {
		query += " DESC"
	}
	return query, args, nil
}

// compound is an intersection of unions of sets of revisions. SQLite merges the
// parts of a compound in order, as their indexes give them.
type compound struct {
	after, upTo int64
	sets        [][]part
}

// part is a set of revisions: those of a table's rows that pass a condition.
type part struct {
	table, where string
	args         []any
}

// add intersects with the union of the parts.
func (c *compound) add(parts ...part) { c.sets = append(c.sets, parts) }

// addEach adds the union of a part for each value.
func (c *compound) addEach(table, where string, values []any) {
	parts := make([]part, len(values))
	for i, v := range values {
		parts[i] = part{table, where, []any{v}}
	}
	if len(parts) == 0 {
		parts = []part{{table, "false", nil}}
	}
	c.add(parts...)
}

func (c *compound) render() (string, []any) {
	var sets []string
	var args []any
	for _, parts := range c.sets {
		var selects []string
		for _, p := range parts {
			query := "SELECT revision FROM " + p.table + " WHERE " + p.where + " AND revision > ?"
			args = append(append(args, p.args...), c.after)
			if c.upTo != 0 {
				query += " AND revision <= ?"
				args = append(args, c.upTo)
			}
			selects = append(selects, query)
		}
		union := strings.Join(selects, " UNION ")
		if len(parts) > 1 && len(c.sets) > 1 {
			union = "SELECT revision FROM (" + union + ")"
		}
		sets = append(sets, union)
	}
	return strings.Join(sets, " INTERSECT "), args
}

// spellings are the names in the log that are one of names but for ASCII case.
func (s *session) spellings(names []string) ([]any, error) {
	var found []any
	for _, name := range names {
		err := s.rows(selectTableNames, []any{name}, func(scan func(...any) error) error {
			var spelling string
			err := scan(&spelling)
			found = append(found, spelling)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func anys[S ~string](list []S) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}
