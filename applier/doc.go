// Package applier keeps a SQLite replica: it reads its schema, captures what an
// application does to it, works out net changes, undoes and writes them, checks
// foreign keys, holds the conflict rules, and compares two replicas.
//
// It knows nothing of devices, servers or the network.
package applier
