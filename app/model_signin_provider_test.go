package app_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"canopy/app/accounts"
	"canopy/domain"
)

// setUpProvider gives the organization a provider.
func (m *signInModel) setUpProvider(t *rapid.T, top domain.EnvironmentID) {
	m.trusted = rapid.Bool().Draw(t, "trusted")
	m.provider = m.w.setUp(m.t, string(domain.NumberRef(top)), m.company.URL, "canopy", "",
		func(in *accounts.CreateProvider) { in.TrustsStrong = &m.trusted })
}

// askForProvider has an environment let people in by the provider only, but for some and perhaps programs, and asks for
// nothing else; and often the one above it, but for others: who is left out by both gets in.
func (m *signInModel) askForProvider(t *rapid.T) {
	e := rapid.SampledFrom(m.inside).Draw(t, "environment")
	m.setRules(e, domain.SignInRules{OnlyProvider: true, BreakGlass: m.drawLeftOut(t, e),
		ProgramsExempt: rapid.Bool().Draw(t, "programs exempt")})
	if above := m.environments[e].parent; above != domain.RootEnvironment && rapid.Bool().Draw(t, "above too") {
		m.setRules(above, domain.SignInRules{OnlyProvider: true, BreakGlass: m.drawLeftOut(t, above),
			ProgramsExempt: rapid.Bool().Draw(t, "programs exempt above")})
	}
}

// drawLeftOut draws people at home in or below an environment.
func (m *signInModel) drawLeftOut(t *rapid.T, e domain.EnvironmentID) domain.BreakGlass {
	var users []domain.UserID
	for id, u := range m.users {
		if !u.System && m.below(u.Home, e) {
			users = append(users, id)
		}
	}
	slices.Sort(users)
	users = slices.DeleteFunc(users, func(domain.UserID) bool { return !rapid.Bool().Draw(t, "left out") })
	b, err := domain.BreakGlassOf(users)
	require.NoError(m.t, err)
	return b
}

// link links somebody of the organization with one more subject of the provider.
func (m *signInModel) link(t *rapid.T) {
	u := m.drawWho(t, "all are linked enough", func(u *domain.User) bool {
		return u.Home != domain.RootEnvironment && len(m.links[u.ID]) < 2
	})
	subject := *m.name("subject")
	if m.off {
		err := m.w.directory.Providers.Link(m.t.Context(), m.w.operator(m.t), accounts.OfUser[accounts.LinkSubject]{
			User: domain.UserRef{ID: u.ID}, In: accounts.LinkSubject{Provider: m.provider.ID, Subject: subject}})
		require.ErrorIs(m.t, err, domain.ErrProviderOff)
		return
	}
	m.w.linkTo(m.t, u.Alias, m.provider, subject)
	m.links[u.ID] = append(m.links[u.ID], subject)
}

func (m *signInModel) drawLinked(t *rapid.T) (u *domain.User, subject string) {
	u = m.drawWho(t, "nobody is linked", func(u *domain.User) bool { return len(m.links[u.ID]) > 0 })
	return u, rapid.SampledFrom(m.links[u.ID]).Draw(t, "subject")
}

// unlink takes a link away, which lets nobody in any more and ends what it began; what another link began goes on.
func (m *signInModel) unlink(t *rapid.T) {
	u, subject := m.drawLinked(t)
	err := m.w.directory.Providers.Unlink(m.t.Context(), m.w.operator(m.t), accounts.OfUser[domain.Identity]{
		User: domain.UserRef{ID: u.ID}, In: domain.Identity{Issuer: m.company.URL, Subject: subject}})
	require.NoError(m.t, err)
	m.links[u.ID] = slices.DeleteFunc(m.links[u.ID], func(s string) bool { return s == subject })
	m.end(t, func(s *modelSession) bool { return s.subject == subject })
	if m.off {
		return
	}
	if got := m.comesAs(m.w.visit(m.t), subject, false); got.status != http.StatusForbidden {
		t.Fatalf("%s, who was unlinked, is answered by %d", u.Alias, got.status)
	}
}

// switchProvider switches the provider off or on.
func (m *signInModel) switchProvider(t *rapid.T) {
	on := m.off
	_, err := m.w.directory.Providers.Update(m.t.Context(), m.w.operator(m.t), accounts.UpdateProvider{
		OrganizationProvider: accounts.OrganizationProvider{Organization: domain.NumberRef(m.inside[0]),
			Provider: m.provider.ID}, ProviderPatch: accounts.ProviderPatch{Enabled: &on}})
	require.NoError(m.t, err)
	if m.off = !on; m.off {
		m.end(t, func(s *modelSession) bool { return s.byProvider })
		m.leadsNowhere(t)
	}
}

// leadsNowhere fails if anybody is sent to the provider, which is off.
func (m *signInModel) leadsNowhere(t *rapid.T) {
	sent := m.w.visit(m.t).send(m.t, http.MethodGet, "provider-in?provider="+m.provider.ProviderKey.String(), nil)
	if sent.status == http.StatusSeeOther {
		t.Fatalf("somebody is sent to a provider that is off")
	}
}

// signInByProvider signs somebody in by the provider of their organization, which may say that they proved more than a
// password there.
func (m *signInModel) signInByProvider(t *rapid.T) {
	u, subject := m.drawLinked(t)
	s := &modelSession{guest: m.w.visit(m.t), user: u, at: m.now(), way: "the provider", byProvider: true,
		subject: subject}
	if m.off {
		m.leadsNowhere(t)
		return
	}
	strong := rapid.Bool().Draw(t, "strong")
	if strong && m.trusted {
		s.proved = domain.ByCode
	}
	m.begun(t, s, m.comesAs(s.guest, subject, strong))
}

// comesAs goes to the provider and comes back as a subject.
func (m *signInModel) comesAs(g *guest, subject string, strong bool) page {
	asked := g.leaves(m.t, m.provider)
	says := jwt.MapClaims{"sub": subject, "iat": m.now().Unix(), "auth_time": m.now().Unix(),
		"exp": m.now().Add(time.Minute).Unix()}
	if strong {
		says["amr"] = []string{"pwd", "mfa"}
	}
	m.company.nonce = asked.Get("nonce")
	m.company.says(says)
	return g.comes(m.t, m.provider, url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}})
}
