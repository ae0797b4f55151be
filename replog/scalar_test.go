package replog

import (
	"testing"
	"time"
)

func TestRevisionsAreWholeNumbersFromZero(t *testing.T) {
	for s, want := range map[string]Revision{"0": 0, "17": 17, "9223372036854775807": 1<<63 - 1} {
		if got, err := ParseRevision(s); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "-1", "1.0", "x", "9223372036854775808", " 1"} {
		if _, err := ParseRevision(s); err == nil {
			t.Errorf("%q is a revision", s)
		}
	}
}

func TestDeviceIDsAreCanonicalUUIDs(t *testing.T) {
	if got, err := ParseDeviceID(string(anna)); err != nil || got != anna {
		t.Errorf("%q is %q, %v", anna, got, err)
	}
	for _, s := range []string{
		"", "AAAAAAAA-0000-4000-8000-000000000001", "aaaaaaaa00004000800000000000000001",
		"{aaaaaaaa-0000-4000-8000-000000000001}", string(anna) + "\n", "../../../../etc/passwd",
	} {
		if _, err := ParseDeviceID(s); err == nil {
			t.Errorf("%q is a device id", s)
		}
	}
	if anna.Short() != "aaaaaaaa" || DeviceID("x").Short() != "x" {
		t.Error("Short is not the first block")
	}
}

func TestDatabaseNamesAreSafeInPathsAndAddresses(t *testing.T) {
	for _, s := range []string{"shop", "a", "0", "field-service_2"} {
		if got, err := ParseDatabase(s); err != nil || got != s {
			t.Errorf("%q is %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Shop", "-shop", "_shop", "a/b", "..", "a.b", "a b", "łódź", "shop\n",
		"a234567890123456789012345678901234567890123456789012345678901234"} {
		if _, err := ParseDatabase(s); err == nil {
			t.Errorf("%q is a database name", s)
		}
	}
}

func TestMillisAreUTC(t *testing.T) {
	zone := time.FixedZone("east", 2*60*60)
	m := MillisOf(time.Date(2026, 11, 22, 7, 46, 44, 5_999_999, zone))
	if got, want := m.String(), "2026-11-22T05:46:44.005Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := MillisOf(m.Time()); got != m {
		t.Errorf("%d came back as %d", m, got)
	}
}
