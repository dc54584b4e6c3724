// Package persistence keeps the directory in a database: SQLite, embedded, or
// PostgreSQL 15 and newer, with the same answers from both. It implements the ports of
// the packages of app and tenancy. SQL lives here and in persistence/db, the engine below the stores,
// and nowhere else; who may do what does not live here.
//
// # A noun
//
// Each noun has a file, which group.go shows best:
//
//   - The row struct is the one list of the table's columns, with both columns of the key marked pk. Its
//     Within says where in the tree a row lies, so that db.From can put the scope into a query. If its
//     texts are of any length its AfterScanRow calls db.Weigh.
//   - A store reads: a method takes a tenancy.Scope behind the context and narrows
//     db.From(s.db, sc, &rows), which has the scope's condition already. Rows never leave the package.
//   - Tx changes: tx.Group reads and locks within the scope that Store.Do was given, and is followed by
//     tx.SaveGroup, tx.InsertGroup or tx.DeleteGroup with what was read. These validate, write the row by its
//     whole key (WherePK), count what they changed (tx.One), and write the counters, versions and the audit
//     entry that go with it: nobody can forget them. What is to happen after the commit is given to
//     tx.AfterCommit. Numbers (Store.NextGroup) are leased before the transaction, in one of their own.
//   - In updates and deletes the alias of the row's table stands for it on both engines; a value that is
//     computed in SQL names the column alone on the left: Set("uses = c.uses + ?", n).
//
// A use case gives Store.Do a closure and sees of Tx what the port in its own file names; app/stores.go is
// the adapter between both. The closure is run again, whole, on a conflict: what it sets outside of itself
// it sets anew each time.
//
// A statement names the organization as a constant in each subselect, reads a name first and then the row
// by both columns of its key, and locks by both (db.Locked, tx.Hold). Where a name is looked up for a caller both
// are one statement, so that a name of elsewhere takes no other time than nobody's (namedUser, namedCode).
//
// Text in place of a builder lies in files of this package whose names end in hot.go, and in persistence/db. It is
// for statements that most requests ask, which are kept prepared, and for the few that Bun cannot say, or not
// plainly; each such file says at its top which it has and why. db.Predicate is a condition that both text and
// builder can take. A mark alone behind LIMIT has SQLite prepare a statement anew each time (limitMark).
//
// What a method promises is written once, with the port in app that it implements; a comment here says what
// that leaves open.
//
// Methods without a scope are listed with their reason in app/arch_test.go. Driver errors become domain
// errors in one place (db.Translate).
//
// Decisions:
//
//   - Times are stored as milliseconds since 1970, 0 for never: both engines then sort,
//     compare and return them alike, and no driver guesses a zone.
//   - An unlimited list is read as a chain of pages, each a statement of its own that
//     starts behind the last row. A slow reader then holds neither a connection nor a
//     snapshot.
//   - Bun's relations are not used: they cost more than the statements.
package persistence
