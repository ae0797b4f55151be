// Package client is the device: it enrols a SQLite file, closes what capture
// gathered into transactions, keeps them in the outbox, syncs with the server by
// rebasing, and keeps what was not applied until a person decides.
package client
