package postgres

import "testing"

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
