package postgres

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"replog/replog"
	"replog/sql/internal/form"
)

// isSearch tells whether a filter asks for more than a span of the log.
func isSearch(f *replog.Filter) bool {
	return f.Text != "" || f.Label != "" || len(f.Tables) > 0 || len(f.Devices) > 1 || wantsNotApplied(f)
}

func wantsNotApplied(f *replog.Filter) bool {
	return len(f.Outcomes) > 0 && !slices.Contains(f.Outcomes, replog.Applied)
}

func until(f *replog.Filter) int64 {
	if f.Until == 0 {
		return math.MaxInt64
	}
	return int64(f.Until)
}

// where is a condition on the row of an entry, with its arguments.
type where struct {
	terms []string
	args  []any
}

// arg adds an argument, and gives its parameter.
func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

func (w *where) and(term string) { w.terms = append(w.terms, term) }

// list adds an argument that is an array.
func (w *where) list(texts []string) string { return w.arg(textArray(texts)) }

// textArray is a text[] as PostgreSQL writes it.
func textArray[S ~string](texts []S) string {
	b := []byte{'{'}
	for i, s := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = quoted(b, escaped(string(s)))
	}
	return string(append(b, '}'))
}

// after gives the condition, beginning with another term.
func (w *where) after(term string) string {
	return "WHERE " + strings.Join(append([]string{term}, w.terms...), "\n    AND ")
}

// conditions are what a filter asks for, but for the lower bound of the revision.
func (l *Log) conditions(v *view, f *replog.Filter, w *where) error {
	if f.UpTo != 0 {
		w.and("revision <= " + w.arg(int64(f.UpTo)))
	}
	if f.Since != 0 || f.Until != 0 {
		w.and("received_at >= " + w.arg(int64(f.Since)) + " AND received_at <= " + w.arg(until(f)))
	}
	if f.AppliedOnly {
		w.and("outcome = 'applied'")
	}
	if len(f.Outcomes) > 0 {
		bits := int64(0)
		for _, o := range f.Outcomes {
			bits |= outcomeBits[o]
		}
		w.and("outcomes & " + w.arg(bits) + "::int <> 0")
		if wantsNotApplied(f) {
			w.and("outcomes <> 1") // as the index has it
		}
	}
	if n := len(f.Devices); n == 1 {
		w.and("device = " + w.arg(string(f.Devices[0])))
	} else if n > 1 {
		w.and("device = ANY (" + w.arg(textArray(f.Devices)) + "::text[])")
	}
	if f.Label != "" {
		label := w.arg(escaped(f.Label))
		w.and("label = " + label + " AND left(label, 200) = left(" + label + ", 200) AND label <> ''")
	}
	if len(f.Tables) > 0 {
		if err := l.touching(v, f, w); err != nil {
			return err
		}
	}
	w.likely(f.Text)
	return nil
}

// touching asks for the entries that touch a table, or a row.
func (l *Log) touching(v *view, f *replog.Filter, w *where) error {
	names, err := l.spellings(v, f.Tables)
	if err != nil {
		return err
	}
	var hashes []string
	for _, name := range names {
		if len(f.Keys) == 0 {
			hashes = append(hashes, string(tableHash(name)))
		}
		for _, key := range f.Keys {
			hashes = append(hashes, string(rowHash(name, key)))
		}
	}
	list := w.list(hashes) + "::uuid[]"
	if len(f.Keys) == 0 {
		w.and(`EXISTS (SELECT 1 FROM replog.touched_table_{n} t WHERE t.revision = e.revision AND t.name = ANY (` + list + `))`)
		return nil
	}
	w.and(`revision IN (
        SELECT r.revision FROM replog.changed_row_{n} r WHERE r.row = ANY (` + list + `)
        UNION ALL
        SELECT r.revision FROM replog.touched_row_{n} r WHERE r.row = ANY (` + list + `))`)
	return nil
}

// spellings are the names in the log that are one of names but for ASCII case.
func (l *Log) spellings(v *view, names []string) ([]string, error) {
	rows, err := v.query(l.text(selectTableNames), textArray(names))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		found = append(found, unescaped(name))
	}
	return found, v.note(rows.Err())
}

// likely asks for what holds wherever replog.Search finds the text, and in little else:
// PostgreSQL weeds out the rest faster than statements can be put together and searched.
// Nothing where a text has nothing to go by.
func (w *where) likely(text string) {
	patterns := form.LikePatterns(text)
	if len(patterns) == 0 {
		return
	}
	var parameters []string
	for _, p := range patterns {
		parameters = append(parameters, w.arg("%"+p+"%"))
	}
	like := func(value string) string {
		terms := make([]string, len(parameters))
		for i, p := range parameters {
			terms[i] = `lower((` + value + `) COLLATE "C") LIKE ` + p
		}
		return strings.Join(terms, " AND ")
	}
	const values = "concat(s.key, ' ', s.old, ' ', s.new, ' ', s.more, ' ', s.body)"
	w.and(`(` + like("label") + ` OR ` + like("reason") + ` OR ` + like("detail") + ` OR ` + like("coalesce(parts, '')") + `
        -- Bytes that PostgreSQL cannot hold stand otherwise.
        OR strpos(label, '` + escapeText + `') > 0 OR strpos(detail, '` + escapeText + `') > 0
        OR EXISTS (
            SELECT 1
            FROM replog.recorded_statement_{n} s
            ` + textOf("s.text") + `
            WHERE s.revision = e.revision
                -- {"blob", {"real" and {"text" box values that are rendered otherwise.
                AND (` + like("concat(x.start, x.middle, "+values+")") + ` OR ` + values + ` ~ '\{"[brt]')))`)
}
