package app_test

import (
	"crypto/sha1"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// Passwords that nobody at home in Acme may choose, and what each is refused with.
var (
	shortPassword    = "x7!kP2mQ9#"
	commonPassword   = "qwertyuiop12345"
	namesPassword    = "Canopy-Acme-2026"
	breachedPassword = "tr0ub4dor & three!"

	refusedPasswords = map[string]string{
		shortPassword: "At least 15 characters are required", commonPassword: "guessed first",
		namesPassword: "made of names", breachedPassword: "known from a breach"}
	// goodPassword has more than 64 characters, of several scripts and with accents.
	goodPassword = "Zw\u00f6lf Boxk\u00e4mpfer 十二人のボクサー Двенадцать боксёров दो बक्से في الصندوق 🥊"
)

// passwordWorld serves two organizations to people who choose passwords.
func passwordWorld(t *testing.T, engine string) *twoTenants {
	breached := filepath.Join(t.TempDir(), "breached.txt")
	line := fmt.Sprintf("%X:3\r\n", sha1.Sum([]byte(breachedPassword)))
	require.NoError(t, os.WriteFile(breached, []byte(line), 0o600))
	w := newTwoTenants(t, engine, func(cfg *app.Config) {
		cfg.BreachedPasswords, cfg.PublicURL, cfg.SignUpEnvironment, cfg.AnswerFloor = breached, publicURL, "Acme", 0
		cfg.AutoApprove = true
		cfg.MailLimits = accounts.MailLimits{Address: 1000, Source: 1000, User: 1000, Overall: 1000}
	})
	w.clock.set(time.Now()) // since browsers forget cookies by their own clock
	return w
}

// asks has an environment ask for so many characters.
func (w *twoTenants) asks(t *testing.T, environment domain.EnvironmentRef, least, withFactor int) {
	t.Helper()
	_, err := w.directory.Environments.UpdateSignInRules(t.Context(), w.operator(t), directory.SignInRulesPatch{
		Environment: environment, MinPassword: &least, MinPasswordWithFactor: &withFactor})
	require.NoError(t, err)
}

// give sets the password of a user, as an administrator.
func (w *twoTenants) give(t *testing.T, alias, password string, first bool) {
	t.Helper()
	_, err := w.directory.Users.Update(t.Context(), w.operator(t), directory.UpdateUser{
		User: domain.UserRef{Alias: alias}, UserPatch: directory.UserPatch{Password: &password, FirstAccess: &first}})
	require.NoError(t, err)
}

// A passwordDoor is where somebody chooses a password: open prepares it, choose tries one and returns what was answered.
type passwordDoor struct {
	name, login string
	open        func(t *testing.T)
	choose      func(t *testing.T, password string) (status int, says string)
}

// passwordDoors returns all of them. The people are at home in Acme.
func passwordDoors(w *twoTenants, code string) []passwordDoor {
	base := w.Address()
	nobody, browser := caller{base: base}, person{base: base, language: "en"}
	const user, mail = "acme.user", "acme.user@example.org"
	given := func(first bool) func(*testing.T) {
		return func(t *testing.T) { w.give(t, user, testPassword, first) }
	}
	var link *url.URL
	mailed := func(t *testing.T, address string) {
		t.Helper()
		var err error
		link, err = url.Parse(w.mailedLink(t, address))
		require.NoError(t, err)
	}
	guests := 0
	invite := func(t *testing.T) {
		guests++
		alias, first, home, group := fmt.Sprintf("guest%d", guests), "Guest", domain.EnvironmentRef("Acme"), domain.GroupRef("User")
		address := alias + "@example.org"
		_, err := w.directory.Accounts.Invite(t.Context(), w.operator(t), accounts.Invite{User: directory.UserPatch{
			Alias: &alias, FirstName: &first, Mail: &address, Home: &home, Group: &group},
			Link: "/console/accept?mailaddress={mail}&secret={secret}", Lifetime: time.Hour})
		require.NoError(t, err)
		mailed(t, address)
	}
	forget := func(t *testing.T) {
		w.give(t, user, testPassword, false)
		w.forget(t, mail)
		mailed(t, mail)
	}
	redeem := func(path string) func(*testing.T, string) (int, string) {
		return func(t *testing.T, password string) (int, string) {
			status, got := nobody.call(t, "POST", path, fmt.Sprintf(`{"mailaddress": %q, "secret": %q, "password": %q}`,
				link.Query().Get("mailaddress"), link.Query().Get("secret"), password))
			return status, fmt.Sprint(got)
		}
	}
	follow := func(t *testing.T, password string) (int, string) {
		got := browser.press(t, browser.ask(t, "GET", link.String(), nil),
			map[string]string{"password": password, "again": password})
		return got.status, got.text
	}
	register := func(code string) func(*testing.T, string) (int, string) {
		return func(t *testing.T, password string) (int, string) {
			guests++
			form := url.Values{"name": {"Nora New"}, "email": {fmt.Sprintf("nora%d@example.org", guests)},
				"password": {password}, "token": {code}}
			got := browser.ask(t, "POST", base+"/api/portal/v1.3/users/register", form)
			return got.status, got.text
		}
	}
	return []passwordDoor{
		{"rest, one's own", user, given(false), func(t *testing.T, password string) (int, string) {
			status, got := basicCaller(base, user, testPassword).call(t, "POST", "/rest/me/password",
				fmt.Sprintf(`{"oldPassword": %q, "newPassword": %q}`, testPassword, password))
			return status, fmt.Sprint(got)
		}},
		{"axway, one's own", user, given(false), func(t *testing.T, password string) (int, string) {
			return w.form(t, "/api/portal/v1.3/currentuser/changepassword", user,
				url.Values{"oldPassword": {testPassword}, "newPassword": {password}})
		}},
		{"console, one's own", user, given(false), func(t *testing.T, password string) (int, string) {
			g := w.visit(t)
			g.press(t, g.get(t, "sign-in"), "sign-in", map[string]string{"login": user, "password": testPassword})
			asked := g.get(t, "my-password")
			require.Contains(t, asked.text, "At least 15 characters:")
			got := g.press(t, asked, "my-password", map[string]string{"old_password": testPassword,
				"new_password": password, "again": password})
			return got.status, got.text
		}},
		{"console, when signing in", user, given(true), func(t *testing.T, password string) (int, string) {
			g := w.visit(t)
			asked := g.press(t, g.get(t, "sign-in"), "sign-in", map[string]string{"login": user, "password": testPassword})
			got := g.press(t, asked, "sign-in", map[string]string{"password": testPassword, "new": password,
				"again": password})
			return got.status, got.text
		}},
		{"rest, an invitation", "guest", invite, redeem("/rest/accounts/accept")},
		{"console, an invitation", "guest", invite, follow},
		{"rest, a forgotten one", user, forget, redeem("/rest/accounts/reset")},
		{"console, a forgotten one", user, forget, follow},
		{"axway, registering", "", func(*testing.T) {}, register("")},
		{"axway, registering with a code", "", func(*testing.T) {}, register(code)},
	}
}

// form posts a form by HTTP Basic.
func (w *twoTenants) form(t *testing.T, path, login string, form url.Values) (int, string) {
	t.Helper()
	c := basicCaller(w.Address(), login, testPassword)
	c.header["Content-Type"] = "application/x-www-form-urlencoded"
	status, got := c.call(t, "POST", path, form.Encode())
	return status, fmt.Sprint(got)
}

// Whatever others would guess is refused wherever people choose a password, and says why; what nobody guesses is taken,
// in any script and of any length.
func TestPasswordsThatPeopleChooseAreJudged(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := passwordWorld(t, engine)
		code, err := w.directory.Codes.Create(t.Context(), w.operator(t),
			accounts.CreateRegistrationCode{Organization: "Acme"})
		require.NoError(t, err)
		for _, door := range passwordDoors(w, string(code.Code)) {
			door.open(t)
			for password, why := range refusedPasswords {
				w.clock.set(w.clock.now().Add(time.Minute))
				status, says := door.choose(t, password)
				require.Equal(t, 400, status, "%s: %q: %s", door.name, password, says)
				require.Contains(t, says, why, "%s: %q", door.name, password)
			}
			status, says := door.choose(t, goodPassword)
			require.Less(t, status, 300, "%s: %s", door.name, says)
			if door.login == "acme.user" {
				require.True(t, w.signsIn(t, door.login, goodPassword), door.name)
			}
		}
	})
}

// An administrator gives people any password of --min-password-length, by whichever surface.
func TestPasswordsThatAreGivenAreNotJudged(t *testing.T) {
	w := passwordWorld(t, "sqlite")
	user, err := w.directory.Users.Get(t.Context(), w.operator(t),
		directory.GetUser{User: domain.UserRef{Alias: "acme.user"}})
	require.NoError(t, err)
	admin := basicCaller(w.Address(), "acme.admin", testPassword)
	for password := range refusedPasswords {
		status, got := admin.call(t, "POST", "/rest/users/acme.user", fmt.Sprintf(`{"password": %q}`, password))
		require.Equal(t, 200, status, "%v", got)
		require.True(t, w.signsIn(t, "acme.user", password))
		w.give(t, "acme.user", testPassword, false)
		status, says := w.form(t, "/api/portal/v1.3/users/"+string(user.UUID)+"/changepassword", "acme.admin",
			url.Values{"newPassword": {password}})
		require.Equal(t, 204, status, says)
		require.True(t, w.signsIn(t, "acme.user", password))
	}
	status, got := admin.call(t, "POST", "/rest/users/acme.user", `{"password": "abcde"}`)
	require.Equal(t, 400, status)
	require.Contains(t, fmt.Sprint(got), "At least 6 characters are required")
}

// How long a password must be says the strictest environment above somebody, and nobody else's.
func TestLengthsOfPasswordsAreAskedByTheTree(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := passwordWorld(t, engine)
		change := func(alias, password string) error {
			w.give(t, alias, testPassword, false)
			in, err := w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: alias, Password: testPassword})
			require.NoError(t, err)
			return w.directory.Me.ChangePassword(t.Context(), in.Principal,
				directory.ChangePassword{Old: testPassword, New: password, Address: "192.0.2.1"})
		}
		refused := func(alias, password, why string) {
			t.Helper()
			err := change(alias, password)
			require.ErrorContains(t, err, why)
			require.Equal(t, "new_password", domain.AsError(err).Field)
		}
		eighteen := "sphinx black quarz"
		require.Len(t, eighteen, 18)
		require.NoError(t, change("acme.user", eighteen))
		w.asks(t, "Acme", 4, 0)
		refused("acme.user", "sphinx black", "15") // a child asks for more, never for less
		w.asks(t, "Acme", 20, 0)
		refused("acme.user", eighteen, "20")
		require.NoError(t, change("bolt.user", eighteen))
		w.asks(t, "Acme/Test", 64, 0) // beside the user's home
		require.NoError(t, change("acme.user", eighteen+" judge"))
		w.asks(t, "Acme", 0, 0)
		require.NoError(t, change("acme.user", eighteen))

		w.asks(t, "/", 8, 0)
		require.NoError(t, change("acme.user", "sphinx black"))
		refused("acme.user", "Password", "guessed first")
		refused("acme.user", "acmecanopy", "made of names")
		w.asks(t, "/", 15, 8)
		w.give(t, "acme.user", testPassword, false)
		in, err := w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "acme.user", Password: testPassword})
		require.NoError(t, err)
		_, err = w.directory.DB.Writer().ExecContext(t.Context(),
			fmt.Sprintf("UPDATE users SET factors = %d WHERE alias = 'acme.user'", domain.CodeFactor))
		require.NoError(t, err)
		beside := directory.ChangePassword{Old: testPassword, New: "x7!kP2m", Address: "192.0.2.1"}
		err = w.directory.Me.ChangePassword(t.Context(), in.Principal, beside)
		require.ErrorContains(t, err, "8")
		beside.New = "x7!kP2mQ"
		require.NoError(t, w.directory.Me.ChangePassword(t.Context(), in.Principal, beside))
		_, err = w.directory.DB.Writer().ExecContext(t.Context(), "UPDATE users SET factors = 0")
		require.NoError(t, err)

		w.asks(t, "/", 0, 0) // as in a directory that is older than these rules
		require.NoError(t, change("acme.user", "Password"))
		require.NoError(t, change("acme.user", "acmecanopy"))
		refused("acme.user", "abcde", "6")
		refused("acme.user", breachedPassword, "known from a breach")
	})
}

// However a keyboard puts letters together, the password is the same.
func TestSpellingsOfAPasswordAreOne(t *testing.T) {
	w := passwordWorld(t, "sqlite")
	composed, decomposed := "zw\u00f6lf Boxk\u00e4mpfer", "zwo\u0308lf Boxka\u0308mpfer"
	for _, given := range []string{composed, decomposed} {
		w.give(t, "acme.user", given, false)
		require.True(t, w.signsIn(t, "acme.user", composed))
		require.True(t, w.signsIn(t, "acme.user", decomposed))
		require.False(t, w.signsIn(t, "acme.user", strings.ReplaceAll(composed, "\u00f6", "o")))
	}
}

// A password that is made is as it is, however many characters are asked for.
func TestPasswordsThatAreMadeAreNotJudged(t *testing.T) {
	w := passwordWorld(t, "sqlite")
	w.asks(t, "/", domain.MaxMinPassword, domain.MaxMinPassword)
	_, err := w.directory.Accounts.ResetPassword(t.Context(), w.operator(t), domain.UserRef{Alias: "acme.user"})
	require.NoError(t, err)
}
