// Package storetest holds the tests that every engine must pass: what the ports promise
// (the files named after the stores) and that a scope keeps tenants apart (isolation.go),
// each on SQLite and on PostgreSQL. It also opens databases for the tests of packages above
// persistence. Nothing but tests imports it.
package storetest
