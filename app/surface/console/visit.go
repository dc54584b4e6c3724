package console

import (
	"context"
	"crypto/rand"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// A visit is one request of somebody who is signed in.
type visit struct {
	*view
	c      *fiber.Ctx
	caller domain.Principal
	may    directory.Abilities
	form   httpx.Form    // what was posted
	files  httpx.Files   // files that were posted
	csrf   string        // what a form has to send back
	once   string        // what names a form of this page
	wrong  *domain.Error // what was wrong with the form, nil for nothing
	// warnings are what should be known before the form is sent again, with plan, the hash of their preview.
	warnings []directory.PreviewWarning
	plan     string
	zone     *time.Location
}

type visitKey struct{}

// An answer is what a visit ends with: a page, the address of one, or a file.
type answer struct {
	page templ.Component
	to   string
	file func(*fiber.Ctx) error // sends it
	err  error                  // what the page says is wrong, for the log and the status
}

// TakeOutcome is what httpx.Handle asks for an answer that is known before the end: a page is not.
func (*answer) TakeOutcome(any) bool { return false }

// shown answers with a page.
func shown(page templ.Component) (answer, error) { return answer{page: page}, nil }

// went sends the browser to a page of ours, which says by a text of Said what was done. Reading that page
// again does nothing.
func went(to, said string) (answer, error) { return answer{to: saying(to, said)}, nil }

// saying returns the address of a page which says by a text of Said what was done; with none it says nothing.
func saying(to, said string) string {
	if said == "" {
		return to
	}
	to, fragment, _ := strings.Cut(to, "#")
	sign := "?"
	if strings.Contains(to, "?") {
		sign = "&"
	}
	to += sign + "said=" + said
	if fragment != "" {
		to += "#" + fragment
	}
	return to
}

// mend answers with the page of a form again if a person can mend what is wrong with it: the page shows what
// was typed, and the mistake beside its field. Other errors come back as they are.
func (v *visit) mend(err error, page func() templ.Component) (answer, error) {
	problem := domain.AsError(err)
	if domain.ErrFactorMissing.Is(err) { // which is proved on another page
		return answer{}, err
	}
	switch problem.Kind {
	case domain.Internal, domain.Unauthenticated:
		return answer{}, err
	case domain.NotFound:
		if v.form[problem.Field] == "" { // it is the page itself that is not there
			return answer{}, err
		}
	}
	v.wrong = problem
	return answer{page: page(), err: err}, nil
}

// on makes the handler of a page or a form. A use case of its own is what run calls; run itself only
// translates.
func (s *Surface) on(run func(context.Context, *visit) (answer, error)) fiber.Handler {
	return httpx.Handle(s.auth, s.arrive,
		func(ctx context.Context, caller domain.Principal, v *visit) (answer, error) {
			v.caller, v.csrf, v.once = caller, s.uses.Sessions.CSRF(caller), rand.Text()
			v.speak(caller.Language)
			v.zone = zoneOf(caller.TimeZone)
			var err error
			if v.may, err = s.uses.Me.Abilities(ctx, caller); err != nil {
				return answer{}, err
			}
			v.c.Locals(visitKey{}, v)
			return run(ctx, v)
		}, s.send)
}

func (s *Surface) arrive(c *fiber.Ctx) (*visit, error) {
	v := &visit{view: s.view(c, ""), c: c, zone: time.UTC}
	if httpx.Method(c) != fiber.MethodPost {
		return v, nil
	}
	var err error
	if v.form, err = posted(c); err == nil {
		v.files = c.Locals(filesKey{}).(httpx.Files)
	}
	return v, err
}

// maxZoneName bounds the name of a time zone that is looked for.
const maxZoneName = 64

// zones are those that were looked for and are there, by name: each is read from a file.
var zones sync.Map

// zoneOf returns the time zone with that name, UTC if there is none.
func zoneOf(name string) *time.Location {
	if zone, known := zones.Load(name); known {
		return zone.(*time.Location)
	}
	if len(name) > maxZoneName || name == "Local" {
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	zones.Store(name, zone)
	return zone
}

type (
	postedKey struct{}
	filesKey  struct{}
)

// posted reads the form of a request, once.
func posted(c *fiber.Ctx) (httpx.Form, error) {
	if form, read := c.Locals(postedKey{}).(httpx.Form); read {
		return form, nil
	}
	form, files, err := httpx.AnyForm(c)
	if err == nil {
		c.Locals(postedKey{}, form)
		c.Locals(filesKey{}, files)
	}
	return form, err
}

func (s *Surface) send(c *fiber.Ctx, a answer) error {
	if a.to != "" {
		return leave(c, a.to)
	}
	if a.file != nil {
		return a.file(c)
	}
	status := fiber.StatusOK
	if a.err != nil {
		status, _ = httpx.Problem(c, a.err)
	}
	if err := renderWith(c, scripted, status, a.page); err != nil {
		return err
	}
	if a.err != nil {
		return errAnswered{a.err}
	}
	return nil
}

// leave sends the browser to another page of ours. A part of a page cannot be answered by another page, so a
// request for one has the whole browser sent there.
func leave(c *fiber.Ctx, to string) error {
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	if partial(c) {
		c.Set("HX-Redirect", to)
		return c.SendStatus(fiber.StatusNoContent)
	}
	c.Set(fiber.HeaderLocation, to)
	c.Status(fiber.StatusSeeOther)
	return nil
}

// partial reports whether a script of ours asks for a part of a page.
func partial(c *fiber.Ctx) bool { return httpx.Header(c, "HX-Request") == "true" }

// query returns a parameter of the page's address, empty if there is none.
func (v *visit) query(name string) string { return httpx.Query(v.c, name) }

// at returns the address of a page with parameters, name and value in turn; empty values are left out.
func at(page string, parameters ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		if parameters[i+1] != "" {
			q.Set(parameters[i], parameters[i+1])
		}
	}
	if len(q) == 0 {
		return page
	}
	return page + "?" + q.Encode()
}

// with returns the address of the page that is shown with other parameters, as at takes them, in place of
// those of these names; what was said is not said again.
func (v *visit) with(parameters ...string) string {
	q := url.Values{}
	for _, p := range httpx.QueryPairs(v.c) {
		q.Add(p.Name, p.Value)
	}
	q.Del("said")
	q.Del("n")
	for i := 0; i+1 < len(parameters); i += 2 {
		q.Del(parameters[i])
		if parameters[i+1] != "" {
			q.Set(parameters[i], parameters[i+1])
		}
	}
	path := v.c.Path()
	return at(path[strings.LastIndexByte(path, '/')+1:]) + question(q)
}

// returns is the page that a form of this page comes back to that could not be sent: this one, or the one that had the
// form whose answer this is.
func (v *visit) returns() string {
	if v.form != nil {
		return ourPage(v.form[backField])
	}
	return v.with()
}

func question(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// curl returns the command with which the caller, as a program, asks rest for the same as JSON.
func (v *visit) curl(path string, q url.Values) string {
	return "curl -u " + quoted(v.caller.Alias) + " " + quoted(v.base+"/rest/"+path+question(q))
}

// quoted returns a text as one word of a shell's command.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// value returns what a field of a form shows: what was typed, or else what is stored.
func (v *visit) value(name, stored string) string {
	if typed, given := v.form[name]; given {
		return typed
	}
	return stored
}

// names returns what a field of the form has of words with white space, commas or semicolons between them.
func (v *visit) names(name string) []string {
	return strings.FieldsFunc(v.form[name], func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
}

// checked returns whether a box of a form is ticked: as it was sent, or else as it is stored.
func (v *visit) checked(name string, stored bool) bool {
	if v.form != nil {
		return v.form[name] != ""
	}
	return stored
}

// mistake returns what is wrong with a field, empty for nothing.
func (v *visit) mistake(name string) string {
	if v.wrong == nil || v.wrong.Field != name {
		return ""
	}
	return v.words.problem(v.wrong)
}

// can reports whether the caller may use one of the permissions somewhere in their reach.
func (v *visit) can(any ...domain.Permission) bool { return slices.ContainsFunc(any, v.may.Within.Has) }

// number writes a whole number as the language does.
func (v *view) number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + v.words.Thousands + digits[i:]
	}
	return digits
}

// counted returns a text about n things.
func (v *view) counted(t plural, n int64) string {
	text := t.Other
	if n == 1 || n == 0 && v.words.NoneIsOne {
		text = t.One
	}
	return fill(text, "n", v.number(n))
}

// when writes a time for people, in their own zone; empty for no time.
func (v *visit) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(v.zone)
	return v.day(t) + t.Format(" 15:04")
}

// day writes the day of a time; empty for no time.
func (v *visit) day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(v.zone)
	return strconv.Itoa(t.Day()) + " " + v.words.Months[t.Month()-1] + " " + strconv.Itoa(t.Year())
}
