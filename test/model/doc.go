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
// it predicts. When a device closes what has gathered, and how far its sync
// point moved, is read from its file after each request.
//
// In one history of five, capture goes blind: tables are made anew, as migrations
// do, with other writes before, within and after it, or triggers of capture are
// dropped. The model knows which rows changed since, and that nothing is lost.
// Which transaction has what of them depends on what capture noted before, and
// is read from what the device recorded, as is the time of what was missed.
//
// Most devices also write through the Go driver. There the model takes the file
// before and after each statement, and which of two forms the driver chose for it,
// which the generator of the statements judges where that is certain. What an intent
// does on the server, and on a device that runs it again, it finds out on plain
// databases in memory, one for each time, with the triggers that are there. In
// three histories of five there are accounts between which transfers move money:
// the sum never changes, anywhere.
//
// How to run it:
//
//	go test ./test/model                       1,000 histories
//	RAPID_CHECKS=50000 go test -timeout 0 -run TestConvergence ./test/model
//	                                           a long run, as `make soak`
//
// The number is shared by the subtests that run beside each other. A failure
// prints rapid's seed and leaves a fail file in testdata/rapid; the history is
// run again by one of
//
//	go test ./test/model -run TestConvergence/histories/0 -rapid.seed=SEED
//	go test ./test/model -run TestConvergence/histories/0 -rapid.failfile=FILE
//
// with the number of the subtest that failed. In most histories the recorded
// times come from clocks of the test, so that they run the same each time; in
// one of eight they are the machine's, which two runs need not share.
//
// With -v a run ends with what it went through: outcomes, reasons, network
// trouble, crashes, tables made anew, rows that capture missed. At least 60 % of
// the transactions have to be applied, and all of this has to occur.
package model
