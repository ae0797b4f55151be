// Package postgres keeps the logs of many databases in one PostgreSQL database, in its
// schema replog.
//
// What is recorded is divided into columns, so that it can be read with any PostgreSQL
// tool (the views replog.statement, replog.change and replog.transaction_log), and still
// given back byte for byte. Texts of statements are stored once.
//
// Several processes may have the same store open. Who writes a log holds the lock on its
// row of replog.head; readers wait for nobody.
//
// Every statement names its schema, and none needs anything of a session but for the
// transaction that it is in: a connection may go through PgBouncer in transaction mode.
// Migrate and Follow need direct ones.
package postgres
