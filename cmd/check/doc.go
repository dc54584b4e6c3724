// Command check decides whether the tree is fit to be shared. It is the one command that developers
// and CI run, so that both always mean the same:
//
//	go run ./cmd/check        everything but fuzzing
//	go run ./cmd/check fast   what takes a minute or two
//	go run ./cmd/check fuzz   each fuzz target for a while
//	go run ./cmd/check -h     all flags
//
// A step prints one line. What it has to say is shown only if it fails. A failed step does not keep
// the following ones from running, unless they could say nothing without it: one run shows all there
// is to repair. The exit status is 0 if no step failed.
//
// Tests run on a PostgreSQL cluster that lives as long as the run. A skipped test counts as a failure
// in the full run, because nobody reads that it was skipped. They run twice: whole, and with -short
// under the race detector, with which everything takes four times as long. What that does
// not watch: the tests of package app on PostgreSQL (those of the stores and of the program are), the
// fault run, walks through all routes, browsers, and four of five rounds of random tests.
//
// What does not belong here: anything a test can hold by itself. Rules about our own code are tests
// beside that code; this command only calls tools and reads their answers.
package main
