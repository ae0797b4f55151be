package client

import (
	"encoding/json"
	"slices"

	"replog/applier"
	"replog/replog"
)

// RanAs is a statement that an application ran through the driver, and that does not
// travel as an intent.
type RanAs struct {
	SQL string `json:"sql"`
	// Class is why not, in a word, and Why in a sentence.
	Class string `json:"class"`
	Why   string `json:"why,omitempty"`
	// Count is how often it was run.
	Count int `json:"count"`
}

// maxRanAs bounds how many of them are kept of a transaction.
const maxRanAs = 50

// collectRan counts statements.
func collectRan(ran []*applier.RanStatement) (list []RanAs) {
	for _, r := range ran {
		list = addRan(list, RanAs{SQL: r.SQL, Class: string(r.Class), Why: r.Why, Count: 1})
	}
	return list
}

func addRan(list []RanAs, s RanAs) []RanAs {
	i := slices.IndexFunc(list, func(o RanAs) bool { return o.SQL == s.SQL && o.Class == s.Class && o.Why == s.Why })
	switch {
	case i >= 0:
		list[i].Count += s.Count
	case len(list) < maxRanAs:
		list = append(list, s)
	}
	return list
}

// encodeRan renders statements for a column; "" for none.
func encodeRan(list []RanAs) (string, error) {
	if list == nil {
		return "", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

func decodeRan(text string) (list []RanAs, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &list)
	}
	return list, err
}

// ran reads what is kept of a transaction's statements.
func (o outbox) ran(p *pending) ([]RanAs, error) {
	row, err := o.QueryRow("SELECT ran FROM main.replog_outbox WHERE seq = ?", replog.Integer(int64(p.seq)))
	if err != nil || row == nil {
		return nil, err
	}
	return decodeRan(row[0].Bytes())
}
