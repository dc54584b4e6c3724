package app_test

import (
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/storetest"
)

// A twin is one of two directories that differ in whether an address has an account.
type twin struct {
	*signUp
	client *client
	code   string
}

// hidden is the address of which a stranger wants to know whether it has an account.
const hidden = "xenia@example.org"

// newTwins returns two directories with one clock. In the second one the hidden address is an
// account's, which has the login name and state; in the first one somebody else has the name, or
// nobody if it is the address itself.
func newTwins(t *testing.T, engine, name string, state domain.UserState) []*twin {
	t.Helper()
	shared := newClock(storyBegins)
	var twins []*twin
	for known := range 2 {
		r, s := serveSignUp(t, func(cfg *app.Config) {
			cfg.Now, cfg.MailLimits.Address = shared.now, 5
			cfg.AutoApprove = true
			if engine == "postgres" {
				cfg.DatabaseURL = storetest.PostgresURL(t)
			}
		})
		s.clock = shared
		alias, mail, home, password := name, hidden, domain.EnvironmentRef("Acme"), userPassword
		if known == 0 {
			mail = "another@example.org"
			if name == hidden {
				alias = "another"
			}
		}
		_, err := s.Users.Create(t.Context(), s.operator(t),
			directory.UserPatch{Alias: &alias, FirstName: &alias, Mail: &mail, Home: &home,
				State: &state, Password: &password})
		require.NoError(t, err)
		quota := int64(4)
		code, err := s.Codes.Create(t.Context(), s.as(t, "bolt.admin"),
			codeOf("Bolt", accounts.RegistrationCodePatch{MaxUsers: &quota}))
		require.NoError(t, err)
		c := &client{address: r.host()}
		t.Cleanup(c.close)
		twins = append(twins, &twin{signUp: s, client: c, code: string(code.Code)})
	}
	return twins
}

// What differs between two answers that say the same.
var (
	chance = regexp.MustCompile(
		`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{128}|\b[A-Z2-7]{26}\b|eyJ[\w.-]+`)
	varying = []string{"Date", "X-Request-Id"}
)

// sees returns all that a stranger sees who sends the request and reads the mail of everybody but
// the owner of the hidden address.
func (w *twin) sees(t require.TestingT, request []byte) string {
	got, err := w.client.send(request, http.MethodPost)
	require.NoError(t, err)
	header := textproto.MIMEHeader{}
	for name, values := range got.header {
		if !slices.Contains(varying, name) {
			header[name] = values
		}
	}
	return chance.ReplaceAllString(fmt.Sprint(got.status, header, string(got.body)), "*")
}

// letters returns the mail that the stranger can read, and what the links in it lead to.
func (w *twin) letters(t *testing.T) (shown []string, links []accounts.Redeem) {
	for _, m := range w.mails(t) {
		if domain.MailMatches(m.To, hidden) {
			continue
		}
		shown = append(shown, chance.ReplaceAllString(fmt.Sprint(m.Kind, m.To, m.Subject, m.Text), "*"))
		if found := linkSecret.FindStringSubmatch(m.Text); found != nil && m.Kind == string(domain.LetterVerify) {
			links = append(links, accounts.Redeem{Whose: accounts.Whose{Mail: m.To}, Secret: found[1], Source: "192.0.2.77"})
		}
	}
	slices.Sort(shown)
	slices.SortFunc(links, func(a, b accounts.Redeem) int { return strings.Compare(a.Mail, b.Mail) })
	return shown, links
}

// TestWhetherAnAddressHasAnAccountIsToldByNothing sends the same random requests of strangers, to
// every surface where they can ask for something, to two directories of which one has an account
// with an address. Whatever the order, what the stranger gets to see is the same: each answer as a
// whole, and the mail of everybody but the owner of the address.
func TestWhetherAnAddressHasAnAccountIsToldByNothing(t *testing.T) { askAboutAnAddress(t, 8) }

func askAboutAnAddress(t *testing.T, checks int) {
	t.Helper()
	setChecks(t, checks)
	eachEngine(t, func(t *testing.T, engine string) {
		rapid.Check(t, func(rt *rapid.T) {
			name := rapid.SampledFrom([]string{"xenia", hidden}).Draw(rt, "the login name of the account")
			state := rapid.SampledFrom([]domain.UserState{domain.Approved, domain.Approved, domain.Pending, domain.Invited}).
				Draw(rt, "its state")
			twins := newTwins(t, engine, name, state)
			names := rapid.SampledFrom([]string{"n1", "n2", "N1", "xenia", hidden, "mine@example.org", "acme.user"})
			mails := rapid.SampledFrom([]string{hidden, hidden, hidden, "XENIA@example.org", "mine@example.org",
				"too@example.org", "acme.user@example.org"})
			links := make([][]accounts.Redeem, 2)
			both := func(rt *rapid.T, do func(w *twin) string) {
				answers := []string{do(twins[0]), do(twins[1])}
				require.Equal(rt, answers[0], answers[1])
				shown := make([][]string, 2)
				for i, w := range twins {
					var more []accounts.Redeem
					shown[i], more = w.letters(t)
					links[i] = append(links[i], more...)
				}
				require.Equal(rt, shown[0], shown[1])
			}
			ask := func(rt *rapid.T, method, path, body string) {
				both(rt, func(w *twin) string {
					return w.sees(rt, stranger(method, path, "", strings.ReplaceAll(body, "{code}", w.code)))
				})
			}
			guess := "00000000-0000-4000-8000-000000000000"
			rt.Repeat(map[string]func(*rapid.T){
				"axway registers": func(rt *rapid.T) {
					form := url.Values{"name": {"N N"}, "email": {mails.Draw(rt, "mail")}, "password": {"surely long enough"}}
					if rapid.Bool().Draw(rt, "named") {
						form.Set("loginName", names.Draw(rt, "name"))
					}
					body := form.Encode()
					if rapid.IntRange(0, 3).Draw(rt, "code") == 0 {
						body += "&token={code}"
					}
					ask(rt, "POST", "/api/portal/v1.3/users/register", body)
				},
				"tat registers": func(rt *rapid.T) {
					ask(rt, "POST", "/user", fmt.Sprintf(`{"username":%q,"fullname":"N N","email":%q}`, names.Draw(rt, "name"),
						mails.Draw(rt, "mail")))
				},
				"axway forgets": func(rt *rapid.T) {
					ask(rt, "POST", "/api/portal/v1.3/users/forgotpassword", "email="+url.QueryEscape(mails.Draw(rt, "mail")))
				},
				"tat forgets": func(rt *rapid.T) {
					ask(rt, "POST", "/user/reset",
						fmt.Sprintf(`{"username":%q,"email":%q}`, names.Draw(rt, "name"), mails.Draw(rt, "mail")))
				},
				"rest forgets": func(rt *rapid.T) {
					ask(rt, "POST", "/rest/accounts/forgot", fmt.Sprintf(`{"mailaddress":%q}`, mails.Draw(rt, "mail")))
				},
				"rest sends again": func(rt *rapid.T) {
					body := fmt.Sprintf(`{"mailaddress":%q}`, mails.Draw(rt, "mail"))
					if rapid.Bool().Draw(rt, "named") {
						body = fmt.Sprintf(`{"user":%q}`, names.Draw(rt, "name"))
					}
					ask(rt, "POST", "/rest/accounts/resend", body)
				},
				"guesses": func(rt *rapid.T) {
					mail, name := mails.Draw(rt, "mail"), names.Draw(rt, "name")
					switch rapid.IntRange(0, 3).Draw(rt, "where") {
					case 0:
						ask(rt, "POST", "/rest/accounts/reset",
							fmt.Sprintf(`{"mailaddress":%q,"secret":%q,"password":"surely long enough"}`, mail, guess))
					case 1:
						ask(rt, "POST", "/rest/accounts/accept",
							fmt.Sprintf(`{"mailaddress":%q,"secret":%q,"password":"surely long enough"}`, mail, guess))
					case 2:
						ask(rt, "GET", "/user/verify/"+url.PathEscape(name)+"/"+guess, "")
					case 3:
						ask(rt, "GET", "/api/portal/v1.3/users/validateuser?email="+url.QueryEscape(mail)+"&validator="+guess, "")
					}
				},
				"signs in": func(rt *rapid.T) {
					ask(rt, "POST", "/auth", fmt.Sprintf(`{"user":%q,"password":%q}`, names.Draw(rt, "name"),
						rapid.SampledFrom([]string{"surely long enough", "wrong"}).Draw(rt, "password")))
				},
				"follows a link of their own": func(rt *rapid.T) {
					require.Len(rt, links[1], len(links[0]))
					if len(links[0]) == 0 {
						return
					}
					i := rapid.IntRange(0, len(links[0])-1).Draw(rt, "which")
					next := 0
					both(rt, func(w *twin) string {
						proven, err := w.Accounts.Verify(t.Context(), links[next][i])
						next++
						return fmt.Sprint(err, proven.User.Alias, proven.User.ID, proven.User.Organization, proven.User.State)
					})
				},
				"waits": func(rt *rapid.T) {
					twins[0].clock.set(twins[0].clock.now().
						Add(time.Duration(rapid.SampledFrom([]int{1, 31, 61, 10 * 60, 25 * 60, 49 * 60, 73 * 60}).
							Draw(rt, "minutes")) * time.Minute))
					for _, w := range twins {
						require.NoError(rt, w.Accounts.Sweep(t.Context()))
					}
				},
			})
		})
	})
}
