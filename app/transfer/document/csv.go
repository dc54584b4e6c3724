package document

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"canopy/domain"
)

// CSV is a table of users of any organization (RFC 4180), whose first row names the columns,
// in any order and case; a column that is missing is not given. What separates the cells, a
// comma, a semicolon or a tab, is found by the first row. It is in UTF-8, or in UTF-16 with a
// byte order mark, as spreadsheet programs write "Unicode text". Environments are complete
// alias paths, lists are separated by semicolons. It implements Document.
type CSV struct{ Open Open }

// column is one column of the table: how it is written and read.
type column struct {
	name string
	// text is the cell of a user.
	text func(*UserRecord) string
	// read puts a cell into a user. An empty cell is read only where that means something.
	read func(*UserRecord, string) error
}

// columns are all columns, in the order in which they are written.
var columns = []column{
	textColumn("alias", func(u *UserRecord) **string { return &u.Alias }),
	textColumn("firstname", func(u *UserRecord) **string { return &u.FirstName }),
	textColumn("lastname", func(u *UserRecord) **string { return &u.LastName }),
	textColumn("mailaddress", func(u *UserRecord) **string { return &u.Mail }),
	parsedColumn("environment", func(u *UserRecord) **domain.EnvironmentRef { return &u.Home },
		parseRef[domain.EnvironmentRef], refText[domain.EnvironmentRef]),
	parsedColumn("role", func(u *UserRecord) **domain.Role { return &u.Role }, domain.ParseRole, domain.Role.String),
	parsedColumn("group", func(u *UserRecord) **domain.GroupRef { return &u.Group },
		parseRef[domain.GroupRef], refText[domain.GroupRef]),
	listColumn("groups", func(u *UserRecord) **[]domain.GroupRef { return &u.Groups }),
	listColumn("envs", func(u *UserRecord) **[]domain.EnvironmentRef { return &u.Allowed }),
	listColumn("envsbloque", func(u *UserRecord) **[]domain.EnvironmentRef { return &u.Blocked }),
	textColumn("phone", func(u *UserRecord) **string { return &u.Phone }),
	textColumn("jobtitle", func(u *UserRecord) **string { return &u.JobTitle }),
	textColumn("service", func(u *UserRecord) **string { return &u.Department }),
	textColumn("language", func(u *UserRecord) **string { return &u.Language }),
	textColumn("timezone", func(u *UserRecord) **string { return &u.TimeZone }),
	parsedColumn("active", func(u *UserRecord) **bool { return &u.Active }, parseFlag, strconv.FormatBool),
	parsedColumn("state", func(u *UserRecord) **domain.UserState { return &u.State }, domain.ParseUserState,
		domain.UserState.String),
	parsedColumn("defaultpage", func(u *UserRecord) **int64 { return &u.DefaultPage }, parseNumber[int64],
		formatNumber[int64]),
	parsedColumn("firstaccess", func(u *UserRecord) **bool { return &u.FirstAccess }, parseFlag, strconv.FormatBool),
	parsedColumn("passworddelay", func(u *UserRecord) **int { return &u.PasswordDelay }, parseNumber[int],
		formatNumber[int]),
	parsedColumn("revokedelay", func(u *UserRecord) **int { return &u.RevokeDelay }, parseNumber[int], formatNumber[int]),
}

// textColumn is a column whose empty cell is the empty text.
func textColumn(name string, field func(*UserRecord) **string) column {
	return column{name,
		func(u *UserRecord) string { return refText(*orZero(*field(u))) },
		func(u *UserRecord, cell string) error { *field(u) = &cell; return nil },
	}
}

// parsedColumn is a column whose empty cell is not given.
func parsedColumn[T any](name string, field func(*UserRecord) **T, parse func(string) (T, error),
	format func(T) string) column {
	return column{name,
		func(u *UserRecord) string {
			if v := *field(u); v != nil {
				return format(*v)
			}
			return ""
		},
		func(u *UserRecord, cell string) error {
			if cell == "" {
				return nil
			}
			v, err := parse(cell)
			if err == nil {
				*field(u) = &v
			}
			return err
		},
	}
}

// listColumn is a column whose empty cell is the empty list.
func listColumn[R ~string](name string, field func(*UserRecord) **[]R) column {
	return column{name,
		func(u *UserRecord) string {
			var texts []string
			for _, ref := range *orZero(*field(u)) {
				texts = append(texts, string(ref))
			}
			return strings.Join(texts, ";")
		},
		func(u *UserRecord, cell string) error {
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

// sentence is an error that a report shows as a sentence of its own.
type sentence string

// Error returns the sentence.
func (s sentence) Error() string { return string(s) }

func refText[R ~string](r R) string { return string(r) }

func parseFlag(s string) (bool, error) {
	yes, err := strconv.ParseBool(s)
	if err != nil {
		return false, sentence("Give one of true and false")
	}
	return yes, nil
}

func parseNumber[T ~int | ~int64](s string) (T, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, sentence("Give a whole number")
	}
	return T(n), nil
}

func formatNumber[T ~int | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// Sections implements Document. There is one, of no organization.
func (c CSV) Sections() iter.Seq2[*Section, error] {
	return func(yield func(*Section, error) bool) {
		text, err := c.Open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer text.Close()
		r, head, err := readHead(decoded(text))
		if err != nil {
			yield(nil, err)
			return
		}
		line, _ := r.FieldPos(0)
		used, wrong := columnsOf(head)
		yield(&Section{Line: line, Wrong: wrong, Users: func(yield func(UserRecord, error) bool) {
			for {
				record, err := readRow(r, used)
				if errors.Is(err, io.EOF) || !yield(record, err) || err != nil {
					return
				}
			}
		}}, nil)
	}
}

// decoded returns the text as UTF-8 without a byte order mark. What is not valid stays so.
func decoded(text io.Reader) io.Reader {
	return transform.NewReader(text, unicode.BOMOverride(transform.Nop))
}

// longestHead is how far the first row is looked for, in bytes.
const longestHead = 64 << 10

// readHead returns the reader of a table behind its first row, and that row.
func readHead(text io.Reader) (*csv.Reader, []string, error) {
	b := bufio.NewReaderSize(text, longestHead)
	begin, err := b.Peek(longestHead)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	r := csv.NewReader(b)
	r.Comma, r.FieldsPerRecord = separatorOf(begin), -1
	head, err := r.Read()
	var parse *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil, domain.ErrInvalid.Saying("The file is empty; its first row names the columns.")
	case errors.As(err, &parse):
		return nil, nil, domain.ErrInvalid.Saying("Line %d: %v.", parse.Line, parse.Err)
	}
	return r, head, err
}

// separatorOf returns what separates the cells of a table that begins so: what makes most of its
// first row known columns or, if none does, most cells.
func separatorOf(begin []byte) rune {
	best, most := ',', -1
	for _, comma := range []rune{',', ';', '\t'} {
		r := csv.NewReader(bytes.NewReader(begin))
		r.Comma = comma
		head, _ := r.Read()
		score := len(head)
		for _, name := range head {
			if columnNamed(name) != nil {
				score += longestHead
			}
		}
		if score > most {
			best, most = comma, score
		}
	}
	return best
}

// columnNamed returns the column with that name in any case, nil if there is none.
func columnNamed(name string) *column {
	name = strings.ToLower(strings.TrimSpace(name))
	at := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
	if at < 0 {
		return nil
	}
	return &columns[at]
}

// columnsOf returns the columns that the first row names, nil for one that is not known, and what
// is wrong with it.
func columnsOf(head []string) (used []*column, wrong []*domain.Error) {
	for i, name := range head {
		c := columnNamed(name)
		switch {
		case c == nil && strings.TrimSpace(name) == "":
			wrong = append(wrong, domain.ErrInvalid.Saying("The column %d has no name.", i+1))
		case c == nil:
			wrong = append(wrong, domain.ErrInvalid.Saying("The column %q is not known; there are %s.", name, columnNames()))
		case slices.Contains(used, c):
			wrong = append(wrong, domain.ErrInvalid.Saying("Name the column %q only once.", c.name))
		}
		used = append(used, c)
	}
	if !slices.Contains(used, columnNamed("alias")) {
		wrong = append(wrong, domain.ErrInvalid.Saying(`The column "alias" is required.`))
	}
	return used, wrong
}

func columnNames() string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// readRow reads the next row. What is wrong with it is in the record; the error is io.EOF or one of
// reading.
func readRow(r *csv.Reader, used []*column) (record UserRecord, err error) {
	cells, err := r.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		record.Line = parse.Line
		record.Wrong = append(record.Wrong, domain.ErrInvalid.Saying("This row cannot be read: %v.", parse.Err))
		return record, nil
	}
	if err != nil {
		return record, err
	}
	record.Line, _ = r.FieldPos(0)
	if len(cells) != len(used) {
		record.Wrong = append(record.Wrong,
			domain.ErrInvalid.Saying("Wrong number of fields: %d instead of %d; one that has %q in it needs quotes around it.",
				len(cells), len(used), string(r.Comma)))
	}
	for i, cell := range cells[:min(len(cells), len(used))] {
		c := used[i]
		if c == nil {
			continue
		}
		if !utf8.ValidString(cell) {
			record.Wrong = append(record.Wrong, domain.ErrInvalid.On(c.name).Saying("This is not valid UTF-8."))
		} else if strings.IndexByte(cell, 0) >= 0 {
			record.Wrong = append(record.Wrong, domain.ErrInvalid.On(c.name).Saying("Give a text without NUL."))
		} else if err := c.read(&record, domain.UnguardCell(cell)); err != nil {
			record.Wrong = append(record.Wrong, domain.ErrInvalid.On(c.name).Saying("%s.", publicText(err)))
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

// WriteCSV writes the users of the document as a table.
func WriteCSV(out io.Writer, document Document) error {
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
		if err := unread(s.Line, s.Wrong); err != nil {
			return err
		}
		for u, err := range s.Users {
			if err := cmp.Or(err, unread(u.Line, u.Wrong)); err != nil {
				return err
			}
			for i, c := range columns {
				cells[i] = domain.GuardCell(c.text(&u))
			}
			if err := w.Write(cells); err != nil {
				return fmt.Errorf("write the table: %w", err)
			}
		}
	}
	w.Flush()
	return w.Error()
}
