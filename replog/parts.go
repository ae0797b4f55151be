package replog

import (
	"bytes"
	"strconv"
)

// EncodeParts returns the JSON of parts: the bytes that encoding/json would write,
// in little more memory than these take, as the rows of a part may be millions.
func EncodeParts(parts []Part) []byte {
	return appendParts(make([]byte, 0, partsSize(parts)), parts)
}

func appendParts(b []byte, parts []Part) []byte {
	b = append(b, '[')
	for i := range parts {
		if i > 0 {
			b = append(b, ',')
		}
		b = parts[i].append(b)
	}
	return append(b, ']')
}

func (p *Part) append(b []byte) []byte {
	if p.Rows == nil {
		return append(b, bytes.TrimSuffix(appendLine(nil, p), []byte("\n"))...)
	}
	without := *p
	without.Rows = []int{}
	form := bytes.TrimSuffix(appendLine(nil, &without), []byte("\n"))
	before, after, _ := bytes.Cut(form, []byte(`"rows":[]`)) // in a string its quotes would have escapes
	b = append(append(b, before...), `"rows":[`...)
	for i, n := range p.Rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(append(b, ']'), after...)
}

// partsSize is about how long the JSON of parts is, in bytes.
func partsSize(parts []Part) int {
	const itself, number = 200, 8
	n := 0
	for i := range parts {
		n += itself + len(parts[i].Reason.Detail) + number*len(parts[i].Rows)
	}
	return n
}

// verdictLine is the line of a verdict that has parts.
func verdictLine(v *Verdict) []byte {
	without := *v
	without.Parts = nil
	form := appendLine(nil, AnswerLine{Verdict: &without})
	end := []byte("}}\n")
	if v.AsRecorded {
		end = []byte(`,"as_recorded":true}}` + "\n")
	}
	b := make([]byte, 0, len(form)+partsSize(v.Parts))
	b = append(append(b, bytes.TrimSuffix(form, end)...), `,"parts":`...)
	return append(appendParts(b, v.Parts), end...)
}
