package document

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding"

	"canopy/app/directory"
	"canopy/domain"
)

// format is what the document calls itself.
const format = "directory/1"

// Open opens the document's text from its beginning; it is called for each reading.
type Open func() (io.ReadCloser, error)

// JSON is a directory document. It implements Document in memory that does not
// grow with the number of users. CheckHash returns an error unless a hash of a password can be
// verified by this program.
type JSON struct {
	Open      Open
	CheckHash func(domain.PasswordHash) error
}

type environmentJSON struct {
	Path          string      `json:"path"`
	Number        int64       `json:"number,omitempty"`
	ID            domain.UUID `json:"id,omitempty"`
	Alias         *string     `json:"alias,omitempty"`
	Organization  *bool       `json:"organization,omitempty"`
	Code          *string     `json:"code,omitempty"`
	SendURL       *bool       `json:"sendurl,omitempty"`
	Active        *bool       `json:"active,omitempty"`
	TimeZone      *string     `json:"timezone,omitempty"`
	GitRepository *string     `json:"gitRepository,omitempty"`
}

type groupJSON struct {
	Alias      *string          `json:"alias"`
	Number     int64            `json:"number,omitempty"`
	ID         domain.UUID      `json:"id,omitempty"`
	Parent     *domain.GroupRef `json:"parent,omitempty"`
	Permission *string          `json:"permission,omitempty"`
	Role       *string          `json:"role,omitempty"`
	RoleTitle  *string          `json:"roletitle,omitempty"`
	// Description says what the group is for; Created is since when there is one, 0 if that is
	// not known.
	Description *string `json:"description,omitempty"`
	Created     *int64  `json:"created,omitempty"`
}

type userJSON struct {
	Alias         *string                  `json:"alias"`
	Number        int64                    `json:"number,omitempty"`
	Person        int64                    `json:"person,omitempty"`
	ID            *domain.UUID             `json:"id,omitempty"`
	Environment   *domain.EnvironmentRef   `json:"environment,omitempty"`
	Role          *string                  `json:"role,omitempty"`
	Group         *domain.GroupRef         `json:"group,omitempty"`
	Groups        *[]domain.GroupRef       `json:"groups,omitempty"`
	Envs          *[]domain.EnvironmentRef `json:"envs,omitempty"`
	EnvsBloque    *[]domain.EnvironmentRef `json:"envsbloque,omitempty"`
	State         *string                  `json:"state,omitempty"`
	Active        *bool                    `json:"active,omitempty"`
	FirstName     *string                  `json:"firstname,omitempty"`
	LastName      *string                  `json:"lastname,omitempty"`
	Mail          *string                  `json:"mailaddress,omitempty"`
	Phone         *string                  `json:"phone,omitempty"`
	JobTitle      *string                  `json:"jobtitle,omitempty"`
	Department    *string                  `json:"service,omitempty"`
	Language      *string                  `json:"language,omitempty"`
	TimeZone      *string                  `json:"timezone,omitempty"`
	DefaultPage   *int64                   `json:"defaultpage,omitempty"`
	FirstAccess   *bool                    `json:"firstaccess,omitempty"`
	PasswordDelay *int                     `json:"passworddelay,omitempty"`
	RevokeDelay   *int                     `json:"revokedelay,omitempty"`
	Created       *int64                   `json:"created,omitempty"`
	LastPassword  *int64                   `json:"lastpassword,omitempty"`
	LastConnected *int64                   `json:"lastconnected,omitempty"`
	LastSeen      *int64                   `json:"logged,omitempty"`
	IdleSince     *int64                   `json:"idlesince,omitempty"`
	Attributes    domain.Attributes        `json:"attributes,omitempty"`
	PasswordHash  *domain.PasswordHash     `json:"passwordhash,omitempty"`
}

// Sections implements Document.
func (j JSON) Sections() iter.Seq2[*Section, error] {
	return func(yield func(*Section, error) bool) {
		text, err := j.Open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer text.Close()
		r := newReader(text, j.CheckHash)
		if err := r.sections(func(s *Section) bool { return yield(s, nil) }); err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// errStopped ends reading when nobody wants more.
var errStopped = errors.New("stopped")

// reader reads a document and knows the line it is on.
type reader struct {
	*source
	parser    parser
	checkHash func(domain.PasswordHash) error
}

func newReader(text io.Reader, checkHash func(domain.PasswordHash) error) *reader {
	return &reader{source: newSource(text), checkHash: checkHash}
}

// fail says on which line what went wrong.
func (r *reader) fail(err error) error {
	line := r.ahead
	switch {
	case errors.Is(err, encoding.ErrInvalidUTF8):
		line, err = r.read, errors.New("this is not valid UTF-8")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		if r.from == r.to {
			line = r.line
		}
		err = errors.New("the document ends too early")
	}
	text := strings.TrimSuffix(strings.TrimPrefix(err.Error(), "json: "), ".")
	return domain.ErrInvalid.Saying("Line %d: %s.", line, text)
}

func (r *reader) expect(want byte, words string) error {
	if err := r.source.expect(want, words); err != nil {
		return r.fail(err)
	}
	return nil
}

// key reads the next key of an object, behind a comma unless it is the first.
func (r *reader) key(first bool) (string, error) {
	if !first {
		if err := r.expect(',', "expected comma after object key:value pair"); err != nil {
			return "", err
		}
	}
	if c, err := r.peek(); err == nil && c != '"' {
		return "", r.fail(errors.New("expected object key string"))
	}
	key, err := r.text()
	if err == nil {
		err = r.expect(':', "expected colon after object key")
	}
	return key, err
}

func (r *reader) text() (text string, err error) {
	value, err := r.value()
	if err == nil {
		err = json.Unmarshal(value, &text)
	}
	if err != nil {
		return "", r.fail(err)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return "", r.fail(errors.New("a text without NUL is expected"))
	}
	return text, nil
}

func (r *reader) sections(yield func(*Section) bool) error {
	if err := r.expect('{', ""); err != nil {
		return err
	}
	known := false
	for first := true; r.more(); first = false {
		key, err := r.key(first)
		if err != nil {
			return err
		}
		switch {
		case key == "canopy":
			text, err := r.text()
			if err != nil {
				return err
			}
			if known = text == format; !known {
				return r.fail(fmt.Errorf("a document of the format %q is expected", format))
			}
		case key == "organizations" && known:
			if err := r.list(func() error { return r.section(yield) }); err != nil {
				return err
			}
		case domain.ListNamed(key) != nil && known:
			if err := r.rows(domain.ListNamed(key), yield); err != nil {
				return err
			}
		default:
			return r.fail(fmt.Errorf(`"canopy", then "organizations" and then lists are expected, not %q`, key))
		}
	}
	if !known {
		return r.fail(errors.New("this is not a directory document"))
	}
	if err := r.expect('}', ""); err != nil {
		return err
	}
	_, err := r.peek()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, encoding.ErrInvalidUTF8):
		return r.fail(err)
	}
	return r.fail(errors.New("there is something behind the end of the document"))
}

// between passes the comma before an element of an array that is not the first.
func (r *reader) between(first bool) error {
	if first {
		return nil
	}
	return r.expect(',', "expected comma after array element")
}

// list reads an array, element by element.
func (r *reader) list(element func() error) error {
	if err := r.expect('[', ""); err != nil {
		return err
	}
	for first := true; r.more(); first = false {
		if err := r.between(first); err != nil {
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
	return r.expect(']', "")
}

// section reads one organization. Its users are read while they are ranged over; what was
// not read of them is skipped.
func (r *reader) section(yield func(*Section) bool) error {
	if err := r.expect('{', ""); err != nil {
		return err
	}
	s := &Section{Line: r.line, Users: NoUsers}
	for first := true; r.more(); first = false {
		key, err := r.key(first)
		if err != nil {
			return err
		}
		switch key {
		case "path":
			s.Path, err = r.text()
		case "environments":
			err = r.list(func() error { return r.environment(s) })
		case "groups":
			err = r.list(func() error { return r.group(s) })
		case "users":
			return r.usersOf(s, yield)
		default:
			err = r.fail(fmt.Errorf("%q is not known here", key))
		}
		if err != nil {
			return err
		}
	}
	if err := r.named(s); err != nil {
		return err
	}
	if !yield(s) {
		return errStopped
	}
	return r.expect('}', "")
}

// named refuses an organization whose path does not come first.
func (r *reader) named(s *Section) error {
	if s.Path == "" {
		return r.fail(errors.New(`an organization begins with its "path"`))
	}
	return nil
}

// usersOf yields the section, whose users are read by whoever ranges over them, and reads
// the end of the organization: users are its last member.
func (r *reader) usersOf(s *Section, yield func(*Section) bool) error {
	if err := r.named(s); err != nil {
		return err
	}
	if err := r.expect('[', ""); err != nil {
		return err
	}
	var rest func() error
	if s.Users, rest = stream(r, r.user); !yield(s) {
		return errStopped
	}
	if err := rest(); err != nil {
		return err
	}
	return r.expect('}', "")
}

// stream returns the records of an array that has begun, which are read by whoever ranges over them, and what reads
// those that are left over.
func stream[T any](r *reader, read func() (T, error)) (records iter.Seq2[T, error], rest func() error) {
	var broken error
	first := true
	records = func(yield func(T, error) bool) {
		for broken == nil && r.more() {
			var record T
			if broken = r.between(first); broken == nil {
				record, broken = read()
			}
			first = false
			err := broken
			if !yield(record, err) {
				return
			}
		}
	}
	return records, func() error {
		for range records { // they are skipped
		}
		if broken != nil {
			return broken
		}
		return r.expect(']', "")
	}
}

// record reads the next value into v, and returns its line and what is wrong with it. The error is
// about the document.
func record[T any](r *reader, members known[T], v *T) (line int, wrong []*domain.Error, err error) {
	if r.to-r.from < enough {
		r.fill()
	}
	if _, err := r.peek(); err != nil {
		return 0, nil, r.fail(err)
	}
	if n := parse(&r.parser, r.buf[r.from:r.to], members, v); n > 0 {
		r.pass(n)
		return r.line, nil, nil
	}
	*v = *new(T)
	text, err := r.value()
	if err != nil {
		return 0, nil, r.fail(err)
	}
	if hasNUL(text) {
		return r.line, []*domain.Error{domain.ErrInvalid.Saying("Give texts without NUL.")}, nil
	}
	return r.line, wrongMembers(text, v), nil
}

// hasNUL reports whether a text in JSON stands for one with a NUL, which no database keeps.
func hasNUL(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 == len(text) {
			return false
		}
		if bytes.HasPrefix(text[at:], []byte(`\u0000`)) {
			return true
		}
		text = text[at+2:]
	}
}

// wrongMembers reads an object into v, and returns what is wrong with each of its members.
func wrongMembers(text []byte, v any) []*domain.Error {
	if strict(text, v) == nil {
		return nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return []*domain.Error{domain.ErrInvalid.Saying("Give an object.")}
	}
	var wrong []*domain.Error
	for _, name := range slices.Sorted(maps.Keys(all)) {
		one, _ := json.Marshal(map[string]json.RawMessage{name: all[name]}) // it was read before
		var kind *json.UnmarshalTypeError
		switch err := strict(one, v); {
		case errors.As(err, &kind):
			wrong = append(wrong, domain.ErrInvalid.On(name).Saying("This cannot be a %s.", kind.Value))
		case err != nil:
			wrong = append(wrong, domain.ErrInvalid.On(name).Saying("There is no such field; leave it out."))
		}
	}
	return wrong
}

func strict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// unread is the error that a record with something wrong is written with, nil if nothing is.
func unread(line int, wrong []*domain.Error) error {
	if len(wrong) == 0 {
		return nil
	}
	field := ""
	if wrong[0].Field != "" {
		field = wrong[0].Field + ": "
	}
	return domain.ErrInvalid.Saying("Line %d: %s%s", line, field, wrong[0].Public)
}

func (r *reader) environment(s *Section) error {
	var e environmentJSON
	line, wrong, err := record(r, environmentMembers, &e)
	if err != nil {
		return err
	}
	s.Environments = append(s.Environments, EnvironmentRecord{
		Line: line, Wrong: append(wrong, checkUUID(e.ID)...), Path: e.Path, Number: e.Number, UUID: e.ID,
		EnvironmentPatch: directory.EnvironmentPatch{Alias: e.Alias, Code: e.Code, SendURL: e.SendURL, Active: e.Active,
			TimeZone: e.TimeZone, GitRepository: e.GitRepository, IsOrganization: e.Organization},
	})
	return nil
}

func checkUUID(id domain.UUID) []*domain.Error {
	if id == "" {
		return nil
	}
	if canonical, err := domain.ParseUUID(string(id)); err != nil || canonical != id {
		return []*domain.Error{domain.ErrInvalid.On("id").Saying("Give a UUID in lower case.")}
	}
	return nil
}

func (r *reader) group(s *Section) error {
	var g groupJSON
	line, wrong, err := record(r, groupMembers, &g)
	if err != nil {
		return err
	}
	record := GroupRecord{Line: line, Number: g.Number, UUID: g.ID, GroupPatch: directory.GroupPatch{Alias: g.Alias,
		Parent: g.Parent, RoleTitle: g.RoleTitle, Description: g.Description},
		Created: timeOf(g.Created)}
	record.Mask = parsed(&wrong, "permission", g.Permission, domain.ParseMask)
	record.Role = parsed(&wrong, "role", g.Role, domain.ParseRole)
	record.Wrong = append(wrong, checkUUID(g.ID)...)
	s.Groups = append(s.Groups, record)
	return nil
}

func (r *reader) user() (UserRecord, error) {
	var u userJSON
	line, wrong, err := record(r, userMembers, &u)
	if err != nil {
		return UserRecord{}, err
	}
	record := UserRecord{Line: line, Number: u.Number, Person: u.Person, Hash: u.PasswordHash,
		UserPatch: directory.UserPatch{Alias: u.Alias, Home: u.Environment, Group: u.Group, Groups: u.Groups, Allowed: u.Envs,
			Blocked: u.EnvsBloque,
			Active:  u.Active, FirstName: u.FirstName, LastName: u.LastName, Mail: u.Mail, Phone: u.Phone, JobTitle: u.JobTitle,
			Department: u.Department, Language: u.Language, TimeZone: u.TimeZone, DefaultPage: u.DefaultPage,
			FirstAccess:   u.FirstAccess,
			PasswordDelay: u.PasswordDelay, RevokeDelay: u.RevokeDelay, Attributes: u.Attributes},
		UUID: u.ID, Created: timeOf(u.Created), LastPassword: timeOf(u.LastPassword), LastConnected: timeOf(u.LastConnected),
		LastSeen: timeOf(u.LastSeen), IdleSince: timeOf(u.IdleSince),
	}
	record.Role = parsed(&wrong, "role", u.Role, domain.ParseRole)
	record.State = parsed(&wrong, "state", u.State, domain.ParseUserState)
	if u.PasswordHash != nil && *u.PasswordHash != "" {
		if err := r.checkHash(*u.PasswordHash); err != nil {
			wrong = append(wrong, domain.ErrInvalid.On("passwordhash").Saying("This is %v.", err))
		}
	}
	if u.ID != nil {
		wrong = append(wrong, checkUUID(*u.ID)...)
	}
	splitState(&record)
	record.Wrong = wrong
	return record, nil
}

// parsed reads a value that may be missing.
func parsed[T any](wrong *[]*domain.Error, field string, text *string, parse func(string) (T, error)) *T {
	if text == nil {
		return nil
	}
	v, err := parse(*text)
	if err != nil {
		*wrong = append(*wrong, domain.ErrInvalid.On(field).Saying("%s.", publicText(err)))
		return nil
	}
	return &v
}

func timeOf(ms *int64) *time.Time {
	if ms == nil {
		return nil
	}
	t := time.Time{}
	if *ms != 0 {
		t = time.UnixMilli(*ms).UTC()
	}
	return &t
}

// WriteJSON writes the document, one record a line.
func WriteJSON(out io.Writer, document Document) error {
	w := &recordWriter{Writer: bufio.NewWriterSize(out, 64<<10)}
	fmt.Fprintf(w, "{\"canopy\": %q, \"organizations\": [", format)
	between := "\n"
	for s, err := range document.Sections() {
		if err != nil {
			return err
		}
		w.refuse(s.Line, s.Wrong)
		if s.List != nil {
			if err := w.list(s); err != nil {
				return err
			}
			continue
		}
		path, err := json.Marshal(s.Path)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s{\"path\": %s, \"environments\": [", between, path)
		between = ",\n"
		w.first = true
		for _, e := range s.Environments {
			w.refuse(e.Line, e.Wrong)
			w.record(environmentJSON{Path: e.Path, Number: e.Number, ID: e.UUID, Alias: e.Alias, Organization: e.IsOrganization,
				Code: e.Code, SendURL: e.SendURL, Active: e.Active, TimeZone: e.TimeZone, GitRepository: e.GitRepository})
		}
		fmt.Fprint(w, "\n], \"groups\": [")
		w.first = true
		for _, g := range s.Groups {
			w.refuse(g.Line, g.Wrong)
			w.record(groupJSON{Alias: g.Alias, Number: g.Number, ID: g.UUID, Parent: g.Parent, Permission: textOf(g.Mask),
				Role: textOf(g.Role), RoleTitle: g.RoleTitle,
				Description: g.Description, Created: sinceOf(g.Created)})
		}
		fmt.Fprint(w, "\n], \"users\": [")
		w.first = true
		for u, err := range s.Users {
			if err != nil {
				return err
			}
			w.refuse(u.Line, u.Wrong)
			w.record(toUserJSON(&u))
		}
		fmt.Fprint(w, "\n]}")
	}
	fmt.Fprint(w, "\n]}\n")
	if w.err != nil {
		return w.err
	}
	return w.Flush()
}

// recordWriter writes records, each on a line of its own.
type recordWriter struct {
	*bufio.Writer
	first bool
	err   error
}

// refuse ends writing with what is wrong with a record.
func (w *recordWriter) refuse(line int, wrong []*domain.Error) {
	if err := unread(line, wrong); err != nil && w.err == nil {
		w.err = err
	}
}

func (w *recordWriter) record(v any) {
	text, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	if !w.first {
		w.WriteByte(',') // an error stays with the writer until Flush
	}
	w.first = false
	w.WriteByte('\n')
	w.Write(text)
}

func toUserJSON(u *UserRecord) userJSON {
	return userJSON{
		Alias: u.Alias, Number: u.Number, Person: u.Person, ID: u.UUID, Environment: u.Home, Role: textOf(u.Role),
		Group: u.Group, Groups: u.Groups, Envs: u.Allowed, EnvsBloque: u.Blocked, State: textOf(u.State), Active: u.Active,
		FirstName: u.FirstName, LastName: u.LastName, Mail: u.Mail, Phone: u.Phone, JobTitle: u.JobTitle,
		Department: u.Department,
		Language:   u.Language, TimeZone: u.TimeZone, DefaultPage: u.DefaultPage, FirstAccess: u.FirstAccess,
		PasswordDelay: u.PasswordDelay, RevokeDelay: u.RevokeDelay, Attributes: joinState(u),
		Created: millisOf(u.Created), LastPassword: millisOf(u.LastPassword), LastConnected: millisOf(u.LastConnected),
		LastSeen: millisOf(u.LastSeen), IdleSince: millisOf(u.IdleSince), PasswordHash: u.Hash,
	}
}

// stateFlags are the flags of a user that the document has among the attributes, with the value "true".
func stateFlags(u *UserRecord) map[string]**bool {
	return map[string]**bool{"archived": &u.Archived, "system": &u.System, "listsUsers": &u.ListsUsers}
}

// stateClaims is the attribute of the document that has what a user claims.
const stateClaims = "claims"

// joinState returns the attributes of a user as the document has them.
func joinState(u *UserRecord) domain.Attributes {
	state := make(domain.Attributes)
	for name, flag := range stateFlags(u) {
		if *flag != nil && **flag {
			state[name] = "true"
		}
	}
	state[stateClaims] = *orZero(u.Claims)
	return u.Attributes.With(state)
}

// splitState takes the state of a user out of the attributes that the document has.
func splitState(u *UserRecord) {
	for name, flag := range stateFlags(u) {
		if value, said := u.Attributes[name]; said {
			yes := value == "true"
			*flag = &yes
		}
		delete(u.Attributes, name)
	}
	if claims, said := u.Attributes[stateClaims]; said {
		u.Claims = &claims
		delete(u.Attributes, stateClaims)
	}
}

func textOf[T fmt.Stringer](v *T) *string {
	if v == nil {
		return nil
	}
	text := (*v).String()
	return &text
}

// sinceOf is millisOf for a time that may be known not to be known.
func sinceOf(t *time.Time) *int64 {
	if t != nil && t.IsZero() {
		return new(int64)
	}
	return millisOf(t)
}

func millisOf(t *time.Time) *int64 {
	if t == nil || t.IsZero() {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}
