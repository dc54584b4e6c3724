// Package persistence keeps the directory in a database: SQLite, embedded, or
// PostgreSQL 15 and newer, with the same answers from both. It implements the ports of
// the packages of app and tenancy. SQL lives here and in persistence/db, the engine below the stores,
// and nowhere else; who may do what does not live here.
//
// A store's method takes a tenancy.Scope or WriteScope right after the context and puts
// it into the statement (db.Placed), so that no row outside it is read or changed, and
// it counts the rows it changed. Methods without a scope are listed with their reason in
// app/arch_test.go. A change, its audit entry and the versions it bumps are one
// transaction (db.InTx). Driver errors become domain errors in one place (db.Translate).
//
// Row types are private and never leave the package.
//
// Decisions:
//
//   - Times are stored as milliseconds since 1970, 0 for never: both engines then sort,
//     compare and return them alike, and no driver guesses a zone.
//   - An unlimited list is read as a chain of pages, each a statement of its own that
//     starts behind the last row. A slow reader then holds neither a connection nor a
//     snapshot.
//   - Reads are written as text with one scan function a table: Bun's relations and its
//     scanning cost more than the statements. Bun writes inserts, updates and values
//     .
package persistence
