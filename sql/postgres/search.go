package postgres

import (
	"math"
	"strconv"

	"replog/replog"
)

// pagesOf gives the entries that may pass a filter: all of it is asked of PostgreSQL but
// for the text, of which only what is likely is.
func (l *Log) pagesOf(v *view, f *replog.Filter) (pages, error) {
	w := &where{}
	if err := l.conditions(v, f, w); err != nil {
		return nil, err
	}
	order := " ORDER BY revision"
	if f.Descending {
		order += " DESC"
	}
	if !isSearch(f) {
		return l.span(v, f, w, order), nil
	}
	// What a search finds has to be gone through once only.
	query := l.text("DECLARE found NO SCROLL CURSOR FOR " + selectEntry + w.after("revision > "+w.arg(int64(f.After))) + order)
	if _, err := v.conn.ExecContext(v.ctx, query, w.args...); err != nil {
		return nil, because(v.ctx, err)
	}
	return func(limit int) ([]*entryRow, error) {
		return entryRows(v, "FETCH "+strconv.Itoa(limit)+" FROM found")
	}, nil
}

// span gives the entries that pass a filter that is no search: each page begins where
// the one before ended.
func (l *Log) span(v *view, f *replog.Filter, w *where, order string) pages {
	last, left := int64(f.After), f.Limit
	comparison := "revision > "
	if f.Descending {
		last, comparison = math.MaxInt64, "revision < "
		w.and("revision > " + w.arg(int64(f.After)))
	}
	at := len(w.args)
	query := l.text(selectEntry + w.after(comparison+w.arg(last)) + order + " LIMIT " + w.arg(int64(0)))
	return func(limit int) ([]*entryRow, error) {
		want := limit
		if f.Limit > 0 {
			want = min(limit, left)
		}
		if want == 0 {
			return nil, nil
		}
		w.args[at], w.args[at+1] = last, int64(want)
		rows, err := entryRows(v, query, w.args...)
		if n := len(rows); n > 0 {
			last = int64(rows[n-1].Revision)
			left -= n
		}
		return rows, err
	}
}
