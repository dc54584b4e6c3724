// Package db is the engine below the stores: SQLite, embedded, or PostgreSQL 15 and newer, with the
// same answers from both. It opens the database and brings its schema up to date (migrate.go), runs
// transactions (tx.go), turns a tenancy.Scope into the condition of a statement (scope.go), and the
// drivers' errors into those of the domain (errors.go). It knows no entity.
//
//   - SQLite runs with synchronous=FULL: what was acknowledged survives a power cut, at the price of
//     about a fifth of the write rate of NORMAL.
package db
