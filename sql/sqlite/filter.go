package sqlite

import (
	"math"
	"slices"
	"strings"

	"replog/replog"
)

// notApplied is the condition of the index entry_not_applied, to the letter.
const notApplied = "(outcome <> 'applied' OR parts IS NOT NULL)"

// isSearch tells whether a filter asks for more than a span of the log.
func isSearch(f replog.Filter) bool {
	return f.Text != "" || f.Label != "" || len(f.Tables) > 0 || len(f.Devices) > 1 || wantsNotApplied(f)
}

func wantsNotApplied(f replog.Filter) bool {
	return len(f.Outcomes) > 0 && !slices.Contains(f.Outcomes, replog.Applied)
}

// narrow turns the bounds in time of a filter into bounds in revisions as well.
// False where nothing lies within them.
func (s *session) narrow(f *replog.Filter) (bool, error) {
	if f.Since == 0 && f.Until == 0 {
		return true, nil
	}
	var first, last replog.Revision
	if err := s.row(selectArrivals, []any{int64(f.Since), until(f)}, &first, &last); err != nil || last == 0 {
		return false, err
	}
	f.After = max(f.After, first-1)
	if f.UpTo == 0 || f.UpTo > last {
		f.UpTo = last
	}
	return true, nil
}

func until(f *replog.Filter) int64 {
	if f.Until == 0 {
		return math.MaxInt64
	}
	return int64(f.Until)
}

// span is the query for the entries of a filter that is no search.
func span(f replog.Filter) (string, []any) {
	conditions, values := entryConditions(f)
	query := selectEntry + "WHERE revision > ?"
	args := []any{int64(f.After)}
	if f.UpTo != 0 {
		query += " AND revision <= ?"
		args = append(args, int64(f.UpTo))
	}
	query += conditions + " ORDER BY revision"
	args = append(args, values...)
	if f.Descending {
		query += " DESC"
	}
	if f.Limit > 0 {
		query += " LIMIT ?"
		args = append(args, f.Limit)
	}
	return query, args
}

// entryConditions are what a filter asks of the row of an entry, but for its
// revision.
func entryConditions(f replog.Filter) (string, []any) {
	var where strings.Builder
	var args []any
	and := func(condition string, values ...any) {
		where.WriteString(" AND " + condition)
		args = append(args, values...)
	}
	if f.Since != 0 || f.Until != 0 {
		and("received_at >= ? AND received_at <= ?", int64(f.Since), until(&f))
	}
	if f.AppliedOnly {
		and("outcome = ?", string(replog.Applied))
	}
	if n := len(f.Outcomes); n > 0 {
		and(`(outcome IN (`+marks(n)+`) OR EXISTS (
            SELECT 1 FROM json_each(entry.parts) p WHERE p.value ->> '$.outcome' IN (`+marks(n)+`)))`,
			append(anys(f.Outcomes), anys(f.Outcomes)...)...)
	}
	if n := len(f.Devices); n > 0 {
		and("device IN ("+marks(n)+")", anys(f.Devices)...)
	}
	if f.Label != "" {
		and("label = ?", f.Label)
	}
	return where.String(), args
}
