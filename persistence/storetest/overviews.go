package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Overviews tests on a random directory that the numbers of an overview are those of the lists.
func Overviews(t *testing.T, database *db.DB) {
	w, ctx := NewWorld(t, database), t.Context()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range 14 { // more below one than are named
		w.AddEnvironment(t, fmt.Sprintf("Acme/Test/e%d", i), i%5 == 0)
	}
	for i := range 22 {
		w.AddEnvironment(t, fmt.Sprintf("Bolt/Test/o%d", i), true)
	}
	for i := range 2 * domain.MaxLargest { // below the root, most of them as large as others
		w.AddEnvironment(t, fmt.Sprint("Org", i), true)
		for below := range i % 4 { // nothing, a place, an organization
			w.AddEnvironment(t, fmt.Sprintf("Org%d/b%d", i, below), below > 1)
		}
	}
	w.AddEnvironment(t, "Tools", false)
	for i := range domain.MaxLargest {
		w.AddEnvironment(t, fmt.Sprintf("Tools/t%d", i), true)
	}
	paths := make([]string, 0, len(w.Places))
	for path := range w.Places {
		if path != "/" && path != "Tools" { // where nobody can be an admin
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	any := func() string { return paths[random.IntN(len(paths))] }
	for i := range 120 {
		u := w.NewUser(fmt.Sprint("one", i), any(), domain.Role(1+random.IntN(3)), domain.UserGroup)
		u.State, u.Active = domain.UserStates[max(0, random.IntN(7)-3)], random.IntN(4) > 0
		u.Created = time.UnixMilli(1000 + random.Int64N(9)).UTC()
		if random.IntN(3) > 0 {
			u.LastConnected = time.UnixMilli(5000 + random.Int64N(9)).UTC()
		}
		for range random.IntN(3) {
			u.Blocked = append(u.Blocked, w.Grant(any()))
		}
		if path := u.HomePath; random.IntN(3) == 0 {
			u.Blocked = append(u.Blocked, domain.Grant{Environment: u.Home, Organization: u.Organization, Path: path})
		}
		for range random.IntN(3) {
			u.Allowed = append(u.Allowed, w.Grant(any()))
		}
		tidy := func(grants []domain.Grant) []domain.Grant {
			slices.SortFunc(grants, func(a, b domain.Grant) int { return strings.Compare(string(a.Path), string(b.Path)) })
			return slices.Compact(grants)
		}
		u.Allowed, u.Blocked = tidy(u.Allowed), tidy(u.Blocked)
		_, err := w.Users.Insert(ctx, Everything(domain.UserCreate), u, "")
		require.NoError(t, err)
	}
	// Somebody who does not see where the other admin is.
	blocked := w.NewUser("acme.blocked", "Acme", domain.RoleOAdmin, domain.AdminGroup)
	blocked.Blocked = []domain.Grant{w.Grant("Acme/Prod")}
	above := w.NewUser("root.blocked", "/", domain.RoleOAdmin, domain.AdminGroup)
	for _, path := range []string{"Org1", "Org2/b0", "Org3/b2", "Org7/b1", "Bolt/Test", "Tools/t1"} {
		above.Blocked = append(above.Blocked, w.Grant(path))
	}
	unseen := w.NewUser("acme.unseen", "Acme/Prod", domain.RoleOAdmin, domain.AdminGroup)
	for _, u := range []domain.User{blocked, above, unseen} {
		stored, err := w.Users.Insert(ctx, Everything(domain.UserCreate), u, "")
		require.NoError(t, err)
		w.People[u.Alias] = stored
	}
	for _, other := range admins(t, w, "Acme") {
		if other.Alias != "acme.blocked" && other.HomePath != w.Places["Acme/Prod"].Path {
			_, err := w.Users.Update(ctx, Everything(domain.UserUpdate), other.Key(), "",
				change(func(u *domain.User) { u.Role = domain.RolePower }))
			require.NoError(t, err)
		}
	}
	day := int64(24 * 60 * 60 * 1000)
	var signIns []*domain.SignIns
	actions := []string{domain.SignInSuccess, domain.SignInSuccess, domain.SignInSuccess, domain.SignInSuccess,
		domain.SignInPassword, domain.SignInFailure}
	for i := range 30 {
		u := w.People[[]string{"acme.user", "acme.admin", "bolt.labs", "root.admin"}[i%4]]
		at := time.UnixMilli(day*100 + random.Int64N(5*day))
		signIns = append(signIns, &domain.SignIns{Action: actions[i%6], User: u.Key(), Home: u.HomePath, Name: u.Alias,
			Network: fmt.Sprint(i), Surface: "rest", Begun: at, First: at, Last: at, Times: 1 + random.Int64N(5)})
	}
	require.NoError(t, w.Accounts.NoteSignIns(ctx, signIns))
	everything, _, err := w.Environments.List(ctx, Everything(domain.EnvironmentRead).Read(), domain.Page{})
	require.NoError(t, err)
	since, from := time.UnixMilli(5004), time.UnixMilli(day*101)
	for _, caller := range []string{"root.admin", "root.blocked", "acme.blocked", "acme.power", "bolt.admin"} {
		scope := func(p domain.Permission) tenancy.Scope {
			sc, err := w.Gate.Enter(ctx, w.As(t, caller), p, tenancy.Anywhere())
			if !domain.ErrForbidden.Is(err) { // power does not read the audit trail
				require.NoError(t, err)
			}
			return sc
		}
		for _, at := range everything {
			people, places := scope(domain.UserRead).Below(at.Path), scope(domain.EnvironmentRead).Below(at.Path)
			groups, trail := scope(domain.GroupRead).Below(at.Path), scope(domain.AuditRead).Below(at.Path)
			about := fmt.Sprintf("%s at %s", caller, at.AliasPath)
			count := func(sc tenancy.Scope, f domain.UserFilter) int64 {
				n, err := w.Users.Count(ctx, sc, f)
				require.NoError(t, err)
				return n
			}
			o, err := w.Overviews.People(ctx, people, since)
			require.NoError(t, err)
			yes, no := true, false
			want := domain.PeopleOverview{Looked: count(people, domain.UserFilter{}), Complete: true,
				NotConnected:   domain.Tally{N: count(people, domain.UserFilter{NotConnectedSince: since})},
				BlockedHome:    domain.Tally{N: count(people, domain.UserFilter{BlockedHome: &yes})},
				AllowedOutside: domain.Tally{N: count(people, domain.UserFilter{AllowedOutside: &yes})}}
			for _, state := range domain.UserStates {
				want.Active[state] = count(people, domain.UserFilter{State: &state, Active: &yes})
				want.Inactive[state] = count(people, domain.UserFilter{State: &state, Active: &no})
			}
			for _, role := range domain.Roles {
				want.Roles[role] = count(people, domain.UserFilter{Role: role})
			}
			invited := domain.Invited
			oldest, _, err := w.Users.List(ctx, people, domain.UserFilter{State: &invited, Order: domain.CreatedOrder},
				domain.Page{Limit: 1})
			require.NoError(t, err)
			for _, u := range oldest {
				want.OldestInvitation = u.Created
			}
			require.Equal(t, want, o, about)
			weak := domain.UserFilter{Weaker: domain.ByPasskey, Role: domain.RoleUser}
			tally, err := w.Overviews.Tally(ctx, people, weak)
			require.NoError(t, err)
			require.Equal(t, domain.Tally{N: count(people, weak)}, tally, about)

			got, err := w.Overviews.Place(ctx, places.Choosing(people), groups, trail, &at, from)
			require.NoError(t, err)
			rest := domain.PlaceOverview{Here: count(people.Only(at.Path), domain.UserFilter{}),
				Below: count(people, domain.UserFilter{}), SignIns: map[int64]int64{}, AllSignIns: true}
			for _, e := range everything {
				if !places.Covers(e.Path) || e.Path == domain.RootPath {
					continue
				}
				named := domain.Environment{Organization: e.Organization, ID: e.ID, Path: e.Path, Alias: e.Alias,
					AliasPath: e.AliasPath}
				if e.Parent == at.ID {
					rest.Largest = append(rest.Largest, domain.PeopledEnvironment{Environment: named,
						People: count(people.Below(e.Path), domain.UserFilter{})})
				}
				if !e.IsOrganization {
					continue
				}
				admins, approved := int64(0), domain.Approved
				found, _, err := w.Users.List(ctx, people.Below(e.Path), domain.UserFilter{Role: domain.RoleOAdmin,
					State: &approved, Active: &yes}, domain.Page{})
				require.NoError(t, err)
				for _, u := range found {
					if u.Organization == e.Organization {
						admins++
					}
				}
				if admins <= 1 {
					rest.Lonely++
					if len(rest.FirstLonely) < domain.MaxFirst {
						rest.FirstLonely = append(rest.FirstLonely, domain.PeopledEnvironment{Environment: named, People: admins})
					}
				}
			}
			slices.SortStableFunc(rest.Largest,
				func(a, b domain.PeopledEnvironment) int { return cmp.Compare(b.People, a.People) })
			rest.Largest = rest.Largest[:min(len(rest.Largest), domain.MaxLargest)]
			all, err := w.Groups.List(ctx, groups)
			require.NoError(t, err)
			for _, g := range all {
				rest.Groups = append(rest.Groups, domain.GroupKey{Organization: g.Organization, Group: g.ID})
			}
			slices.SortFunc(rest.Groups, func(a, b domain.GroupKey) int { return cmp.Compare(a.Group, b.Group) })
			entries, _, err := w.Audit.List(ctx, trail, domain.AuditFilter{Action: domain.SignInSuccess, From: from},
				domain.Page{Limit: domain.MaxLimit})
			require.NoError(t, err)
			for _, e := range entries {
				rest.SignIns[e.At.UnixMilli()/day] += e.Times
			}
			require.Equal(t, rest, got, about)

			wide := scope(domain.UserRead)
			held, err := w.Overviews.Contents(ctx, places.Choosing(wide), at.Path)
			require.NoError(t, err)
			require.Equal(t, contentsOf(t, w, places, wide, everything, at.Path), held, about)
		}
	}
}

// contentsOf returns what a place holds, by the lists of environments and of people.
func contentsOf(t *testing.T, w *World, places, people tenancy.Scope, everything []domain.Environment,
	at domain.EnvironmentPath) domain.Contents {
	t.Helper()
	held := domain.Contents{Complete: true}
	for _, e := range everything {
		if e.Path != at && at.Contains(e.Path) && places.Covers(e.Path) {
			held.Environments++
		}
	}
	users, _, err := w.Users.List(t.Context(), people, domain.UserFilter{}, domain.Page{Limit: domain.MaxLimit})
	require.NoError(t, err)
	for _, u := range users {
		inside := at.Contains(u.HomePath)
		if inside {
			held.People++
		}
		for _, g := range slices.Concat(u.Allowed, u.Blocked) {
			switch {
			case !people.Shows(g.Path) || at.Contains(g.Path) == inside:
			case inside:
				held.GrantsOut++
			default:
				held.GrantsIn++
			}
		}
	}
	return held
}

// admins returns the oadmins of an organization.
func admins(t *testing.T, w *World, organization string) []domain.User {
	t.Helper()
	found, _, err := w.Users.List(t.Context(), Everything(domain.UserRead).Read().Below(w.Places[organization].Path),
		domain.UserFilter{Role: domain.RoleOAdmin}, domain.Page{})
	require.NoError(t, err)
	return slices.DeleteFunc(found,
		func(u domain.User) bool { return u.Organization != w.Places[organization].Organization })
}
