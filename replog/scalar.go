package replog

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Revision is a transaction's place in the log: 1, 2, 3 … without gaps, in
// commit order. 0 is before all.
type Revision int64

// ParseRevision reads a revision in decimal; it must not be negative.
func ParseRevision(s string) (Revision, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a revision: give a whole number, 0 or above", s)
	}
	return Revision(n), nil
}

// Seq numbers the transactions of one device: 1, 2, 3 … without gaps.
type Seq int64

// Millis is a time in milliseconds since 1970-01-01 UTC.
type Millis int64

// MillisOf converts t, dropping what is finer than a millisecond.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time converts to a time.Time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// String gives RFC 3339 with milliseconds, in UTC.
func (m Millis) String() string { return m.Time().Format("2006-01-02T15:04:05.000Z") }

// DeviceID is the UUID of an enrolled replica, in its canonical lower-case
// form. Ties between equal times go to the id that is greater as a string.
type DeviceID string

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// ParseDeviceID accepts a UUID in canonical lower-case form only.
func ParseDeviceID(s string) (DeviceID, error) {
	if !uuidForm.MatchString(s) {
		return "", fmt.Errorf("%q is not a device id: give a UUID in lower case", s)
	}
	return DeviceID(s), nil
}

// Short is the first block of the id, for people.
func (d DeviceID) Short() string {
	if len(d) < 8 {
		return string(d)
	}
	return string(d[:8])
}

// Epoch changes when a server had to give up revisions; promises hold within
// one. It is a UUID.
type Epoch string

var databaseForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// ParseDatabase accepts a database's name: 1 to 63 of a–z, 0–9, - and _,
// beginning with a letter or a digit.
func ParseDatabase(s string) (string, error) {
	if !databaseForm.MatchString(s) {
		return "", fmt.Errorf("%q is not a database name: use 1 to 63 of a-z, 0-9, - and _, beginning with a letter or a digit", s)
	}
	return s, nil
}
