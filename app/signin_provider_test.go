package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// A rogue is an identity provider that says what a test wants it to.
type rogue struct {
	*httptest.Server
	key *rsa.PrivateKey
	// token makes the ID token for a nonce, and keys answers for the keys; nil for what an honest one does.
	token func(nonce string) string
	keys  http.HandlerFunc
	// more is added to what it publishes.
	more    map[string]any
	nonce   string
	fetched atomic.Int64 // how often its keys were asked for
	asked   atomic.Int64 // how often codes were presented
	person  jwt.MapClaims
}

func newRogue(t *testing.T) *rogue {
	t.Helper()
	h := &rogue{more: map[string]any{}, person: jwt.MapClaims{"sub": "mallory"}}
	var err error
	h.key, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		says := map[string]any{"issuer": h.URL, "authorization_endpoint": h.URL + "/authorize",
			"token_endpoint": h.URL + "/token", "jwks_uri": h.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}}
		maps.Copy(says, h.more)
		answer(w, says)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		h.fetched.Add(1)
		if h.keys != nil {
			h.keys(w, r)
			return
		}
		answer(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": base64.RawURLEncoding.EncodeToString(h.key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(h.key.E)).Bytes())}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		token := h.token
		if token == nil {
			token = func(nonce string) string { return h.sign(h.claims(nonce, nil)) }
		}
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": token(h.nonce)})
	})
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

// claims are those of an honest token, but for the changes.
func (h *rogue) claims(nonce string, changes jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"iss": h.URL, "aud": "canopy", "iat": time.Now().Unix(), "nonce": nonce,
		"exp": time.Now().Add(time.Minute).Unix(), "auth_time": time.Now().Unix()}
	maps.Copy(c, h.person)
	maps.Copy(c, changes)
	return c
}

func (h *rogue) sign(c jwt.MapClaims) string {
	return h.signWith(jwt.SigningMethodRS256, h.key, "1", c)
}

func (h *rogue) signWith(method jwt.SigningMethod, key any, kid string, c jwt.MapClaims) string {
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

// says makes the provider say something else than an honest one for one sign-in.
func (h *rogue) says(changes jwt.MapClaims) {
	h.token = func(n string) string { return h.sign(h.claims(n, changes)) }
}

// setUp sets a provider of an organization up.
func (r *running) setUp(t *testing.T, organization, issuer, client, secret string,
	more func(*accounts.CreateProvider)) accounts.ProviderDocument {
	t.Helper()
	operator, err := r.directory.Operator(t.Context())
	require.NoError(t, err)
	text := domain.SecretText(secret)
	name := "Company"
	in := accounts.CreateProvider{Organization: domain.EnvironmentRef(organization), Issuer: issuer,
		ProviderPatch: accounts.ProviderPatch{Name: &name, ClientID: &client, ClientSecret: &text}}
	if more != nil {
		more(&in)
	}
	p, err := r.directory.Providers.Create(t.Context(), operator, in)
	require.NoError(t, err)
	return p
}

func (r *running) account(t *testing.T, alias string) domain.User {
	t.Helper()
	operator, err := r.directory.Operator(t.Context())
	require.NoError(t, err)
	u, err := r.directory.Users.Read(t.Context(), &operator, domain.UserRef{Alias: alias})
	require.NoError(t, err)
	return u
}

// linkTo links somebody with a subject of a provider.
func (r *running) linkTo(t *testing.T, alias string, p accounts.ProviderDocument, subject string) {
	t.Helper()
	operator, err := r.directory.Operator(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.directory.Providers.Link(t.Context(), operator, accounts.OfUser[accounts.LinkSubject]{
		User: domain.UserRef{Alias: alias}, In: accounts.LinkSubject{Provider: p.ID, Subject: subject}}))
}

// leaves goes to a provider, and returns what the browser was sent there with.
func (g *guest) leaves(t *testing.T, p accounts.ProviderDocument) url.Values {
	t.Helper()
	sent := g.send(t, "GET", "provider-in?provider="+p.ProviderKey.String()+"&next=my-keys", nil)
	require.Equal(t, 303, sent.status, sent.text)
	to, err := url.Parse(sent.header.Get("Location"))
	require.NoError(t, err)
	return to.Query()
}

// comes comes back from a provider.
func (g *guest) comes(t *testing.T, p accounts.ProviderDocument, with url.Values) page {
	t.Helper()
	return g.send(t, "GET", "provider-"+p.ProviderKey.String()+"?"+with.Encode(), nil)
}

// signsIn goes to the hostile provider and comes back with a code.
func (g *guest) signsIn(t *testing.T, h *rogue, p accounts.ProviderDocument) page {
	t.Helper()
	asked := g.leaves(t, p)
	h.nonce = asked.Get("nonce")
	return g.comes(t, p, url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}})
}

// in returns who a browser is signed in as, empty for nobody.
func (g *guest) in(t *testing.T) string {
	t.Helper()
	me := g.send(t, "GET", "me", nil)
	if me.status != 200 {
		return ""
	}
	for _, input := range elements(t, me, "input") {
		if attr(input, "name") == "person.first_name" {
			return attr(input, "value")
		}
	}
	t.Fatalf("the page of oneself has no first name: %s", me.text)
	return ""
}

func private(cfg *app.Config) { cfg.AllowPrivateProviders = true }

// TestSignInByProvider goes the whole way by a provider that is nobody's of ours.
func TestSignInByProvider(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	m, err := mockoidc.Run()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Shutdown()) })
	domains, newcomers, scopes := []string{"Acme.example"}, domain.PlacedNewcomers, []string{"profile", "email", "groups"}
	rules := []accounts.RulePatch{
		{Claim: "groups", Value: "engineers", Environment: "Acme/Prod/Europe", Group: "Operators", Role: domain.RolePower},
		{Claim: "email", Value: "late@acme.example", Environment: "Acme/Dev", Group: "/User", Role: domain.RoleUser}}
	p := r.setUp(t, "Acme", m.Issuer(), m.ClientID, m.ClientSecret, func(in *accounts.CreateProvider) {
		in.Domains, in.Newcomers, in.Scopes, in.Rules = &domains, &newcomers, &scopes, &rules
	})
	r.confirm(t, "Acme", "acme.example")
	require.Equal(t, publicURL+"/console/provider-"+p.ProviderKey.String(), p.Return)
	require.Empty(t, p.ClientSecret)

	// goes follows the browser to the provider and back.
	goes := func(g *guest, user *mockoidc.MockUser) page {
		m.QueueUser(user)
		sent := g.send(t, "GET", "provider-in?provider="+p.ProviderKey.String()+"&next=my-keys", nil)
		require.Equal(t, 303, sent.status)
		there, err := g.client.Get(sent.header.Get("Location"))
		require.NoError(t, err)
		there.Body.Close()
		back, err := there.Location()
		require.NoError(t, err)
		require.Equal(t, p.Return, publicURL+back.Path)
		return g.comes(t, p, back.Query())
	}
	engineer := &mockoidc.MockUser{Subject: "0815", Email: "new@acme.example", EmailVerified: true,
		PreferredUsername: "newcomer", Groups: []string{"engineers"}}

	t.Run("an account is made where the first rule says", func(t *testing.T) {
		g := r.visit(t)
		done := goes(g, engineer)
		require.Equal(t, 303, done.status, done.text)
		require.Equal(t, "my-keys", done.header.Get("Location"))
		require.NotNil(t, cookieOf(t, done))
		require.NotEmpty(t, g.in(t))
		u := r.account(t, "newcomer")
		require.Equal(t, domain.RolePower, u.Role)
		require.Equal(t, "new@acme.example", u.Person.Mail)
		require.Equal(t, r.account(t, "barbara.liskov").Home, u.Home)
		require.Equal(t, r.account(t, "barbara.liskov").Groups, u.Groups)
	})

	t.Run("who comes again is the same, whatever they are called by now", func(t *testing.T) {
		before := r.account(t, "newcomer")
		g := r.visit(t)
		again := *engineer
		again.Email, again.PreferredUsername, again.Groups = "grace.hopper@acme.example", "grace.hopper", nil
		require.Equal(t, 303, goes(g, &again).status)
		require.NotEmpty(t, g.in(t))
		after := r.account(t, "newcomer")
		require.Equal(t, before.Role, after.Role)
		require.Equal(t, before.Person, after.Person)
		require.NotEqual(t, "Grace", g.in(t))
	})

	t.Run("who no rule is about gets no account", func(t *testing.T) {
		g := r.visit(t)
		refused := goes(g, &mockoidc.MockUser{Subject: "4711", Email: "x@acme.example", EmailVerified: true})
		require.Equal(t, 403, refused.status)
		require.Contains(t, refused.text, "ask an administrator")
		require.Empty(t, g.in(t))
	})

	t.Run("discovery tells of domains, and of nobody's address", func(t *testing.T) {
		g := r.visit(t)
		ask := func(login string) page {
			return g.press(t, g.get(t, "sign-in"), "sign-in", map[string]string{"login": login, "company": "1"})
		}
		known := ask("grace.hopper@acme.example")
		require.Contains(t, known.text, "Continue with Company")
		require.Equal(t, strings.ReplaceAll(lasting(known.text), "grace.hopper", "nobody"),
			lasting(ask("nobody@acme.example").text))
		unknown := ask("grace.hopper@bolt.example")
		require.NotContains(t, unknown.text, "Continue with")
		for _, other := range []string{"nobody@nowhere.example", "nobody", "@acme.example"} {
			require.Equal(t, strings.ReplaceAll(lasting(unknown.text), "grace.hopper@bolt.example", other),
				lasting(ask(other).text))
		}
	})

	t.Run("a rule is tried before it is saved, and gives no more than whoever writes it has", func(t *testing.T) {
		operator, err := r.directory.Operator(t.Context())
		require.NoError(t, err)
		in := accounts.PreviewProvider{Claims: domain.Claims{"groups": {"engineers"}, "name": {"Ada King"}},
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID}}
		landing, err := r.directory.Providers.Preview(t.Context(), operator, in)
		require.NoError(t, err)
		require.Equal(t, 1, landing.Rule)
		require.Equal(t, "Europe", landing.Environment.Alias)
		require.Equal(t, domain.RolePower, landing.User.Role)
		require.Equal(t, "Ada", landing.User.Alias)
		everybody := []accounts.RulePatch{{Environment: "Acme/Dev", Group: "/User", Role: domain.RoleUser}}
		in.Rules = &everybody
		landing, err = r.directory.Providers.Preview(t.Context(), operator, in)
		require.NoError(t, err)
		require.Equal(t, "Dev", landing.Environment.Alias)
		none := domain.NoNewcomers
		in.Newcomers = &none
		landing, err = r.directory.Providers.Preview(t.Context(), operator, in)
		require.NoError(t, err)
		require.ErrorIs(t, landing.Refused, domain.ErrNoNewcomer)

		admin := r.account(t, "grace.hopper")
		_, err = r.directory.Providers.Update(t.Context(), domain.Principal{Subject: admin.Subject(), User: admin.ID,
			Alias: admin.Alias}, accounts.UpdateProvider{OrganizationProvider: in.OrganizationProvider})
		require.Equal(t, domain.Forbidden, domain.AsError(err).Kind)
		bolt := []accounts.RulePatch{{Environment: "/", Group: "/User", Role: domain.RoleUser}}
		in.Newcomers, in.Rules = nil, &bolt
		_, err = r.directory.Providers.Preview(t.Context(), operator, in)
		require.ErrorIs(t, err, domain.ErrEnvironmentNotFound, "a place of another organization")
	})
}

// TestProvidersDoNotClimb holds that nobody gives by a rule what they do not have, neither when it is written nor later.
func TestProvidersDoNotClimb(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	operator := mustOperator(t, r)
	mask := domain.OrganizationWrite.Mask() | domain.EnvironmentRead.Mask() | domain.GroupRead.Mask()
	rootUsers := domain.GroupRef("/Admin")
	group := func(alias string, organization domain.EnvironmentRef, mask domain.Mask) domain.GroupID {
		g, err := r.directory.Groups.Create(t.Context(), mustOperator(t, r), directory.GroupPatch{Alias: &alias,
			Parent: &rootUsers, Mask: &mask, Organization: &organization})
		require.NoError(t, err)
		return g.ID
	}
	setters := group("Setters", "/", mask)
	small := group("Small", "Acme", domain.GroupRead.Mask())
	less := mustOperator(t, r)
	less.Groups, less.Epoch, less.Alias = []domain.GroupID{setters}, 77, "less"

	h := newRogue(t)
	newcomers, client, name := domain.PlacedNewcomers, "canopy", "Company"
	create := func(by domain.Principal, rule accounts.RulePatch) (accounts.ProviderDocument, error) {
		rules := []accounts.RulePatch{rule}
		return r.directory.Providers.Create(t.Context(), by, accounts.CreateProvider{Organization: "Acme", Issuer: h.URL,
			ProviderPatch: accounts.ProviderPatch{Name: &name, ClientID: &client, Newcomers: &newcomers, Rules: &rules}})
	}
	_, err := create(less, accounts.RulePatch{Environment: "Acme", Group: "Operators", Role: domain.RoleUser})
	require.ErrorIs(t, err, domain.ErrClimbing)
	require.Equal(t, "rules", domain.AsError(err).Field)
	_, err = create(operator, accounts.RulePatch{Environment: "Acme", Group: "Small", Role: domain.RoleSuperUser})
	require.ErrorIs(t, err, domain.ErrInvalid)
	p, err := create(less, accounts.RulePatch{Environment: "Acme", Group: "Small", Role: domain.RoleUser})
	require.NoError(t, err)
	h.person = jwt.MapClaims{"sub": "1", "given_name": "One"}
	g := r.visit(t)
	require.Equal(t, 303, g.signsIn(t, h, p).status)

	more := domain.GroupRead.Mask() | domain.UserDelete.Mask()
	_, err = r.directory.Groups.Update(t.Context(), mustOperator(t, r), directory.UpdateGroup{
		Group: domain.NumberedGroup(small), GroupPatch: directory.GroupPatch{Mask: &more}})
	require.NoError(t, err)
	h.person = jwt.MapClaims{"sub": "2", "given_name": "Two"}
	refused := r.visit(t).signsIn(t, h, p)
	require.Equal(t, 403, refused.status, "the group gives by now what whoever wrote the rule did not have")

	// again has the groups be read again that belong where a group does.
	again := func(id domain.GroupID, mask domain.Mask) {
		t.Helper()
		_, err := r.directory.Groups.Update(t.Context(), mustOperator(t, r), directory.UpdateGroup{
			Group: domain.NumberedGroup(id), GroupPatch: directory.GroupPatch{Mask: &mask}})
		require.NoError(t, err)
	}
	again(small, domain.GroupRead.Mask())
	tries := func(subject string) int {
		t.Helper()
		h.person = jwt.MapClaims{"sub": subject, "given_name": subject}
		return r.visit(t).signsIn(t, h, p).status
	}
	require.Equal(t, 303, tries("Two"), "it gives no more again")

	t.Run("a rule gives no higher role than whoever wrote it has", func(t *testing.T) {
		most := func(role domain.Role) {
			t.Helper()
			r.exec(t, fmt.Sprintf("UPDATE providers SET most_role = %d", role))
		}
		most(domain.RolePower)
		rules := []accounts.RulePatch{{Environment: "Acme", Group: "Small", Role: domain.RoleOAdmin}}
		_, err := r.directory.Providers.Update(t.Context(), operator, accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
			ProviderPatch:        accounts.ProviderPatch{Rules: &rules}})
		require.NoError(t, err)
		require.Equal(t, 303, tries("Three"))
		require.Equal(t, domain.RoleOAdmin, r.account(t, "Three").Role)
		most(domain.RolePower)
		require.Equal(t, 403, tries("Four"), "their own role")

		rules[0].Role = domain.RoleUser
		_, err = r.directory.Providers.Update(t.Context(), operator, accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
			ProviderPatch:        accounts.ProviderPatch{Rules: &rules}})
		require.NoError(t, err)
		r.exec(t, fmt.Sprintf("UPDATE groups SET role = %d WHERE id = %d", domain.RolePower, small))
		again(small, domain.GroupRead.Mask()|domain.EnvironmentRead.Mask())
		again(small, domain.GroupRead.Mask())
		require.Equal(t, 303, tries("Five"))
		most(domain.RoleUser)
		require.Equal(t, 403, tries("Six"), "the role of their group")
		most(domain.RoleSuperUser)
	})

	t.Run("nobody is more than a user without a rule", func(t *testing.T) {
		all := domain.AllNewcomers
		_, err := r.directory.Providers.Update(t.Context(), operator, accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
			ProviderPatch:        accounts.ProviderPatch{Newcomers: &all, Rules: &[]accounts.RulePatch{}}})
		require.NoError(t, err)
		require.Equal(t, 303, tries("Seven"))
		require.Equal(t, domain.RoleUser, r.account(t, "Seven").Role)
		r.exec(t, fmt.Sprintf("UPDATE groups SET role = %d WHERE id = %d", domain.RolePower, domain.UserGroup))
		again(setters, mask|domain.UserRead.Mask())
		again(setters, mask)
		require.Equal(t, 403, tries("Eight"), "their group makes more of them")
	})

	rules := []accounts.RulePatch{{Environment: "Acme", Group: "Operators", Role: domain.RoleOAdmin}}
	change := func(by domain.Principal, in accounts.ProviderPatch) error {
		_, err := r.directory.Providers.Update(t.Context(), by, accounts.UpdateProvider{ProviderPatch: in,
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID}})
		return err
	}
	require.NoError(t, change(mustOperator(t, r), accounts.ProviderPatch{Rules: &rules}))
	other := "another client"
	require.ErrorIs(t, change(less, accounts.ProviderPatch{ClientID: &other}), domain.ErrClimbing,
		"whose rules give more than they have")
	rules = []accounts.RulePatch{{Environment: "Acme", Group: "Small", Role: domain.RoleUser}}
	require.ErrorIs(t, change(less, accounts.ProviderPatch{Rules: &rules}), domain.ErrClimbing, "nor take that away")
	require.NoError(t, change(mustOperator(t, r), accounts.ProviderPatch{Rules: &rules}))
	require.NoError(t, change(less, accounts.ProviderPatch{ClientID: &other}))
}

// TestHostileProviders holds that no provider, and nobody on the way to one, gets into an account that is not theirs.
func TestHostileProviders(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	h := newRogue(t)
	p := r.setUp(t, "Acme", h.URL, "canopy", "secret", func(in *accounts.CreateProvider) {
		domains := []string{"acme.example"}
		in.Domains = &domains
	})
	r.linkTo(t, "alan.turing", p, "alan")
	refused := func(t *testing.T, g *guest, got page) {
		t.Helper()
		require.GreaterOrEqual(t, got.status, 400, got.header.Get("Location"))
		require.Nil(t, cookieOf(t, got))
		require.Empty(t, g.in(t))
	}
	// tries signs in once with what token says, and puts the provider back.
	tries := func(t *testing.T) {
		t.Helper()
		g := r.visit(t)
		refused(t, g, g.signsIn(t, h, p))
		h.token = nil
	}
	h.person = jwt.MapClaims{"sub": "alan"}

	t.Run("an honest answer is taken", func(t *testing.T) {
		g := r.visit(t)
		require.Equal(t, 303, g.signsIn(t, h, p).status)
		require.Equal(t, "Alan", g.in(t))
	})

	t.Run("takeover by address", func(t *testing.T) {
		for _, verified := range []any{true, false, "true"} {
			h.says(jwt.MapClaims{"sub": "mallory", "email": "alan.turing@acme.example", "email_verified": verified,
				"preferred_username": "alan.turing"})
			tries(t)
		}
		before := r.account(t, "alan.turing")
		other := newRogue(t)
		bolt := r.setUp(t, "/", other.URL, "canopy", "", func(in *accounts.CreateProvider) {
			all := domain.AllNewcomers
			in.Newcomers = &all
		})
		other.person = jwt.MapClaims{"sub": "alan", "email": "alan.turing@acme.example", "email_verified": true,
			"preferred_username": "alan.turing"}
		g := r.visit(t)
		require.Equal(t, 303, g.signsIn(t, other, bolt).status)
		require.Equal(t, before, r.account(t, "alan.turing"))
		list, err := r.directory.Providers.Links(t.Context(), mustOperator(t, r), domain.UserRef{Alias: "alan.turing"})
		require.NoError(t, err)
		require.Len(t, list, 1)
	})

	t.Run("wrong issuer, audience, party, nonce, time or key", func(t *testing.T) {
		for name, changes := range map[string]jwt.MapClaims{
			"iss": {"iss": "https://login.example"}, "aud": {"aud": "another"}, "azp": {"azp": "another"},
			"two audiences": {"aud": []string{"canopy", "another"}}, "nonce": {"nonce": "0"}, "no nonce": {"nonce": nil},
			"exp": {"exp": time.Now().Add(-time.Hour).Unix()}, "no exp": {"exp": nil}, "no sub": {"sub": ""}} {
			t.Run(name, func(t *testing.T) {
				h.says(changes)
				tries(t)
			})
		}
		t.Run("key", func(t *testing.T) {
			other, err := rsa.GenerateKey(rand.Reader, 2048)
			require.NoError(t, err)
			h.token = func(n string) string { return h.signWith(jwt.SigningMethodRS256, other, "1", h.claims(n, nil)) }
			tries(t)
		})
	})

	t.Run("algorithm confusion", func(t *testing.T) {
		der, err := x509.MarshalPKIXPublicKey(&h.key.PublicKey)
		require.NoError(t, err)
		public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		for name, with := range map[string]struct {
			method jwt.SigningMethod
			key    any
		}{"none": {jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType}, "public key": {jwt.SigningMethodHS256, public},
			"client secret": {jwt.SigningMethodHS256, []byte("secret")}} {
			t.Run(name, func(t *testing.T) {
				h.token = func(n string) string { return h.signWith(with.method, with.key, "1", h.claims(n, nil)) }
				tries(t)
			})
		}
	})

	t.Run("state and code replay", func(t *testing.T) {
		g := r.visit(t)
		asked := g.leaves(t, p)
		h.nonce = asked.Get("nonce")
		cookies := g.client.Jar.Cookies(mustURL(t, g.base))
		answer := url.Values{"state": {asked.Get("state")}, "code": {"a code"}}
		require.Equal(t, 303, g.comes(t, p, answer).status)
		thief := r.visit(t)
		thief.client.Jar.SetCookies(mustURL(t, g.base), cookies)
		presented := h.asked.Load()
		refused(t, thief, thief.comes(t, p, answer))
		answer.Set("code", "another code")
		thief.client.Jar.SetCookies(mustURL(t, g.base), cookies)
		refused(t, thief, thief.comes(t, p, answer))
		fresh := r.visit(t)
		asked = fresh.leaves(t, p)
		refused(t, fresh, fresh.comes(t, p, url.Values{"state": {asked.Get("state")}, "code": {"a code"}}))
		require.Equal(t, presented, h.asked.Load(), "none of them reached the provider")
	})

	t.Run("an answer that this browser did not ask for", func(t *testing.T) {
		victim, mallory := r.visit(t), r.visit(t)
		asked := mallory.leaves(t, p)
		h.nonce = asked.Get("nonce")
		answer := url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}}
		presented := h.asked.Load()
		refused(t, victim, victim.comes(t, p, answer))
		victim.leaves(t, p)
		refused(t, victim, victim.comes(t, p, answer))
		answer.Del("state")
		refused(t, mallory, mallory.comes(t, p, answer))
		require.Equal(t, presented, h.asked.Load(), "none of them reached the provider")
	})

	t.Run("mix-up", func(t *testing.T) {
		other := newRogue(t)
		q := r.setUp(t, "Acme", other.URL, "canopy", "", nil)
		g := r.visit(t)
		asked := g.leaves(t, q) // the person chose the other provider, which sends them on to the honest one
		require.NotEqual(t, p.Return, asked.Get("redirect_uri"))
		h.nonce, other.nonce = asked.Get("nonce"), asked.Get("nonce")
		answer := url.Values{"state": {asked.Get("state")}, "code": {"of the honest one"}}
		presented := other.asked.Load()
		refused(t, g, g.comes(t, p, answer))
		asked = g.leaves(t, q)
		answer.Set("state", asked.Get("state"))
		answer.Set("iss", h.URL)
		refused(t, g, g.comes(t, q, answer))
		require.Equal(t, presented, other.asked.Load(), "the code was not given to the other one")

		strict := newRogue(t)
		strict.more["authorization_response_iss_parameter_supported"] = true
		s := r.setUp(t, "Acme", strict.URL, "canopy", "", nil)
		refused(t, g, g.signsIn(t, strict, s))
		r.linkTo(t, "tony.hoare", s, "mallory")
		asked = g.leaves(t, s)
		strict.nonce = asked.Get("nonce")
		done := g.comes(t, s, url.Values{"state": {asked.Get("state")}, "code": {"x"}, "iss": {strict.URL}})
		require.Equal(t, 303, done.status)
		require.Equal(t, "Tony", g.in(t))
	})

	t.Run("PKCE", func(t *testing.T) {
		asked := r.visit(t).leaves(t, p)
		require.Equal(t, "S256", asked.Get("code_challenge_method"))
		require.Len(t, asked.Get("code_challenge"), 43)
		require.Equal(t, "code", asked.Get("response_type"))
	})

	t.Run("redirect tricks", func(t *testing.T) {
		for _, next := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "x/../../evil"} {
			g := r.visit(t)
			sent := g.send(t, "GET", "provider-in?provider="+p.ProviderKey.String()+"&next="+url.QueryEscape(next), nil)
			to := mustURL(t, sent.header.Get("Location"))
			require.Equal(t, h.URL, "http://"+to.Host)
			require.Equal(t, p.Return, to.Query().Get("redirect_uri"))
			h.nonce = to.Query().Get("nonce")
			done := g.comes(t, p, url.Values{"state": {to.Query().Get("state")}, "code": {rand.Text()}})
			require.Equal(t, "home", done.header.Get("Location"), next)
		}
		away := newRogue(t)
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, away.URL+q.URL.Path, http.StatusTemporaryRedirect)
		})
		leads := httptest.NewServer(mux)
		t.Cleanup(leads.Close)
		_, err := r.directory.Providers.Create(t.Context(), mustOperator(t, r), accounts.CreateProvider{
			Organization: "Acme", Issuer: leads.URL, ProviderPatch: accounts.ProviderPatch{Name: new("x"), ClientID: new("x")}})
		require.ErrorIs(t, err, domain.ErrProviderUnreachable)
		require.ErrorContains(t, err, "another host")
	})

	t.Run("keys that are huge or made up", func(t *testing.T) {
		big := newRogue(t)
		q := r.setUp(t, "Acme", big.URL, "canopy", "", nil)
		r.linkTo(t, "donald.knuth", q, "mallory")
		big.keys = func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"keys":[`+strings.Repeat(" ", 2<<20)+"]}")
		}
		g := r.visit(t)
		refused(t, g, g.signsIn(t, big, q))
		big.keys = nil
		big.token = func(n string) string {
			return big.signWith(jwt.SigningMethodRS256, big.key, rand.Text(), big.claims(n, nil))
		}
		for range 12 {
			refused(t, g, g.signsIn(t, big, q))
		}
		require.LessOrEqual(t, big.fetched.Load(), int64(6), "made-up keys cause no traffic")
	})

	t.Run("subject reuse after deletion", func(t *testing.T) {
		r.linkTo(t, "niklaus.wirth", p, "reused")
		operator := mustOperator(t, r)
		require.NoError(t, r.directory.Users.Delete(t.Context(), operator,
			directory.DeleteUser{User: domain.UserRef{Alias: "niklaus.wirth"}}))
		all := domain.AllNewcomers
		_, err := r.directory.Providers.Update(t.Context(), operator, accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
			ProviderPatch:        accounts.ProviderPatch{Newcomers: &all}})
		require.NoError(t, err)
		h.says(jwt.MapClaims{"sub": "reused"})
		tries(t)
		err = r.directory.Providers.Link(t.Context(), operator, accounts.OfUser[accounts.LinkSubject]{
			User: domain.UserRef{Alias: "tony.hoare"}, In: accounts.LinkSubject{Provider: p.ID, Subject: "reused"}})
		require.ErrorIs(t, err, domain.ErrLinked)
		h.says(jwt.MapClaims{"sub": "fresh", "email": "tony.hoare@acme.example", "email_verified": true,
			"preferred_username": "tony.hoare", "given_name": "Fresh"})
		g := r.visit(t)
		require.Equal(t, 303, g.signsIn(t, h, p).status)
		require.Equal(t, "Fresh", g.in(t), "an account of its own, without an address that is another's")
		require.Equal(t, "tony.hoare@acme.example", r.account(t, "tony.hoare").Person.Mail)
		h.token = nil
	})

	t.Run("a closed account, a provider that is off, another organization", func(t *testing.T) {
		inactive := false
		operator := mustOperator(t, r)
		_, err := r.directory.Providers.Update(t.Context(), operator, accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
			ProviderPatch:        accounts.ProviderPatch{Enabled: &inactive}})
		require.NoError(t, err)
		g := r.visit(t)
		require.Equal(t, 404, g.send(t, "GET", "provider-in?provider="+p.ProviderKey.String(), nil).status)
		on := true
		_, err = r.directory.Providers.Update(t.Context(), operator, accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
			ProviderPatch:        accounts.ProviderPatch{Enabled: &on}})
		require.NoError(t, err)
		err = r.directory.Providers.Link(t.Context(), operator, accounts.OfUser[accounts.LinkSubject]{
			User: domain.UserRef{Alias: "admin"}, In: accounts.LinkSubject{Provider: p.ID, Subject: "boss"}})
		require.ErrorIs(t, err, domain.ErrProviderNotFound, "of whose organization the provider is not")
	})

	t.Run("sign-out at the provider ends the session", func(t *testing.T) {
		h.says(jwt.MapClaims{"sid": "their session"})
		g := r.visit(t)
		require.Equal(t, 303, g.signsIn(t, h, p).status)
		require.Equal(t, "Alan", g.in(t))
		event := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
		// post sends a form to where a provider says who signed out, which answers as the standard has it.
		post := func(key string, form url.Values) int {
			t.Helper()
			got := r.visit(t).send(t, "POST", "provider-"+key, form)
			require.Equal(t, "no-store", got.header.Get("Cache-Control"))
			require.Empty(t, got.header.Get("Location"))
			if got.status == 200 {
				require.Empty(t, got.text)
				return got.status
			}
			var problem struct {
				Error       string `json:"error"`
				Description string `json:"error_description"`
			}
			require.Equal(t, "application/json", got.header.Get("Content-Type"))
			require.NoError(t, json.Unmarshal([]byte(got.text), &problem), got.text)
			require.Equal(t, "invalid_request", problem.Error)
			require.NotEmpty(t, problem.Description)
			return got.status
		}
		out := func(changes jwt.MapClaims) int {
			t.Helper()
			c := h.claims("", jwt.MapClaims{"sid": "their session", "jti": rand.Text(), "events": event})
			delete(c, "nonce")
			maps.Copy(c, changes)
			return post(p.ProviderKey.String(), url.Values{"logout_token": {h.sign(c)}})
		}
		for name, changes := range map[string]jwt.MapClaims{"nonce": {"nonce": "1"}, "events": {"events": nil},
			"aud": {"aud": "another"}, "old": {"iat": time.Now().Add(-time.Hour).Unix()}, "jti": {"jti": ""}} {
			require.Equal(t, 400, out(changes), name)
			require.Equal(t, "Alan", g.in(t), name)
		}
		good := h.claims("", jwt.MapClaims{"sid": "their session", "jti": rand.Text(), "events": event})
		delete(good, "nonce")
		unknown := domain.ProviderKey{Organization: p.Organization, ID: "01a22b9e-2cda-7df9-b496-fa0585f709af"}
		for _, key := range []string{unknown.String(), "7", "x"} {
			require.Equal(t, 400, post(key, url.Values{"logout_token": {h.sign(good)}}), key)
		}
		for _, form := range []url.Values{nil, {"logout_token": {""}}, {"logout_token": {"x"}}, {"token": {h.sign(good)}}} {
			require.Equal(t, 400, post(p.ProviderKey.String(), form))
		}
		require.Equal(t, "Alan", g.in(t))
		other := newRogue(t)
		beside := r.setUp(t, "Acme", other.URL, "canopy", "", nil)
		elsewhere := r.setUp(t, "Globex", h.URL, "canopy", "", nil)
		says := func(signer *rogue, issuer string) url.Values {
			return url.Values{"logout_token": {signer.sign(jwt.MapClaims{"iss": issuer, "aud": "canopy", "jti": rand.Text(),
				"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "sid": "their session", "events": event})}}
		}
		for name, c := range map[string]struct {
			to   accounts.ProviderDocument
			says url.Values
			good bool
		}{
			"of another issuer, sent to it":                        {beside, says(other, other.URL), true},
			"of another issuer, sent to this one":                  {p, says(other, other.URL), false},
			"signed by another, under this one's name":             {p, says(other, h.URL), false},
			"signed by another, under this one's name, sent there": {beside, says(other, h.URL), false},
			"of this one, sent to another":                         {beside, says(h, h.URL), false},
			"of this one, sent to that of another organization":    {elsewhere, says(h, h.URL), true},
		} {
			want := 400
			if c.good {
				want = 200
			}
			require.Equal(t, want, post(c.to.ProviderKey.String(), c.says), name)
			require.Equal(t, "Alan", g.in(t), name)
		}
		require.Equal(t, 200, out(jwt.MapClaims{"sid": "another"}))
		require.Equal(t, "Alan", g.in(t))
		require.Equal(t, 200, out(jwt.MapClaims{"jti": "once"}))
		require.Empty(t, g.in(t))
		require.Equal(t, 400, out(jwt.MapClaims{"jti": "once"}))
		h.token = nil
	})

	t.Run("a provider that is removed signs in nobody", func(t *testing.T) {
		g := r.visit(t)
		require.Equal(t, 303, g.signsIn(t, h, p).status)
		require.NoError(t, r.directory.Providers.Remove(t.Context(), mustOperator(t, r),
			accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID}))
		require.Empty(t, g.in(t), "its sessions have ended")
		require.Equal(t, 404, g.send(t, "GET", "provider-in?provider="+p.ProviderKey.String(), nil).status)
	})
}

// What is strong counts only where the provider is trusted with that.
func TestProviderProofs(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	h := newRogue(t)
	trusted := true
	p := r.setUp(t, "Acme", h.URL, "canopy", "", nil)
	r.linkTo(t, "alan.turing", p, "mallory")
	h.says(jwt.MapClaims{"amr": []string{"pwd", "mfa"}})
	proof := func() domain.Proof {
		require.Equal(t, 303, r.visit(t).signsIn(t, h, p).status)
		all, err := r.directory.Sessions.List(t.Context(), mustOperator(t, r), domain.UserRef{Alias: "alan.turing"})
		require.NoError(t, err)
		return all[0].Proved.Proof
	}
	require.Equal(t, domain.ByPassword, proof())
	_, err := r.directory.Providers.Update(t.Context(), mustOperator(t, r), accounts.UpdateProvider{
		OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
		ProviderPatch:        accounts.ProviderPatch{TrustsStrong: &trusted}})
	require.NoError(t, err)
	require.Equal(t, domain.ByCode, proof())
	h.token = nil
	require.Equal(t, domain.ByPassword, proof())
}

// Providers at private addresses are not asked unless the server was told so.
func TestPrivateProvidersAreRefused(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	h := newRogue(t)
	for issuer, want := range map[string]*domain.Error{
		h.URL: domain.ErrInvalid, strings.Replace(h.URL, "http:", "https:", 1): domain.ErrProviderUnreachable} {
		_, err := r.directory.Providers.Create(t.Context(), mustOperator(t, r), accounts.CreateProvider{
			Organization: "Acme", Issuer: issuer, ProviderPatch: accounts.ProviderPatch{Name: new("x"), ClientID: new("x")}})
		require.ErrorIs(t, err, want, issuer)
		if want == domain.ErrProviderUnreachable {
			require.ErrorContains(t, err, "not a public address")
		}
	}
}

func mustOperator(t *testing.T, r *running) domain.Principal {
	t.Helper()
	operator, err := r.directory.Operator(t.Context())
	require.NoError(t, err)
	return operator
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err, fmt.Sprint(text))
	return u
}
