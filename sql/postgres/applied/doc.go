// Package applied keeps the data of a replicated SQLite database as ordinary, typed
// PostgreSQL tables, for systems that read current data with SQL.
//
// It writes within a transaction of its caller's, so that the tables are always at the
// revision of the log that the same transaction wrote. SQLite lets any value stand in
// any column, so there is data that a typed table cannot hold. It never keeps the log
// from going on:
//
//   - a row with a value that does not fit stands in replog.misfit instead;
//   - a unique index or foreign key that the data violate is dropped, and recorded in
//     replog.left_out.
//
// What is written goes in units: the buffered changes of short entries, or one long
// entry. A unit is one savepoint. At its end the foreign keys are checked and no
// trigger events are pending, so that a constraint can be dropped and the unit written
// again.
package applied
