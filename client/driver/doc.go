// Package driver is a database/sql driver for the SQLite file of a device, around
// that of github.com/mattn/go-sqlite3. An application changes the name of its
// driver, and nothing in its DSN:
//
//	import _ "replog/client/driver"
//
//	db, err := sql.Open("replog", "file:shop.db?_journal_mode=WAL")
//
// What it adds is boundaries: each local transaction that changes replicated rows,
// and each such statement outside one, is one marked transaction, which is applied
// as a whole or not at all. [Label] names it. With the rows that a statement changed,
// the statement itself is recorded, so that where it is certain to do the same
// everywhere it can be run again elsewhere; [Expect], [Optional] and [AsRows] say
// what is to become of it there. Nothing else changes: results, errors
// and locks are those of mattn's driver, also on a file that is no device, but for
// the SQL function total_changes(), which counts what capture and the driver write
// too.
//
// On a device's file the driver refuses, with a [RefusedError], what would write
// replog's own tables or end capture.
package driver
