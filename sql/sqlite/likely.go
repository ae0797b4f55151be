package sqlite

import (
	"strings"

	"replog/sql/internal/form"
)

// likely is a condition on entry that holds wherever replog.Search finds the
// text, and in little else: SQLite weeds out the rest many times faster than
// statements can be put together and searched. False where a text has nothing
// to go by.
func likely(text string) (string, []any, bool) {
	patterns := form.LikePatterns(text)
	if len(patterns) == 0 {
		return "", nil, false
	}
	var args []any
	like := func(column string) string {
		terms := make([]string, len(patterns))
		for i, p := range patterns {
			terms[i] = column + " LIKE ?"
			args = append(args, "%"+p+"%")
		}
		return strings.Join(terms, " AND ")
	}
	return `(` + like("label") + ` OR ` + like("reason") + ` OR ` + like("detail") + ` OR ` + like("parts") + `
        -- LIKE stops at a NUL.
        OR instr(label, char(0)) OR instr(detail, char(0))
        OR EXISTS (
            SELECT 1 FROM recorded_statement s
            WHERE s.revision = entry.revision
                -- {"blob", {"real" and {"text" box values that are rendered otherwise.
                AND (` + like("s.body") + ` OR s.body GLOB '?*{"[brt]*')))`, args, true
}
