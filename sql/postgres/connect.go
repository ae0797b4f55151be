package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/lib/pq"
)

// open makes a pool of connections. Their statements take one round trip each and are
// named nowhere, as binary_parameters asks of the driver: that is what lets them go
// through PgBouncer in transaction mode. Nothing that the driver is given may be a
// []byte then but for bytea.
func open(dsn string, connections int) (*sql.DB, error) {
	config, err := configOf(dsn)
	if err != nil {
		return nil, err
	}
	config.BinaryParameters = true
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	to, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	db := sql.OpenDB(connector{to})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(idleConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// ErrAddress says that the address of a store cannot be understood.
var ErrAddress = errors.New("the address of the log store cannot be understood")

// configOf reads an address. What is no URL is not repeated: it may be the password.
func configOf(dsn string) (pq.Config, error) {
	config, err := pq.NewConfig(spread(dsn))
	var malformed *url.Error
	switch {
	case err == nil:
		return config, nil
	case errors.As(err, &malformed), !strings.Contains(dsn, "://"):
		return config, ErrAddress
	}
	return config, fmt.Errorf("%w: %w", ErrAddress, err)
}

// idleConnections is how many connections of a pool wait for their next use at most. To
// make one takes PostgreSQL as long as many answers, the first of which are slow.
const idleConnections = 16

// quickConnections bounds the connections for answers of a moment, and those to the
// registry; unlimited are those of writers, of which each open log has one, and of what
// these wait for.
const (
	quickConnections = 8
	unlimited        = 0
)

// schemaName is that of the PostgreSQL schema which all of a store is in.
const schemaName = "replog"

// connector tells errors of connecting from others.
type connector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, &connectError{err}
	}
	return conn, nil
}

// connectError says that there is no connection to be had.
type connectError struct{ err error }

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// spread turns an address with several hosts and ports, as PostgreSQL's own programs
// take it (postgres://a:5432,b:5433/log), into what the driver takes.
func spread(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || !strings.Contains(u.Host, ",") {
		return dsn
	}
	var hosts, ports []string
	for one := range strings.SplitSeq(u.Host, ",") {
		host, port, err := net.SplitHostPort(one)
		if err != nil {
			host, port = one, defaultPort
		}
		hosts, ports = append(hosts, strings.Trim(host, "[]")), append(ports, port)
	}
	q := u.Query()
	q.Set("host", strings.Join(hosts, ","))
	q.Set("port", strings.Join(ports, ","))
	u.Host, u.RawQuery = "", q.Encode()
	return strings.Replace(u.String(), u.Scheme+":/"+strings.TrimPrefix(u.EscapedPath(), "/"), u.Scheme+":///"+strings.TrimPrefix(u.EscapedPath(), "/"), 1)
}

const defaultPort = "5432"
