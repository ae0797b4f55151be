// Package gathered holds steps of transactions as capture has gathered them, before
// the transactions get numbers: what a device closes, and what the driver has to put
// aside before a schema statement, after which nobody could tell of it any more.
package gathered
