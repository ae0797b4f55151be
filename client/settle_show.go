package client

import (
	"encoding/json"

	"replog/applier"
)

// describeConflict shows both versions of something.
func describeConflict(d *applier.DriftDifference) (lines []string) {
	what := d.Kind
	if d.Table != "" && d.Table != d.Name {
		what = "table " + d.Table + " " + what
	}
	if d.A != "" {
		lines = append(lines, "- "+what+": "+d.A)
	}
	if d.B != "" || d.A == "" {
		lines = append(lines, "+ "+what+": "+d.B)
	}
	if d.Why != "" {
		lines = append(lines, "  "+d.Why)
	}
	if d.A != "" && d.B == "" {
		lines = append(lines, "  the file has it no more")
	}
	return lines
}

// lacks names what the log has and the file does not.
func (s *settling) lacks() string {
	var names []string
	for _, d := range s.result.Lacks {
		name := d.Kind + " " + d.Name
		if d.Kind == "column" {
			name = "column " + d.Table + "." + d.Name
		}
		names = append(names, name)
	}
	if names == nil {
		return ""
	}
	b, err := json.Marshal(names)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(b)
}
