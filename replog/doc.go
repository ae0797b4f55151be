// Package replog is the domain of the replicated query log: revisions, values,
// statements, changes, transactions, entries, verdicts, the form in which they
// travel, and the Log that keeps them.
//
// It imports only the standard library. Everything that is shared by the
// device (package client) and the server (package server) is declared here.
package replog
