package document

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"canopy/app/usecase"
	"canopy/domain"
)

// CSV is a table of users of any organization (RFC 4180, in UTF-8), whose first row names
// the columns, in any order; a column that is missing is not given. Environments are
// complete alias paths, lists are separated by semicolons. It implements
// usecase.Document.
type CSV struct{ Open Open }

// column is one column of the table: how it is written and read.
type column struct {
	name string
	// text is the cell of a user.
	text func(*usecase.UserRecord) string
	// read puts a cell into a user. An empty cell is read only where that means something.
	read func(*usecase.UserRecord, string) error
}

// columns are all columns, in the order in which they are written.
var columns = []column{
	textColumn("alias", func(u *usecase.UserRecord) **string { return &u.Alias }),
	textColumn("firstname", func(u *usecase.UserRecord) **string { return &u.FirstName }),
	textColumn("lastname", func(u *usecase.UserRecord) **string { return &u.LastName }),
	textColumn("mailaddress", func(u *usecase.UserRecord) **string { return &u.Mail }),
	parsedColumn("environment", func(u *usecase.UserRecord) **domain.EnvironmentRef { return &u.Home },
		parseRef[domain.EnvironmentRef], refText[domain.EnvironmentRef]),
	parsedColumn("role", func(u *usecase.UserRecord) **domain.Role { return &u.Role }, domain.ParseRole, domain.Role.String),
	parsedColumn("group", func(u *usecase.UserRecord) **domain.GroupRef { return &u.Group },
		parseRef[domain.GroupRef], refText[domain.GroupRef]),
	listColumn("groups", func(u *usecase.UserRecord) **[]domain.GroupRef { return &u.Groups }),
	listColumn("envs", func(u *usecase.UserRecord) **[]domain.EnvironmentRef { return &u.Allowed }),
	listColumn("envsbloque", func(u *usecase.UserRecord) **[]domain.EnvironmentRef { return &u.Blocked }),
	textColumn("phone", func(u *usecase.UserRecord) **string { return &u.Phone }),
	textColumn("jobtitle", func(u *usecase.UserRecord) **string { return &u.JobTitle }),
	textColumn("service", func(u *usecase.UserRecord) **string { return &u.Department }),
	textColumn("language", func(u *usecase.UserRecord) **string { return &u.Language }),
	textColumn("timezone", func(u *usecase.UserRecord) **string { return &u.TimeZone }),
	parsedColumn("active", func(u *usecase.UserRecord) **bool { return &u.Active }, parseFlag, strconv.FormatBool),
	parsedColumn("state", func(u *usecase.UserRecord) **domain.UserState { return &u.State }, domain.ParseUserState, domain.UserState.String),
	parsedColumn("defaultpage", func(u *usecase.UserRecord) **int64 { return &u.DefaultPage }, parseNumber[int64], formatNumber[int64]),
	parsedColumn("firstaccess", func(u *usecase.UserRecord) **bool { return &u.FirstAccess }, parseFlag, strconv.FormatBool),
	parsedColumn("passworddelay", func(u *usecase.UserRecord) **int { return &u.PasswordDelay }, parseNumber[int], formatNumber[int]),
	parsedColumn("revokedelay", func(u *usecase.UserRecord) **int { return &u.RevokeDelay }, parseNumber[int], formatNumber[int]),
}

// textColumn is a column whose empty cell is the empty text.
func textColumn(name string, field func(*usecase.UserRecord) **string) column {
	return column{name,
		func(u *usecase.UserRecord) string { return refText(*orZero(*field(u))) },
		func(u *usecase.UserRecord, cell string) error { *field(u) = &cell; return nil },
	}
}

// parsedColumn is a column whose empty cell is not given.
func parsedColumn[T any](name string, field func(*usecase.UserRecord) **T, parse func(string) (T, error), format func(T) string) column {
	return column{name,
		func(u *usecase.UserRecord) string {
			if v := *field(u); v != nil {
				return format(*v)
			}
			return ""
		},
		func(u *usecase.UserRecord, cell string) error {
			if cell == "" {
				return nil
			}
			v, err := parse(cell)
			*field(u) = &v
			return err
		},
	}
}

// listColumn is a column whose empty cell is the empty list.
func listColumn[R ~string](name string, field func(*usecase.UserRecord) **[]R) column {
	return column{name,
		func(u *usecase.UserRecord) string {
			var texts []string
			for _, ref := range *orZero(*field(u)) {
				texts = append(texts, string(ref))
			}
			return strings.Join(texts, ";")
		},
		func(u *usecase.UserRecord, cell string) error {
			list := []R{}
			for part := range strings.SplitSeq(cell, ";") {
				if part = strings.TrimSpace(part); part != "" {
					list = append(list, R(part))
				}
			}
			*field(u) = &list
			return nil
		},
	}
}

func orZero[T any](v *T) *T {
	if v == nil {
		return new(T)
	}
	return v
}

func parseRef[R ~string](s string) (R, error) { return R(s), nil }

func refText[R ~string](r R) string { return string(r) }

func parseFlag(s string) (bool, error) {
	yes, err := strconv.ParseBool(s)
	if err != nil {
		return false, errors.New("one of true and false is expected")
	}
	return yes, nil
}

func parseNumber[T ~int | ~int64](s string) (T, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errors.New("a whole number is expected")
	}
	return T(n), nil
}

func formatNumber[T ~int | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// Sections implements usecase.Document. There is one, of no organization.
func (c CSV) Sections() iter.Seq2[*usecase.Section, error] {
	return func(yield func(*usecase.Section, error) bool) {
		text, err := c.Open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer text.Close()
		r := csv.NewReader(skipMark(text))
		head, err := r.Read()
		if err != nil {
			yield(nil, csvError(r, err))
			return
		}
		used, err := columnsOf(head)
		if err != nil {
			yield(nil, err)
			return
		}
		yield(&usecase.Section{Line: 1, Users: func(yield func(usecase.UserRecord, error) bool) {
			for {
				cells, err := r.Read()
				if errors.Is(err, io.EOF) {
					return
				}
				var record usecase.UserRecord
				if err == nil {
					record, err = readRow(r, used, cells)
				} else {
					err = csvError(r, err)
				}
				if !yield(record, err) || err != nil {
					return
				}
			}
		}}, nil)
	}
}

// skipMark leaves out the byte order mark that some programs write.
func skipMark(text io.Reader) io.Reader {
	b := bufio.NewReader(text)
	if mark, _ := b.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = b.Discard(3)
	}
	return b
}

func csvError(r *csv.Reader, err error) error {
	if errors.Is(err, io.EOF) {
		return domain.ErrInvalid.Saying("The file is empty; its first row names the columns.")
	}
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return domain.ErrInvalid.Saying("Line %d: %v.", parse.Line, parse.Err)
	}
	return err
}

func columnsOf(head []string) ([]column, error) {
	used := make([]column, len(head))
	for i, name := range head {
		at := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
		if at < 0 {
			return nil, domain.ErrInvalid.Saying("Line 1: the column %q is not known.", name)
		}
		if slices.Index(head, name) < i {
			return nil, domain.ErrInvalid.Saying("Line 1: the column %q comes twice.", name)
		}
		used[i] = columns[at]
	}
	if !slices.Contains(head, "alias") {
		return nil, domain.ErrInvalid.Saying(`Line 1: the column "alias" is required.`)
	}
	return used, nil
}

func readRow(r *csv.Reader, used []column, cells []string) (usecase.UserRecord, error) {
	line, _ := r.FieldPos(0)
	record := usecase.UserRecord{Line: line}
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			return record, domain.ErrInvalid.Saying("Line %d: %s is not valid UTF-8.", line, used[i].name)
		}
		if err := used[i].read(&record, unguard(cell)); err != nil {
			return record, domain.ErrInvalid.Saying("Line %d: %s: %s.", line, used[i].name, publicText(err))
		}
	}
	return record, nil
}

func publicText(err error) string {
	var known *domain.Error
	if errors.As(err, &known) {
		return strings.TrimSuffix(known.Public, ".")
	}
	return err.Error()
}

// formulas are the characters that make spreadsheet programs run a cell.
const formulas = "=+-@\t\r"

// guard puts an apostrophe before a cell that a spreadsheet program would run.
func guard(cell string) string {
	if cell != "" && (strings.ContainsRune(formulas, rune(cell[0])) || cell[0] == '\'') {
		return "'" + cell
	}
	return cell
}

// unguard undoes guard.
func unguard(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && (strings.ContainsRune(formulas, rune(cell[1])) || cell[1] == '\'') {
		return cell[1:]
	}
	return cell
}

// WriteCSV writes the users of the document as a table.
func WriteCSV(out io.Writer, document usecase.Document) error {
	w := csv.NewWriter(out)
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = c.name
	}
	if err := w.Write(cells); err != nil {
		return err
	}
	for s, err := range document.Sections() {
		if err != nil {
			return err
		}
		for u, err := range s.Users {
			if err != nil {
				return err
			}
			for i, c := range columns {
				cells[i] = guard(c.text(&u))
			}
			if err := w.Write(cells); err != nil {
				return fmt.Errorf("write the table: %w", err)
			}
		}
	}
	w.Flush()
	return w.Error()
}
