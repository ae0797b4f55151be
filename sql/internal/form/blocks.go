package form

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"

	"replog/replog"
)

// Ran is what an entry's row has of its intents.
type Ran struct {
	Intents                       int
	Blocks, Tables, Digest, Lines any // NULL where there are none
	Ends                          any
}

// RanOf makes it of an entry and its recorded form.
func RanOf(e *replog.Entry, form *replog.Form) (Ran, error) {
	var r Ran
	if !e.Transaction.HasIntents() {
		return r, nil
	}
	blocks, intents, err := blocksOf(form)
	if err != nil {
		return r, err
	}
	r.Intents = intents
	if len(blocks) > 0 {
		r.Blocks = encodeJSON(blocks)
	}
	if len(e.Tables) > 0 {
		r.Tables = encodeJSON(e.Tables)
	}
	if e.Digest != nil {
		r.Digest = e.Digest.String()
	}
	switch {
	case e.BySteps:
		r.Lines = intents + e.Transaction.NetChanges().Len()
	case e.Schema != nil:
		r.Lines, r.Ends = intents+e.Made().Len(), encodeJSON(e.StepEnds)
	}
	return r, nil
}

func encodeJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // numbers and strings always encode
	}
	return string(b)
}

// netBlock says where a form has net changes: after the row statements with these
// numbers, whose net changes they are.
type netBlock struct{ first, last, net int }

// MarshalJSON implements json.Marshaler.
func (b netBlock) MarshalJSON() ([]byte, error) { return json.Marshal([]int{b.first, b.last, b.net}) }

// UnmarshalJSON implements json.Unmarshaler.
func (b *netBlock) UnmarshalJSON(data []byte) error {
	var list []int
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	if len(list) != 3 {
		return fmt.Errorf("%w: %d numbers for a block of net changes", replog.ErrForm, len(list))
	}
	*b = netBlock{list[0], list[1], list[2]}
	return nil
}

// blocksOf finds them in a form, and counts its intents.
func blocksOf(form *replog.Form) (list []netBlock, intents int, err error) {
	number, first := 0, 0
	err = EachBody(form, func(kind Kind, _ []byte) error {
		switch kind {
		case Intent:
			intents++
			number++
			first = number
		case Statement:
			number++
		default:
			if n := len(list); n == 0 || list[n-1].first != first {
				list = append(list, netBlock{first: first, last: number - 1})
			}
			if kind == Net {
				list[len(list)-1].net++
			}
		}
		return nil
	})
	return list, intents, err
}

// netBlocks are those of an entry: of one without intents, its count of net changes
// says all.
func netBlocks(statements int, net sql.NullInt64, blocks []byte) (list []netBlock, err error) {
	switch {
	case net.Valid:
		return []netBlock{{0, statements - 1, int(net.Int64)}}, nil
	case len(blocks) > 0:
		err = json.Unmarshal(blocks, &list)
	}
	return list, err
}

// IsIntent tells the body of an intent from that of a row statement.
func IsIntent(body []byte) bool { return bytes.HasPrefix(body, []byte(`{"sql":`)) }

// ParseStatement reads the body of either.
func ParseStatement(body []byte) (s replog.Statement, err error) {
	if IsIntent(body) {
		var i replog.Intent
		i, err = replog.ParseIntent(body)
		return replog.Statement{Intent: &i}, err
	}
	s.Change, err = replog.ParseChange(body)
	return s, err
}
