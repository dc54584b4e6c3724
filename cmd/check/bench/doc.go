// Command bench measures Canopy as people and programs meet it: it sends the requests of one table over HTTP to a
// directory of a million people. See go run ./cmd/check/bench -h.
package main
