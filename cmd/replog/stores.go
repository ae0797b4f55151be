package main

import (
	"path/filepath"

	"replog/replog"
	"replog/server"
	"replog/sql/sqlite"
)

// logFile is the file of a database's log, in the database's folder.
const logFile = "log.db"

// sqliteStores keeps each log in a SQLite file. It implements server.Stores.
type sqliteStores struct{}

func (sqliteStores) Create(folder string, head replog.Head) (server.Store, error) {
	return sqlite.Create(filepath.Join(folder, logFile), head, sqlite.Options{})
}

func (sqliteStores) Open(folder string) (server.Store, error) {
	return sqlite.Open(filepath.Join(folder, logFile), sqlite.Options{})
}
