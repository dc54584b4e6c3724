package document

import (
	"bytes"
	"io"
	"unicode/utf8"

	"canopy/app/directory"
	"canopy/domain"
)

// errNoHash refuses what only whoever runs the server may bring.
var errNoHash = domain.ErrInvalid.Saying("The hash of a password cannot be imported here; leave it out.")

// People returns the people and environments of a table or of a directory document, as whoever is no operator may
// import them, and how many records of other kinds it has: groups and lists are passed over, as are numbers, UUIDs and
// times. What cannot be read of a record is in its row; the error is about the text as a whole.
func People(text []byte) (in directory.ImportUsers, passedOver int, err error) {
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	var d Document = CSV{Open: open}
	if err := checkText(text); err != nil {
		return in, 0, err
	}
	if start := bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\ufeff")), " \t\r\n"); len(start) > 0 && start[0] == '{' {
		d = JSON{Open: open, CheckHash: func(domain.PasswordHash) error { return errNoHash }}
	}
	for s, err := range d.Sections() {
		if err != nil {
			return in, 0, domain.AsError(err).On("file")
		}
		passedOver += len(s.Groups)
		if s.List != nil {
			for _, err := range s.Rows {
				if err != nil {
					return in, 0, domain.AsError(err).On("file")
				}
				passedOver++
			}
			continue
		}
		for i := range s.Environments {
			e := &s.Environments[i]
			in.Environments = append(in.Environments, directory.ImportEnvironment{Line: e.Line, Wrong: e.Wrong, Path: e.Path,
				EnvironmentPatch: e.EnvironmentPatch})
		}
		if len(s.Wrong) > 0 {
			in.Rows = append(in.Rows, directory.ImportRow{Line: s.Line, Wrong: s.Wrong})
		}
		for u, err := range s.Users {
			if err != nil {
				return in, 0, domain.AsError(err).On("file")
			}
			if len(in.Rows) > directory.MaxImport { // which Imports refuse
				return in, passedOver, nil
			}
			in.Rows = append(in.Rows, personRow(&u))
		}
	}
	return in, passedOver, nil
}

// checkText returns an error unless a text is in UTF-8, or in UTF-16 with a byte order mark. Other encodings are not
// guessed, since a wrong guess gives people other names.
func checkText(text []byte) error {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil
	}
	line := 1
	for part := range bytes.Lines(text) {
		if !utf8.Valid(part) {
			return domain.InvalidField("file", "Line %d is neither in UTF-8 nor in UTF-16. "+
				"Save the file again, as \"CSV UTF-8\" in Excel.", line)
		}
		line++
	}
	return nil
}

// personRow is a record as a line of an import.
func personRow(u *UserRecord) directory.ImportRow {
	row := directory.ImportRow{Line: u.Line, Wrong: u.Wrong, UserPatch: u.UserPatch}
	for _, flag := range []struct {
		name string
		on   **bool
	}{{"archived", &row.Archived}, {"system", &row.System}, {"lists_users", &row.ListsUsers}} {
		if *flag.on != nil && **flag.on {
			row.Wrong = append(row.Wrong, domain.InvalidField(flag.name, "This cannot be imported here."))
		}
		*flag.on = nil
	}
	if len(row.Attributes) > 0 {
		row.Wrong = append(row.Wrong, domain.InvalidField("attributes", "This cannot be imported here; leave it out."))
		row.Attributes = nil
	}
	return row
}

// UserColumns returns the columns of a table of people.
func UserColumns() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

// UserRows returns somebody as the row of that table, which an import takes. Their home must be there.
func UserRows(u *directory.UserDocument) [][]string {
	record := UserRecord{UserPatch: u.Record()}
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = c.text(&record)
	}
	return [][]string{cells}
}
