package app_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/app/transfer"
	"canopy/app/transfer/document"
	"canopy/domain"
	"canopy/persistence"
)

// A wayIn is one by which somebody gets in who has a password or a key only.
type wayIn struct {
	name, method, path, body string
	header                   map[string]string
}

// waysIn returns all ways in with a name and a password, or with a key.
func waysIn(id, login, password, key, token string) []wayIn {
	basic := map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))}
	tat := map[string]string{"Tat_username": login, "Tat_password": password}
	bearer := map[string]string{"Authorization": "Bearer " + token}
	form := fmt.Sprintf("username=%s&password=%s", login, password)
	return []wayIn{
		{"rest, Basic", "GET", "/rest/me", "", basic},
		{"rest, key", "GET", "/rest/me", "", map[string]string{"apiKey": key}},
		{"rest, a token from before", "GET", "/rest/me", "", bearer},
		{"rest, /auth", "POST", "/auth", fmt.Sprintf(`{"user":%q,"password":%q}`, login, password), nil},
		{"axway, Basic", "GET", "/api/portal/v1.3/currentuser", "", basic},
		{"axway, login", "POST", "/api/portal/v1.3/login", form, nil},
		{"tellius, login", "POST", "/api/login", fmt.Sprintf(`{"username":%q,"password":%q}`, login, password), nil},
		{"tellius, a token from before", "GET", "/users/" + id, "", bearer},
		{"tat", "GET", "/user/me", "", tat},
		{"oauth, Basic", "POST", "/oauth/introspect", "token=x", basic},
		{"oauth, key", "POST", "/oauth/introspect", "token=x", map[string]string{"apiKey": key}},
		{"oauth, a token from before", "POST", "/oauth/introspect", "token=x", bearer},
		{"ethersource, Basic", "GET", "/ethersource/rest/v2/users/bookmarks", "", basic},
		{"ethersource, key", "GET", "/ethersource/rest/v2/users/bookmarks?apiKey=" + key, "", nil},
	}
}

func (w *twoTenants) enter(t *testing.T, in wayIn) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), in.method, w.Address()+in.path, strings.NewReader(in.body))
	require.NoError(t, err)
	for name, value := range in.header {
		req.Header.Set(name, value)
	}
	if strings.HasPrefix(in.body, "{") {
		req.Header.Set("Content-Type", "application/json")
	} else if in.body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

// demand has an environment ask something of sign-ins.
func (r *running) demand(t *testing.T, environment string, rules domain.SignInRules) {
	t.Helper()
	_, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r), directory.SignInRulesPatch{
		Environment: domain.EnvironmentRef(environment), People: &rules.People, Admins: &rules.Admins, Above: &rules.Above,
		ProofAge: &rules.ProofAge, Grace: &rules.Grace, ProgramsExempt: &rules.ProgramsExempt,
		PasswordDays: &rules.PasswordDays})
	require.NoError(t, err)
}

func (w *twoTenants) credentials(t *testing.T, alias string) []wayIn {
	t.Helper()
	in, err := w.directory.Sessions.SignIn(t.Context(),
		accounts.SignIn{Login: alias, Password: testPassword, Address: "192.0.2.5", Kind: domain.TokenSession})
	require.NoError(t, err)
	return waysIn(string(in.Principal.UUID), alias, testPassword, w.newKey(t, alias, accounts.NewAPIKey{}), in.Access)
}

// Every door is closed to a password and to a key where a second factor is demanded, whoever asks for it on the way from
// the root, and for nobody else.
func TestEveryDoorIsClosedUnderADemand(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		admin, user, other := w.credentials(t, "acme.admin"), w.credentials(t, "acme.user"), w.credentials(t, "bolt.admin")
		before := map[string]int{}
		for login, ways := range map[string][]wayIn{"admin": admin, "user": user, "other": other} {
			for _, in := range ways {
				before[login+in.name] = w.enter(t, in)
				require.NotContains(t, []int{400, 401, 404, 405}, before[login+in.name], in.name)
			}
		}
		expect := func(login string, ways []wayIn, open bool, why string) {
			t.Helper()
			for _, in := range ways {
				status := w.enter(t, in)
				if open {
					require.Equal(t, before[login+in.name], status, "%s: %s", why, in.name)
				} else {
					require.Contains(t, []int{401, 403}, status, "%s: %s", why, in.name)
				}
			}
		}
		w.demand(t, "Acme", domain.SignInRules{Admins: domain.ByCode})
		expect("admin", admin, false, "of admins")
		expect("user", user, true, "of admins, not of people")
		expect("other", other, true, "of another organization")
		w.demand(t, "Acme", domain.SignInRules{People: domain.ByCode, Grace: w.clock.now().Add(time.Hour)})
		expect("admin", admin, true, "announced")
		w.clock.set(w.clock.now().Add(time.Hour))
		expect("admin", admin, false, "announced, and now it counts")
		expect("user", user, false, "of people")
		w.demand(t, "Acme", domain.SignInRules{})
		expect("admin", admin, true, "no longer demanded")
		w.demand(t, "/", domain.SignInRules{People: domain.ByPasskey})
		w.demand(t, "Acme", domain.SignInRules{People: domain.ByCode, ProgramsExempt: true})
		expect("other", other, false, "of the root")
		expect("user", user, false, "of the root, and of less below")
		w.demand(t, "/", domain.SignInRules{})
	})
}

// An account that has a second factor does not get in by its password alone, by no door; its keys are good as before.
func TestNoDoorLeavesOutTheSecondFactor(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		ways := w.credentials(t, "acme.admin")
		_, err := w.directory.DB.Writer().ExecContext(t.Context(),
			fmt.Sprintf("UPDATE users SET factors = %d WHERE alias = 'acme.admin'", domain.CodeFactor))
		require.NoError(t, err)
		for _, in := range ways {
			status := w.enter(t, in)
			if strings.HasSuffix(in.name, "key") {
				require.Equal(t, 200, status, in.name)
			} else {
				require.Contains(t, []int{401, 403}, status, in.name)
			}
		}
		in, err := w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "acme.admin", Password: testPassword,
			Address: "192.0.2.5", Kind: domain.CookieSession, Steps: true})
		require.NoError(t, err)
		require.Equal(t, domain.ByCode, in.Principal.Missing)
		require.WithinDuration(t, w.clock.now().Add(10*time.Minute), in.Expires, time.Second)
		_, err = w.directory.Me.Get(t.Context(), in.Principal)
		require.ErrorIs(t, err, domain.ErrFactorMissing)
	})
}

// Accounts of programs go on with their keys where the environments that demand a factor exempt them, all of them; and
// they never sign in on the pages.
func TestProgramsAreExemptWhereAllDemandsExemptThem(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		key := w.newKey(t, "acme.user", accounts.NewAPIKey{})
		_, err := w.directory.DB.Writer().ExecContext(t.Context(), "UPDATE users SET system = TRUE WHERE alias = 'acme.user'")
		require.NoError(t, err)
		status := func() int {
			n, _ := w.withKey(t, "apiKey", key, "GET", "/rest/me", "")
			return n
		}
		w.demand(t, "Acme", domain.SignInRules{People: domain.ByCode, ProgramsExempt: true})
		require.Equal(t, 200, status())
		w.demand(t, "Acme/Prod", domain.SignInRules{People: domain.ByCode})
		require.Equal(t, 401, status())
		w.demand(t, "Acme/Prod", domain.SignInRules{})
		require.Equal(t, 200, status())
		_, err = w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "acme.user", Password: testPassword,
			Address: "192.0.2.5", Kind: domain.CookieSession, Steps: true})
		require.ErrorIs(t, err, domain.ErrProgram)
	})
}

// Who administers from above does not reach what demands more of them than they proved, in no list and by no name; and
// nobody is told of it below.
func TestGuardedPlacesAreOutOfReach(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		weak := func() domain.Principal { return w.principal(t, "admin") }
		strong := func() domain.Principal {
			p := weak()
			p.Proved.Proof = domain.ByPasskey
			return p
		}
		sees := func(p domain.Principal) int {
			t.Helper()
			list, err := w.directory.Environments.List(t.Context(), p, directory.ListEnvironments{})
			require.NoError(t, err)
			n := 0
			for e, err := range list.Items {
				require.NoError(t, err)
				if strings.Contains(e.ShownPath, "Acme") {
					n++
				}
			}
			return n
		}
		require.Equal(t, 4, sees(weak()))
		w.demand(t, "Acme", domain.SignInRules{Above: domain.ByPasskey})
		require.Zero(t, sees(weak()))
		require.Equal(t, 4, sees(strong()))
		require.Equal(t, 4, sees(w.principal(t, "acme.admin")), "they are at home there")
		_, err := w.directory.Users.Get(t.Context(), weak(), directory.GetUser{User: domain.UserRef{Alias: "acme.user"}})
		require.ErrorIs(t, err, domain.ErrUserNotFound)
		w.demand(t, "Acme", domain.SignInRules{})
		require.Equal(t, 4, sees(weak()))
	})
}

// Nobody demands what would shut themselves out.
func TestNobodyShutsThemselvesOut(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	code := domain.ByCode
	for _, in := range []directory.SignInRulesPatch{{People: &code}, {Admins: &code}} {
		in.Environment = "Acme"
		_, err := w.directory.Environments.UpdateSignInRules(t.Context(), w.principal(t, "acme.admin"), in)
		require.Equal(t, domain.Invalid, domain.AsError(err).Kind, "%v", err)
	}
	_, err := w.directory.Environments.UpdateSignInRules(t.Context(), w.principal(t, "acme.power"),
		directory.SignInRulesPatch{Environment: "Prod", People: &code})
	require.ErrorIs(t, err, domain.ErrForbidden)
	_, err = w.directory.Environments.UpdateSignInRules(t.Context(), w.principal(t, "acme.admin"),
		directory.SignInRulesPatch{Environment: "Bolt", People: &code})
	require.ErrorIs(t, err, domain.ErrEnvironmentNotFound)

	out := func(caller domain.Principal, in directory.SignInRulesPatch, field string) {
		t.Helper()
		for _, try := range []func() error{
			func() error {
				_, err := w.directory.Environments.PreviewSignInRules(t.Context(), caller, in)
				return err
			},
			func() error {
				_, err := w.directory.Environments.UpdateSignInRules(t.Context(), caller, in)
				return err
			},
		} {
			err := try()
			if field == "" {
				require.NoError(t, err)
				continue
			}
			require.Error(t, err)
			require.Equal(t, domain.Invalid, domain.AsError(err).Kind, "%v", err)
			require.Equal(t, field, domain.AsError(err).Field)
		}
	}
	out(w.principal(t, "admin"), directory.SignInRulesPatch{Environment: "Acme", Above: &code}, "above")
	out(w.principal(t, "admin"), directory.SignInRulesPatch{Environment: "Acme", People: &code}, "")
	none, role, ref, all := domain.ByPassword, domain.RoleOAdmin, domain.EnvironmentRef("Acme"), domain.AllPermissions
	root, alias := domain.NumberedGroup(domain.RootGroup), "Chiefs"
	out(w.principal(t, "admin"), directory.SignInRulesPatch{Environment: "Acme", People: &none}, "")
	_, err = w.directory.Groups.Create(t.Context(), w.operator(t), directory.GroupPatch{Organization: &ref, Alias: &alias,
		Role: &role, Mask: &all, Parent: &root})
	require.NoError(t, err)
	w.addUser(t, "acme.chief", "Acme/Prod", domain.RoleUser, "Chiefs")
	chief := w.principal(t, "acme.chief")
	out(chief, directory.SignInRulesPatch{Environment: "Prod", Admins: &code}, "admins")
	later := w.clock.now().Add(time.Hour)
	out(chief, directory.SignInRulesPatch{Environment: "Prod", Admins: &code, Grace: &later}, "")
}

// A second server over the same database demands at once what the first one was told.
func TestDemandsCountOnEveryServer(t *testing.T) {
	w := newTwoTenants(t, "postgres")
	other := persistence.NewAccountStore(w.directory.DB)
	a, err := other.ByLogin(t.Context(), "acme.user")
	require.NoError(t, err)
	before := a.SignInRules
	for n := range int64(3) {
		w.demand(t, "Acme", domain.SignInRules{PasswordDays: int(n) + 1})
		a, err = other.ByLogin(t.Context(), "acme.user")
		require.NoError(t, err)
		require.Equal(t, before+n+1, a.SignInRules)
	}
}

// What is dangerous needs a proof that is not older than the environments on the way to the caller's home say; reading
// and what is harmless do not, and neither does a program's key, while a person's proves nobody anew.
func TestDangerousActionsNeedARecentProof(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	w.demand(t, "Acme", domain.SignInRules{ProofAge: 10 * time.Minute})
	in, err := w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "acme.admin", Password: testPassword,
		Address: "192.0.2.5", Kind: domain.TokenSession})
	require.NoError(t, err)
	user := "/rest/users/" + fmt.Sprint(int64(w.principal(t, "acme.user").User))
	place, err := w.directory.Environments.Get(t.Context(), w.principal(t, "acme.admin"), "Test")
	require.NoError(t, err)
	test := "/rest/environments/" + fmt.Sprint(int64(place.ID))
	send := func(method, path, body string) int {
		t.Helper()
		return w.enter(t, wayIn{"", method, path, body, map[string]string{"Authorization": "Bearer " + in.Access}})
	}
	dangerous := [][3]string{
		{"PUT", user, `{"role":"power"}`}, {"PUT", user, `{"group":{"id":3}}`}, {"PUT", user, `{"password":"another one"}`},
		{"PUT", user, `{"active":false}`}, {"POST", user + "/keys", `{"name":"key"}`}, {"POST", "/rest/me/keys", `{"name":"key"}`},
		{"POST", "/rest/groups", `{"alias":"New ones"}`}, {"DELETE", test, ""}, {"DELETE", user, ""},
		{"PUT", "/rest/environments/Prod/signin", `{"minPassword":20}`},
		{"POST", "/rest/users", `{"alias":"anew","password":"another one","role":"power",
			"group":{"id":3},"envId":"Prod","person":{"firstname":"A","lastname":"B","mailaddress":"anew@example.org"}}`},
	}
	w.clock.set(w.clock.now().Add(11 * time.Minute))
	for _, d := range dangerous {
		status := send(d[0], d[1], d[2])
		require.Equal(t, 401, status, "%v", d)
	}
	require.Equal(t, 200, send("GET", user, ""))
	require.Equal(t, 200, send("PUT", user, `{"person":{"phone":"+33 1"}}`))
	key := w.newKey(t, "acme.admin", accounts.NewAPIKey{})
	for _, d := range dangerous {
		status, answer := w.withKey(t, "apiKey", key, d[0], d[1], d[2])
		require.Equal(t, 401, status, "%v", d)
		require.Contains(t, answer, "step_up_required")
	}
	program := w.program(t, "Acme", domain.RoleOAdmin, "Admin")
	status, _ := w.withKey(t, "apiKey", program, "POST", "/rest/groups", `{"alias":"By a program"}`)
	require.Equal(t, 200, status)
	in, err = w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "acme.admin", Password: testPassword,
		Address: "192.0.2.5", Kind: domain.TokenSession})
	require.NoError(t, err)
	for _, d := range dangerous {
		require.NotEqual(t, 401, send(d[0], d[1], d[2]), "%v", d)
	}
}

// A token that a demand has closed every door to is worth nothing, also to whoever asks for somebody else.
func TestTokensAreWorthNothingUnderADemand(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		worth := func(text string) bool {
			t.Helper()
			i, err := w.directory.Sessions.Introspect(t.Context(), w.principal(t, "admin"), text)
			require.NoError(t, err)
			return i.Active
		}
		for _, kind := range []domain.SessionKind{domain.TokenSession, domain.RefreshSession} {
			in, err := w.directory.Sessions.SignIn(t.Context(),
				accounts.SignIn{Login: "acme.user", Password: testPassword, Kind: kind})
			require.NoError(t, err)
			for _, text := range []string{in.Access, in.Refresh} {
				if text == "" {
					continue
				}
				require.True(t, worth(text))
				w.demand(t, "Acme", domain.SignInRules{People: domain.ByCode})
				require.False(t, worth(text))
				w.demand(t, "Acme", domain.SignInRules{})
				require.True(t, worth(text))
			}
		}
	})
}

// A program's account acts by its key alone: there is no password that opens it, and the key ends when it was said.
func TestProgramsActByTheirKeys(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		admin := w.newKey(t, "acme.admin", accounts.NewAPIKey{})
		until := w.clock.now().Add(time.Hour)
		create := func(body string) (int, string) {
			t.Helper()
			return w.withKey(t, "apiKey", admin, "POST", "/rest/users/program", body)
		}
		status, answer := create(`{"alias":"nightly","group":3,"role":"power","envId":"Prod","key":{"name":"Report"}}`)
		require.Equal(t, 400, status)
		require.Contains(t, answer, "key.expires")
		status, answer = create(fmt.Sprintf(`{"alias":"nightly","key":{"name":"","expires":%d}}`, until.UnixMilli()))
		require.Equal(t, 400, status)
		require.Contains(t, answer, "key.name")
		status, answer = create(fmt.Sprintf(
			`{"alias":"nightly","group":3,"role":"power","envId":"Prod","key":{"name":"Report","expires":%d}}`,
			until.UnixMilli()))
		require.Equal(t, 200, status, answer)
		key := regexp.MustCompile(`"text":"([^"]+)"`).FindStringSubmatch(answer)[1]
		w.demand(t, "Acme", domain.SignInRules{People: domain.ByPasskey, ProgramsExempt: true})
		status, answer = w.withKey(t, "apiKey", key, "GET", "/rest/users", "")
		require.Equal(t, 200, status, answer)
		require.Contains(t, answer, "acme.user")
		for _, password := range []string{"", "nightly", testPassword} {
			_, err := w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "nightly", Password: password,
				Address: "192.0.2.5", Kind: domain.TokenSession})
			require.ErrorIs(t, err, domain.ErrBadCredentials)
		}
		w.clock.set(until)
		status, _ = w.withKey(t, "apiKey", key, "GET", "/rest/users", "")
		require.Equal(t, 401, status)
		power := w.newKey(t, "bolt.power", accounts.NewAPIKey{})
		status, _ = w.withKey(t, "apiKey", power, "POST", "/rest/users/program", fmt.Sprintf(
			`{"alias":"climber","group":3,"role":"oadmin","key":{"name":"Report","expires":%d}}`,
			until.Add(time.Hour).UnixMilli()))
		require.Equal(t, 403, status, "nobody gives a program more than they have")
	})
}

// Rules that come with a document count at once, as those that are set do.
func TestImportedRulesCountAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		reaches := func() bool {
			t.Helper()
			_, err := w.directory.Environments.Get(t.Context(), w.principal(t, "admin"), "/Acme")
			return err == nil
		}
		require.True(t, reaches())
		text := `{"canopy": "directory/1", "organizations": [{"path": "Acme"}], "signinrules": [{"environment": "Acme",
			"minpassword": 0, "minpasswordwithfactor": 0, "passworddays": 0, "people": "none", "admins": "none",
			"above": "passkey", "proofage": 0, "grace": 0, "programsexempt": false, "minsetpassword": 0, "fromabove": 0}]}`
		report, err := app.Transfer(w.directory.DB, "(test)").Import(t.Context(), document.JSON{CheckHash: authn.CheckHash,
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }},
			transfer.ImportOptions{})
		require.NoError(t, err)
		require.Empty(t, report.Problems)
		require.False(t, reaches())
	})
}

// A session that was begun while a factor was missing goes on like any other when it is not demanded any more.
func TestSessionsGoOnWhenADemandIsTakenBack(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	w.demand(t, "Acme", domain.SignInRules{Admins: domain.ByCode})
	in, err := w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "acme.admin", Password: testPassword,
		Address: "192.0.2.5", Kind: domain.CookieSession, Steps: true})
	require.NoError(t, err)
	w.demand(t, "Acme", domain.SignInRules{})
	find := authn.First(w.directory.Passwords(), w.directory.Activity(), w.directory.Demands().Hold,
		authn.Cookie(w.directory.Tokens(), "session", "csrf"))
	p, err := find(t.Context(), authn.Request{Header: func(string) string { return "" },
		Cookie: func(string) string { return in.Cookie }, Method: "GET", Address: "192.0.2.5"})
	require.NoError(t, err)
	require.Equal(t, domain.ByPassword, p.Missing)
	_, err = w.directory.Environments.List(t.Context(), p, directory.ListEnvironments{})
	require.NoError(t, err)
}
