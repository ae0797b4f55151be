package form

import (
	"errors"
	"fmt"

	"replog/replog"
)

var errFound = errors.New("the text was found")

// Mentioned tells whether a text occurs in an entry, without putting it together.
func Mentioned(s Source, row *Row, label string, text replog.Search) (bool, error) {
	if text.In(label) || text.InReason(row.Reason) {
		return true, nil
	}
	var parts []replog.Part
	only := Row{Parts: row.Parts}
	if err := only.decode(&parts, nil, nil); err != nil {
		return false, fmt.Errorf("revision %d: %w", row.Revision, err)
	}
	for i := range parts {
		if text.InReason(parts[i].Reason) {
			return true, nil
		}
	}
	err := Each(s, Statements, row.Revision, func(body []byte) error {
		statement, err := ParseStatement(body)
		if err != nil {
			return fmt.Errorf("revision %d: %w", row.Revision, err)
		}
		if text.InStatement(&statement) {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}
