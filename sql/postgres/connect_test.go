package postgres

import (
	"errors"
	"strings"
	"testing"
)

func TestAnAddressMayNameSeveralHosts(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://u@a/log":                         "postgres://u@a/log",
		"host=a,b port=1,2 dbname=log":               "host=a,b port=1,2 dbname=log",
		"postgres://u:p@a:1,b:2/log?sslmode=disable": "postgres://u:p@/log?host=a%2Cb&port=1%2C2&sslmode=disable",
		"postgres://u@a,b:2/log":                     "postgres://u@/log?host=a%2Cb&port=5432%2C2",
		"postgres://a:1,b:2/log":                     "postgres:///log?host=a%2Cb&port=1%2C2",
	} {
		if got := spread(address); got != want {
			t.Errorf("%s becomes %s, want %s", address, got, want)
		}
	}
}

func TestAnAddressThatIsNoneIsNotRepeated(t *testing.T) {
	for _, address := range []string{
		"postgres://u:secret@h:po rt/db", "postgres://u:secret%@h/db", "postgres://u:secret/x@h/db", "postgres://u:secret#x@h/db",
		"postgres://u:secret@[::1/db", "postgres://u:secret@a:x,b:2/log", "host=h password='secret", "host=h secret",
	} {
		for _, o := range []Options{{}, {Listen: address}} {
			dsn := address
			if o.Listen != "" {
				dsn = "postgres://u@localhost/db"
			}
			_, err := Open(t.Context(), dsn, o)
			if !errors.Is(err, ErrAddress) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", address, err)
			}
		}
		if _, _, err := Migrate(t.Context(), address); !errors.Is(err, ErrAddress) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
