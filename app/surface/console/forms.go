package console

import (
	"context"
	"net/url"
	"strings"
	"unicode"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// A kind is what a link is for.
type kind struct {
	path     string
	texts    func(*words) *pageWords
	password bool // a password is chosen
	current  bool // the password that the account has is asked for
	byUser   bool // the account goes by its login name, not by its mail address
}

// The kinds.
var (
	accept = &kind{path: "accept", texts: func(w *words) *pageWords { return &w.Accept }, password: true}
	reset  = &kind{path: "reset", texts: func(w *words) *pageWords { return &w.Reset }, password: true}
	verify = &kind{path: "verify", texts: func(w *words) *pageWords { return &w.Verify }}
	mail   = &kind{path: "mail", texts: func(w *words) *pageWords { return &w.Mail }, current: true, byUser: true}
	begin  = &kind{path: "begin", texts: func(w *words) *pageWords { return &w.Begin }, byUser: true}
)

// A form is what a link or a form says, and what is wrong with it.
type form struct {
	kind               *kind
	mail, user, secret string
	lang               string
	password           string // what was posted, to say what is wrong with it

	problem, passwordProblem, againProblem string
}

func (f *form) words(w *words) *pageWords { return f.kind.texts(w) }

// title is that of the page, which says first that there is a mistake: it is what a screen reader
// reads first.
func (f *form) title(w *words) string {
	if f.problem+f.passwordProblem+f.againProblem != "" {
		return fill(w.Error, "title", f.words(w).Title)
	}
	return f.words(w).Title
}

// whose returns the account that the form is about.
func (f *form) whose() accounts.Whose {
	if f.kind.byUser {
		return accounts.Whose{Alias: f.user}
	}
	return accounts.Whose{Mail: f.mail}
}

// complete reports whether the form says whose secret it has.
func (f *form) complete() bool { return f.secret != "" && f.whose() != accounts.Whose{} }

// mailShown and userShown report whether what a link says of the account is shown. Anybody can make
// a link, so only what is such a name is shown, and no sentence.
func (f *form) mailShown() bool {
	return !f.kind.byUser && domain.CheckMail(f.mail) == nil && plain(f.mail)
}

func (f *form) userShown() bool { return domain.PlainWord(f.user) }

// plain reports whether an address is one word of letters, digits and the signs of addresses.
func plain(address string) bool {
	return !strings.ContainsFunc(address, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-+@'", r)
	})
}

// firstWrong returns the name of the first field with a mistake.
func (f *form) firstWrong() string {
	switch {
	case f.passwordProblem != "":
		return "password"
	case f.againProblem != "":
		return "again"
	}
	return ""
}

// described returns the ids of what describes a field.
func described(name, hint, problem string) string {
	var ids []string
	if problem != "" {
		ids = append(ids, name+"-wrong")
	}
	if hint != "" {
		ids = append(ids, name+"-hint")
	}
	return strings.Join(ids, " ")
}

// address returns the page's own address, in a language.
func (f *form) address(lang string) string {
	q := url.Values{"secret": {f.secret}, "lang": {lang}}
	if f.mail != "" {
		q.Set("mailaddress", f.mail)
	}
	if f.user != "" {
		q.Set("user", f.user)
	}
	return f.kind.path + "?" + q.Encode()
}

// show answers a link with its page. It looks nothing up.
func (s *Surface) show(k *kind) fiber.Handler {
	return func(c *fiber.Ctx) error {
		f := &form{kind: k, mail: httpx.Query(c, "mailaddress"), user: httpx.Query(c, "user"),
			secret: httpx.Query(c, "secret")}
		v := s.view(c, "")
		if !f.complete() {
			return s.refuse(c, v, domain.ErrSecret)
		}
		v.other, v.chooses = f.address(v.words.Other), k.password
		return renderWith(c, v.policy(), fiber.StatusOK, formPage(v, f))
	}
}

// errDifferent reports that the password was not written twice alike.
var errDifferent = domain.InvalidField("again", "This is not the same as the password.")

type formKey struct{}

// read reads what was posted, and keeps it for the answer.
func (s *Surface) read(c *fiber.Ctx, k *kind, fields ...string) (*form, httpx.Form, error) {
	f := &form{kind: k}
	c.Locals(formKey{}, f)
	posted, err := httpx.ReadForm(c, append([]string{"mailaddress", "user", "secret", "lang"}, fields...)...)
	if err != nil {
		return f, nil, err
	}
	f.mail, f.user, f.secret, f.lang = posted["mailaddress"], posted["user"], posted["secret"], posted["lang"]
	if !f.complete() {
		return f, posted, domain.ErrSecret
	}
	return f, posted, nil
}

// choosing is read where a password is chosen.
func (s *Surface) choosing(c *fiber.Ctx, k *kind) (*form, error) {
	f, posted, err := s.read(c, k, "password", "again") //nolint:early // a form is there in any case
	if err == nil && posted["password"] != "" && posted["password"] != posted["again"] {
		err = errDifferent
	}
	f.password = posted["password"]
	return f, err
}

// redeem presents the secret of a form.
func (s *Surface) redeem(c *fiber.Ctx, f *form, err error) (accounts.Redeem, error) {
	if err != nil {
		return accounts.Redeem{}, err
	}
	return accounts.Redeem{Whose: f.whose(), Secret: f.secret, Password: f.password, Source: httpx.Address(c, s.trusted)},
		nil
}

func (s *Surface) decodeAccept(c *fiber.Ctx) (accounts.Redeem, error) {
	f, err := s.choosing(c, accept)
	return s.redeem(c, f, err)
}

func (s *Surface) decodeReset(c *fiber.Ctx) (accounts.Redeem, error) {
	f, err := s.choosing(c, reset)
	return s.redeem(c, f, err)
}

func (s *Surface) decodeVerify(c *fiber.Ctx) (accounts.Redeem, error) {
	f, _, err := s.read(c, verify)
	return s.redeem(c, f, err)
}

func (s *Surface) decodeBegin(c *fiber.Ctx) (accounts.Redeem, error) {
	f, _, err := s.read(c, begin)
	in, err := s.redeem(c, f, err)
	in.Way, in.OrReset, in.Topic = accounts.ReturnPassword, true, true
	return in, err
}

func (s *Surface) decodeMail(c *fiber.Ctx) (accounts.Redeem, error) {
	f, posted, err := s.read(c, mail, "password")
	if err == nil {
		f.password = posted["password"]
	}
	return s.redeem(c, f, err)
}

// donePath is where the page after a form is.
const donePath = "done"

// dones are the texts of that page, by how its address names them.
var dones = map[string]func(*words) *doneWords{
	"accepted": func(w *words) *doneWords { return &w.Accepted },
	"changed":  func(w *words) *doneWords { return &w.Changed },
	"verified": func(w *words) *doneWords { return &w.Verified },
	"waiting":  func(w *words) *doneWords { return &w.Waiting },
	"mailed":   func(w *words) *doneWords { return &w.Mailed },
	"moved":    func(w *words) *doneWords { return &w.Moved },
}

// done sends the browser to the page that says what was done, so that reading it again posts nothing.
func done(c *fiber.Ctx, what string) error {
	f, _ := c.Locals(formKey{}).(*form)
	lang := choose(f.lang, httpx.Header(c, fiber.HeaderAcceptLanguage)).Language
	c.Set(fiber.HeaderLocation, donePath+"?"+url.Values{"of": {what}, "lang": {lang}}.Encode())
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Status(fiber.StatusSeeOther)
	return nil
}

func encodeAccepted(c *fiber.Ctx, _ domain.User) error { return done(c, "accepted") }

func encodeReset(c *fiber.Ctx, _ directory.Proven) error { return done(c, "changed") }

func encodeVerified(c *fiber.Ctx, p directory.Proven) error {
	switch {
	case p.User.FirstAccess:
		return done(c, "mailed")
	case p.User.State != domain.Approved:
		return done(c, "waiting")
	}
	return done(c, "verified")
}

// encodeBegun shows the password, which no address can have in it: this page cannot be read again.
func (s *Surface) encodeBegun(c *fiber.Ctx, p directory.Proven) error {
	f, _ := c.Locals(formKey{}).(*form)
	v := s.view(c, f.lang)
	v.other = ""
	next := v.words.Begun.Next
	if p.User.State != domain.Approved {
		next = v.words.Waiting.Text
	}
	return render(c, fiber.StatusOK, secretPage(v, &v.words.Begun, p.Password, next))
}

func encodeMoved(c *fiber.Ctx, _ domain.User) error { return done(c, "moved") }

func decodeDone(c *fiber.Ctx) (string, error) { return httpx.Query(c, "of"), nil }

func find(_ context.Context, what string) (string, error) {
	if dones[what] == nil {
		return "", domain.ErrNotFound
	}
	return what, nil
}

func (s *Surface) encodeDone(c *fiber.Ctx, what string) error {
	v := s.view(c, "")
	v.other = donePath + "?" + url.Values{"of": {what}, "lang": {v.words.Other}}.Encode()
	return render(c, fiber.StatusOK, donePage(v, dones[what](v.words)))
}

// mending makes a handler answer a mistake that people can mend with the form again, the mistake
// beside its field.
func (s *Surface) mending(k *kind, h fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		err := h(c)
		f, _ := c.Locals(formKey{}).(*form)
		if err == nil || f == nil || !f.complete() || domain.ErrSecret.Is(err) {
			return err
		}
		v := s.view(c, f.lang)
		status, problem := httpx.Problem(c, err)
		if status == fiber.StatusInternalServerError || !s.explain(f, v, problem) {
			return err
		}
		v.other, v.chooses = f.address(v.words.Other), k.password
		if failed := renderWith(c, v.policy(), status, formPage(v, f)); failed != nil {
			return failed
		}
		return errAnswered{err}
	}
}

// errAnswered is an error that a page was already sent about; it is kept for the log.
type errAnswered struct{ error }

func (e errAnswered) Unwrap() error { return e.error }

// explain writes into a form what is wrong, and reports whether it can be mended with the form.
func (s *Surface) explain(f *form, v *view, problem *domain.Error) bool {
	w := v.words
	switch {
	case problem.Field == "password" && f.kind.current && f.password != "":
		f.passwordProblem = w.Wrong
	case problem.Field == "password" && (f.kind.password || f.kind.current):
		f.passwordProblem = w.problem(problem)
		if f.password == "" {
			f.passwordProblem = w.Required
		}
	case problem.Field == errDifferent.Field:
		f.againProblem = w.Different
	case problem.Kind == domain.TooMany:
		f.problem = v.waiting(problem)
	case problem.Kind == domain.Unavailable:
		f.problem = w.Busy
	case domain.ErrUserMailTaken.Is(problem):
		f.problem = w.Taken
	default:
		return false
	}
	return true
}
