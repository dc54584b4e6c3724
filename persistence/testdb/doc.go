// Package testdb gives tests real databases: a PostgreSQL cluster that it starts by itself, a fresh
// database in it for each test, and paths for SQLite files.
//
// Tests run against the engines people will use, never against a stand-in, so a test that needs
// PostgreSQL fails where none can be had. It is not skipped: a skipped test reads like a passed one.
//
// All packages of one run of cmd/check share one cluster, named by the environment variable
// ServerVariable. Without it each test process starts its own. Either way a test has a database to
// itself, so tests may run in parallel.
//
// A cluster must never outlive the process that started it. A small shell process, the guardian,
// holds the reading end of a pipe whose writing end dies with us, however we die: at its end it
// stops the server and removes the folder. The kernel's parent-death signal was not taken, because
// it follows the thread and not the process, and is known to Linux alone.
//
// What does not belong here: schemas, migrations and sample data (a caller brings them to
// PostgresFrom), and anything that a running Canopy needs.
package testdb
