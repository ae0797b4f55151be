package cluster

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// Variable names a PostgreSQL to use instead of one of the package's own, as the
// address of a database whose user may create others.
const Variable = "REPLOG_TEST_POSTGRES"

// shared is the server that the tests of one process share.
var shared struct {
	once   sync.Once
	server *Server
	base   *url.URL
	err    error
	made   atomic.Int64
}

// Main runs the tests of a package, and then ends what Database has started. It
// gives the exit code.
func Main(m interface{ Run() int }) int {
	code := m.Run()
	if shared.server != nil {
		shared.server.Remove()
	}
	return code
}

// Database makes an empty database, on a server that the tests of the process share,
// and returns its address. It is gone after the test. The package's TestMain calls Main.
func Database(t testing.TB) string {
	t.Helper()
	address, drop, err := Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return address
}

// Make is Database where there is no test at hand; drop makes the database go.
func Make() (address string, drop func() error, err error) {
	shared.once.Do(func() { shared.base, shared.err = sharedBase() })
	if shared.err != nil {
		return "", nil, shared.err
	}
	name := fmt.Sprintf("replog_test_%d_%d", os.Getpid(), shared.made.Add(1))
	if err := execAt(shared.base.String(), "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	at := *shared.base
	at.Path = "/" + name
	return at.String(), func() error {
		return execAt(shared.base.String(), "DROP DATABASE "+name+" WITH (FORCE)")
	}, nil
}

func sharedBase() (*url.URL, error) {
	if given := os.Getenv(Variable); given != "" {
		return url.Parse(given)
	}
	var err error
	if shared.server, err = New(Options{Fast: true}); err != nil {
		return nil, err
	}
	return url.Parse(shared.server.DSN("postgres"))
}

func (s *Server) exec(statement string) error { return execAt(s.DSN("postgres"), statement) }

func execAt(dsn, statement string) error {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}
