//go:build !race

package main_test

// raceFlags build the program as these tests were built.
var raceFlags []string

// instrumented says that everything is several times slower and larger than it would be.
const instrumented = false
