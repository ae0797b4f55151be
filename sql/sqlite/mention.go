package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"replog/replog"
)

// mentions tells whether a text occurs in an entry, without putting the entry
// together.
func (s *session) mentions(revision int64, text replog.Search) (bool, error) {
	var label, parts string
	var reason replog.Reason
	err := s.row(selectWords, []any{revision}, &label, &reason.Code, &reason.Detail, &parts)
	if err != nil || text.In(label) || text.InReason(reason) {
		return err == nil, err
	}
	var list []replog.Part
	if err := json.Unmarshal([]byte(parts), &list); err != nil {
		return false, fmt.Errorf("revision %d: parts: %w", revision, err)
	}
	for i := range list {
		if text.InReason(list[i].Reason) {
			return true, nil
		}
	}
	found := false
	err = s.rows(selectStatements, []any{revision}, func(scan func(...any) error) error {
		var body sql.RawBytes
		if err := scan(&body); err != nil {
			return err
		}
		statement, err := parseStatement(body)
		if err != nil {
			return fmt.Errorf("revision %d: %w", revision, err)
		}
		if found = text.InStatement(&statement); found {
			return errLimit
		}
		return nil
	})
	if errors.Is(err, errLimit) {
		err = nil
	}
	return found, err
}
