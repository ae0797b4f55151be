package client

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"replog/replog"
)

// TokenPath is the file that holds the device's token, beside the database.
func TokenPath(path string) string { return path + "-token" }

// readToken reads the device's token beside its file.
func readToken(path string) (string, error) { return readSecret(TokenPath(path)) }

func readSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", &NotFoundError{What: path + ": the device's token is not there", Hint: "put it back, or clone the database anew"}
	}
	if err != nil {
		return "", fmt.Errorf("read the device's token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// A file that becomes another device has, from its enrolment on, that device's
// token beside it under this name, until it is that device: then the token takes
// the place of the old one, whatever happened between.
func nextTokenPath(path string, device replog.DeviceID) string {
	return TokenPath(path) + "." + string(device)
}

// nextDevice is the device that a file was about to become; "" for none.
func nextDevice(path string, now replog.DeviceID) (replog.DeviceID, error) {
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	for _, f := range files {
		suffix, ok := strings.CutPrefix(f.Name(), filepath.Base(TokenPath(path))+".")
		if device, err := replog.ParseDeviceID(suffix); ok && err == nil && device != now {
			return device, nil
		}
	}
	return "", nil
}

// adoptToken puts the token of the device that the file has become in its place.
func adoptToken(path string, device replog.DeviceID) error {
	err := os.Rename(nextTokenPath(path, device), TokenPath(path))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("place the device's token: %w", err)
	}
	return nil
}

// writeToken writes the token's file, whole or not at all.
func writeToken(path, token string) error { return writeSecret(TokenPath(path), token) }

func writeSecret(path, token string) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the device's token: %w", err)
	}
	_, err = f.WriteString(token + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return fmt.Errorf("write the device's token: %w", err)
	}
	return nil
}
