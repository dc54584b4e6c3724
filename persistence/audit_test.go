package persistence_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
	"canopy/tenancy"
)

// TestAuditIsTheSameInAllWays holds that a page of the audit trail has the same entries in the same order whichever way
// finds them, and that an actor is found by whoever may know them only.
func TestAuditIsTheSameInAllWays(t *testing.T) {
	filters := []domain.AuditFilter{{}, {Actor: "ROOT.admin"}, {Actor: "acme.admin"}, {Actor: "gone"}, {Actor: "nobody"},
		{Target: "Thing1"}, {Target: "thing2", Action: "user:create"}, {Action: "user:create"}, {Action: "group"},
		{Action: "user:none"}, {Actor: "bolt.admin", Action: "user"}, {Action: domain.SignInKind},
		{From: time.UnixMilli(20), Until: time.UnixMilli(60)}, {Actor: "acme.admin", From: time.UnixMilli(30)}}
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		auditOfManyKinds(t, w)
		normal := persistence.NewAuditStore(d)
		ways := []*persistence.AuditStore{normal, persistence.PatientAudit(normal, 1, 0),
			persistence.PatientAudit(normal, 1, 1000), persistence.PatientAudit(normal, 70, 0)}
		w.AddUser(t, "root.blocked", "/", domain.RoleOAdmin, domain.AdminGroup)
		block(t, w, "root.blocked", "Bolt", "Acme/Labs")
		w.AddUser(t, "acme.blocked", "Acme", domain.RoleOAdmin, domain.AdminGroup)
		block(t, w, "acme.blocked", "Acme/Prod/East")
		w.AddUser(t, "acme.cut", "Acme", domain.RoleOAdmin, domain.AdminGroup)
		var cut []string
		for i := range 33 { // more than are alternatives of a condition
			cut = append(cut, fmt.Sprint("Acme/Test/cut", i))
			w.AddEnvironment(t, cut[i], false)
		}
		block(t, w, "acme.cut", append(cut, "Acme/Prod/East")...)
		all := persistence.AllAudit(t, d)
		for i, caller := range []string{"root.admin", "root.blocked", "acme.admin", "acme.blocked", "acme.cut", "bolt.admin"} {
			whole := w.Scope(t, caller, domain.AuditRead).Read()
			people := w.Scope(t, caller, domain.UserRead).Read()
			small := w.Places[[]string{"Bolt/Prod", "Acme/Prod", "Acme/Prod/West", "Acme/Prod", "Acme/Test", "Bolt/Test"}[i]]
			for place, sc := range []tenancy.Scope{whole.Choosing(people), whole.Below(small.Path).Choosing(people), whole} {
				for n, f := range filters {
					want := auditKept(t, w, all, sc, &f)
					for way, s := range ways {
						page := domain.Page{Limit: []int{7, 3, 100}[(n+i+way)%3]}
						got := []string{}
						for more := true; more; more = page.After != "" {
							some, next, err := s.List(ctx, sc, f, page)
							require.NoError(t, err)
							for _, e := range some {
								got = append(got, string(e.ID)+" "+e.Actor.Alias)
							}
							page.After = next
						}
						require.Equal(t, want, got, "%s, place %d, %+v, in way %d", caller, place, f, way)
					}
				}
			}
		}
	})
}

func block(t *testing.T, w *storetest.World, alias string, places ...string) {
	t.Helper()
	_, err := w.Users.Update(t.Context(), storetest.Everything(domain.UserUpdate), w.KeyOf(alias), "",
		func(u *domain.User) error {
			for _, place := range places {
				u.Blocked = append(u.Blocked, w.Grant(place))
			}
			return nil
		})
	require.NoError(t, err)
}

// auditOfManyKinds adds entries that differ in what they are found by.
func auditOfManyKinds(t *testing.T, w *storetest.World) {
	t.Helper()
	people := []string{"root.admin", "acme.admin", "bolt.admin", "acme.user", "bolt.power"}
	places := []string{"Acme", "Acme/Prod", "Acme/Prod/East", "Acme/Labs/One", "Bolt", "Bolt/Prod", "Bolt/Test", "/"}
	for i := range 90 {
		actor := w.People[people[i%len(people)]]
		e := w.Places[places[i%len(places)]]
		key := []any{int64(actor.Organization), int64(actor.ID), actor.Alias}
		switch {
		case i%11 == 3: // who is gone since
			key = []any{int64(w.Places["Acme"].Organization), int64(9999), "gone"}
		case i%13 == 4: // with all of the organization
			key = []any{int64(7777), int64(8888), "gone"}
		}
		action := []string{"user:create", "user:update", "group:update", "signin:failure"}[i%4]
		target := int64(i % 3)
		if i%4 != 3 {
			target++
		}
		kind, _, _ := strings.Cut(action, ":")
		_, err := w.DB.Writer().ExecContext(t.Context(), `INSERT INTO audit (organization_id, id, at, actor_organization_id,
			actor_id, actor_alias, actor_key, action, target_kind, target_id, target_name, target_key, environment_id,
			environment_path, changes, request_id, surface) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', '', 'rest')`,
			int64(e.Organization), fmt.Sprintf("%08d-0000-7000-8000-000000000000", i*7919%1000), int64(i/2), key[0], key[1],
			key[2], domain.Fold(key[2].(string)), action, kind, target, fmt.Sprint("thing", i%3),
			domain.Fold(fmt.Sprint("thing", i%3)), int64(e.ID), string(e.Path))
		require.NoError(t, err)
	}
}

// auditKept returns which entries a list has, with those actors who are named, as the rules say it.
func auditKept(t *testing.T, w *storetest.World, all []domain.AuditEntry, sc tenancy.Scope,
	f *domain.AuditFilter) []string {
	t.Helper()
	homes := make(map[domain.UserKey]domain.EnvironmentPath)
	for _, u := range w.People {
		homes[u.Key()] = u.HomePath
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b domain.AuditEntry) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(string(b.ID), string(a.ID)))
	})
	kept := []string{}
	for _, e := range all {
		key := domain.UserKey{Organization: e.Actor.Organization, User: e.Actor.User}
		home, there := homes[key]
		if !there {
			home = domain.RootPath
			for _, place := range w.Places {
				if place.ID == key.Organization.Environment() {
					home = place.Path
				}
			}
		}
		me := sc.Actor()
		named := sc.Beside().Covers(home) || key == domain.UserKey{Organization: me.Organization, User: me.User}
		kind, _, whole := strings.Cut(f.Action, ":")
		if !sc.Covers(e.Path) ||
			!sc.Everywhere() && e.Target.Kind == domain.SignInKind && e.Target.ID == 0 && e.Path == domain.RootPath ||
			f.Actor != "" && (!named || domain.Fold(e.Actor.Alias) != domain.Fold(f.Actor)) ||
			f.Target != "" && domain.Fold(e.Target.Name) != domain.Fold(f.Target) ||
			whole && e.Action != f.Action || !whole && kind != "" && e.Target.Kind != kind ||
			!f.From.IsZero() && e.At.Before(f.From) || !f.Until.IsZero() && !e.At.Before(f.Until) {
			continue
		}
		text := string(e.ID) + " "
		if named {
			text += e.Actor.Alias
		}
		kept = append(kept, text)
	}
	return kept
}
