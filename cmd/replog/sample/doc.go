// Package sample makes the sample database: a field-service company with about
// 5,000 rows in nine tables, the same ones every time. Names, addresses and
// notes are in many scripts; there are dates, decimals, blobs, foreign keys
// with several actions, a unique index, a generated column and triggers.
package sample
