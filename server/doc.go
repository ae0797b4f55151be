// Package server is the server's side of replog: for each database it keeps the
// log and a replica of it, judges what devices upload, one transaction after
// the other, and serves the log and snapshots over HTTP.
//
// The log is the truth. A replica is at some revision of it and can always be
// made again from the database's first content and the log.
//
// # The data folder
//
//	server.db               the registry: databases, devices, tokens
//	server.lock             held by the process that serves the folder
//	admin.token             the first administrator's token
//	databases/NAME/base.db  revision 0, as it was published
//	databases/NAME/…        the log, in files of its store
//	databases/NAME/replica.db     the data at the log's head, without its triggers
//	databases/NAME/snapshots/     snapshots, as they are handed out; emptied at each start
//	incoming/               uploads that are not complete; emptied at each start
package server
