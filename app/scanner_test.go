package app_test

import (
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/storetest"
)

// letter is a mail of the outbox as its reader sees it.
type letter struct {
	to, subject, text string
	file              string
	written           time.Time
}

var (
	webAddress  = regexp.MustCompile(`https?://[^\s<>"]+`)
	mailAddress = regexp.MustCompile(`<([^>]+)>`)
)

// links returns the addresses in a mail that lead somewhere: not the one it is signed with.
func (l *letter) links() []string {
	return slices.DeleteFunc(webAddress.FindAllString(l.text, -1), func(address string) bool {
		u, err := url.Parse(address)
		return err == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == ""
	})
}

// letters returns what the outbox has, the oldest first.
func (r *running) letters(t *testing.T) []letter {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(r.data, "outbox", "*.eml"))
	require.NoError(t, err)
	var all []letter
	for _, name := range names {
		info, err := os.Stat(name)
		require.NoError(t, err)
		file, err := os.Open(name)
		require.NoError(t, err)
		m, err := mail.ReadMessage(file)
		require.NoError(t, err)
		body := m.Body
		if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(m.Body)
		}
		text, err := io.ReadAll(body)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		require.NoError(t, err)
		all = append(all, letter{to: mailAddress.FindStringSubmatch(m.Header.Get("To"))[1], subject: subject,
			text: strings.ReplaceAll(string(text), "\r\n", "\n"), file: name, written: info.ModTime()})
	}
	slices.SortFunc(all, func(a, b letter) int { return a.written.Compare(b.written) })
	return all
}

// scan does with an address what a program does that looks at mail: it asks for it with HEAD and
// GET, twice, follows redirects, and looks like a browser or not.
func scan(t *testing.T, r *running, address string, methods ...string) {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.Scheme, u.Host = "http", r.host()
	scanner := &http.Client{CheckRedirect: func(next *http.Request, via []*http.Request) error {
		next.URL.Scheme, next.URL.Host = "http", r.host()
		if len(via) > 5 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	for range 2 {
		for _, method := range methods {
			for _, accept := range []string{"text/html,*/*;q=0.8", ""} {
				request, err := http.NewRequestWithContext(t.Context(), method, u.String(), nil)
				require.NoError(t, err)
				if accept != "" {
					request.Header.Set("Accept", accept)
				}
				response, err := scanner.Do(request)
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, response.Body)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				require.Less(t, response.StatusCode, 500, "%s %s", method, address)
			}
		}
	}
}

// A mailing is something that has mail with a link sent, and what its reader does with it.
type mailing struct {
	name string
	send func(t *testing.T)
	to   string
	kind domain.LetterKind
	// published says that the document of a product wants a GET of the link to act.
	published bool
	use       func(t *testing.T, link string)
}

// TestLooksAtMailChangeNothing looks at every address in every kind of mail that any surface sends, as
// programs do that look at mail before its reader does, and holds that the directory is as it was,
// and that the reader can still use the link. Only GETs act that a product's document wants to act.
func TestLooksAtMailChangeNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(storyBegins)
		cfg := fixtureSettings(t, engine, "rest", c)
		cfg.PublicURL, cfg.SignUpEnvironment, cfg.AutoApprove = publicURL, "greatEnv", true
		r := serve(t, cfg)
		p := person{base: r.Address(), language: "en"}
		admin, stranger := basicCaller(r.Address(), "admin", "secret1"), caller{base: r.Address()}
		ask := func(who caller, method, path, body string, status int) func(*testing.T) {
			return func(t *testing.T) {
				t.Helper()
				got, answer := who.call(t, method, path, body)
				require.Equal(t, status, got, "%s %s: %v", method, path, answer)
			}
		}
		form := func(path string, values url.Values) func(*testing.T) {
			return func(t *testing.T) {
				t.Helper()
				response, err := http.PostForm(r.Address()+path, values)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				require.Equal(t, 201, response.StatusCode)
			}
		}
		chooses := func(login, heading string) func(*testing.T, string) {
			return func(t *testing.T, link string) {
				t.Helper()
				done := p.press(t, p.ask(t, "GET", link, nil), map[string]string{"password": "chosen-by-" + login, "again": "chosen-by-" + login})
				require.Equal(t, heading, done.title(t))
				require.True(t, r.signsIn(t, login, "chosen-by-"+login))
			}
		}
		confirms := func(heading string) func(*testing.T, string) {
			return func(t *testing.T, link string) {
				t.Helper()
				require.Equal(t, heading, p.press(t, p.ask(t, "GET", link, nil), nil).title(t))
			}
		}
		const opened, changed, moved = "Your account is open", "Your password was changed", "Votre adresse a été changée"
		mailings := []mailing{
			{name: "rest: invitation", to: "ivy@example.org", kind: domain.LetterInvite,
				send: ask(admin, "POST", "/rest/users/invite", `{"alias": "ivy", "envId": 19, "group": "User", "person": {"firstname": "I", "lastname": "", "mailaddress": "ivy@example.org"}}`, 200),
				use:  chooses("ivy", opened)},
			{name: "rest: forgotten password", to: "ivy@example.org", kind: domain.LetterForgot,
				send: ask(stranger, "POST", "/rest/accounts/forgot", `{"user": "ivy"}`, 200), use: chooses("ivy", changed)},
			{name: "rest: link once more", to: "una@example.org", kind: domain.LetterVerify,
				send: func(t *testing.T) {
					ask(admin, "POST", "/rest/users", `{"alias": "una", "password": "secret2", "envId": 19, "role": "user", "group": "User", "state": "unverified",
						"person": {"firstname": "U", "lastname": "", "mailaddress": "una@example.org"}}`, 200)(t)
					ask(stranger, "POST", "/rest/accounts/resend", `{"user": "una"}`, 200)(t)
				},
				use: confirms(opened)},
			{name: "rest: another address", to: "new@example.org", kind: domain.LetterAddress,
				send: ask(basicCaller(r.Address(), "user1", "abcdef"), "POST", "/rest/me/mail", `{"mailaddress": "new@example.org"}`, 200),
				use:  confirms(moved)},
			{name: "axway: registration", to: "nora@example.org", kind: domain.LetterVerify,
				send: form("/api/portal/v1.3/users/register", url.Values{"name": {"Nora"}, "email": {"nora@example.org"}, "loginName": {"nora"}, "password": {"secret2"}}),
				use:  confirms(opened)},
			{name: "axway: forgotten password", to: "nora@example.org", kind: domain.LetterForgot,
				send: form("/api/portal/v1.3/users/forgotpassword", url.Values{"email": {"nora@example.org"}}), use: chooses("nora", changed)},
		}
		seen := map[string]bool{}
		for _, m := range mailings {
			t.Run(m.name, func(t *testing.T) {
				m.send(t)
				require.NoError(t, r.directory.RunJobs(t.Context()))
				var link string
				for _, l := range r.letters(t) {
					if seen[l.file] {
						continue
					}
					seen[l.file] = true
					if l.to == m.to {
						require.Len(t, l.links(), 1, l.text)
						link = l.links()[0]
					}
				}
				require.True(t, strings.HasPrefix(link, publicURL+"/"), link)
				before := storetest.Dump(t, r.directory.DB)
				scan(t, r, link, "HEAD")
				require.Equal(t, before, storetest.Dump(t, r.directory.DB), "HEAD of %s changed something", link)
				if !m.published {
					scan(t, r, link, "HEAD", "GET")
					require.Equal(t, before, storetest.Dump(t, r.directory.DB), "%s changed something", link)
				}
				m.use(t, link)
				require.NotEqual(t, before, storetest.Dump(t, r.directory.DB), "the reader did something")
				// What is mailed then leads nowhere.
				require.NoError(t, r.directory.RunJobs(t.Context()))
				for _, l := range r.letters(t) {
					if !seen[l.file] {
						seen[l.file] = true
						require.Empty(t, l.links(), l.text)
					}
				}
			})
		}
	})
}
