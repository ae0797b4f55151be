package applier

import "strings"

// IsReplog tells whether a name is one that replog keeps for itself.
func IsReplog(name string) bool { return strings.HasPrefix(foldName(name), ownPrefix) }

// NamesReplog tells whether a piece of SQL names, quoted or not, something that
// replog keeps for itself.
func NamesReplog(sql string) bool {
	for _, t := range tokenize(sql) {
		if (t.isName() || t.text[0] == '\'') && IsReplog(unquoted(t)) {
			return true
		}
	}
	return false
}

// FirstWord is the first word of a statement, in small letters; "" where there is
// none.
func FirstWord(sql string) string {
	for _, t := range tokenize(sql) {
		if !t.is(";") {
			return foldName(t.text)
		}
	}
	return ""
}

// A Piece is what sqlite3_prepare takes off a text at a time.
type Piece struct {
	SQL string
	// Text is the statement without its semicolon and what is around it.
	Text string
	// Empty: there is no statement in it, but a comment or a semicolon.
	Empty bool
}

// Pieces splits SQL where SQLite does: after each semicolon that ends a statement.
// Those within the body of a trigger do not
// (https://www.sqlite.org/c3ref/complete.html). White space at the end is no piece.
func Pieces(sql string) []Piece {
	if end := strings.IndexByte(sql, 0); end >= 0 {
		sql = sql[:end] // where SQLite stops reading
	}
	var pieces []Piece
	from, first := 0, -1
	tokens := tokenize(sql)
	for i, t := range tokens {
		if !t.is(";") {
			if first < 0 {
				first = i
			}
			continue
		}
		if first < 0 || isTrigger(tokens[first:i]) && !(tokens[i-1].is("end") && tokens[i-2].is(";")) {
			continue
		}
		pieces = append(pieces, Piece{SQL: sql[from:t.to], Text: sql[tokens[first].from:tokens[i-1].to]})
		from, first = t.to, -1
	}
	if rest := sql[from:]; strings.TrimSpace(rest) != "" {
		last := Piece{SQL: rest, Empty: first < 0}
		if first >= 0 {
			last.Text = sql[tokens[first].from:tokens[len(tokens)-1].to]
		}
		pieces = append(pieces, last)
	}
	return pieces
}

// isTrigger tells whether a statement is CREATE TRIGGER, or asks how that would
// run.
func isTrigger(tokens []token) bool {
	skip := func(words ...string) bool {
		if len(tokens) == 0 || !tokens[0].is(words...) {
			return false
		}
		tokens = tokens[1:]
		return true
	}
	if skip("explain") && skip("query") {
		skip("plan")
	}
	if !skip("create") {
		return false
	}
	skip("temp", "temporary")
	return skip("trigger")
}
