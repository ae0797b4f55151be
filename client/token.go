package client

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// TokenPath is the file that holds the device's token, beside the database.
func TokenPath(path string) string { return path + "-token" }

// readToken reads the device's token beside its file.
func readToken(path string) (string, error) {
	b, err := os.ReadFile(TokenPath(path))
	if errors.Is(err, os.ErrNotExist) {
		return "", &NotFoundError{What: TokenPath(path) + ": the device's token is not there", Hint: "put it back, or clone the database anew"}
	}
	if err != nil {
		return "", fmt.Errorf("read the device's token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// writeToken writes the token's file, whole or not at all.
func writeToken(path, token string) error {
	tmp := TokenPath(path) + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the device's token: %w", err)
	}
	_, err = f.WriteString(token + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, TokenPath(path))
	}
	if err != nil {
		return fmt.Errorf("write the device's token: %w", err)
	}
	return nil
}
