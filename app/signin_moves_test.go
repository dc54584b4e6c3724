package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
)

// Nobody takes people away from where more is asked of their sign-ins than they could change, by moving them alone, as
// everybody on a list, or with the environment that they are in; and who could does it with a proof of their own, and
// is told of.
func TestMovesFromStricterPlaces(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		ctx := t.Context()
		w.addEnvironment(t, "Acme/Prod", "East", false)
		w.addUser(t, "acme.east", "Acme/Prod/East", domain.RoleUser, "User")
		root, admin := w.operator(t), w.principal(t, "acme.admin")
		key, stale := admin, admin
		key.ByKey, stale.Stale = true, true
		ask := func(p domain.Principal, environment domain.EnvironmentRef, least int, grace time.Time) {
			t.Helper()
			people := domain.ByPassword
			if !grace.IsZero() {
				people = domain.ByPasskey
			}
			_, err := w.directory.Environments.UpdateSignInRules(ctx, p, directory.SignInRulesPatch{
				Environment: environment, MinPassword: &least, People: &people, Grace: &grace})
			require.NoError(t, err)
		}
		alone := func(p domain.Principal, to domain.EnvironmentRef) error {
			_, err := w.directory.Users.Update(ctx, p, directory.UpdateUser{User: domain.UserRef{Alias: "acme.user"},
				UserPatch: directory.UserPatch{Home: &to}})
			return err
		}
		listed := func(p domain.Principal, to domain.EnvironmentRef) error {
			from := domain.NumberRef(w.principal(t, "acme.user").Home.ID())
			done, err := w.directory.Users.UpdateAll(ctx, p, directory.UpdateUsers{Home: &to,
				List: directory.ListUsers{Environment: from, Filter: domain.UserFilter{Mail: "acme.user@example.org"}}})
			require.Equal(t, err == nil, done.Changed == 1)
			return err
		}
		together := func(p domain.Principal, to domain.EnvironmentRef) error {
			_, err := w.directory.Environments.Update(ctx, p, directory.UpdateEnvironment{Environment: "East",
				EnvironmentPatch: directory.EnvironmentPatch{Parent: &to}})
			return err
		}
		lost := func(action string) map[string]string {
			list, err := w.directory.Audit.List(ctx, root, directory.ListAudit{
				Filter: domain.AuditFilter{Action: action}, Page: domain.Page{Limit: 1}})
			require.NoError(t, err)
			found := map[string]string{}
			for e, err := range list.Items {
				require.NoError(t, err)
				for _, c := range e.Changes {
					found[c.Field] = c.Before + " " + c.After
				}
			}
			return found
		}
		for name, move := range map[string]func(domain.Principal, domain.EnvironmentRef) error{
			"alone": alone, "in a list": listed, "together": together} {
			t.Run(name, func(t *testing.T) {
				ask(root, "Acme/Prod", 20, time.Time{})
				field := "home"
				if name == "together" {
					field = "parent"
				}
				err := move(admin, "Acme/Test")
				require.ErrorIs(t, err, domain.ErrLaxer)
				require.Equal(t, field, domain.AsError(err).Field)
				ask(root, "Acme/Test", 20, time.Time{})
				require.NoError(t, move(key, "Acme/Test"), "as much is asked there")
				require.ErrorIs(t, move(admin, "Acme"), domain.ErrLaxer, "nor away from there")
				ask(root, "Acme/Test", 0, time.Time{})
				require.NoError(t, move(key, "Acme/Prod"), "more is asked there")

				require.NoError(t, move(root, "Acme/Test"), "who stands as high as whoever asked")
				told := lost(map[bool]string{true: "environment:update", false: "user:update"}[name == "together"])
				require.Equal(t, "20 15", told["min_password"])
				require.NotContains(t, told, "people")
				require.NoError(t, move(admin, "Acme/Prod"))
				require.NotContains(t, lost("user:update"), "min_password", "nothing was lost")

				ask(root, "Acme/Prod", 0, time.Time{})
				ask(admin, "Acme/Prod", 20, time.Time{})
				require.ErrorIs(t, move(key, "Acme/Test"), domain.ErrKeyWeakens)
				require.ErrorIs(t, move(stale, "Acme/Test"), domain.ErrProveAgain)
				require.NoError(t, move(admin, "Acme/Test"), "what they could change")
				require.NoError(t, move(admin, "Acme/Prod"))

				ask(admin, "Acme/Prod", 0, time.Time{})
				ask(root, "Acme/Prod", 0, w.clock.now().Add(time.Hour))
				require.ErrorIs(t, move(admin, "Acme/Test"), domain.ErrLaxer, "what is announced holds too")
				ask(root, "Acme/Prod", 0, time.Time{})
				require.NoError(t, move(key, "Acme/Test"))
				require.NoError(t, move(key, "Acme/Prod"))
			})
		}

		t.Run("imported", func(t *testing.T) {
			imported := func(p domain.Principal, to domain.EnvironmentRef) error {
				_, err := w.directory.Imports.Run(ctx, p, directory.ImportUsers{Rows: []directory.ImportRow{
					{Line: 2, UserPatch: directory.UserPatch{Alias: new("acme.user"), Home: &to}}}})
				return err
			}
			ask(root, "Acme/Prod", 20, time.Time{})
			require.ErrorContains(t, imported(admin, "Acme/Test"), domain.ErrLaxer.Public)
			require.NoError(t, imported(root, "Acme/Test"))
			require.Equal(t, "20 15", lost("user:update")["min_password"])
			ask(root, "Acme/Prod", 0, time.Time{})
			require.NoError(t, imported(admin, "Acme/Prod"))
		})
		t.Run("of a list nobody is moved where one may not be", func(t *testing.T) {
			w.addUser(t, "acme.free", "Acme", domain.RoleUser, "User")
			ask(root, "Acme/Prod", 20, time.Time{})
			defer ask(root, "Acme/Prod", 0, time.Time{})
			to := domain.EnvironmentRef("Acme/Test")
			all := directory.UpdateUsers{Home: &to, List: directory.ListUsers{Environment: "Acme",
				Filter: domain.UserFilter{Role: domain.RoleUser}}}
			_, err := w.directory.Users.UpdateAll(ctx, admin, all)
			var refused *directory.RefusedUsers
			require.ErrorAs(t, err, &refused)
			var who []string
			for _, r := range refused.First {
				require.ErrorIs(t, r.Why, domain.ErrLaxer)
				require.Equal(t, "home", r.Why.Field)
				who = append(who, r.User.Alias)
			}
			require.ElementsMatch(t, []string{"acme.user", "acme.east"}, who)
			require.Equal(t, domain.EnvironmentPath("/1/2/"), w.principal(t, "acme.free").Home)
		})
		t.Run("who has only a part of a place takes nobody away", func(t *testing.T) {
			w.addUser(t, "acme.part", "Acme", domain.RoleOAdmin, "Admin")
			w.block(t, "acme.part", "Acme/Prod/East")
			ask(admin, "Acme/Prod", 20, time.Time{})
			require.ErrorIs(t, alone(w.principal(t, "acme.part"), "Acme/Test"), domain.ErrLaxer)
			w.block(t, "acme.part")
			require.NoError(t, alone(w.principal(t, "acme.part"), "Acme/Test"))
			ask(admin, "Acme/Prod", 0, time.Time{})
			require.NoError(t, alone(admin, "Acme/Prod"))
		})
		t.Run("what an environment asked for further down holds where it has moved up", func(t *testing.T) {
			w.addEnvironment(t, "Acme/Prod", "Deep", false)
			ask(root, "Acme/Prod/Deep", 20, time.Time{})
			up := domain.EnvironmentRef("Acme")
			_, err := w.directory.Environments.Update(ctx, root, directory.UpdateEnvironment{Environment: "Deep",
				EnvironmentPatch: directory.EnvironmentPatch{Parent: &up}})
			require.NoError(t, err)
			require.NoError(t, alone(admin, "Acme/Deep"))
			require.ErrorIs(t, alone(admin, "Acme/Test"), domain.ErrLaxer)
			require.NoError(t, alone(root, "Acme/Test"))
			require.NoError(t, alone(admin, "Acme/Prod"))
		})
		t.Run("who may not write environments takes nobody away", func(t *testing.T) {
			mask, all, in, name := domain.AllPermissions&^(1<<domain.EnvironmentWrite), domain.NumberedGroup(domain.RootGroup),
				domain.EnvironmentRef("Acme"), "helpers"
			_, err := w.directory.Groups.Create(ctx, root, directory.GroupPatch{Organization: &in, Parent: &all,
				Mask: &mask, Alias: &name})
			require.NoError(t, err)
			w.addUser(t, "acme.helper", "Acme", domain.RoleOAdmin, "helpers")
			helper := w.principal(t, "acme.helper")
			ask(admin, "Acme/Prod", 20, time.Time{})
			require.ErrorIs(t, alone(helper, "Acme/Test"), domain.ErrLaxer)
			ask(admin, "Acme/Prod", 0, time.Time{})
			require.NoError(t, alone(helper, "Acme/Test"))
		})
		t.Run("an environment takes its own rules along", func(t *testing.T) {
			ask(root, "Acme/Prod/East", 30, time.Time{})
			require.NoError(t, together(key, "Acme/Test"))
		})
	})
}
