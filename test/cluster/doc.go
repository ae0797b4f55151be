// Package cluster starts PostgreSQL servers for tests and measurements: real ones,
// on loopback, each in a folder of its own. They end with the test, and, should its
// process be killed, with that.
//
// The programs are those of an installed PostgreSQL 15 or newer. As root they run as
// the user postgres, since a server refuses to run as root.
package cluster
