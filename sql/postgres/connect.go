package postgres

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// open makes a pool of connections. Their statements take one round trip each and are
// named nowhere, as binary_parameters asks of the driver: that is what lets them go
// through PgBouncer in transaction mode. Nothing that the driver is given may be a
// []byte then but for bytea.
func open(dsn string, settings map[string]string) (*sql.DB, error) {
	config, err := pq.NewConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("address of the log store: %w", err)
	}
	config.BinaryParameters = true
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	if len(settings) > 0 && config.Runtime == nil {
		config.Runtime = map[string]string{}
	}
	for name, value := range settings {
		config.Runtime[name] = value
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, fmt.Errorf("address of the log store: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(idleConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// idleConnections is how many connections of a pool wait for their next use.
const idleConnections = 8

// OpenRegistry makes a pool of connections that find the tables database, device and
// token by these names alone: their search_path is replog. It is for SQL that does not
// know which database it runs in, and for nothing else.
//
// PgBouncer refuses a connection that asks for a search_path, or, told to ignore it,
// gives one without. There dsn has to address the server itself, or PgBouncer 1.20 or
// newer with search_path in track_extra_parameters.
func OpenRegistry(dsn string) (*sql.DB, error) {
	return open(dsn, map[string]string{"search_path": schemaName})
}

// schemaName is that of the PostgreSQL schema which all of a store is in.
const schemaName = "replog"
