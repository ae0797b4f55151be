package replog

import "context"

// Store is an open log, with contents of its database to build replicas from.
type Store interface {
	Log
	// Base opens the newest content that is kept, of a revision up to the one given.
	// There is always that of revision 0. What it takes on disk goes into the folder.
	Base(ctx context.Context, folder string, upTo Revision) (*Base, error)
	Close() error
}

// Base is the content of a database at a revision, as a SQLite file: as it was
// published, or as snapshots are handed out. The file is only to be read.
type Base struct {
	Path string
	// Head is where the log stood then.
	Head Head
	// Release lets go of the file.
	Release func() error
}

// Publication is a database that is to be made.
type Publication struct {
	Name string
	Head Head
	// Folder holds the content of revision 0, in BaseFile, and nothing else. It is on
	// the file system of the data folder, and a store may take it.
	Folder string
	// Schema is that of revision 0.
	Schema SchemaVersion
}

// BaseFile is the name of the file that holds the content of revision 0.
const BaseFile = "base.db"
