// Package server is the server's side of replog: for each database it keeps the
// log and a replica of it, judges what devices upload, one transaction after
// the other, and serves the log and snapshots over HTTP.
//
// The log is the truth. A replica is at some revision of it and can always be
// made again from the database's first content and the log.
//
// # The data folder
//
//	server.lock             held by the process that serves the folder
//	admin.token             the first administrator's token
//	databases/NAME/replica.db     the data at the log's head, without its triggers
//	databases/NAME/snapshots/     snapshots, as they are handed out; emptied at each start
//	incoming/               uploads that are not complete; emptied at each start
//
// Stores that keep what they hold in files have them there, too. Without those
// everything in the folder but the token can be made again from the stores: a server
// may begin with an empty one.
//
// # Several servers
//
// Any number of servers may use the same SharedStores, each with a data folder of its
// own. Whoever writes to a database holds the lock on its log's head, and brings its
// own replica there first.
package server
