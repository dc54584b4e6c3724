// Package migrations holds the steps that bring a database to the current schema: plain
// SQL, one folder per engine, the same numbers in both. Steps only ever expand; what an
// expansion made superfluous is dropped a release later.
//
// A step that programs before a version cannot live with says so in a line of its own,
// "-- canopy: needs 0.2", the same on both engines. It is kept in the database, where an older
// program finds it.
package migrations

import "embed"

// FS holds the folders sqlite and postgres.
//
//go:embed sqlite/*.sql postgres/*.sql
var FS embed.FS
