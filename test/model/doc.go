// Package model is the test of convergence: a plain in-memory model of a server
// and its devices, written from docs/rules.md and sharing nothing with the
// product but the types of package replog, and random histories (in the tests)
// that run against the product and the model side by side.
//
// The model's input is what anybody could observe from outside: a plain read of
// a device's file before and after each local write, the primary keys that an
// UPDATE changed, and marks. From the log it takes the order in which
// transactions arrived, their recorded times and the order of their net
// changes, after checking them. Everything else, every outcome and every row,
// it predicts.
//
// How to run it:
//
//	go test ./test/model                       1,000 cases
//	RAPID_CHECKS=50000 go test -timeout 0 ./test/model
//	                                           a long run
//
// A failure prints rapid's seed and leaves a fail file; the case is run again by
//
//	go test ./test/model -run TestConvergence/0 -rapid.seed=SEED
//	go test ./test/model -run TestConvergence/0 -rapid.failfile=FILE
//
// with the number of the subtest that failed. In most cases the recorded times
// come from the case's own clocks, so that a case runs the same each time; in
// the others (one in eight) they are the machine's, which two runs need not
// share.
package model
