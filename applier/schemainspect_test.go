package applier

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// people is the schema that the statements of schema_statements.txt meet.
const people = `
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT, born TEXT);
CREATE TABLE item(id INTEGER PRIMARY KEY, person INT REFERENCES person(id), price REAL DEFAULT 1.5, spare);
CREATE TABLE keyless(v);
CREATE INDEX item_person ON item(person);
CREATE VIEW adult AS SELECT id, name FROM person WHERE born < '2000';
CREATE TRIGGER item_price AFTER INSERT ON item BEGIN UPDATE item SET price = 2 WHERE id = NEW.id AND price IS NULL; END;
CREATE VIRTUAL TABLE words USING fts4(body);`

func schemaStatements(t *testing.T) (lines []string) {
	t.Helper()
	f, err := os.Open("testdata/schema_statements.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if line := s.Text(); line != "" && line[0] != '#' {
			line = repetition.ReplaceAllStringFunc(line, func(m string) string {
				part := repetition.FindStringSubmatch(m)
				n, _ := strconv.Atoi(part[1])
				return strings.Repeat(part[2], n)
			})
			lines = append(lines, strings.ReplaceAll(line, `\n`, "\n"))
		}
	}
	return lines
}

// said is what InspectSchema says of a statement, in a word.
func said(s *SchemaStatement) string {
	switch {
	case s.Refused != nil:
		return string(s.Refused.Class)
	case s.Already:
		return "already"
	case s.Local != "":
		return "local"
	}
	return "fine"
}

func TestSchemaStatementsAreToldApart(t *testing.T) {
	lines := schemaStatements(t)
	if len(lines) < 150 {
		t.Errorf("%d statements", len(lines))
	}
	for _, where := range []string{"a plain file", "a device", "a file that keeps rowids"} {
		t.Run(where, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", people))
			switch where {
			case "a device":
				r.in(t, "install", r.Install)
			case "a file that keeps rowids":
				r.in(t, "keep rowids", r.KeepRowIDs)
			}
			before := r.schemaSQL(t)
			for _, line := range lines {
				want, sql, _ := strings.Cut(line, "\t")
				s, err := r.InspectSchema(sql, SchemaOptions{})
				if err != nil {
					t.Errorf("%s: %v", abbreviate(sql), err)
					continue
				}
				if want == "local" && where == "a file that keeps rowids" {
					want = "fine"
				}
				if got := said(s); got != want {
					t.Errorf("%s\n  is %s, want %s: %v", abbreviate(sql), got, want, s.Refused)
				}
			}
			if after := r.schemaSQL(t); !slices.Equal(before, after) {
				t.Error("the schema has changed")
			}
		})
	}
}
