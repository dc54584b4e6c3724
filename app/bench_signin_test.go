package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/app/surface/console"
	"canopy/domain"
)

// A signer signs people in at a server over a socket of this machine, one after the other.
type signer struct {
	testing.TB
	d       *app.Directory
	clock   *clock
	address string
	client  http.Client
	tries   int
}

// send sends a request, each from an address of its own if elsewhere is true, and returns the answer's header and body.
func (s *signer) send(method, path, body string, header map[string]string, elsewhere bool) (http.Header, string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.address+path, strings.NewReader(body))
	require.NoError(s, err)
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	} else if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	if elsewhere {
		s.tries++
		req.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", s.tries>>16&255, s.tries>>8&255, s.tries&255))
	}
	res, err := s.client.Do(req)
	require.NoError(s, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(s, err)
	require.Less(s, res.StatusCode, 400, "%s %s: %s", method, path, text)
	return res.Header, string(text)
}

// cookie is the one of that name which an answer gives, as a request brings it.
func (s *signer) cookie(h http.Header, name string) map[string]string {
	s.Helper()
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.Name == name {
			return map[string]string{"Cookie": name + "=" + c.Value}
		}
	}
	require.Fail(s, "there is no cookie", name)
	return nil
}

// add adds somebody to the root, and returns who that is.
func (s *signer) add(alias string) domain.User {
	s.Helper()
	password, home, role, group := testPassword, domain.NumberRef(domain.RootEnvironment), domain.RoleUser,
		domain.GroupRef("User")
	u, err := s.d.Users.Create(s.Context(), s.operator(), directory.UserPatch{Alias: &alias, FirstName: &alias,
		Home: &home, Role: &role, Group: &group, Password: &password})
	require.NoError(s, err)
	return u.User
}

func (s *signer) operator() domain.Principal {
	s.Helper()
	operator, err := s.d.Operator(s.Context())
	require.NoError(s, err)
	return operator
}

// begin begins a session with a cookie for somebody who has no factor.
func (s *signer) begin(alias string) domain.Principal {
	s.Helper()
	in, err := s.d.Sessions.SignIn(s.Context(), accounts.SignIn{Login: alias, Password: testPassword, Steps: true,
		Kind: domain.CookieSession, Address: "192.0.2.5"})
	require.NoError(s, err)
	return in.Principal
}

// addCode gives somebody one-time codes in place of those from before, and returns the secret and the recovery codes.
func (s *signer) addCode(u domain.User, before domain.UUID) (string, accounts.AddedFactor) {
	s.Helper()
	if before != "" {
		require.NoError(s, s.d.Factors.Remove(s.Context(), s.operator(), accounts.Fresh[accounts.OfUser[domain.UUID]]{
			In: accounts.OfUser[domain.UUID]{User: domain.UserRef{ID: u.ID}, In: before}}))
	}
	caller := s.begin(u.Alias)
	offered, err := s.d.Factors.OfferCode(s.Context(), caller, accounts.Fresh[struct{}]{Password: testPassword})
	require.NoError(s, err)
	added, err := s.d.Factors.ConfirmCode(s.Context(), caller, accounts.ConfirmCode{ID: offered.ID, Name: "phone",
		Code: s.code(string(offered.Secret))})
	require.NoError(s, err)
	return string(offered.Secret), added
}

// code is that of a later time than any before.
func (s *signer) code(secret string) string {
	s.Helper()
	s.clock.set(s.clock.now().Add(30 * time.Second))
	code, err := totp.GenerateCode(secret, s.clock.now())
	require.NoError(s, err)
	return code
}

// proves signs somebody in on the pages with the password and a code behind it.
func (s *signer) proves(alias string, code func() string) {
	s.Helper()
	form := url.Values{"login": {alias}, "password": {testPassword}}
	h, _ := s.send("POST", console.Base+"/sign-in", form.Encode(), nil, true)
	session := s.cookie(h, console.SessionCookie)
	_, asks := s.send("GET", console.Base+"/prove", "", session, false)
	form = url.Values{"csrf": {csrfField.FindStringSubmatch(asks)[1]}, "code": {code()}}
	h, _ = s.send("POST", console.Base+"/prove", form.Encode(), session, false)
	s.cookie(h, console.SessionCookie)
}

// BenchmarkSignIns measures how long each way of signing in takes, with passwords that cost what they do by default, for
// one client over a socket, with all requests of a browser. What is remembered is a name and a password from the same
// address; the provider is one in this process, and so is the passkey. On a machine that does nothing else:
//
//	go test ./app -run '^$' -bench SignIns -benchtime 200x
func BenchmarkSignIns(b *testing.B) {
	for _, engine := range databases {
		b.Run(engine.name, func(b *testing.B) {
			db, _ := engine.open(b)
			s := &signer{TB: b, clock: newClock(time.Now()), client: http.Client{
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
			s.d, s.address = serveFor(b, db, func(cfg *app.Config) {
				cfg.PasswordCost, cfg.Now, cfg.PublicURL, cfg.AnswerFloor = authn.DefaultCost, s.clock.now, publicURL, 0
				cfg.AllowPrivateProviders = true
				cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			})
			for _, way := range s.waysIn() {
				b.Run(way.name, func(b *testing.B) {
					s.TB = b
					for b.Loop() {
						way.enter()
					}
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sign-ins/s")
				})
			}
		})
	}
}

// waysIn are the ways of signing in, each with somebody of its own.
func (s *signer) waysIn() []struct {
	name  string
	enter func()
} {
	auth := func(alias string) string { return fmt.Sprintf(`{"user":%q,"password":%q}`, alias, testPassword) }
	plain, coded, recovering, keyed, linked := s.add("plain"), s.add("coded"), s.add("recovering"), s.add("keyed"),
		s.add("linked")
	bearer := s.add("bearer") // whose session no other one ends
	basic := basicCaller("", plain.Alias, testPassword).header
	in, err := s.d.Sessions.SignIn(s.Context(), accounts.SignIn{Login: bearer.Alias, Password: testPassword})
	require.NoError(s, err)
	token := map[string]string{"Authorization": "Bearer " + in.Access}
	made, err := s.d.APIKeys.Create(s.Context(), s.begin(plain.Alias),
		accounts.OfUser[accounts.NewAPIKey]{In: accounts.NewAPIKey{Name: "key"}})
	require.NoError(s, err)
	key := map[string]string{"apiKey": string(made.Text)}
	secret, _ := s.addCode(coded, "")
	_, factor := s.addCode(recovering, "")
	passkey := s.addPasskey(keyed)
	provider := s.link(linked)
	return []struct {
		name  string
		enter func()
	}{
		{"token", func() { s.send("GET", "/rest/me", "", token, false) }}, // before codes take the clock on
		{"password", func() { s.send("POST", "/auth", auth(plain.Alias), nil, true) }},
		{"password-remembered", func() { s.send("POST", "/auth", auth(plain.Alias), nil, false) }},
		{"basic-remembered", func() { s.send("GET", "/rest/me", "", basic, false) }},
		{"password+code", func() { s.proves(coded.Alias, func() string { return s.code(secret) }) }},
		{"password+recovery", func() {
			if len(factor.Recovery) == 0 { // which is part of what is measured once in ten times
				_, factor = s.addCode(recovering, factor.Factor.ID)
			}
			s.proves(recovering.Alias, func() string { return string(factor.Recovery[0]) })
			factor.Recovery = factor.Recovery[1:]
		}},
		{"passkey", func() {
			h, asked := s.send("POST", console.Base+"/passkey-challenge", "lang=en", nil, false)
			form := url.Values{"answer": {passkey.sign(s, asked)}}
			h, _ = s.send("POST", console.Base+"/passkey", form.Encode(), s.cookie(h, passkeyTicket), false)
			s.cookie(h, console.SessionCookie)
		}},
		{"provider", provider},
		{"api-key", func() { s.send("GET", "/rest/me", "", key, false) }},
	}
}

// addPasskey gives somebody a passkey.
func (s *signer) addPasskey(u domain.User) *passkey {
	s.Helper()
	caller := s.begin(u.Alias)
	offered, err := s.d.Factors.OfferPasskey(s.Context(), caller, accounts.Fresh[struct{}]{Password: testPassword})
	require.NoError(s, err)
	p, answer := newPasskey(s, publicURL, string(offered.Options))
	_, err = s.d.Factors.AddPasskey(s.Context(), caller, accounts.PasskeyAnswer{Ticket: offered.Ticket,
		Answer: []byte(answer), Name: "key"})
	require.NoError(s, err)
	return p
}

// link links somebody with a provider that is nobody's of ours, and returns what signs them in by it.
func (s *signer) link(u domain.User) func() {
	s.Helper()
	m, err := mockoidc.Run()
	require.NoError(s, err)
	s.Cleanup(func() { _ = m.Shutdown() })
	name, secret := "Company", domain.SecretText(m.ClientSecret)
	p, err := s.d.Providers.Create(s.Context(), s.operator(), accounts.CreateProvider{Organization: "/",
		Issuer: m.Issuer(), ProviderPatch: accounts.ProviderPatch{Name: &name, ClientID: &m.ClientID, ClientSecret: &secret}})
	require.NoError(s, err)
	require.NoError(s, s.d.Providers.Link(s.Context(), s.operator(), accounts.OfUser[accounts.LinkSubject]{
		User: domain.UserRef{ID: u.ID}, In: accounts.LinkSubject{Provider: p.ID, Subject: "subject"}}))
	key := p.ProviderKey.String()
	return func() {
		m.FastForward(s.clock.now().Sub(m.Now()))
		m.QueueUser(&mockoidc.MockUser{Subject: "subject"})
		h, _ := s.send("GET", console.Base+"/provider-in?provider="+key, "", nil, false)
		var held []string
		for _, c := range (&http.Response{Header: h}).Cookies() {
			held = append(held, c.Name+"="+c.Value)
		}
		there, err := s.client.Get(h.Get("Location"))
		require.NoError(s, err)
		there.Body.Close()
		back, err := there.Location()
		require.NoError(s, err)
		h, _ = s.send("GET", console.Base+"/provider-"+key+"?"+back.RawQuery, "",
			map[string]string{"Cookie": strings.Join(held, "; ")}, false)
		s.cookie(h, console.SessionCookie)
	}
}
