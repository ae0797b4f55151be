package main

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestAStoreThatIsLostInBetweenIsTriedAgainLater(t *testing.T) {
	const address = "postgres://u:secret@h/db"
	err := adviseLost(address, fmt.Errorf("read: %w", driver.ErrBadConn))
	if codeOf(err) != codeTryLater || nextOf(err) == "" || strings.Contains(err.Error(), "secret") {
		t.Errorf("%d, %v, %q", codeOf(err), err, nextOf(err))
	}
	if err := adviseLost("", driver.ErrBadConn); codeOf(err) != codeFailed {
		t.Errorf("of files: %d", codeOf(err))
	}
	if err := adviseLost(address, errors.New("else")); codeOf(err) != codeFailed || err.Error() != "else" {
		t.Errorf("of something else: %v", err)
	}
}
