// Package sqlite keeps the log of one database in one SQLite file.
//
// Every transaction is stored in its recorded form, line by line, so that it
// can be read with any SQLite tool (the views statement, change and
// transaction_log) and still be given back byte for byte. What the server
// changed is stored once: where it did what was recorded, the log says so and
// keeps no second copy.
//
// A store belongs to one process, which holds its only writer. Any process may
// read it at the same time, without waiting for the writer.
package sqlite
