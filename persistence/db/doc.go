// Package db is the engine below the stores: SQLite, embedded, or PostgreSQL 15 and newer, with the
// same answers from both. It opens the database and brings its schema up to date (migrate.go), runs
// transactions (tx.go), turns a tenancy.Scope into the condition of a statement (scope.go), and the
// drivers' errors into those of the domain (errors.go). It knows no entity.
//
//   - SQLite runs with synchronous=FULL: what was acknowledged survives a power cut, at the price of
//     about a fifth of the write rate of NORMAL.
//   - An SQLite database tells by its version whether anybody wrote to it (version.go). What is kept is true as long as
//     that is what it was before the reading.
//   - A new SQLite database is filled in one transaction, without most indexes, which are made at its end (fill.go): by
//     a driver.Connector whose connections are all the same one, so that stores need not know of it. It is made beside
//     its place, because a file that nobody has open needs neither a log of what is written nor to be repaired.
//   - A PostgreSQL without a directory is filled in the same way (fill_postgres.go), the schema with it, by COPY and
//     without most foreign keys. Rows need no locks meanwhile: everybody else is refused.
//   - People are searched inside words by an index of parts of three characters (words.go). SQLite's is a
//     virtual table, which only triggers keep true whatever program writes; PostgreSQL's tables have no triggers.
//     A PostgreSQL on which the extension pg_trgm cannot be made is searched by beginnings only. Digits of phone
//     numbers come again and again: with mobile numbers and descriptions they have an index that knows where in the
//     text its parts are, and finds nobody else.
package db
