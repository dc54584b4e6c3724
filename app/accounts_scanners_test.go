package app_test

import (
	"fmt"
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

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/storetest"
)

// letter is a mail of the outbox as its reader sees it.
type letter struct {
	to, subject, text string
	file              string
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

// letters returns what the outbox has, the oldest first: so their names are ordered.
func (r *running) letters(t *testing.T) []letter {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(r.data, "outbox", "*.eml"))
	require.NoError(t, err)
	var all []letter
	for _, name := range names {
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
			text: strings.ReplaceAll(string(text), "\r\n", "\n"), file: name})
	}
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

var shownSecret = regexp.MustCompile(`<code class="secret">([^<]+)</code>`)

// A mailing is something that has mail with a link sent, and what its reader does with it.
type mailing struct {
	name string
	send func(t *testing.T)
	to   string
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
		cfg.PublicURL, cfg.SignUpEnvironment = publicURL, "greatEnv"
		r := serve(t, cfg)
		p := person{base: r.Address(), language: "en"}
		operator, err := r.directory.Operator(t.Context())
		require.NoError(t, err)
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
		number := func(t *testing.T, login string) string {
			t.Helper()
			status, answer := admin.call(t, "GET", "/rest/users/"+login, "")
			require.Equal(t, 200, status)
			return fmt.Sprint(answer.find(t, "data", "userid"))
		}
		approve := func(t *testing.T, login string) {
			t.Helper()
			ask(admin, "POST", "/rest/users/"+number(t, login)+"/approve", "", 200)(t)
		}
		chooses := func(login, heading string) func(*testing.T, string) {
			return func(t *testing.T, link string) {
				t.Helper()
				done := p.press(t, p.ask(t, "GET", link, nil),
					map[string]string{"password": "chosen-by-" + login, "again": "chosen-by-" + login})
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
		const opened, changed, confirmed, moved = "Your account is open", "Your password was changed",
			"Your mail address is confirmed", "Votre adresse a été changée"
		mailings := []mailing{
			{name: "rest: invitation", to: "ivy@example.org",
				send: ask(admin, "POST", "/rest/users/invite",
					`{"alias": "ivy", "envId": 19, "group": "User", "person": {"firstname": "I", "lastname": "", "mailaddress": "ivy@example.org"}}`, 200),
				use: chooses("ivy", opened)},
			{name: "rest: forgotten password", to: "ivy@example.org",
				send: ask(stranger, "POST", "/rest/accounts/forgot", `{"user": "ivy"}`, 200), use: chooses("ivy", changed)},
			{name: "rest: link once more", to: "una@example.org",
				send: func(t *testing.T) {
					ask(admin, "POST", "/rest/users",
						`{"alias": "una", "password": "secret2", "envId": 19, "role": "user", "group": "User", "state": "unverified",
						"person": {"firstname": "U", "lastname": "", "mailaddress": "una@example.org"}}`, 200)(t)
					ask(stranger, "POST", "/rest/accounts/resend", `{"user": "una"}`, 200)(t)
				},
				use: confirms(confirmed)},
			{name: "rest: another address", to: "new@example.org",
				send: ask(basicCaller(r.Address(), "user1", "abcdef"), "POST", "/rest/me/mail",
					`{"mailaddress": "new@example.org"}`, 200),
				use: func(t *testing.T, link string) {
					require.Equal(t, moved, p.press(t, p.ask(t, "GET", link, nil), map[string]string{"password": "abcdef"}).title(t))
				}},
			{name: "axway: registration", to: "nora@example.org",
				send: form("/api/portal/v1.3/users/register",
					url.Values{"name": {"Nora"}, "email": {"nora@example.org"}, "loginName": {"nora"}, "password": {"secret2"}}),
				use: func(t *testing.T, link string) {
					confirms(confirmed)(t, link)
					approve(t, "nora")
				}},
			{name: "axway: forgotten password", to: "nora@example.org",
				send: form("/api/portal/v1.3/users/forgotpassword", url.Values{"email": {"nora@example.org"}}),
				use:  chooses("nora", changed)},
		}
		begins := func(login string) func(*testing.T, string) {
			return func(t *testing.T, link string) {
				t.Helper()
				done := p.press(t, p.ask(t, "GET", link, nil), nil)
				require.Equal(t, "Your password was made", done.title(t))
				require.NotContains(t, done.text, "<a ", "who leaves the page does not see it again")
				password := shownSecret.FindStringSubmatch(done.text)
				require.NotNil(t, password, done.text)
				if strings.Contains(done.text, "An administrator still has to approve") {
					approve(t, login)
				}
				require.True(t, r.signsIn(t, login, password[1]))
			}
		}
		published := func(login string) func(*testing.T, string) {
			return func(t *testing.T, link string) {
				t.Helper()
				u, err := url.Parse(link)
				require.NoError(t, err)
				status, answer := stranger.call(t, "GET", u.Path, "")
				require.Equal(t, 200, status)
				if found, err := r.directory.Users.Get(t.Context(), operator,
					directory.GetUser{User: domain.UserRef{Alias: login}}); err == nil && found.State == domain.Pending {
					approve(t, login)
				}
				require.True(t, r.signsIn(t, login, answer.find(t, "password").(string)))
			}
		}
		const callback = `"callback": "Open :scheme://:host::port/user/verify/:username/:token please"`
		mailings = append(mailings,
			mailing{name: "tat: registration", to: "tim@example.org",
				send: ask(stranger, "POST", "/user", `{"username": "tim", "fullname": "Tim T", "email": "tim@example.org"}`, 201),
				use:  begins("tim")},
			mailing{name: "tat: forgotten password", to: "tim@example.org",
				send: ask(stranger, "POST", "/user/reset", `{"username": "tim", "email": "tim@example.org"}`, 201),
				use:  begins("tim")},
			mailing{name: "tat: registration in a client's words", to: "tom@example.org", published: true,
				send: ask(stranger, "POST", "/user", `{"username": "tom", "fullname": "Tom T", "email": "tom@example.org", `+
					callback+`}`, 201), use: published("tom")},
			mailing{name: "tat: forgotten password in a client's words", to: "tom@example.org", published: true,
				send: ask(stranger, "POST", "/user/reset", `{"username": "tom", "email": "tom@example.org", `+callback+`}`, 201),
				use:  published("tom")},
			mailing{name: "ethersource: a client's own link", to: "eli@example.org",
				send: func(t *testing.T) {
					ask(admin, "POST", "/ethersource/rest/v2/users",
						`{"userId": "eli", "firstName": "E", "lastName": "", "email": "eli@example.org",
						"password": "secret2", "company": "", "country": "", "language": "EN"}`, 201)(t)
					ask(admin, "POST",
						"/ethersource/rest/v2/users/eli/sendConfirmationEmail?confirmationLink=https%3A%2F%2Fportal.example%2Fconfirm",
						`{"from": "a@example.org", "subject": "Welcome", "body": "Open <%URL_PlaceHolder%>"}`, 201)(t)
				},
				use: func(t *testing.T, link string) {
					u, err := url.Parse(link)
					require.NoError(t, err)
					require.Equal(t, "portal.example", u.Host)
					ask(admin, "POST", "/ethersource/rest/v2/users/eli/activate?uuId="+u.Query().Get("uuId"), "", 201)(t)
				}})
		seen := map[string]bool{}
		leadNowhere := func(t *testing.T) {
			t.Helper()
			require.NoError(t, r.directory.RunJobs(t.Context()))
			for _, l := range r.letters(t) {
				if !seen[l.file] {
					seen[l.file] = true
					require.Empty(t, l.links(), l.text)
				}
			}
		}
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
				before := storetest.Dump(t, r.directory.DB)
				scan(t, r, link, "HEAD")
				require.Equal(t, before, storetest.Dump(t, r.directory.DB), "HEAD of %s changed something", link)
				if !m.published {
					scan(t, r, link, "HEAD", "GET")
					require.Equal(t, before, storetest.Dump(t, r.directory.DB), "%s changed something", link)
				}
				m.use(t, link)
				require.NotEqual(t, before, storetest.Dump(t, r.directory.DB), "the reader did something")
				leadNowhere(t) // what is mailed then
			})
		}
		// The letters that have no link.
		register := func(login, mail string) {
			form("/api/portal/v1.3/users/register",
				url.Values{"name": {"X"}, "email": {mail}, "loginName": {login}, "password": {"secret2"}})(t)
		}
		register("another", "nora@example.org") // the address is taken
		register("nora", "another@example.org") // the login name is taken
		leadNowhere(t)
		register("rex", "rex@example.org")
		confirms(confirmed)(t, r.mailedLink(t, "rex@example.org"))
		for _, l := range r.letters(t) {
			seen[l.file] = seen[l.file] || l.to == "rex@example.org"
		}
		ask(admin, "POST", "/rest/users/"+number(t, "rex")+"/reject", "", 200)(t)
		nora, err := r.directory.Users.Get(t.Context(), operator, directory.GetUser{User: domain.UserRef{Alias: "nora"}})
		require.NoError(t, err)
		ask(admin, "PUT", "/api/portal/v1.3/users/"+string(nora.UUID)+"/resetpassword", "", 200)(t)
		leadNowhere(t)
		kinds := map[domain.LetterKind]bool{}
		rows, err := r.directory.DB.Pool().QueryContext(t.Context(), "SELECT DISTINCT kind FROM outbox")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var kind domain.LetterKind
			require.NoError(t, rows.Scan(&kind))
			kinds[kind] = true
		}
		require.NoError(t, rows.Err())
		for _, kind := range domain.LetterKinds {
			factors := slices.Contains([]domain.LetterKind{domain.LetterFactorAdded, domain.LetterFactorRemoved,
				domain.LetterRecoveryMade, domain.LetterRecoveryUsed, domain.LetterCodesGuessed, domain.LetterLinked,
				domain.LetterUnlinked, domain.LetterNewDevice, domain.LetterFactorAsked, domain.LetterBreakGlass,
				domain.LetterEmergencyLost}, kind)
			require.Equal(t, !factors, kinds[kind], "%s: letters about ways to sign in have no link", kind)
		}
	})
}
