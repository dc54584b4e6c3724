package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// Acting is what of a user is known elsewhere than in their row.
type Acting struct {
	Role   domain.Role // with which they act
	Linked bool        // with somebody at an enabled provider
}

// revoked is when the account of act.head closes, as nobody has used it.
var revoked = time.UnixMilli(86_401_000).UTC()

// AddActing makes people who act with a role of a group, or do not, and links some of them. It returns what is so of
// them, by alias.
func (w *World) AddActing(t *testing.T) map[string]Acting {
	t.Helper()
	w.AddEnvironment(t, "Depot", false)
	groups := map[string]domain.GroupID{"User": domain.UserGroup}
	for _, g := range []struct {
		organization, alias, parent string
		role                        domain.Role
	}{{"Acme", "Deputies", "User", domain.RolePower}, {"Acme", "Heads", "User", domain.RoleOAdmin},
		{"Acme", "Below heads", "Heads", 0}, {"Acme/Labs", "Leaders", "User", domain.RolePower},
		{"/", "Chiefs", "User", domain.RoleOAdmin}} {
		made, err := w.InsertGroup(t.Context(), Everything(domain.GroupWrite), domain.Group{Parent: groups[g.parent],
			Organization: w.Places[g.organization].Organization, Alias: g.alias, Role: g.role})
		require.NoError(t, err)
		groups[g.alias] = made.ID
	}
	acting := map[string]Acting{"acme.user": {domain.RoleUser, true}, "bolt.user": {domain.RoleUser, true}}
	for _, p := range []struct {
		alias, home, group string
		own, acts          domain.Role
	}{
		{"act.deputy", "Acme/Prod", "Deputies", domain.RoleUser, domain.RolePower},
		{"act.head", "Acme/Prod/East", "Heads", domain.RoleUser, domain.RoleOAdmin},
		{"act.more", "Acme/Prod", "Heads", domain.RolePower, domain.RoleOAdmin},
		{"act.same", "Acme/Test", "Deputies", domain.RoleOAdmin, domain.RoleOAdmin},
		{"act.below", "Acme/Prod", "Below heads", domain.RoleUser, domain.RoleUser},
		{"act.chief", "Acme/Prod/West", "Chiefs", domain.RoleUser, domain.RoleOAdmin},
		{"act.labs", "Acme/Labs/One", "Leaders", domain.RoleUser, domain.RolePower},
		{"act.root", "/", "Chiefs", domain.RoleUser, domain.RoleOAdmin},
		{"act.depot", "Depot", "Chiefs", domain.RoleUser, domain.RolePower},
		{"act.own", "Depot", "User", domain.RolePower, domain.RolePower},
		{"act.super", "/", "Chiefs", domain.RoleSuperUser, domain.RoleSuperUser},
		{"act.stray", "Bolt/Prod", "User", domain.RoleUser, domain.RoleUser},
	} {
		w.AddUser(t, p.alias, p.home, p.own, groups[p.group])
		acting[p.alias] = Acting{Role: p.acts}
	}
	w.exec(t, "UPDATE users SET role = ? WHERE alias = 'act.own'", int64(domain.RoleOAdmin)) // it does not count there
	stray := w.KeyOf("act.stray")
	w.exec(t, "INSERT INTO user_groups (organization_id, user_id, group_id, rank) VALUES (?, ?, ?, 9)",
		int64(stray.Organization), int64(stray.User), int64(groups["Heads"]))
	w.exec(t, "UPDATE users SET revoke_delay = 1, idle_since = ? WHERE alias = 'act.head'", revoked.UnixMilli()-86_400_000)

	all := Everything(domain.UserUpdate)
	require.NoError(t, w.AddLink(t.Context(), all, "act.deputy", "Acme", "deputy"))
	acting["act.deputy"] = Acting{domain.RolePower, true}
	w.Issuers["switched off"] = w.AddProvider(t, "Acme", "off.example")
	require.NoError(t, w.AddLink(t.Context(), all, "act.head", "switched off", "head"))
	w.exec(t, "INSERT INTO provider_links (organization_id, issuer, subject, user_id, shown, linked_by, created_at) "+
		"VALUES (?, ?, 'stray', ?, '', 'admin', 1)", int64(stray.Organization), w.Issuers["Acme"].Issuer,
		int64(stray.User)) // of which Bolt has no provider
	w.exec(t, "UPDATE providers SET enabled = FALSE WHERE issuer = ?", w.Issuers["switched off"].Issuer)
	delete(w.Issuers, "switched off")
	return acting
}
