// Package migrations holds the steps that bring a database to the current schema: SQL, written once
// and rendered for each engine, because the engines differ in few words only. A step is a file
// YYYYMMDDhhmmss_noun_change.sql, and is run in a transaction of its own.
//
// # Adding a step
//
// Put a file with a later number than all others here, for a directory does not start with one that comes before its
// last. Write {{.Bytewise}} behind COLLATE for text that is compared or ordered, and {{.StoredByKey}} behind a table
// that is read by its primary key. A step that was
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
	// Trigrams fills the index of words, nil where the engine keeps one by itself.
	Trigrams *trigrams
}

// trigrams says what an index of words has of a user.
type trigrams struct{}

// Of returns the statement that puts a row of users into the index, without where it is read from.
func (trigrams) Of(row string) string {
	text := "INSERT OR REPLACE INTO users_words " +
		"(rowid, organization, organization_high, alias, first_name, last_name, mail, phone) SELECT {row}.id" + codes()
	for _, column := range []string{"alias", "first_name", "last_name", "mail", "phone"} {
		text += ", char(31, 31) || {row}." + column + "_key"
	}
	return strings.ReplaceAll(text, "{row}", row)
}

// Details returns the statement that puts the user with the number of a row into the index of details, if they have
// any.
func (trigrams) Details(organization, id string) string {
	attribute := func(name string) string {
		return "coalesce((SELECT t.value_key FROM user_attributes t WHERE t.organization_id = r.organization_id " +
			"AND t.user_id = r.id AND t.name = '" + name + "'), '') AS " + name
	}
	return strings.ReplaceAll("INSERT OR REPLACE INTO users_words_details "+
		"(rowid, organization, organization_high, phone, mobile, description) SELECT {row}.id"+codes()+
		", {row}.phone, {row}.mobile, {row}.description FROM (SELECT r.organization_id, r.id, r.phone_key AS phone, "+
		attribute("mobile")+", "+attribute("description")+
		" FROM users AS r WHERE r.organization_id = "+organization+" AND r.id = "+id+") AS {row} "+
		"WHERE {row}.phone <> '' OR {row}.mobile <> '' OR {row}.description <> ''", "{row}", "d")
}

// FillWords returns the statements that put all users into the indexes of words of SQLite, which have nobody.
func FillWords() []string {
	return []string{trigrams{}.Of("u") + " FROM users AS u ORDER BY u.id",
		trigrams{}.Details("r.organization_id", "r.id") + " ORDER BY d.id"}
}

// codes are the columns of an index that hold the organization of a row.
func codes() string {
	var text strings.Builder
	for _, shift := range []string{"", " >> 18"} {
		digits := make([]string, 3)
		for i, down := range []string{" >> 12", " >> 6", ""} {
			digit := "(({row}.organization_id" + shift + ")" + down + " & 63)"
			digits[i] = digit + " + 1 + (" + digit + " > 30) * 95" // control characters are 1 to 31 and 127 to 159
		}
		code := "char(" + strings.Join(digits, ", ") + ")"
		if shift != "" {
			code = "CASE WHEN ({row}.organization_id" + shift + ") = 0 THEN '' ELSE " + code + " END"
		}
		text.WriteString(", " + code)
	}
	return text.String()
}

//go:embed *.sql
var files embed.FS

// SQLite and Postgres return the steps as each engine reads them.
var (
	SQLite   = rendered(engine{Bytewise: "BINARY", StoredByKey: "WITHOUT ROWID", Trigrams: &trigrams{}})
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
