package app_test

import (
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/storetest"
)

// codeAt returns the code that another program (oathtool) shows of a secret at a time.
func codeAt(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	code, err := exec.Command("oathtool", "--totp=sha1", "--base32", "--now=@"+strconv.FormatInt(at.Unix(), 10),
		secret).Output()
	require.NoError(t, err, "apt-get install oathtool")
	return strings.TrimSpace(string(code))
}

// wrongCode is a code of no step near a time.
func wrongCode(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	near := map[string]bool{}
	for s := -3; s <= 3; s++ {
		near[codeAt(t, secret, at.Add(time.Duration(s)*30*time.Second))] = true
	}
	for n := range 10 {
		if code := strings.Repeat(strconv.Itoa(n), 6); !near[code] {
			return code
		}
	}
	return ""
}

// secretsOf returns what a page shows as secrets.
func secretsOf(t *testing.T, p page) (all []string) {
	t.Helper()
	for _, code := range elements(t, p, "code") {
		all = append(all, textOf(code))
	}
	return all
}

// addCode adds one-time codes to the account that a browser is signed in to, and returns the secret and the recovery
// codes, which are shown with the first factor.
func (g *guest) addCode(t *testing.T, c *clock, name string) (secret string, recovery []string) {
	t.Helper()
	offered := g.press(t, g.get(t, "my-factors"), "my-code-offer", map[string]string{"password": demoPassword})
	require.Equal(t, 200, offered.status, offered.text)
	secret = secretsOf(t, offered)[0]
	added := g.press(t, offered, "my-code", map[string]string{"name": name, "code": codeAt(t, secret, c.now())})
	require.Equal(t, 200, added.status, added.text)
	return secret, secretsOf(t, added)
}

// TestOneTimeCodes goes the way of one-time codes: added with the password, proved, renamed and removed, and holds what
// of it is told to whom.
func TestOneTimeCodes(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(time.Now())
		r := openConsole(t, engine, func(cfg *app.Config) { cfg.Now = c.now })
		g, elsewhere := r.visitAs(t, "grace.hopper"), r.visitAs(t, "grace.hopper")
		at, err := url.Parse(r.Address())
		require.NoError(t, err)

		none := g.get(t, "my-factors")
		require.Contains(t, none.text, "You have added nothing yet.")
		refused := g.press(t, none, "my-code-offer", map[string]string{"password": "wrong"})
		require.Equal(t, 403, refused.status)
		require.Contains(t, refused.text, "The password is wrong.")

		offered := g.press(t, none, "my-code-offer", map[string]string{"password": demoPassword})
		secret := secretsOf(t, offered)[0]
		uri := formOf(t, offered, "my-code").Get("uri")
		require.Regexp(t, `^otpauth://totp/[^?]+:grace\.hopper\?`, uri)
		require.Contains(t, uri, "secret="+secret)
		require.NotEmpty(t, elements(t, offered, "svg"))
		require.Equal(t, "/console/home", g.get(t, "home").at.Path, "what is offered does not count")

		wrong := g.press(t, offered, "my-code", map[string]string{"code": wrongCode(t, secret, c.now())})
		require.Equal(t, 403, wrong.status)
		require.Contains(t, wrong.text, "This code is wrong")
		require.Equal(t, secret, secretsOf(t, wrong)[0], "what was offered stays")
		before := g.client.Jar.Cookies(at)
		code := codeAt(t, secret, c.now())
		added := g.press(t, wrong, "my-code", map[string]string{"name": "phone", "code": code[:3] + " " + code[3:]})
		require.Equal(t, 200, added.status, added.text)
		recovery := secretsOf(t, added)
		require.Len(t, recovery, 10)
		require.NotEqual(t, before, g.client.Jar.Cookies(at), "the session is another one")
		require.Equal(t, "/console/sign-in", elsewhere.get(t, "me").at.Path, "the other sessions have ended")
		listed := g.get(t, "my-factors")
		require.Equal(t, []string{"phone", "One-time codes"}, rows(t, listed)[0][:2])
		require.Contains(t, listed.text, "10 of them are good.")
		require.NotContains(t, listed.text, secret)

		again := g.press(t, g.press(t, listed, "my-code-offer", map[string]string{"password": demoPassword}), "my-code",
			map[string]string{"name": "", "code": "000000"})
		require.Equal(t, 400, again.status)
		renamed := g.press(t, listed, "my-factor-name", map[string]string{"name": "old phone"})
		require.Equal(t, "old phone", rows(t, renamed)[0][0])

		require.NoError(t, r.directory.RunJobs(t.Context()))
		require.Contains(t, r.letters(t)[len(r.letters(t))-1].text, "was added to your account")
		kept := g.press(t, renamed, "my-factor-remove", map[string]string{"password": "wrong"})
		require.Equal(t, 403, kept.status)
		gone := g.press(t, kept, "my-factor-remove", map[string]string{"password": demoPassword})
		require.Equal(t, "/console/sign-in", gone.at.Path, "the session was proved by it")
		in := r.visitAs(t, "grace.hopper")
		require.Contains(t, in.get(t, "my-factors").text, "You have added nothing yet.")
		require.NoError(t, r.directory.RunJobs(t.Context()))
		require.Contains(t, r.letters(t)[len(r.letters(t))-1].text, "was removed from your account")
	})
}

// TestCodesAreProvedOnce holds that a code and a recovery code are good once, also on two servers at the same moment,
// and that proving begins another session, after which the one before is nothing.
func TestCodesAreProvedOnce(t *testing.T) {
	address := storetest.PostgresURL(t)
	c := newClock(time.Now())
	r := openConsole(t, "", func(cfg *app.Config) { cfg.DatabaseURL, cfg.Now = address, c.now })
	g := r.visitAs(t, "grace.hopper")
	secret, recovery := g.addCode(t, c, "phone")
	at, err := url.Parse(r.Address())
	require.NoError(t, err)

	prove := func(g *guest, code string) page {
		return g.press(t, g.get(t, "prove"), "prove", map[string]string{"code": code})
	}
	used := codeAt(t, secret, c.now())
	require.Equal(t, 403, prove(g, used).status, "by this code the factor was added")
	c.set(c.now().Add(30 * time.Second))
	code := codeAt(t, secret, c.now())
	stolen := r.visit(t)
	stolen.client.Jar.SetCookies(at, g.client.Jar.Cookies(at))
	token := formOf(t, g.get(t, "me"), "me").Get("csrf")
	require.Equal(t, "/console/home", prove(g, code).at.Path)
	require.NotEqual(t, token, formOf(t, g.get(t, "me"), "me").Get("csrf"))
	require.Equal(t, "/console/sign-in", stolen.get(t, "me").at.Path, "who knew the session has nothing of the new one")
	require.Equal(t, 403, prove(g, code).status)

	spent := prove(g, strings.ToUpper(recovery[0]))
	require.Equal(t, "/console/home", spent.at.Path)
	require.Equal(t, 403, prove(g, recovery[0]).status)
	require.Contains(t, g.get(t, "my-factors").text, "9 of them are good.")
	require.NoError(t, r.directory.RunJobs(t.Context()))
	letters := r.letters(t)
	require.Contains(t, letters[len(letters)-1].text, "9 are left.")
	renewed := g.press(t, g.get(t, "my-factors"), "my-recovery-codes", map[string]string{"password": demoPassword})
	require.Len(t, secretsOf(t, renewed), 10)
	require.Equal(t, 403, prove(g, recovery[1]).status, "those from before are good for nothing")

	c.set(c.now().Add(time.Hour))
	code = codeAt(t, secret, c.now())
	admin, err := persistence.NewAccountStore(r.directory.DB).ByLogin(t.Context(), "admin")
	require.NoError(t, err)
	told := func() map[string]int64 {
		t.Helper()
		require.NoError(t, r.directory.RunJobs(t.Context()))
		return signInsTold(t, r, admin.Principal)
	}
	before := told()
	var tried sync.WaitGroup
	statuses := make(chan int, 4)
	for range cap(statuses) {
		in := r.visitAs(t, "grace.hopper")
		require.Equal(t, "/console/prove", in.get(t, "me").at.Path)
		form := formOf(t, in.get(t, "prove"), "prove")
		form.Set("code", code)
		tried.Go(func() { statuses <- in.send(t, http.MethodPost, "prove", form).status })
	}
	tried.Wait()
	close(statuses)
	taken := 0
	for status := range statuses {
		if status == http.StatusSeeOther {
			taken++
		}
	}
	require.Equal(t, 1, taken)
	after := told()
	require.Equal(t, int64(1), after["signin:success grace.hopper"]-before["signin:success grace.hopper"])
	require.GreaterOrEqual(t, after["signin:password grace.hopper"], int64(cap(statuses)))
}

// TestGuessedCodesAreSlowedDown holds that whoever has the password does not find a code by trying, and that the user
// is told.
func TestGuessedCodesAreSlowedDown(t *testing.T) {
	c := newClock(time.Now())
	r := openConsole(t, "sqlite", func(cfg *app.Config) { cfg.Now = c.now })
	g := r.visitAs(t, "grace.hopper")
	secret, _ := g.addCode(t, c, "phone")
	c.set(c.now().Add(time.Minute))
	wrong := wrongCode(t, secret, c.now())
	thief := r.visitAs(t, "grace.hopper")
	require.Equal(t, "/console/prove", thief.get(t, "me").at.Path)
	var refused page
	for n := range 7 {
		refused = thief.press(t, thief.get(t, "prove"), "prove", map[string]string{"code": wrong})
		if refused.status == 429 {
			require.GreaterOrEqual(t, n, 5)
			break
		}
		require.Equal(t, 403, refused.status)
	}
	require.Equal(t, 429, refused.status)
	require.NoError(t, r.directory.RunJobs(t.Context()))
	told := 0
	for _, letter := range r.letters(t) {
		if strings.Contains(letter.text, "then wrong codes several times") {
			told++
		}
	}
	require.Equal(t, 1, told)
	require.Equal(t, "/console/me", r.visitAs(t, "ada.lovelace").get(t, "me").at.Path, "nobody else waits")
}

// TestFactorsAreTheirUsers holds that nobody changes what is another's by knowing its name, and that the rules of
// administration hold for those of others.
func TestFactorsAreTheirUsers(t *testing.T) {
	c := newClock(time.Now())
	r := openConsole(t, "sqlite", func(cfg *app.Config) { cfg.Now = c.now })
	g := r.visitAs(t, "grace.hopper")
	g.addCode(t, c, "phone")
	id := regexp.MustCompile(`name="factor" value="([^"]*)"`).FindStringSubmatch(g.get(t, "my-factors").text)[1]
	other := r.visitAs(t, "ada.lovelace")
	other.addCode(t, c, "mine")
	form := formOf(t, other.get(t, "my-factors"), "my-factor-remove")
	form.Set("factor", id)
	form.Set("password", demoPassword)
	require.Equal(t, 404, other.send(t, "POST", "my-factor-remove", form).status)
	form = formOf(t, other.get(t, "my-factors"), "my-factor-name")
	form.Set("factor", id)
	form.Set("name", "Mallory")
	require.Equal(t, 404, other.send(t, "POST", "my-factor-name", form).status)
	require.Equal(t, "phone", rows(t, g.get(t, "my-factors"))[0][0])

	// What was offered to one is not confirmed by another, nor after its time.
	offered := other.press(t, other.get(t, "my-factors"), "my-code-offer", map[string]string{"password": demoPassword})
	secret := secretsOf(t, offered)[0]
	form = formOf(t, g.press(t, g.get(t, "my-factors"), "my-code-offer", map[string]string{"password": demoPassword}),
		"my-code")
	form.Set("factor", formOf(t, offered, "my-code").Get("factor"))
	form.Set("code", codeAt(t, secret, c.now()))
	require.Equal(t, 404, g.send(t, "POST", "my-code", form).status)
	c.set(c.now().Add(domain.OfferedFor))
	late := formOf(t, offered, "my-code")
	late.Set("code", codeAt(t, secret, c.now()))
	require.Equal(t, 404, other.send(t, "POST", "my-code", late).status)

	// Ten are enough.
	for n := 1; n < domain.MaxFactors; n++ {
		other.addCode(t, c, "code "+strconv.Itoa(n))
	}
	full := other.press(t, other.get(t, "my-factors"), "my-code-offer", map[string]string{"password": demoPassword})
	require.Equal(t, 409, full.status)
	require.Contains(t, full.text, "There are too many factors")
}

// TestAdminsHelpWhoHasLostTheirFactor holds that whoever may change somebody may remove a factor of theirs, nobody else,
// and that recovery never lowers what is demanded.
func TestAdminsHelpWhoHasLostTheirFactor(t *testing.T) {
	c := newClock(time.Now())
	r := openConsole(t, "sqlite", func(cfg *app.Config) { cfg.Now = c.now })
	lost := r.visitAs(t, "ada.lovelace")
	lost.addCode(t, c, "phone")
	admin := r.visitAs(t, "grace.hopper")
	on := admin.get(t, "person?id=ada.lovelace&tab=sessions")
	require.Contains(t, on.text, "phone (One-time codes)")
	var form url.Values
	for _, found := range elements(t, on, "form") {
		if f := fieldsOf(found); f.Get("do") == "factor" {
			form = f
		}
	}
	require.NotEmpty(t, form.Get("factor"))
	other := r.visitAs(t, "alan.turing")
	forged := url.Values{"do": {"factor"}, "factor": form["factor"],
		"csrf": {formOf(t, other.get(t, "me"), "me").Get("csrf")}}
	refused := other.send(t, "POST", on.at.RequestURI(), forged)
	require.Contains(t, []int{403, 404}, refused.status)
	require.Equal(t, "/console/me", lost.get(t, "me").at.Path)

	removed := admin.follow(t, admin.send(t, "POST", on.at.RequestURI(), form))
	require.Equal(t, 200, removed.status, removed.text)
	require.Contains(t, removed.text, "They have added nothing yet.")
	require.Equal(t, "/console/sign-in", lost.get(t, "me").at.Path)
	require.Equal(t, "/console/me", r.visitAs(t, "ada.lovelace").get(t, "me").at.Path)
	require.NoError(t, r.directory.RunJobs(t.Context()))
	letters := r.letters(t)
	require.Contains(t, letters[len(letters)-1].text, "was removed from your account")
}

// TestPasswordAloneChangesNoFactor holds that in a session whose user has still to prove a factor none is added, named
// or removed, and no recovery codes are made: that would be a way around it.
func TestPasswordAloneChangesNoFactor(t *testing.T) {
	c := newClock(time.Now())
	r := openConsole(t, "sqlite", func(cfg *app.Config) { cfg.Now = c.now })
	g := r.visitAs(t, "grace.hopper")
	g.addCode(t, c, "phone")
	listed := g.get(t, "my-factors")
	id := formOf(t, listed, "my-factor-remove").Get("factor")
	thief := r.visitAs(t, "grace.hopper")
	token := formOf(t, thief.get(t, "prove"), "prove").Get("csrf")
	for _, page := range []string{"my-code-offer", "my-code", "my-passkey-offer", "my-passkey", "my-factor-name",
		"my-factor-remove", "my-recovery-codes"} {
		got := thief.send(t, "POST", page, url.Values{"csrf": {token}, "password": {demoPassword}, "factor": {id},
			"name": {"mine"}, "code": {"123456"}})
		if page == "my-passkey-offer" { // a script asks, which tells it
			require.Equal(t, 403, got.status)
			require.Contains(t, got.text, "Prove your second factor first.")
			continue
		}
		require.Equal(t, 303, got.status, page)
		require.Contains(t, got.header.Get("Location"), "prove", page)
	}
	require.Equal(t, lasting(listed.text), lasting(g.get(t, "my-factors").text))
}
