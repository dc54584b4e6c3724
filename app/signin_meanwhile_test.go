package app_test

import (
	"crypto/rand"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/testdb"
)

// TestWhoIsRecognisedIsSoStill changes an account on one server of a directory while another one asks DNS for the domain
// by which it would be recognised: whoever comes gets into it only if nobody has got a way in meanwhile, it has still the
// address, and the provider the domain.
func TestWhoIsRecognisedIsSoStill(t *testing.T) {
	z, address, c := newZone(t), testdb.Postgres(t), newClock(time.Now())
	own := func(cfg *app.Config) {
		private(cfg)
		cfg.DatabaseURL, cfg.AnswerFloor, cfg.PublicURL, cfg.Now, cfg.DNSServer = address, 0, publicURL, c.now, z.address
	}
	r := openConsole(t, "", own)
	cfg := settings(t, c)
	own(&cfg)
	other := serve(t, cfg)
	h, mail := newRogue(t), &[]string{"acme.example"}
	p := r.setUp(t, "Acme", h.URL, "canopy", "", func(in *accounts.CreateProvider) { in.Domains = mail })
	r.setUp(t, "Acme", newRogue(t).URL, "canopy", "", func(in *accounts.CreateProvider) { in.Domains = mail })
	domains, err := r.directory.Providers.Domains(t.Context(), mustOperator(t, r), "Acme")
	require.NoError(t, err)
	z.has(domains[0].Record, []string{domains[0].Text})
	_, err = r.directory.Providers.ProveDomain(t.Context(), mustOperator(t, r),
		accounts.ProveDomain{Organization: "Acme", Domain: "acme.example"})
	require.NoError(t, err)

	// comes has somebody come from the provider, whom nobody is linked with, as who has a login name.
	comes := func(login string, meanwhile func() error) (links []domain.Link) {
		t.Helper()
		r.exec(t, "UPDATE users SET password_hash = '' WHERE alias = '"+login+"'")
		c.set(c.now().Add(2 * time.Minute))
		r.exec(t, "UPDATE mail_domains SET found_at = found_at - 7200000") // so that DNS is asked
		g := r.visit(t)
		asked := g.leaves(t, p)
		token := h.sign(h.claims(asked.Get("nonce"), jwt.MapClaims{"sub": rand.Text(), "email": login + "@acme.example",
			"email_verified": true, "iat": c.now().Unix(), "exp": c.now().Add(time.Minute).Unix()}))
		h.token = func(string) string { return token }
		happened := make(chan error, 1)
		z.becomes(func() { z.meanwhile = func() { happened <- meanwhile() } })
		g.comes(t, p, url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}})
		require.Len(t, happened, 1)
		require.NoError(t, <-happened)
		return slices.DeleteFunc(linksOf(t, r, login), func(l domain.Link) bool { return l.By != domain.LinkedByDomain })
	}
	require.Len(t, comes("ken.thompson", func() error { return nil }), 1)

	operator := mustOperator(t, other)
	changes := func(login string, patch directory.UserPatch) func() error {
		return func() error {
			_, err := other.directory.Users.Update(t.Context(), operator,
				directory.UpdateUser{User: domain.UserRef{Alias: login}, UserPatch: patch})
			return err
		}
	}
	link := func() error {
		return other.directory.Providers.Link(t.Context(), operator, accounts.OfUser[accounts.LinkSubject]{
			User: domain.UserRef{Alias: "tony.hoare"}, In: accounts.LinkSubject{Provider: p.ID, Subject: "tony"}})
	}
	has := func(domains ...string) error {
		_, err := other.directory.Providers.Update(t.Context(), operator, accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
			ProviderPatch:        accounts.ProviderPatch{Domains: &domains}})
		return err
	}
	for _, c := range []struct {
		why, login string
		meanwhile  func() error
	}{
		{"a password", "alan.turing", changes("alan.turing", directory.UserPatch{Password: new("another long enough one")})},
		{"a link", "tony.hoare", link},
		{"another address", "donald.knuth", changes("donald.knuth", directory.UserPatch{Mail: new("donald@acme.example")})},
		{"an end", "niklaus.wirth", changes("niklaus.wirth", directory.UserPatch{Active: new(false)})},
		{"a program", "barbara.liskov", changes("barbara.liskov", directory.UserPatch{System: new(true)})},
		{"a provider without the domain", "radia.perlman", func() error { return has("acme.org") }},
	} {
		require.Empty(t, comes(c.login, c.meanwhile), c.why)
		require.NoError(t, has("acme.example"))
	}
}

// TestAProviderIsChangedAsItWasSeen holds that what was decided on a provider changes no other one.
func TestAProviderIsChangedAsItWasSeen(t *testing.T) {
	r := openConsole(t, "postgres", private)
	p := r.setUp(t, "Acme", newRogue(t).URL, "canopy", "", nil)
	at := accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID}
	sealed, err := r.directory.DB.Vault.Seal("provider "+p.ProviderKey.String(), "another secret")
	require.NoError(t, err)
	for _, change := range []string{"enabled = false", "sealed = '" + sealed + "'"} {
		err := meanwhile(t, r.directory.DB, "UPDATE providers SET "+change, func() error {
			_, err := r.directory.Providers.Update(t.Context(), mustOperator(t, r), accounts.UpdateProvider{
				OrganizationProvider: at, ProviderPatch: accounts.ProviderPatch{Name: new("Other")}})
			return err
		})
		require.ErrorIs(t, err, domain.ErrChanged, change)
	}
}
