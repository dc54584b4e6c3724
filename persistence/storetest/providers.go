package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// AddProvider makes an identity provider of a tenant, with a mail domain.
func (w *World) AddProvider(t *testing.T, tenant, mail string) domain.Provider {
	t.Helper()
	p := domain.Provider{ProviderKey: domain.ProviderKey{Organization: w.Places[tenant].Organization}, Name: mail,
		Issuer: "https://login." + mail, ClientID: "canopy", ClientSecret: "secret of " + domain.SecretText(tenant),
		Subject: domain.SubjectSub, Domains: []string{mail}, Scopes: []string{"email", "groups"}, Enabled: true,
		Newcomers: domain.PlacedNewcomers, Most: domain.Ceiling{Role: domain.RoleOAdmin, Mask: domain.AllPermissions},
		Rules: []domain.PlacementRule{{Claim: "groups", Value: "a;b", Placement: domain.Placement{
			Environment: w.Places[tenant+"/Prod"].ID, Group: domain.UserGroup, Role: domain.RolePower}}},
		Created: w.DB.Now().UTC().Truncate(time.Millisecond), CreatedBy: "(test)"}
	require.NoError(t, w.Store.Do(t.Context(), Everything(domain.OrganizationWrite),
		func(tx *persistence.Tx) error { return tx.InsertProvider(&p) }))
	w.prove(t, p.Organization, mail, w.DB.Now())
	return p
}

// prove has an organization prove a domain.
func (w *World) prove(t *testing.T, o domain.OrganizationID, name string, at time.Time) domain.MailDomain {
	t.Helper()
	at = at.UTC().Truncate(time.Millisecond)
	d := domain.MailDomain{Organization: o, Name: name, Proved: at, Found: at, Asked: at}
	require.NoError(t, w.Store.Do(t.Context(), Everything(domain.OrganizationWrite),
		func(tx *persistence.Tx) error { return tx.SaveDomain(&d) }))
	return d
}

// link returns the link of a user at the provider of a tenant.
func (w *World) link(alias, tenant, subject string) domain.Link {
	key := w.KeyOf(alias)
	return domain.Link{Identity: domain.Identity{Organization: key.Organization, Issuer: w.Issuers[tenant].Issuer,
		Subject: subject}, User: key.User, Shown: subject + "@" + tenant, By: domain.LinkedByAdmin,
		Created: time.UnixMilli(1000).UTC()}
}

// AddLink links a user with a subject of the provider of a tenant.
func (w *World) AddLink(ctx context.Context, by tenancy.WriteScope, alias, tenant, subject string) error {
	link := w.link(alias, tenant, subject)
	return w.Store.Do(ctx, by, func(tx *persistence.Tx) error {
		if _, err := tx.User(w.KeyOf(alias)); err != nil {
			return err
		}
		return tx.InsertLink(w.KeyOf(alias), w.Issuers[tenant].ID, &link)
	})
}

// Unlink takes a link of a user away.
func (w *World) Unlink(ctx context.Context, by tenancy.WriteScope, alias, tenant, subject string) error {
	return w.Store.Do(ctx, by, func(tx *persistence.Tx) error {
		if _, err := tx.User(w.KeyOf(alias)); err != nil {
			return err
		}
		return tx.DeleteLink(w.KeyOf(alias), w.Issuers[tenant].Issuer, subject)
	})
}

// Providers tests identity providers, and who is linked with whom there.
func Providers(t *testing.T, database *db.DB) {
	w, ctx := NewWorld(t, database), t.Context()
	mine := w.Scope(t, "acme.admin", domain.EnvironmentWrite)
	acme, bolt := w.Issuers["Acme"], w.Issuers["Bolt"]
	change := func(k domain.ProviderKey, change func(*domain.Provider)) error {
		return w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			before, err := tx.Provider(k)
			if err != nil {
				return err
			}
			after := before
			change(&after)
			return tx.SaveProvider(&before, &after)
		})
	}
	newest := func(action string) domain.AuditEntry {
		all := Everything(domain.AuditRead).Read().Choosing(Everything(domain.UserRead).Read())
		entries, _, err := w.Audit.List(ctx, all, domain.AuditFilter{Action: action}, domain.Page{Limit: 1})
		require.NoError(t, err)
		require.NotEmpty(t, entries, action)
		return entries[0]
	}
	begin := func(t *testing.T, alias string, at domain.ProviderSession) domain.Session {
		t.Helper()
		s := w.NewSession(alias, domain.CookieSession)
		s.Provider = at
		_, err := w.Accounts.Begin(ctx, s, 100, nil)
		require.NoError(t, err)
		return s
	}
	alive := func(s domain.Session) bool {
		_, _, err := w.Accounts.BySession(ctx, s.SessionKey, "")
		if err != nil {
			require.ErrorIs(t, err, domain.ErrSessionNotFound)
		}
		return err == nil
	}

	t.Run("a provider comes back as it was stored", func(t *testing.T) {
		list, err := w.Providers.List(ctx, mine.Read(), acme.Organization)
		require.NoError(t, err)
		require.Equal(t, []domain.Provider{acme}, list)
		one, err := w.Providers.Get(ctx, mine.Read(), acme.ProviderKey)
		require.NoError(t, err)
		require.Equal(t, acme, one)
		one, err = w.Accounts.Provider(ctx, bolt.ProviderKey)
		require.NoError(t, err)
		require.Equal(t, bolt, one)
		_, err = w.Accounts.Provider(ctx, domain.ProviderKey{Organization: acme.Organization, ID: bolt.ID})
		require.ErrorIs(t, err, domain.ErrProviderNotFound)
	})

	t.Run("the secret is sealed", func(t *testing.T) {
		require.Contains(t, w.Dump(t), "client_id=canopy")
		require.NotContains(t, w.Dump(t), "secret of Acme")
	})

	t.Run("an issuer is one provider's in an organization", func(t *testing.T) {
		insert := func(change func(*domain.Provider)) error {
			p := acme
			change(&p)
			return w.Store.Do(ctx, mine, func(tx *persistence.Tx) error { return tx.InsertProvider(&p) })
		}
		require.ErrorIs(t, insert(func(p *domain.Provider) { p.Domains = nil }), domain.ErrIssuerTaken)
		require.NoError(t, insert(func(p *domain.Provider) { p.Issuer, p.Domains = bolt.Issuer, []string{"new.example"} }))
	})

	now := w.DB.Now()
	leadsAt := func(name string, at time.Time) domain.ProviderKey {
		k, err := w.Accounts.ProviderOfDomain(ctx, name, at)
		if err != nil {
			require.ErrorIs(t, err, domain.ErrProviderNotFound)
		}
		return k
	}
	leads := func(name string) domain.ProviderKey { return leadsAt(name, now) }

	t.Run("a domain leads to the provider of who has proved it", func(t *testing.T) {
		require.Equal(t, acme.ProviderKey, leads("acme.example"))
		require.NoError(t, change(acme.ProviderKey, func(p *domain.Provider) {
			p.Domains = []string{"acme.test", "bolt.example"}
		}))
		require.Zero(t, leads("acme.example"), "it has no provider any more")
		require.Zero(t, leads("acme.test"), "it is not proved")
		require.Equal(t, bolt.ProviderKey, leads("bolt.example"), "who only claims it takes nothing away")
		w.prove(t, acme.Organization, "acme.test", now)
		w.prove(t, acme.Organization, "bolt.example", now.Add(time.Hour))
		require.Equal(t, acme.ProviderKey, leads("acme.test"))
		require.Equal(t, bolt.ProviderKey, leads("bolt.example"), "of two that proved it, to the first")
		require.Equal(t, acme.ProviderKey, leadsAt("bolt.example", now.Add(domain.DomainKept)),
			"whose proof is not good any more")
		require.Zero(t, leadsAt("acme.test", now.Add(domain.DomainKept)))
		require.NoError(t, change(acme.ProviderKey, func(p *domain.Provider) { p.Enabled = false }))
		require.Zero(t, leads("acme.test"))
		require.NoError(t, change(acme.ProviderKey, func(p *domain.Provider) { p.Enabled = true }))
		require.ErrorIs(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			return tx.SaveDomain(&domain.MailDomain{Organization: acme.Organization, Name: "acme.example"})
		}), domain.ErrDomainNotFound)
	})

	t.Run("a proof is looked for again, and forgotten when it is not found for long", func(t *testing.T) {
		due := func(before time.Time) (names []string) {
			all, err := w.Accounts.DomainsDue(ctx, before, 100)
			require.NoError(t, err)
			for _, d := range all {
				if d.Organization == acme.Organization {
					names = append(names, d.Name)
				}
			}
			return names
		}
		asked := func(d domain.MailDomain) {
			require.NoError(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error { return tx.DomainAsked(&d) }))
		}
		d, err := w.Accounts.MailDomain(ctx, acme.Organization, "acme.test")
		require.NoError(t, err)
		require.Empty(t, due(d.Asked))
		require.Equal(t, []string{"acme.test"}, due(d.Asked.Add(time.Millisecond)))
		d.Asked = d.Asked.Add(2 * time.Hour)
		asked(d)
		read, err := w.Accounts.MailDomain(ctx, acme.Organization, "acme.test")
		require.NoError(t, err)
		require.Equal(t, d, read)
		require.Equal(t, []string{"bolt.example"}, due(d.Asked))
		stale := d
		stale.Asked, stale.Found = d.Asked.Add(-time.Hour), d.Asked.Add(-domain.DomainKept)
		asked(stale)
		require.Equal(t, acme.ProviderKey, leads("acme.test"), "somebody else has looked since")
		d.Asked = d.Found.Add(domain.DomainKept)
		asked(d)
		require.Zero(t, leads("acme.test"))
		_, err = w.Accounts.MailDomain(ctx, acme.Organization, "acme.test")
		require.ErrorIs(t, err, domain.ErrDomainNotFound)
		require.Equal(t, "acme.test", newest("domain:forget").Target.Name)
		d.Confirmed = true
		require.NoError(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error { return tx.SaveDomain(&d) }))
		asked(domain.MailDomain{Organization: acme.Organization, Name: "acme.test", Asked: d.Asked.Add(domain.DomainKept)})
		require.Equal(t, acme.ProviderKey, leadsAt("acme.test", now.Add(1000*time.Hour)), "what was confirmed stays")
		list, err := w.Providers.Domains(ctx, mine.Read(), acme.Organization)
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, d, list[0])
		entry := newest("domain:prove")
		require.Equal(t, "acme.test", entry.Target.Name)
		require.Contains(t, entry.Changes, domain.Change{Field: "confirmed", After: "true"})
	})

	t.Run("what changed is told, but no secret", func(t *testing.T) {
		require.NoError(t, change(acme.ProviderKey, func(p *domain.Provider) {
			p.Name, p.ClientSecret = "Acme's", "another secret"
		}))
		entry := newest("provider:update")
		require.Equal(t, "Acme's", entry.Target.Name)
		require.Equal(t, []domain.Change{{Field: "name", Before: "acme.example", After: "Acme's"},
			{Field: "client_secret"}}, entry.Changes)
		require.Equal(t, w.Places["Acme"].Path, entry.Path)
		require.NoError(t, change(acme.ProviderKey, func(p *domain.Provider) {}))
		require.Equal(t, entry, newest("provider:update"), "what changed nothing is not told")
	})

	t.Run("a link leads to its account, in its organization", func(t *testing.T) {
		want := w.link("acme.user", "Acme", "theirs")
		found, err := w.Accounts.Linked(ctx, want.Identity)
		require.NoError(t, err)
		require.Equal(t, want, found)
		links, err := w.Providers.Links(ctx, mine.Read(), w.KeyOf("acme.user"))
		require.NoError(t, err)
		require.Equal(t, []domain.Link{want}, links)
		for _, other := range []domain.Identity{{Organization: acme.Organization, Issuer: bolt.Issuer, Subject: "theirs"},
			{Organization: acme.Organization, Issuer: acme.Issuer, Subject: "Theirs"},
			{Organization: bolt.Organization, Issuer: acme.Issuer, Subject: "theirs"}} {
			_, err = w.Accounts.Linked(ctx, other)
			require.ErrorIs(t, err, domain.ErrLinkNotFound)
		}
		require.ErrorIs(t, w.AddLink(ctx, mine, "acme.power", "Acme", "theirs"), domain.ErrLinked)
		entry := newest("provider:link")
		require.Equal(t, "bolt.user", entry.Target.Name, "the last one that was made")
	})

	t.Run("a link that is taken away takes its sessions along", func(t *testing.T) {
		require.NoError(t, w.AddLink(ctx, mine, "acme.power", "Acme", "another"))
		require.NoError(t, w.AddLink(ctx, mine, "acme.power", "Acme", "second"))
		by := begin(t, "acme.power", domain.ProviderSession{Issuer: acme.Issuer, Subject: "another"})
		plain := begin(t, "acme.power", domain.ProviderSession{})
		second := begin(t, "acme.power", domain.ProviderSession{Issuer: acme.Issuer, Subject: "second"})
		require.ErrorIs(t, w.Unlink(ctx, mine, "acme.user", "Acme", "another"), domain.ErrLinkNotFound)
		require.True(t, alive(by))
		require.NoError(t, w.Unlink(ctx, mine, "acme.power", "Acme", "another"))
		require.False(t, alive(by))
		require.True(t, alive(plain))
		require.True(t, alive(second), "by another link of theirs at the same provider")
		require.Equal(t, "acme.power", newest("provider:unlink").Target.Name)
	})

	t.Run("signing out at a provider ends the sessions it began", func(t *testing.T) {
		require.NoError(t, w.AddLink(ctx, mine, "acme.power", "Acme", "others"))
		same := bolt
		same.Issuer, same.Domains = acme.Issuer, nil
		require.NoError(t, w.Store.Do(ctx, Everything(domain.OrganizationWrite),
			func(tx *persistence.Tx) error { return tx.InsertProvider(&same) }))
		w.Issuers["Bolt's too"] = same
		require.NoError(t, w.AddLink(ctx, Everything(domain.UserUpdate), "bolt.user", "Bolt's too", "theirs"))
		one := begin(t, "acme.user", domain.ProviderSession{Issuer: acme.Issuer, Subject: "theirs", ID: "1"})
		two := begin(t, "acme.user", domain.ProviderSession{Issuer: acme.Issuer, Subject: "theirs", ID: "2"})
		other := begin(t, "acme.power", domain.ProviderSession{Issuer: acme.Issuer, Subject: "others", ID: "3"})
		bolts := begin(t, "bolt.user", domain.ProviderSession{Issuer: acme.Issuer, Subject: "theirs", ID: "1"})
		out := func(at domain.ProviderSession) {
			require.NoError(t, w.Accounts.SignOutAt(ctx, acme.Organization, at))
		}
		out(domain.ProviderSession{Issuer: bolt.Issuer, Subject: "theirs"})
		out(domain.ProviderSession{Issuer: acme.Issuer, Subject: "others", ID: "1"})
		require.True(t, alive(one))
		out(domain.ProviderSession{Issuer: acme.Issuer, ID: "1"})
		require.False(t, alive(one))
		require.True(t, alive(two))
		require.Equal(t, "(identity provider)", newest("session:end").Actor.Alias)
		out(domain.ProviderSession{Issuer: acme.Issuer, Subject: "theirs"})
		require.False(t, alive(two))
		require.True(t, alive(other))
		require.True(t, alive(bolts))
	})

	t.Run("a session in the place of one that a provider began ends with it too", func(t *testing.T) {
		s := begin(t, "acme.user", domain.ProviderSession{Issuer: acme.Issuer, Subject: "theirs", ID: "4"})
		after := w.NewSession("acme.user", domain.CookieSession)
		require.NoError(t, w.Store.Do(ctx, Everything(domain.UserUpdate), func(tx *persistence.Tx) error {
			if _, err := tx.User(s.UserKey); err != nil {
				return err
			}
			return tx.RenewSession(s.SessionKey, after, 100, nil)
		}))
		require.True(t, alive(after))
		require.NoError(t, w.Accounts.SignOutAt(ctx, acme.Organization,
			domain.ProviderSession{Issuer: acme.Issuer, Subject: "theirs", ID: "4"}))
		require.False(t, alive(after))
	})

	t.Run("sessions of people who are known by another claim are their provider's too", func(t *testing.T) {
		p := acme
		p.Issuer, p.Subject, p.Domains = "https://tenants.example", domain.SubjectOID, nil
		require.NoError(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error { return tx.InsertProvider(&p) }))
		w.Issuers["Acme's tenants"] = domain.Provider{ProviderKey: p.ProviderKey, Issuer: p.IdentityIssuer()}
		require.NoError(t, w.AddLink(ctx, mine, "acme.user", "Acme's tenants", "t/o"))
		by := begin(t, "acme.user", domain.ProviderSession{Issuer: p.IdentityIssuer(), Subject: "t/o"})
		require.True(t, alive(by))
		require.NoError(t, change(p.ProviderKey, func(p *domain.Provider) { p.Enabled = false }))
		require.False(t, alive(by))
	})

	t.Run("a link at a provider that is on is a way in", func(t *testing.T) {
		has := func(alias string) (has bool) {
			require.NoError(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
				_, err := tx.User(w.KeyOf(alias))
				if err == nil {
					has, err = tx.HasLink(w.KeyOf(alias))
				}
				return err
			}))
			return has
		}
		require.False(t, has("acme.labs"))
		require.True(t, has("acme.user"))
		require.NoError(t, w.AddLink(ctx, mine, "acme.power", "Acme", "power's"))
		require.NoError(t, change(acme.ProviderKey, func(p *domain.Provider) { p.Enabled = false }))
		require.False(t, has("acme.user"), "both providers are off")
		require.ErrorIs(t, w.AddLink(ctx, mine, "acme.user", "Acme", "off"), domain.ErrProviderNotFound)
		tenants := w.Issuers["Acme's tenants"].ProviderKey
		require.NoError(t, change(tenants, func(p *domain.Provider) { p.Enabled = true }))
		require.True(t, has("acme.user"), "who is known by another claim")
		require.False(t, has("acme.power"), "that provider knows nothing of them")
		require.NoError(t, change(acme.ProviderKey, func(p *domain.Provider) { p.Enabled = true }))
		require.True(t, has("acme.power"))
		require.NoError(t, w.Unlink(ctx, mine, "acme.power", "Acme", "power's"))
		w.Issuers["none"] = domain.Provider{ProviderKey: bolt.ProviderKey, Issuer: acme.Issuer}
		require.ErrorIs(t, w.AddLink(ctx, mine, "acme.user", "none", "x"), domain.ErrProviderNotFound,
			"another organization's")
	})

	t.Run("a session is there until it ends", func(t *testing.T) {
		s := begin(t, "acme.user", domain.ProviderSession{})
		has := func(k domain.SessionKey) (has bool) {
			require.NoError(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
				_, err := tx.User(k.UserKey)
				if err == nil {
					has, err = tx.HasSession(k)
				}
				return err
			}))
			return has
		}
		require.True(t, has(s.SessionKey))
		require.False(t, has(domain.SessionKey{UserKey: w.KeyOf("acme.power"), ID: s.ID}), "whose it is not")
		epoch := func(change string) {
			_, err := w.DB.Writer().ExecContext(ctx, "UPDATE users SET token_epoch = token_epoch "+change+
				" WHERE alias = 'acme.user'")
			require.NoError(t, err)
		}
		epoch("+ 1")
		require.False(t, has(s.SessionKey), "all were ended")
		epoch("- 1")
		require.True(t, has(s.SessionKey))
		require.NoError(t, w.Accounts.SignOut(ctx, s.SessionKey))
		require.False(t, has(s.SessionKey))
	})

	t.Run("a provider that is switched off ends the sessions that it began", func(t *testing.T) {
		by := begin(t, "acme.user", domain.ProviderSession{Issuer: acme.Issuer, Subject: "theirs", ID: "5"})
		account, _, err := w.Accounts.BySession(ctx, by.SessionKey, "")
		require.NoError(t, err)
		require.Equal(t, acme.Issuer, account.Session.Provider.Issuer)
		plain := begin(t, "acme.user", domain.ProviderSession{})
		require.NoError(t, change(acme.ProviderKey, func(p *domain.Provider) { p.Enabled = false }))
		require.False(t, alive(by))
		account, _, err = w.Accounts.BySession(ctx, plain.SessionKey, "")
		require.NoError(t, err)
		require.Empty(t, account.Session.Provider)
		require.NoError(t, change(acme.ProviderKey, func(p *domain.Provider) { p.Enabled = true }))
	})

	t.Run("rules keep the accounts that they leave out", func(t *testing.T) {
		prod, source := w.Places["Acme/Prod"], persistence.NewSource(w.DB)
		key, user := tenancy.KeyOf(&prod), w.KeyOf("acme.user").User
		rules := domain.SignInRules{MinPassword: 8, OnlyProvider: true, BreakGlass: domain.BreakGlass{user}}
		save := func(rules domain.SignInRules) {
			require.NoError(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error { return tx.SaveSignInRules(key, rules) }))
			read, err := w.Environments.SignInRulesOf(ctx, mine.Read(), key)
			require.NoError(t, err)
			require.Equal(t, rules, read)
			all, err := source.SignInRules(ctx, []domain.EnvironmentID{prod.ID})
			require.NoError(t, err)
			require.Equal(t, []domain.SignInRules{rules}, all)
		}
		save(rules)
		require.NoError(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			onWay := func(want domain.SignInRules) {
				placed, err := tx.RulesOnWay(w.Places["Acme/Prod/East"].Path)
				require.NoError(t, err)
				require.Contains(t, placed, domain.PlacedRules{Path: prod.Path, SignInRules: want})
				clear(placed) // which is the reader's
			}
			onWay(rules)
			onWay(rules)
			longer := rules
			longer.MinPassword++
			require.NoError(t, tx.SaveSignInRules(key, longer))
			onWay(longer)
			return tx.SaveSignInRules(key, rules)
		}))
		two := rules
		two.BreakGlass, _ = domain.BreakGlassOf([]domain.UserID{w.KeyOf("acme.power").User, user, user})
		save(two)
		letIn := func(users ...domain.UserID) (in bool) {
			require.NoError(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) (err error) {
				in, err = tx.LetIn(key, users)
				return err
			}))
			return in
		}
		exec := func(change string) {
			_, err := w.DB.Writer().ExecContext(ctx, "UPDATE users SET "+change+" WHERE alias = 'acme.user'")
			require.NoError(t, err)
		}
		exec("password_hash = 'x', active = TRUE, state = 0, factors = 0")
		require.True(t, letIn(user))
		require.False(t, letIn())
		require.False(t, letIn(w.KeyOf("acme.admin").User, w.KeyOf("bolt.user").User), "they are not at home there")
		exec("password_hash = ''")
		require.False(t, letIn(user))
		exec("factors = 2")
		require.True(t, letIn(user), "by a passkey")
		exec("active = FALSE")
		require.False(t, letIn(user))
		exec("active = TRUE, password_hash = 'x', factors = 0")
		save(domain.SignInRules{MinPassword: 8})
	})

	t.Run("a link outlives its account and its provider", func(t *testing.T) {
		gone, stays := w.link("acme.labs", "Acme", "gone"), w.link("acme.user", "Acme", "theirs")
		all := Everything(domain.UserUpdate)
		labs := domain.Provider{ProviderKey: domain.ProviderKey{Organization: w.KeyOf("acme.labs").Organization},
			Name: "Labs", Issuer: acme.Issuer, ClientID: "canopy", Subject: domain.SubjectSub, Enabled: true}
		require.NoError(t, w.Store.Do(ctx, Everything(domain.OrganizationWrite),
			func(tx *persistence.Tx) error { return tx.InsertProvider(&labs) }))
		w.Issuers["Labs"] = labs
		require.NoError(t, w.AddLink(ctx, all, "acme.labs", "Labs", "gone"))
		require.NoError(t, w.AddLink(ctx, mine, "acme.power", "Acme", "gone"))
		require.NoError(t, w.Store.Do(ctx, all, func(tx *persistence.Tx) error {
			if _, err := tx.User(w.KeyOf("acme.power")); err != nil {
				return err
			}
			return tx.DeleteUser(w.KeyOf("acme.power"))
		}))
		require.ErrorIs(t, w.AddLink(ctx, mine, "acme.admin", "Acme", "gone"), domain.ErrLinked)

		by := begin(t, "acme.user", domain.ProviderSession{Issuer: acme.Issuer, Subject: "theirs"})
		require.NoError(t, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			p, err := tx.Provider(acme.ProviderKey)
			if err != nil {
				return err
			}
			return tx.DeleteProvider(&p)
		}))
		require.False(t, alive(by))
		_, err := w.Accounts.Provider(ctx, acme.ProviderKey)
		require.ErrorIs(t, err, domain.ErrProviderNotFound)
		_, err = w.Accounts.ProviderOfDomain(ctx, "acme.test", now)
		require.ErrorIs(t, err, domain.ErrProviderNotFound)
		_, err = w.Accounts.Linked(ctx, stays.Identity)
		require.ErrorIs(t, err, domain.ErrLinkNotFound, "whose account is there")
		gone.Organization = acme.Organization
		_, err = w.Accounts.Linked(ctx, gone.Identity)
		require.NoError(t, err, "whose account was removed")
		_, err = w.Accounts.Linked(ctx, w.link("acme.labs", "Labs", "gone").Identity)
		require.NoError(t, err, "of another organization")
		require.Equal(t, "provider:delete", newest("provider:delete").Action)
	})

	t.Run("an organization that goes takes its providers along", func(t *testing.T) {
		all := Everything(domain.OrganizationWrite)
		require.NoError(t, w.Environments.Purge(ctx, all, w.Places["Bolt/Labs"].Organization))
		require.NoError(t, w.Environments.Purge(ctx, all, bolt.Organization))
		_, err := w.Accounts.Provider(ctx, bolt.ProviderKey)
		require.ErrorIs(t, err, domain.ErrProviderNotFound)
		_, err = w.Accounts.ProviderOfDomain(ctx, "bolt.example", now)
		require.ErrorIs(t, err, domain.ErrProviderNotFound)
		_, err = w.Accounts.Linked(ctx, w.link("bolt.user", "Bolt", "theirs").Identity)
		require.ErrorIs(t, err, domain.ErrLinkNotFound)
	})
}
