package server

import "replog/replog"

// Stores makes and opens the logs of databases. The command chooses which kind.
type Stores interface {
	// Create makes the log of a new database, with the given head, in files of
	// its own in the folder; it fails where there is one already.
	Create(folder string, head replog.Head) (Store, error)
	// Open opens the log that Create made in the folder, which may have been
	// renamed since.
	Open(folder string) (Store, error)
}

// Store is an open log.
type Store interface {
	replog.Log
	Close() error
}
