// Package migrations holds the steps that bring a database to the current schema: SQL, written once
// and rendered for each engine, because the engines differ in few words only. A step is a file
// YYYYMMDDhhmmss_noun_change.sql, and is run in a transaction of its own.
//
// # Adding a step
//
// Put a file with a later number here. Write {{.Bytewise}} behind COLLATE for text that is compared
// or ordered, and {{.StoredByKey}} behind a table that is read by its primary key. A step that was
// released is never changed. Then write the schema down:
//
//	go test ./persistence -run TestSchemaIsAsWritten -update
//
// A step only expands: the program of the version before works on with the new schema, because it may
// run beside this one. So a new column has a default, and a column is not renamed but made anew and
// filled. What an expansion made superfluous is dropped a release later. A step that programs before a
// version cannot live with says so in a line of its own, "-- canopy: needs 0.2"; it is kept in the
// database, where an older program finds it.
package migrations

import (
	"embed"
	"io/fs"
	"strings"
	"sync"
	"testing/fstest"
	"text/template"
)

// engine is what steps name that engines write in different ways.
type engine struct {
	Bytewise    string // the collation that compares text byte by byte
	StoredByKey string // keeps the rows of a table in the order of its primary key, where that is to be said
}

//go:embed *.sql
var files embed.FS

// SQLite and Postgres return the steps as each engine reads them.
var (
	SQLite   = rendered(engine{Bytewise: "BINARY", StoredByKey: "WITHOUT ROWID"})
	Postgres = rendered(engine{Bytewise: `"C"`})
)

// rendered returns what fills in the steps, once. They are part of the program: one that cannot be
// filled in is a bug.
func rendered(e engine) func() fs.FS {
	return sync.OnceValue(func() fs.FS {
		steps := fstest.MapFS{}
		for _, step := range template.Must(template.ParseFS(files, "*.sql")).Templates() {
			var text strings.Builder
			template.Must(step, step.Execute(&text, e))
			steps[step.Name()] = &fstest.MapFile{Data: []byte(text.String())}
		}
		return steps
	})
}
