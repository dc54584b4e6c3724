package app_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/domain"
	"canopy/persistence/storetest"
)

// bearing is somebody's program with a token.
func bearing(base, token string) caller {
	return caller{base, map[string]string{"Authorization": "Bearer " + token}}
}

// tokenOf asks for a token, with a code unless that is empty.
func tokenOf(t *testing.T, base, login, password, code string) (int, string) {
	t.Helper()
	status, got := caller{base, nil}.call(t, "POST", "/auth",
		fmt.Sprintf(`{"user":%q,"password":%q,"code":%q}`, login, password, code))
	if status != http.StatusOK {
		return status, ""
	}
	return status, got.find(t, "data", "Token").(string)
}

// addCodeBy adds one-time codes to the account of a program, and returns their factor and secret and the recovery
// codes, which come with the first.
func addCodeBy(t *testing.T, c *clock, by caller, password string) (id, secret string, recovery []answered) {
	t.Helper()
	status, offered := by.call(t, "POST", "/rest/me/factors", fmt.Sprintf(`{"password":%q}`, password))
	require.Equal(t, 200, status)
	id, secret = offered.find(t, "data", "id").(string), offered.find(t, "data", "secret").(string)
	status, added := by.call(t, "POST", "/rest/me/factors/"+id+"/confirm",
		fmt.Sprintf(`{"code":%q,"name":"phone"}`, codeAt(t, secret, c.now())))
	require.Equal(t, 200, status)
	return id, secret, added.each(t, "data", "recoveryCodes")
}

// TestProgramsChangeFactorsByWhatWasProved holds that rest is no way around what pages ask for: with a factor nobody
// changes factors by the password alone, by a token from before or by a key, nor without the password by a token that
// was got by a code; and that nobody is told again what somebody else was answered who proved more.
func TestProgramsChangeFactorsByWhatWasProved(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		base := w.Address()
		key := caller{base, map[string]string{"apiKey": w.newKey(t, "acme.user", accounts.NewAPIKey{})}}
		password := basicCaller(base, "acme.user", testPassword)
		status, weak := tokenOf(t, base, "acme.user", testPassword, "")
		require.Equal(t, 200, status)
		_, held := tokenOf(t, base, "acme.user", testPassword, "")
		// The first one is added by a token, which is worth nothing from then on.
		id, secret, recovery := addCodeBy(t, w.clock, bearing(base, held), testPassword)
		require.Len(t, recovery, 10)
		w.clock.set(w.clock.now().Add(time.Minute))
		status, strong := tokenOf(t, base, "acme.user", testPassword, codeAt(t, secret, w.clock.now()))
		require.Equal(t, 200, status)
		listed := func() (d answered) {
			t.Helper()
			status, d := bearing(base, strong).call(t, "GET", "/rest/me/factors", "")
			require.Equal(t, 200, status)
			return d
		}
		before := listed().find(t, "data")
		_, other, _ := addCodeBy(t, w.clock, basicCaller(base, "acme.power", testPassword), testPassword)
		w.clock.set(w.clock.now().Add(time.Minute))
		status, others := tokenOf(t, base, "acme.power", testPassword, codeAt(t, other, w.clock.now()))
		require.Equal(t, 200, status)

		for _, ask := range [][3]string{
			{"POST", "/rest/me/factors", `{"password":%q}`},
			{"POST", "/rest/me/factors/recovery-codes", `{"password":%q}`},
			{"POST", "/rest/me/factors/" + id + "/remove", `{"password":%q}`},
			{"POST", "/rest/me/factors/" + id + "/confirm", `{"code":"123456","name":%q}`},
			{"PUT", "/rest/me/factors/" + id, `{"name":%q}`},
		} {
			body := fmt.Sprintf(ask[2], testPassword)
			for name, by := range map[string]caller{"Basic": password, "a token from before": bearing(base, weak),
				"the token that added it": bearing(base, held)} {
				status, _ := by.call(t, ask[0], ask[1], body)
				require.Equal(t, 401, status, "%v by %s", ask, name)
			}
			status, refused := key.call(t, ask[0], ask[1], body)
			require.Equal(t, 403, status, "%v by a key", ask)
			require.Equal(t, domain.ErrFactorMissing.Code, refused.find(t, "thechnicalError"), ask)
			if ask[1] != "/rest/me/factors/"+id+"/confirm" && ask[0] == "POST" {
				status, _ = bearing(base, strong).call(t, ask[0], ask[1], `{"password":"wrong"}`)
				require.Equal(t, 403, status, "%v with a wrong password", ask)
			}
			if ask[1] != "/rest/me/factors" && ask[1] != "/rest/me/factors/recovery-codes" {
				status, _ = bearing(base, others).call(t, ask[0], ask[1], body)
				require.Equal(t, 404, status, "%v by somebody else", ask)
			}
		}
		require.Equal(t, before, listed().find(t, "data"))

		once := func(by caller) (int, answered) {
			t.Helper()
			by.header["Idempotency-Key"] = "recovery"
			return by.call(t, "POST", "/rest/me/factors/recovery-codes", fmt.Sprintf(`{"password":%q}`, testPassword))
		}
		status, codes := once(bearing(base, strong))
		require.Equal(t, 200, status)
		status, again := once(bearing(base, strong))
		require.Equal(t, 200, status)
		require.Equal(t, codes.find(t, "data"), again.find(t, "data"))
		status, _ = once(key)
		require.Equal(t, 409, status, "the key proved less")
	})
}

// TestTokensByCodes holds that a code behind the password gets a token, once; that it is tried behind the right
// password only, and not used up where it would not be enough; and that guessing is slowed down.
func TestTokensByCodes(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		base := w.Address()
		status, _ := tokenOf(t, base, "acme.user", testPassword, "123456")
		require.Equal(t, 403, status, "there is no factor of which it could be")
		_, secret, recovery := addCodeBy(t, w.clock, basicCaller(base, "acme.user", testPassword), testPassword)
		spare := recovery[0].value.(string)
		w.clock.set(w.clock.now().Add(time.Minute))
		code := codeAt(t, secret, w.clock.now())
		status, _ = tokenOf(t, base, "acme.user", "wrong", code)
		require.Equal(t, 401, status)
		status, _ = tokenOf(t, base, "acme.user", "wrong", spare)
		require.Equal(t, 401, status)
		w.demand(t, "Acme", domain.SignInRules{People: domain.ByPasskey})
		for _, of := range []string{code, spare} {
			status, _ = tokenOf(t, base, "acme.user", testPassword, of)
			require.Equal(t, 401, status, "a passkey is demanded")
		}
		w.demand(t, "Acme", domain.SignInRules{People: domain.ByCode})
		for _, of := range []string{code, spare} {
			status, token := tokenOf(t, base, "acme.user", testPassword, of)
			require.Equal(t, 200, status, "it was not used up")
			status, _ = bearing(base, token).call(t, "GET", "/rest/me", "")
			require.Equal(t, 200, status)
			asking := bearing(base, token)
			asking.header["Content-Type"] = "application/x-www-form-urlencoded"
			status, worth := asking.call(t, "POST", "/oauth/introspect", "token="+token)
			require.Equal(t, 200, status)
			require.Equal(t, "otp", worth.find(t, "acr"))
			require.EqualValues(t, w.clock.now().Unix(), worth.find(t, "auth_time"))
			status, _ = tokenOf(t, base, "acme.user", testPassword, of)
			require.Equal(t, 403, status)
		}
		wrong := wrongCode(t, secret, w.clock.now())
		for n := 0; status != 429; n++ {
			require.Less(t, n, 10)
			status, _ = tokenOf(t, base, "acme.user", testPassword, wrong)
			require.Contains(t, []int{403, 429}, status)
		}
		next := codeAt(t, secret, w.clock.now().Add(30*time.Second))
		status, _ = tokenOf(t, base, "acme.user", testPassword, next)
		require.Equal(t, 429, status, "the right one waits too")
		w.clock.set(w.clock.now().Add(time.Minute))
		status, _ = tokenOf(t, base, "acme.user", testPassword, next)
		require.Equal(t, 200, status)
	})
}

// TestAPasswordAloneIsNoSignIn holds that the trail tells a right password of an account with a second factor from a
// sign-in, and that only this one is somebody's last.
func TestAPasswordAloneIsNoSignIn(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		base := w.Address()
		_, secret, _ := addCodeBy(t, w.clock, basicCaller(base, "acme.user", testPassword), testPassword)
		admin := basicCaller(base, "acme.admin", testPassword)
		last := func() any {
			t.Helper()
			status, d := admin.call(t, "GET", "/rest/users/acme.user", "")
			require.Equal(t, 200, status)
			return d.find(t, "data", "lastconnected")
		}
		told := func(action string) int64 {
			t.Helper()
			require.NoError(t, w.directory.RunJobs(t.Context()))
			return signInsTold(t, w.running, w.operator(t))["signin:"+action+" acme.user"]
		}
		before, noted, passwords := last(), told("success"), told("password")
		w.clock.set(w.clock.now().Add(time.Hour))
		for range 2 {
			status, _ := tokenOf(t, base, "acme.user", testPassword, "")
			require.Equal(t, 401, status)
			status, _ = basicCaller(base, "acme.user", testPassword).call(t, "GET", "/rest/me", "")
			require.Equal(t, 401, status)
		}
		require.Equal(t, before, last())
		require.Equal(t, noted, told("success"))
		require.Greater(t, told("password"), passwords)
		status, _ := tokenOf(t, base, "acme.user", testPassword, codeAt(t, secret, w.clock.now()))
		require.Equal(t, 200, status)
		require.NotEqual(t, before, last())
		require.Equal(t, noted+1, told("success"))
	})
}

// TestFactorsCountOnEveryServer holds that what was answered on one server about a factor holds on another at once: a
// password alone opens nothing there from when the first factor was added on, and what was proved by a factor has ended
// from when that was removed on, for programs and on pages.
func TestFactorsCountOnEveryServer(t *testing.T) {
	c := newClock(time.Now())
	var cfg app.Config
	here := openConsole(t, "", func(change *app.Config) {
		change.DatabaseURL, change.Now = storetest.PostgresURL(t), c.now
		cfg = *change
	})
	there := serve(t, cfg)
	const login = "grace.hopper"
	elsewhere := func(g *guest) *guest { return &guest{base: there.Address(), client: g.client, header: http.Header{}} }
	is := func(by caller, want int, why string) {
		t.Helper()
		for range 2 { // so that whatever is remembered is remembered
			for _, base := range []string{there.Address(), here.Address(), there.Address()} {
				status, _ := caller{base, by.header}.call(t, "GET", "/rest/me", "")
				require.Equal(t, want, status, why)
			}
		}
	}
	password := basicCaller("", login, demoPassword)
	status, token := tokenOf(t, there.Address(), login, demoPassword, "")
	require.Equal(t, 200, status)
	weak, page := bearing("", token), there.visitAs(t, login)
	is(password, 200, "there is no factor")
	is(weak, 200, "there is no factor")
	require.Equal(t, "/console/me", elsewhere(page).get(t, "me").at.Path)

	g := here.visitAs(t, login)
	secret, recovery := g.addCode(t, c, "phone")
	is(password, 401, "a factor was added")
	is(weak, 401, "a factor was added")
	require.Equal(t, "/console/sign-in", elsewhere(page).get(t, "me").at.Path)
	status, _ = tokenOf(t, there.Address(), login, demoPassword, "")
	require.Equal(t, 401, status)

	c.set(c.now().Add(time.Minute))
	status, token = tokenOf(t, there.Address(), login, demoPassword, codeAt(t, secret, c.now()))
	require.Equal(t, 200, status)
	status, _ = tokenOf(t, here.Address(), login, demoPassword, codeAt(t, secret, c.now()))
	require.Equal(t, 403, status, "a code is good once, on both together")
	strong := bearing("", token)
	is(strong, 200, "it was got by a code")
	require.Equal(t, "/console/me", elsewhere(g).get(t, "me").at.Path)

	status, listed := caller{here.Address(), strong.header}.call(t, "GET", "/rest/me/factors", "")
	require.Equal(t, 200, status)
	id := listed.each(t, "data", "factors")[0].find(t, "id").(string)
	status, _ = caller{here.Address(), strong.header}.call(t, "POST", "/rest/me/factors/"+id+"/remove",
		fmt.Sprintf(`{"password":%q}`, demoPassword))
	require.Equal(t, 200, status)
	is(strong, 401, "the factor was removed")
	require.Equal(t, "/console/sign-in", elsewhere(g).get(t, "me").at.Path)
	is(password, 200, "no factor is left")
	for _, code := range []string{codeAt(t, secret, c.now().Add(30*time.Second)), recovery[0]} {
		status, _ = tokenOf(t, there.Address(), login, demoPassword, code)
		require.Equal(t, 403, status, "neither codes nor recovery codes of it are good any more")
	}
}
