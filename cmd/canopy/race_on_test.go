//go:build race

package main_test

// raceFlags build the program as these tests were built.
var raceFlags = []string{"-race"}
