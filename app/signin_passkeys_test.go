package app_test

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/domain"
	"canopy/persistence/storetest"
)

// openNamed serves the demo under a name to which browsers bind passkeys, over HTTP.
func openNamed(t *testing.T, engine string, c *clock) *running { return openNamedBy(t, engine, c, nil) }

func openNamedBy(t *testing.T, engine string, c *clock, change func(*app.Config)) *running {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(free.Addr().String())
	require.NoError(t, err)
	require.NoError(t, free.Close())
	return openConsole(t, engine, func(cfg *app.Config) {
		cfg.Listen, cfg.PublicURL, cfg.Now = "127.0.0.1:"+port, "http://localhost:"+port, c.now
		if change != nil {
			change(cfg)
		}
	})
}

// named returns the address of the server by its name.
func (r *running) named() string { return strings.Replace(r.Address(), "127.0.0.1", "localhost", 1) }

// An authenticator is one of a browser's, made of nothing, that does what it is told.
type authenticator struct {
	b  *browser
	id webauthn.AuthenticatorID
}

func (b *browser) plugIn(t *testing.T) *authenticator {
	t.Helper()
	command(t, b, webauthn.Enable, webauthn.EnableParams{})
	added := command(t, b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2,
			Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	return &authenticator{b, added.AuthenticatorID}
}

func (a *authenticator) credentials(t *testing.T) []*webauthn.Credential {
	t.Helper()
	return command(t, a.b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
}

// answer has the browser make or prove a passkey by these options, and returns what it answers; empty if it does not.
func (b *browser) answer(t *testing.T, options, verb string) string {
	t.Helper()
	parse := map[string]string{"create": "parseCreationOptionsFromJSON", "get": "parseRequestOptionsFromJSON"}[verb]
	evaluate[bool](t, b, `window.told = undefined, navigator.credentials.`+verb+`({publicKey: PublicKeyCredential.`+
		parse+`(`+options+`)}).then(k => JSON.stringify(k.toJSON()), () => "").then(a => window.told = a), true`)
	b.await(t, `window.told !== undefined`)
	return evaluate[string](t, b, `window.told`)
}

// signInBy signs in with what a browser answers to what a client was asked, and returns where that led.
func (g *guest) signInBy(t *testing.T, b *browser) page {
	t.Helper()
	return g.follow(t, g.send(t, "POST", "passkey", url.Values{"answer": {b.answer(t, g.askPasskey(t), "get")}}))
}

// submit sends the form of a page in the browser, with these values.
func (b *browser) submit(t *testing.T, action string, values map[string]string) {
	t.Helper()
	b.fill(t, action, values)
	evaluate[bool](t, b, `document.querySelector('form[action="`+action+`"]').requestSubmit(), true`)
}

// fill writes these values into the form of a page in the browser.
func (b *browser) fill(t *testing.T, action string, values map[string]string) {
	t.Helper()
	text, err := json.Marshal(values)
	require.NoError(t, err)
	evaluate[bool](t, b, `(() => { const f = document.querySelector('form[action="`+action+`"]');
		for (const [name, value] of Object.entries(`+string(text)+` ?? {})) f.elements[name].value = value;
		return true })()`)
}

const notAccepted = "The passkey was not accepted"

// TestPasskeyFromMakingToRemoving goes the whole way of a passkey in a browser.
func TestPasskeyFromMakingToRemoving(t *testing.T) {
	notShort(t)
	c := newClock(time.Now())
	r := openNamed(t, "sqlite", c)
	b := openBrowser(t)
	key := b.plugIn(t)
	at := r.named() + "/console/"
	b.open(t, at+"sign-in")
	b.submit(t, "sign-in", map[string]string{"login": "grace.hopper", "password": demoPassword})
	b.await(t, `location.pathname === "/console/home"`)

	b.open(t, at+"my-factors")
	b.await(t, `!document.querySelector('form[action="my-passkey"]').hidden`)
	b.submit(t, "my-passkey", map[string]string{"name": "laptop", "password": "wrong"})
	b.await(t, `document.querySelector('form[action="my-passkey"] [role=alert]').textContent === "The password is wrong."`)
	b.excuse(t, "403", 1)
	require.Empty(t, key.credentials(t))
	b.submit(t, "my-passkey", map[string]string{"name": "laptop", "password": demoPassword})
	b.await(t, count(".codes li")+` === 10`)
	made := key.credentials(t)
	require.Len(t, made, 1)
	require.True(t, made[0].IsResidentCredential)
	require.Equal(t, "localhost", made[0].RpID)
	require.Len(t, made[0].UserHandle, 16)
	require.NotContains(t, string(made[0].UserHandle), "grace")

	b.open(t, at+"my-factors")
	b.await(t, `document.querySelector("tbody th").textContent.trim() === "laptop"`)
	b.submit(t, "my-factor-name", map[string]string{"name": "my laptop"})
	b.await(t, `document.querySelector("tbody th").textContent.trim() === "my laptop"`)
	b.submit(t, "sign-out", nil)
	b.await(t, `location.pathname === "/console/sign-in"`)

	// By the passkey alone, where no name is asked for.
	b.await(t, `!document.querySelector('form[action="passkey"]').hidden`)
	b.submit(t, "passkey", nil)
	b.await(t, `location.pathname === "/console/home"`)
	b.submit(t, "sign-out", nil)
	b.await(t, `location.pathname === "/console/sign-in"`)

	// As a second factor, and back to where the way led.
	b.open(t, at+"my-sessions")
	b.await(t, `location.pathname === "/console/sign-in"`)
	b.submit(t, "sign-in", map[string]string{"login": "grace.hopper", "password": demoPassword})
	b.await(t, `location.pathname === "/console/prove"`)
	b.await(t, `!document.querySelector('form[action="prove-passkey"]').hidden`)
	b.submit(t, "prove-passkey", nil)
	b.await(t, `location.pathname === "/console/my-sessions"`)

	// An authenticator that does not know its user gives nothing.
	b.submit(t, "sign-out", nil)
	b.await(t, `location.pathname === "/console/sign-in"`)
	command(t, b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: key.id})
	b.submit(t, "passkey", nil)
	b.await(t, `document.querySelector('form[action="passkey"] [role=alert]').textContent !== ""`)
	command(t, b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: key.id, IsUserVerified: true})
	b.submit(t, "passkey", nil)
	b.await(t, `location.pathname === "/console/home"`)

	// A second one cannot be made by the same authenticator. Removed, it signs nobody in.
	b.open(t, at+"my-factors")
	b.submit(t, "my-passkey", map[string]string{"name": "again", "password": demoPassword})
	b.await(t, `document.querySelector('form[action="my-passkey"] [role=alert]').textContent !== ""`)
	b.submit(t, "my-factor-remove", map[string]string{"password": demoPassword})
	b.await(t, `location.pathname === "/console/sign-in"`)
	b.submit(t, "passkey", nil)
	b.await(t, `document.querySelector("main > .problem")?.textContent.includes("`+notAccepted+`")`)
	b.excuse(t, "403", 1)
	b.checkQuiet(t, r.named())
}

// TestPasskeysThatAreNotRight holds what is refused of an authenticator's answer.
func TestPasskeysThatAreNotRight(t *testing.T) {
	notShort(t)
	c := newClock(time.Now())
	r := openNamed(t, "sqlite", c)
	b := openBrowser(t)
	key := b.plugIn(t)
	b.open(t, r.named()+"/console/sign-in")
	g := r.visitAs(t, "grace.hopper")
	offered := g.send(t, "POST", "my-passkey-offer", url.Values{"password": {demoPassword},
		"csrf": {formOf(t, g.get(t, "my-factors"), "my-passkey").Get("csrf")}})
	require.Equal(t, 200, offered.status, offered.text)
	yes, no := true, false
	override := func(p webauthn.SetResponseOverrideBitsParams) {
		p.AuthenticatorID = key.id
		command(t, b, webauthn.SetResponseOverrideBits, p)
	}
	add := func(g *guest, options string) page {
		return g.press(t, g.get(t, "my-factors"), "my-passkey", map[string]string{"name": "key",
			"answer": b.answer(t, options, "create")})
	}

	override(webauthn.SetResponseOverrideBitsParams{IsBadUV: &yes})
	require.Contains(t, add(g, offered.text).text, notAccepted, "a user who was not verified")
	override(webauthn.SetResponseOverrideBitsParams{})
	command(t, b, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: key.id})
	require.Contains(t, add(g, offered.text).text, notAccepted, "the ticket is gone")
	offer := func() string {
		command(t, b, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: key.id})
		offered := g.send(t, "POST", "my-passkey-offer", url.Values{"password": {demoPassword},
			"csrf": {formOf(t, g.get(t, "my-factors"), "my-passkey").Get("csrf")}})
		require.Equal(t, 200, offered.status, offered.text)
		return offered.text
	}
	require.Contains(t, add(g, strings.Replace(offer(), `"challenge":"`, `"challenge":"AA`, 1)).text, notAccepted,
		"another challenge")
	require.Contains(t, g.press(t, g.get(t, "my-factors"), "my-passkey", map[string]string{"answer": "{}"}).text,
		notAccepted)
	right := offer()
	require.Len(t, secretsOf(t, add(g, right)), 10)
	require.Equal(t, "/console/home", r.visit(t).signInBy(t, b).at.Path)

	refused := func(why string) {
		t.Helper()
		p := r.visit(t).signInBy(t, b)
		require.Equal(t, 403, p.status, why)
		require.Contains(t, p.text, notAccepted, why)
	}
	for why, p := range map[string]webauthn.SetResponseOverrideBitsParams{
		"a signature that is none":   {IsBogusSignature: &yes},
		"a user who is not verified": {IsBadUV: &yes},
		"a user who is not there":    {IsBadUP: &yes},
	} {
		override(p)
		refused(why)
	}
	override(webauthn.SetResponseOverrideBitsParams{})
	require.Equal(t, "/console/home", r.visit(t).signInBy(t, b).at.Path)

	id := key.credentials(t)[0].CredentialID
	set := func(p webauthn.SetCredentialPropertiesParams) {
		p.AuthenticatorID, p.CredentialID = key.id, id
		command(t, b, webauthn.SetCredentialProperties, p)
	}
	set(webauthn.SetCredentialPropertiesParams{BackupEligibility: &yes, BackupState: &no})
	refused("one that can be backed up all of a sudden")
	set(webauthn.SetCredentialPropertiesParams{BackupEligibility: &no, BackupState: &yes})
	refused("one that is backed up and cannot be")
	set(webauthn.SetCredentialPropertiesParams{BackupEligibility: &no, BackupState: &no})
	require.Equal(t, "/console/home", r.visit(t).signInBy(t, b).at.Path)

	recount := func(n float64) {
		copied := key.credentials(t)[0]
		require.NotEqual(t, copied.SignCount, n)
		command(t, b, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: key.id})
		// Chromium 156 refuses members of a credential that an older one does not know, also where they say nothing.
		add := cdp.Command[map[string]any, cdp.Empty]{Method: webauthn.CommandAddCredential}
		command(t, b, add, map[string]any{"authenticatorId": key.id, "credential": map[string]any{
			"credentialId": copied.CredentialID, "isResidentCredential": true, "rpId": copied.RpID,
			"privateKey": copied.PrivateKey, "userHandle": copied.UserHandle, "signCount": n,
			"backupEligibility": copied.BackupEligibility, "backupState": copied.BackupState}})
	}
	recount(1)
	refused("a count that went back: there is a copy of the passkey")
	recount(100)
	require.Equal(t, "/console/home", r.visit(t).signInBy(t, b).at.Path)
}

// TestAnswersOfPasskeysAreGoodOnce holds that what a browser answered is good once, for what it was asked, in the session
// and the time in which it was asked.
func TestAnswersOfPasskeysAreGoodOnce(t *testing.T) {
	notShort(t)
	c := newClock(time.Now())
	r := openNamed(t, "sqlite", c)
	b := openBrowser(t)
	b.plugIn(t)
	b.open(t, r.named()+"/console/sign-in")
	g := r.visitAs(t, "grace.hopper")
	ask := func(g *guest, challenge, on, form string) page {
		p := g.send(t, "POST", challenge, url.Values{"password": {demoPassword},
			"csrf": {formOf(t, g.get(t, on), form).Get("csrf")}})
		require.Equal(t, 200, p.status, p.text)
		return p
	}
	answer := b.answer(t, ask(g, "my-passkey-offer", "my-factors", "my-passkey").text, "create")
	require.Equal(t, 200, g.press(t, g.get(t, "my-factors"), "my-passkey",
		map[string]string{"name": "key", "answer": answer}).status)

	at, err := url.Parse(r.Address())
	require.NoError(t, err)
	stranger, copied := r.visit(t), r.visit(t)
	asked := stranger.askPasskey(t)
	copied.client.Jar.SetCookies(at, stranger.client.Jar.Cookies(at))
	signed := url.Values{"answer": {b.answer(t, asked, "get")}}
	require.Equal(t, 303, stranger.send(t, "POST", "passkey", signed).status)
	again := copied.send(t, "POST", "passkey", signed)
	require.Equal(t, 403, again.status)
	require.Contains(t, again.text, notAccepted)
	require.Equal(t, 403, r.visit(t).send(t, "POST", "passkey", signed).status, "without what the browser held")

	// What was asked for a session is nothing in another one, nor for signing in.
	first, second := r.visitAs(t, "grace.hopper"), r.visitAs(t, "grace.hopper")
	prove := b.answer(t, ask(first, "prove-challenge", "prove", "prove-passkey").text, "get")
	ticket := first.client.Jar.Cookies(at)
	second.client.Jar.SetCookies(at, ticket[len(ticket)-1:])
	for _, cookie := range ticket {
		if strings.HasSuffix(cookie.Name, "canopy-passkey") {
			second.client.Jar.SetCookies(at, append(second.client.Jar.Cookies(at), cookie))
		}
	}
	require.Equal(t, 403, second.press(t, second.get(t, "prove"), "prove-passkey", map[string]string{"answer": prove}).status)
	require.Equal(t, 403, first.send(t, "POST", "passkey", url.Values{"answer": {prove}}).status)

	late := r.visitAs(t, "grace.hopper")
	prove = b.answer(t, ask(late, "prove-challenge", "prove", "prove-passkey").text, "get")
	c.set(c.now().Add(domain.PasskeyWithin - time.Minute))
	form := formOf(t, late.get(t, "prove"), "prove-passkey")
	c.set(c.now().Add(time.Minute - time.Second))
	form.Set("answer", prove)
	require.Equal(t, 303, late.send(t, "POST", "prove-passkey", form).status)
	stranger = r.visit(t)
	asked = stranger.askPasskey(t)
	signed = url.Values{"answer": {b.answer(t, asked, "get")}}
	c.set(c.now().Add(domain.PasskeyWithin))
	require.Equal(t, 403, stranger.send(t, "POST", "passkey", signed).status, "too late")

	// The answer names its user; another's name is no use without their key.
	stranger = r.visit(t)
	asked = stranger.askPasskey(t)
	var told struct {
		Response struct {
			UserHandle string `json:"userHandle"`
		} `json:"response"`
	}
	text := b.answer(t, asked, "get")
	require.NoError(t, json.Unmarshal([]byte(text), &told))
	handle, err := base64.RawURLEncoding.DecodeString(told.Response.UserHandle)
	require.NoError(t, err)
	handle[15]++
	forged := strings.Replace(text, told.Response.UserHandle, base64.RawURLEncoding.EncodeToString(handle), 1)
	require.NotEqual(t, text, forged)
	require.Equal(t, 403, stranger.send(t, "POST", "passkey", url.Values{"answer": {forged}}).status)
}

// TestRemovedFactorsCountAtOnceOnOtherServers holds that what is removed on one server of a directory is nothing on
// another one: no session that it proved, no sign-in, and no demand of it.
func TestRemovedFactorsCountAtOnceOnOtherServers(t *testing.T) {
	address := storetest.PostgresURL(t)
	c := newClock(time.Now())
	r := openConsole(t, "", func(cfg *app.Config) { cfg.DatabaseURL, cfg.Now = address, c.now })
	cfg := settings(t, c)
	cfg.AnswerFloor, cfg.PublicURL, cfg.DatabaseURL, cfg.Now = 0, publicURL, address, c.now
	other := serve(t, cfg)
	g := r.visitAs(t, "grace.hopper")
	secret, _ := g.addCode(t, c, "phone")
	there := other.visitAs(t, "grace.hopper")
	require.Equal(t, "/console/prove", there.get(t, "me").at.Path, "it counts there")
	c.set(c.now().Add(time.Minute))
	there.press(t, there.get(t, "prove"), "prove", map[string]string{"code": codeAt(t, secret, c.now())})
	require.Equal(t, "/console/me", there.get(t, "me").at.Path)
	status, _ := basicCaller(other.Address(), "grace.hopper", demoPassword).call(t, "GET", "/rest/me", "")
	require.Equal(t, 401, status)

	g.press(t, g.get(t, "my-factors"), "my-factor-remove", map[string]string{"password": demoPassword})
	require.Equal(t, "/console/sign-in", there.get(t, "me").at.Path)
	require.Equal(t, "/console/me", other.visitAs(t, "grace.hopper").get(t, "me").at.Path)
	status, _ = basicCaller(other.Address(), "grace.hopper", demoPassword).call(t, "GET", "/rest/me", "")
	require.Equal(t, 200, status)
}
