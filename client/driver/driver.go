package driver

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// Name is what the driver is registered as.
const Name = "replog"

func init() { sql.Register(Name, &Driver{}) }

// Driver opens connections. As with sqlite3.SQLiteDriver, an application that needs
// extensions, or functions and collations of its own, registers one under a name of
// its own:
//
//	sql.Register("shop", &driver.Driver{ConnectHook: func(c *sqlite3.SQLiteConn) error { … }})
type Driver struct {
	// Extensions are loaded into each connection.
	Extensions []string
	// ConnectHook is called with each new connection.
	ConnectHook func(*sqlite3.SQLiteConn) error
	// Authorizer is asked about all that the application does and this driver does
	// not refuse, capture's triggers included, as one that is given to
	// (*sqlite3.SQLiteConn).RegisterAuthorizer is. SQLite has one a connection: the
	// driver's takes the place of one that ConnectHook registers.
	Authorizer func(op int, arg1, arg2, schema string) int
}

// Open implements driver.Driver. The DSN is one of
// [sqlite3.SQLiteDriver.Open].
func (d *Driver) Open(dsn string) (driver.Conn, error) {
	inner, err := (&sqlite3.SQLiteDriver{Extensions: d.Extensions, ConnectHook: d.ConnectHook}).Open(dsn)
	if err != nil {
		return nil, err
	}
	c := &Conn{sqlite: inner.(*sqlite3.SQLiteConn), authorizer: d.Authorizer, shared: d.ConnectHook != nil}
	if strings.Contains(dsn, "writable_schema") {
		err = c.refuseWritableSchema()
	}
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	c.sqlite.RegisterAuthorizer(c.authorize)
	return c, nil
}

// refuseWritableSchema refuses what the DSN may have set.
func (c *Conn) refuseWritableSchema() error {
	on, err := c.exists("SELECT 1 FROM pragma_writable_schema WHERE writable_schema")
	if err != nil || !on {
		return err
	}
	if captured, err := c.captured(); err != nil || !captured {
		return err
	}
	return &RefusedError{What: "PRAGMA writable_schema"}
}
