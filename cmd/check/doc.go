// Command check decides whether the tree is fit to be shared. It is the one command that developers
// and CI run, so that both always mean the same:
//
//	go run ./cmd/check          what decides: everything but what follows
//	go run ./cmd/check fast     what takes a few minutes, without PostgreSQL and browsers
//	go run ./cmd/check nightly  what decides, the tests of the night, and the race detector over all tests
//	go run ./cmd/check fuzz     each fuzz target for a while
//	go run ./cmd/check release FOLDER   checks nothing, and writes what is released
//	go run ./cmd/check -h       all flags
//
// A step prints one line. What it has to say is shown only if it fails. A failed step does not keep
// the following ones from running, unless they could say nothing without it: one run shows all there
// is to repair. The exit status is 0 if no step failed.
//
// What only reads the tree (vet, staticcheck, govulncheck) runs beside the tests, with what they leave of the
// processors: at their beginning, where one of them waits and while programs are linked that is much.
//
// A fast run remembers the tests of what did not change, as go test does; all others run each test anew.
//
// Tests run on a PostgreSQL cluster that lives as long as the run, and keep their files in memory if
// there is room. A skipped test counts as a failure in the full run, because nobody reads that it was
// skipped. Tests that measure how long somebody waits beside somebody noisy run behind all others, one at
// a time: what else the machine did would be measured too.
//
// Tests that take minutes, or need programs that no other test does, are tests of the night: their files
// begin with //go:build nightly, by day they are only read (vet, staticcheck), and one of them runs by
// go test -tags nightly -run. So nothing is skipped by day that somebody would have to know of. The
// packages they need are named in packages.go.
//
// Tests that start goroutines themselves run a second time, with -short under the race detector, with which
// everything takes four times as long, but three long ones (raceByNight); every night all do. What that
// does not watch: the tests of package app on PostgreSQL (those of the stores and of the program are), the
// fault run, walks through all routes, browsers, and tests that ask one thing after the other, such as the
// contract stories (inTurn names them).
//
// The report is our own and not gotestsum's: that counts tests and shows the failed ones too, but
// cannot fail for skipped tests, does not know fuzz targets, and cannot add up two runs. For these the
// events would have to be read a second time, and reading them is most of report.go.
//
// What does not belong here: anything a test can hold by itself. Rules about our own code are tests
// beside that code; this command only calls tools and reads their answers.
package main
