package gathered

import (
	"encoding/json"
	"slices"

	"replog/applier"
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

// CollectRan counts statements.
func CollectRan(ran []*applier.RanStatement) (list []RanAs) {
	for _, r := range ran {
		list = AddRan(list, RanAs{SQL: r.SQL, Class: string(r.Class), Why: r.Why, Count: 1})
	}
	return list
}

// AddRan adds a statement to a list.
func AddRan(list []RanAs, s RanAs) []RanAs {
	i := slices.IndexFunc(list, func(o RanAs) bool { return o.SQL == s.SQL && o.Class == s.Class && o.Why == s.Why })
	switch {
	case i >= 0:
		list[i].Count += s.Count
	case len(list) < maxRanAs:
		list = append(list, s)
	}
	return list
}

// EncodeRan renders statements for a column; "" for none.
func EncodeRan(list []RanAs) (string, error) {
	if list == nil {
		return "", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

// DecodeRan is the reverse of EncodeRan.
func DecodeRan(text string) (list []RanAs, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &list)
	}
	return list, err
}
