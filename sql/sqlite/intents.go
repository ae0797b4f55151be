package sqlite

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"

	"replog/replog"
)

// ran is what an entry's row has of its intents.
type ran struct {
	intents                       int
	blocks, tables, digest, lines any // NULL where there are none
	ends                          any
}

func ranOf(e *replog.Entry, form *replog.Form) (ran, error) {
	var r ran
	if !e.Transaction.HasIntents() {
		return r, nil
	}
	blocks, intents, err := blocksOf(form)
	if err != nil {
		return r, err
	}
	r.intents = intents
	if len(blocks) > 0 {
		r.blocks = encodeJSON(blocks)
	}
	if len(e.Tables) > 0 {
		r.tables = encodeJSON(e.Tables)
	}
	if e.Digest != nil {
		r.digest = e.Digest.String()
	}
	switch {
	case e.BySteps:
		r.lines = intents + e.Transaction.NetChanges().Len()
	case e.Schema != nil:
		r.lines, r.ends = intents+e.Made().Len(), encodeJSON(e.StepEnds)
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
	err = eachBody(form, func(kind bodyKind, _ string) error {
		switch kind {
		case bodyIntent:
			intents++
			number++
			first = number
		case bodyStatement:
			number++
		default:
			if n := len(list); n == 0 || list[n-1].first != first {
				list = append(list, netBlock{first: first, last: number - 1})
			}
			if kind == bodyNet {
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

// isIntent tells the body of an intent from that of a row statement.
func isIntent(body []byte) bool { return bytes.HasPrefix(body, []byte(`{"sql":`)) }

// parseStatement reads the body of either.
func parseStatement(body []byte) (s replog.Statement, err error) {
	if isIntent(body) {
		var i replog.Intent
		i, err = replog.ParseIntent(body)
		return replog.Statement{Intent: &i}, err
	}
	s.Change, err = replog.ParseChange(body)
	return s, err
}

// steps gives the lines of an entry's steps: intents, and the net changes of row
// statements.
func (s *session) steps(revision int64, blocks []netBlock, yield func(replog.LineKind, string) error) error {
	var net *sql.Rows
	defer func() {
		if net != nil {
			net.Close()
		}
	}()
	number := 0
	return s.rows(selectStatements, []any{revision}, func(scan func(...any) error) (err error) {
		var body string
		if err := scan(&body); err != nil {
			return err
		}
		n := number
		number++
		switch {
		case isIntent([]byte(body)):
			return yield(replog.LineIntent, body)
		case len(blocks) == 0 || n < blocks[0].first:
			return yield(replog.LineChange, body)
		case n < blocks[0].last:
			return nil
		}
		if net == nil {
			if net, err = s.open(selectNet, revision); err != nil {
				return err
			}
		}
		count := blocks[0].net
		blocks = blocks[1:]
		return eachOf(net, count, yield)
	})
}

// eachOf gives the next rows of changes.
func eachOf(net *sql.Rows, count int, yield func(replog.LineKind, string) error) error {
	for range count {
		if !net.Next() {
			return fmt.Errorf("%w: a change is missing: %w", replog.ErrForm, net.Err())
		}
		var body string
		err := net.Scan(&body)
		if err == nil {
			err = yield(replog.LineChange, body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
