package app_test

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/mail/mailtest"
	"canopy/domain"
	"canopy/persistence/testdb"
)

// asOwner returns somebody with a session, as whom a test asks.
func (r *running) asOwner(t *testing.T, alias string) domain.Principal {
	t.Helper()
	u := r.account(t, alias)
	return domain.Principal{Subject: u.Subject(), User: u.ID, Alias: u.Alias, Session: "01a22b9e-2cda-7df9-b496-fa0585f709af"}
}

// TestLinksSayHowTheyCame links people in each way, and holds that they are told of it by mail, at a real mail server
// and in their language, when it is done and when it is undone.
func TestLinksSayHowTheyCame(t *testing.T) {
	sink := mailtest.New(t, mailtest.Options{})
	r := openConsole(t, "sqlite", func(cfg *app.Config) {
		private(cfg)
		cfg.SMTPURL, cfg.MailFrom = "smtp://"+sink.Address, "canopy@example.org"
	})
	h := newRogue(t)
	p := r.setUp(t, "Globex", h.URL, "canopy", "", func(in *accounts.CreateProvider) {
		all := domain.AllNewcomers
		in.Newcomers = &all
	})
	told := func() (all []mailtest.Received) {
		before := len(sink.All())
		require.NoError(t, r.directory.RunJobs(t.Context()))
		return slices.DeleteFunc(sink.All()[before:], func(m mailtest.Received) bool {
			return m.Subject == "Somebody signed in to your account from a new device"
		})
	}
	by := func(alias string) (all []domain.LinkedBy) {
		links, err := r.directory.Providers.Links(t.Context(), mustOperator(t, r), domain.UserRef{Alias: alias})
		require.NoError(t, err)
		for _, l := range links {
			all = append(all, l.By)
		}
		return all
	}
	unlink := func(caller domain.Principal, alias, subject string) error {
		return r.directory.Providers.Unlink(t.Context(), caller, accounts.OfUser[domain.Identity]{
			User: domain.UserRef{Alias: alias}, In: domain.Identity{Issuer: h.URL, Subject: subject}})
	}
	told()

	t.Run("by an administrator", func(t *testing.T) {
		r.linkTo(t, "yann.lecun", p, "yann")
		require.Equal(t, []domain.LinkedBy{domain.LinkedByAdmin}, by("yann.lecun"))
		mails := told()
		require.Len(t, mails, 1)
		require.Equal(t, "yann.lecun@globex.example", mails[0].To)
		require.Equal(t, "Votre compte est ouvert par la connexion de votre organisation", mails[0].Subject)
		require.Contains(t, mails[0].Text, "a été lié")
	})

	t.Run("by themselves", func(t *testing.T) {
		claude := r.visitAs(t, "claude.shannon")
		_, to := claude.linked(t, demoPassword)
		asked := mustURL(t, to).Query()
		h.person, h.nonce = jwt.MapClaims{"sub": "claude"}, asked.Get("nonce")
		done := claude.comes(t, p, url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}})
		require.Equal(t, 303, done.status, done.text)
		require.Equal(t, []domain.LinkedBy{domain.LinkedByPerson}, by("claude.shannon"))
		mails := told()
		require.Len(t, mails, 1)
		require.Equal(t, "claude.shannon@globex.example", mails[0].To)
		require.Equal(t, "Your account can be signed in to by your organization", mails[0].Subject)
		require.Contains(t, mails[0].Text, "was linked")
	})

	t.Run("by the first sign-in", func(t *testing.T) {
		h.person = jwt.MapClaims{"sub": "new", "preferred_username": "brand-new"}
		g := r.visit(t)
		require.Equal(t, 303, g.signsIn(t, h, p).status)
		require.Equal(t, []domain.LinkedBy{domain.LinkedFirst}, by("brand-new"))
		require.Empty(t, told(), "the account is nobody else's")
	})

	t.Run("what is undone is told too, whoever undid it", func(t *testing.T) {
		require.NoError(t, unlink(mustOperator(t, r), "yann.lecun", "yann"))
		require.NoError(t, unlink(r.asOwner(t, "claude.shannon"), "claude.shannon", "claude"))
		mails := told()
		subjects := map[string]string{}
		for _, m := range mails {
			subjects[m.To] = m.Subject
		}
		require.Equal(t, map[string]string{
			"yann.lecun@globex.example":     "Votre compte n’est plus lié à la connexion de votre organisation",
			"claude.shannon@globex.example": "Your account was unlinked from your organization's sign-in"}, subjects)
		require.ErrorIs(t, unlink(mustOperator(t, r), "yann.lecun", "yann"), domain.ErrLinkNotFound)
		require.Empty(t, told(), "nothing was undone")
	})
}

// TestLinkingByHandIsRefused holds for whom, and where, nobody is linked by somebody else.
func TestLinkingByHandIsRefused(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	h := newRogue(t)
	p, theirs := r.setUp(t, "Acme", h.URL, "canopy", "", nil), r.setUp(t, "Globex", h.URL, "canopy", "", nil)
	off := r.setUp(t, "Acme", newRogue(t).URL, "canopy", "", func(in *accounts.CreateProvider) { in.Enabled = new(bool) })
	r.linkTo(t, "tony.hoare", p, "taken")
	link := func(by domain.Principal, alias string, at accounts.ProviderDocument, subject string) error {
		return r.directory.Providers.Link(t.Context(), by, accounts.OfUser[accounts.LinkSubject]{
			User: domain.UserRef{Alias: alias}, In: accounts.LinkSubject{Provider: at.ID, Subject: subject}})
	}
	// with is the operator, of whose permissions those are left.
	with := func(alias string, mask domain.Mask) domain.Principal {
		t.Helper()
		parent, root := domain.GroupRef("/Admin"), domain.EnvironmentRef("/")
		g, err := r.directory.Groups.Create(t.Context(), mustOperator(t, r), directory.GroupPatch{Alias: &alias,
			Parent: &parent, Mask: &mask, Organization: &root})
		require.NoError(t, err)
		by := mustOperator(t, r)
		by.Groups, by.Epoch, by.Alias = []domain.GroupID{g.ID}, 77+int64(len(alias)), alias
		return by
	}
	operator := mustOperator(t, r)
	for _, c := range []struct {
		why     string
		by      domain.Principal
		alias   string
		at      accounts.ProviderDocument
		subject string
		want    *domain.Error
		field   string
	}{
		{"a provider of another organization", operator, "alan.turing", theirs, "1", domain.ErrProviderNotFound, "provider"},
		{"a provider of one's own organization, for somebody of another", r.asOwner(t, "claude.shannon"), "alan.turing",
			theirs, "1", domain.ErrUserNotFound, "user"},
		{"a place out of reach", r.asOwner(t, "claude.shannon"), "alan.turing", p, "1", domain.ErrUserNotFound, "user"},
		{"without the permission", with("readers", domain.UserRead.Mask()), "alan.turing", p, "1", domain.ErrForbidden, ""},
		{"somebody who has more", with("small", domain.UserRead.Mask()|domain.UserUpdate.Mask()), "alan.turing", p, "1",
			domain.ErrHasMore, "user"},
		{"a subject that is taken", operator, "alan.turing", p, "taken", domain.ErrLinked, "subject"},
		{"a subject that nobody has", operator, "alan.turing", p, "", domain.ErrInvalid, "subject"},
		{"a provider that is off", operator, "alan.turing", off, "1", domain.ErrProviderOff, "provider"},
		{"oneself", r.asOwner(t, "grace.hopper"), "grace.hopper", p, "1", domain.ErrOwnAccount, ""},
	} {
		err := link(c.by, c.alias, c.at, c.subject)
		require.ErrorIs(t, err, c.want, c.why)
		if c.field != "" {
			require.Equal(t, c.field, domain.AsError(err).Field, c.why)
		}
		require.Empty(t, linksOf(t, r, c.alias), c.why)
	}
	require.Len(t, linksOf(t, r, "tony.hoare"), 1)
	require.NoError(t, link(with("enough", domain.AllPermissions), "alan.turing", p, "1"))
}

// TestLinksAreOfWhoSomebodyIsByThen holds that nobody links or unlinks somebody who has got more than they have since
// they were looked at.
func TestLinksAreOfWhoSomebodyIsByThen(t *testing.T) {
	r := openConsole(t, "postgres", private)
	p := r.setUp(t, "Acme", newRogue(t).URL, "canopy", "", nil)
	by, alan := mustOperator(t, r), domain.UserRef{Alias: "alan.turing"}
	by.Role, by.Epoch = domain.RolePower, 77
	link := func() error {
		return r.directory.Providers.Link(t.Context(), by, accounts.OfUser[accounts.LinkSubject]{
			User: alan, In: accounts.LinkSubject{Provider: p.ID, Subject: "alan"}})
	}
	unlink := func() error {
		return r.directory.Providers.Unlink(t.Context(), by, accounts.OfUser[domain.Identity]{
			User: alan, In: domain.Identity{Issuer: p.Issuer, Subject: "alan"}})
	}
	for i, act := range []func() error{link, unlink} {
		err := meanwhile(t, r.directory.DB, fmt.Sprintf("UPDATE users SET role = %d WHERE alias = 'alan.turing'",
			domain.RoleOAdmin), act)
		require.ErrorIs(t, err, domain.ErrHasMore)
		require.Len(t, linksOf(t, r, "alan.turing"), i)
		r.exec(t, fmt.Sprintf("UPDATE users SET role = %d WHERE alias = 'alan.turing'", domain.RoleUser))
		require.NoError(t, act())
	}
}

// TestProvidersNeedARecentProof holds that what lets people in by a provider, or keeps them out, needs a recent proof
// where one is asked for.
func TestProvidersNeedARecentProof(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	h := newRogue(t)
	p := r.setUp(t, "Acme", h.URL, "canopy", "", nil)
	r.linkTo(t, "alan.turing", p, "alan")
	old := mustOperator(t, r)
	old.Stale = true
	at := accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID}
	alan := domain.UserRef{Alias: "alan.turing"}
	_, created := r.directory.Providers.Create(t.Context(), old, accounts.CreateProvider{Organization: "Acme",
		Issuer: h.URL + "/x", ProviderPatch: accounts.ProviderPatch{Name: new("x"), ClientID: new("x")}})
	_, updated := r.directory.Providers.Update(t.Context(), old, accounts.UpdateProvider{OrganizationProvider: at})
	for what, err := range map[string]error{"create": created, "update": updated,
		"remove": r.directory.Providers.Remove(t.Context(), old, at),
		"link": r.directory.Providers.Link(t.Context(), old, accounts.OfUser[accounts.LinkSubject]{User: alan,
			In: accounts.LinkSubject{Provider: p.ID, Subject: "2"}}),
		"unlink": r.directory.Providers.Unlink(t.Context(), old, accounts.OfUser[domain.Identity]{User: alan,
			In: domain.Identity{Issuer: h.URL, Subject: "alan"}})} {
		require.ErrorIs(t, err, domain.ErrProveAgain, what)
	}
	_, err := r.directory.Providers.List(t.Context(), old, "Acme")
	require.NoError(t, err)
}

// TestKeysTrustNoProvider holds that no API key says that what a provider says of more than a password counts.
func TestKeysTrustNoProvider(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	h := newRogue(t)
	p := r.setUp(t, "Acme", h.URL, "canopy", "", nil)
	caller := mustOperator(t, r)
	trust := func(it bool) error {
		_, err := r.directory.Providers.Update(t.Context(), caller, accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
			ProviderPatch:        accounts.ProviderPatch{TrustsStrong: &it}})
		return err
	}
	require.NoError(t, trust(true))
	caller.ByKey = true
	require.NoError(t, trust(true), "it was trusted before")
	require.NoError(t, trust(false))
	require.ErrorIs(t, trust(true), domain.ErrKeyWeakens)
	_, err := r.directory.Providers.Create(t.Context(), caller, accounts.CreateProvider{Organization: "Acme",
		Issuer:        h.URL + "/x",
		ProviderPatch: accounts.ProviderPatch{Name: new("x"), ClientID: new("x"), TrustsStrong: new(true)}})
	require.ErrorIs(t, err, domain.ErrKeyWeakens)
}

// TestRemovedLinksCountAtOnceOnOtherServers holds that a link or a provider that goes on one server of a directory lets
// nobody in on another one: no session that it began, no sign-in, and none that was underway there.
func TestRemovedLinksCountAtOnceOnOtherServers(t *testing.T) {
	address := testdb.Postgres(t)
	own := func(cfg *app.Config) {
		private(cfg)
		cfg.DatabaseURL, cfg.AnswerFloor, cfg.PublicURL = address, 0, publicURL
	}
	r := openConsole(t, "", own)
	cfg := settings(t, newClock(time.Now()))
	own(&cfg)
	other := serve(t, cfg)
	h := newRogue(t)
	h.person = jwt.MapClaims{"sub": "alan"}
	p := r.setUp(t, "Acme", h.URL, "canopy", "", nil)
	at := accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID}
	enable := func(on bool) error {
		_, err := r.directory.Providers.Update(t.Context(), mustOperator(t, r),
			accounts.UpdateProvider{OrganizationProvider: at, ProviderPatch: accounts.ProviderPatch{Enabled: &on}})
		return err
	}
	for _, c := range []struct {
		name         string
		remove, back func() error
	}{
		{"a link", func() error {
			return r.directory.Providers.Unlink(t.Context(), mustOperator(t, r), accounts.OfUser[domain.Identity]{
				User: domain.UserRef{Alias: "alan.turing"}, In: domain.Identity{Issuer: h.URL, Subject: "alan"}})
		}, func() error { r.linkTo(t, "alan.turing", p, "alan"); return nil }},
		{"a provider that is on", func() error { return enable(false) }, func() error { return enable(true) }},
		{"a provider", func() error { return r.directory.Providers.Remove(t.Context(), mustOperator(t, r), at) }, nil},
	} {
		if c.name == "a link" {
			require.NoError(t, c.back())
		}
		g, underway := other.visit(t), other.visit(t)
		require.Equal(t, 303, g.signsIn(t, h, p).status, c.name)
		require.Equal(t, "Alan", g.in(t), c.name)
		asked := underway.leaves(t, p)
		h.nonce = asked.Get("nonce")
		require.NoError(t, c.remove(), c.name)
		require.Empty(t, g.in(t), "%s: a session there", c.name)
		late := underway.comes(t, p, url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}})
		require.Contains(t, []int{403, 404}, late.status, "%s: a sign-in that was underway", c.name)
		require.Empty(t, underway.in(t), c.name)
		if c.back != nil {
			require.NoError(t, c.back())
			require.Empty(t, g.in(t), "%s: what has ended comes back", c.name)
		}
	}
	fresh := other.visit(t)
	sent := fresh.send(t, "GET", "provider-in?provider="+p.ProviderKey.String()+"&next=my-keys", nil)
	require.NotEqual(t, 303, sent.status, "a provider that is gone is gone to by nobody")
	require.Equal(t, "Alan", other.visitAs(t, "alan.turing").in(t), "the account is there")
}
