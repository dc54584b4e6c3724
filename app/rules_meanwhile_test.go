package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// meanwhile runs act while a transaction has made a change that it commits when act waits for
// it: act has decided on what was there before.
func meanwhile(t *testing.T, db *db.DB, change string, act func() error) error {
	t.Helper()
	tx, err := db.Pool().BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	_, err = tx.ExecContext(t.Context(), change)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- act() }()
	require.Eventually(t, func() bool {
		var waiting bool
		err := db.Pool().QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting)
		return err == nil && waiting || len(done) > 0
	}, 20*time.Second, time.Millisecond)
	require.NoError(t, tx.Commit())
	return <-done
}

// An organization that was deactivated meanwhile is not taken back by whoever may not.
func TestWhatWasDecidedOnIsWhatIsChanged(t *testing.T) {
	db := storetest.Postgres(t)
	s := newStaff(t, db)
	yes := true
	ada := s.as("ada")
	err := meanwhile(t, db, "UPDATE environments SET active = false WHERE alias = 'Acme'", func() error {
		_, err := s.d.Environments.Update(t.Context(), ada,
			directory.UpdateEnvironment{Environment: "Acme", EnvironmentPatch: directory.EnvironmentPatch{Active: &yes}})
		return err
	})
	require.ErrorIs(t, err, domain.ErrChanged)
}

// A change of a group leaves alone what it does not name, whatever that became meanwhile.
func TestAGroupKeepsTheParentItWasGivenMeanwhile(t *testing.T) {
	db := storetest.Postgres(t)
	s := newStaff(t, db)
	group, err := s.group("ada", "Team", 0)
	require.NoError(t, err)
	require.Equal(t, domain.UserGroup, group.Parent)
	ada, crew := s.as("ada"), "Crew"
	require.NoError(t, meanwhile(t, db, "UPDATE groups SET parent_id = 3 WHERE alias = 'Team'", func() error {
		_, err := s.d.Groups.Update(t.Context(), ada,
			directory.UpdateGroup{Group: domain.NumberedGroup(group.ID), GroupPatch: directory.GroupPatch{Alias: &crew}})
		return err
	}))
	after, err := s.d.Groups.Get(t.Context(), s.as("ada"), domain.NumberedGroup(group.ID))
	require.NoError(t, err)
	require.Equal(t, crew, after.Alias)
	require.Equal(t, domain.AdminGroup, after.Parent)
}

// More places or groups than one user can list are refused before any is looked up.
func TestListsAreBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		bob := s.find("bob")
		places, groups := make([]domain.EnvironmentRef, 1001), make([]domain.GroupRef, 201)
		for i := range places {
			places[i] = "nowhere"
		}
		for i := range groups {
			groups[i] = "none"
		}
		for field, in := range map[string]directory.UserPatch{
			"allowed": {Allowed: &places}, "blocked": {Blocked: &places}, "groups": {Groups: &groups},
		} {
			_, err := s.d.Users.Update(t.Context(), s.as("bob"),
				directory.UpdateUser{User: domain.UserRef{ID: bob.ID}, UserPatch: in})
			require.ErrorIs(t, err, domain.ErrInvalid)
			require.Equal(t, field, domain.AsError(err).Field)
		}
		_, err := s.d.Users.Update(t.Context(), s.as("ada"), directory.UpdateUser{User: domain.UserRef{ID: bob.ID},
			UserPatch: directory.UserPatch{Memberships: &directory.Memberships{Named: &groups}}})
		require.ErrorIs(t, err, domain.ErrInvalid)
	})
}

// A superUser can move their own home, as anybody else's.
func TestASuperUserMovesTheirOwnHome(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		office, no := "Office", false
		made, err := s.d.Environments.Create(t.Context(), s.as("admin"),
			directory.EnvironmentPatch{Alias: &office, IsOrganization: &no})
		require.NoError(t, err)
		home := domain.EnvironmentRef(office)
		moved, err := s.d.Users.Update(t.Context(), s.as("admin"),
			directory.UpdateUser{User: domain.UserRef{ID: s.find("admin").ID}, UserPatch: directory.UserPatch{Home: &home}})
		require.NoError(t, err)
		require.Equal(t, made.ID, moved.Home)
		_, err = s.d.Users.Update(t.Context(), s.as("bob"),
			directory.UpdateUser{User: domain.UserRef{ID: s.find("bob").ID}, UserPatch: directory.UserPatch{Home: &home}})
		require.ErrorIs(t, err, domain.ErrEnvironmentNotFound)
	})
}

// A change of the root's groups leaves somebody who can run the directory.
func TestTheLastSuperUserKeepsTheirPermissions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		chiefs, root, user := "Chiefs", domain.GroupRef("Root"), domain.GroupRef("User")
		none, all := domain.Mask(0), domain.AllPermissions
		group, err := s.d.Groups.Create(t.Context(), s.as("admin"),
			directory.GroupPatch{Alias: &chiefs, Parent: &root, Mask: &all})
		require.NoError(t, err)
		change := func(in directory.GroupPatch) error {
			_, err := s.d.Groups.Update(t.Context(), s.as("admin"),
				directory.UpdateGroup{Group: domain.NumberedGroup(group.ID), GroupPatch: in})
			return err
		}
		require.NoError(t, change(directory.GroupPatch{Mask: &none}), "there is admin, who is in Root")
		require.NoError(t, change(directory.GroupPatch{Mask: &all}))
		ref := domain.GroupRef(chiefs)
		_, err = s.d.Users.Update(t.Context(), s.as("admin"),
			directory.UpdateUser{User: domain.UserRef{ID: s.find("admin").ID},
				UserPatch: directory.UserPatch{Group: &ref, Groups: &[]domain.GroupRef{}}})
		require.NoError(t, err)
		require.ErrorIs(t, change(directory.GroupPatch{Mask: &none}), domain.ErrLastSuperUser)
		require.ErrorIs(t, change(directory.GroupPatch{Parent: &user}), domain.ErrLastSuperUser)
		_, err = s.d.Groups.Get(t.Context(), s.as("admin"), domain.NumberedGroup(group.ID))
		require.NoError(t, err)
	})
}

// A name cannot be taken for the UUID of something else.
func TestNoAliasIsAUUID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		group, err := s.d.Groups.Get(t.Context(), s.as("admin"), domain.NumberedGroup(domain.UserGroup))
		require.NoError(t, err)
		alias := strings.ToUpper(string(group.UUID))
		_, err = s.group("ada", alias, 0)
		require.ErrorIs(t, err, domain.ErrInvalid)
		_, err = s.d.Environments.Create(t.Context(), s.as("ada"), directory.EnvironmentPatch{Alias: &alias})
		require.ErrorIs(t, err, domain.ErrInvalid)
	})
}

// An explanation says of an account that must change its password first what a request is told,
// and names no environment to whoever may not read environments.
func TestExplainSaysWhatARequestIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		yes, no := true, false
		explain := func(p domain.Permission) directory.ExplanationDocument {
			x, err := s.d.Explain.Decision(t.Context(), s.as("ada"),
				directory.ExplainDecision{User: domain.UserRef{Alias: "bob"}, Permission: p})
			require.NoError(t, err)
			return x
		}
		require.True(t, explain(domain.ProfileRead).Allowed)
		_, err := s.d.Users.Update(t.Context(), s.as("ada"),
			directory.UpdateUser{User: domain.UserRef{ID: s.find("bob").ID}, UserPatch: directory.UserPatch{FirstAccess: &yes}})
		require.NoError(t, err)
		x := explain(domain.ProfileRead)
		require.False(t, x.Allowed)
		require.Equal(t, "Denied: the password must be changed first.", x.Sentence())
		require.True(t, explain(domain.PasswordChange).Allowed)
		_, err = s.d.Users.Update(t.Context(), s.as("ada"),
			directory.UpdateUser{User: domain.UserRef{ID: s.find("bob").ID}, UserPatch: directory.UserPatch{FirstAccess: &no}})
		require.NoError(t, err)

		mask := domain.UserRead.Mask()
		blind := "Blind"
		group, err := s.d.Groups.Create(t.Context(), s.as("ada"), directory.GroupPatch{Alias: &blind, Mask: &mask})
		require.NoError(t, err)
		s.add("ada", "cy", domain.RolePower, group.ID)
		_, err = s.d.Explain.Decision(t.Context(), s.as("cy"),
			directory.ExplainDecision{User: domain.UserRef{Alias: "bob"}, Permission: domain.UserRead, Environment: "Acme"})
		require.ErrorIs(t, err, domain.ErrForbidden)
		_, err = s.d.Explain.Decision(t.Context(), s.as("cy"),
			directory.ExplainDecision{User: domain.UserRef{Alias: "bob"}, Permission: domain.UserRead})
		require.NoError(t, err)
	})
}

// An explanation says of an edit that it is the reader's only where they may make it: not of somebody who has more than
// they have, although what is left after it would be theirs to give, and not of a group of the root, which stands above
// everybody but its superUsers.
func TestAnEditIsOnesOwnOnlyWhereItMayBeMade(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		few := domain.UserRead.Mask() | domain.UserUpdate.Mask() | domain.GroupRead.Mask()
		alias, root, admins := "Few", domain.EnvironmentRef("/"), domain.NumberedGroup(domain.AdminGroup)
		group, err := s.d.Groups.Create(t.Context(), s.as("ada"),
			directory.GroupPatch{Alias: &alias, Mask: &few, Parent: &admins})
		require.NoError(t, err)
		s.add("ada", "cy", domain.RolePower, group.ID)
		s.add("ada", "dan", domain.RoleUser, group.ID)
		dan := []domain.UserRef{{Alias: "dan"}}
		require.NoError(t, s.d.Users.Join(t.Context(), s.as("ada"), directory.GroupMembers{
			Group: admins, Users: dan}))
		rob, role := "rob", domain.RoleOAdmin
		_, err = s.d.Users.Create(t.Context(), s.as("admin"),
			directory.UserPatch{Alias: &rob, FirstName: &rob, Home: &root, Role: &role, Group: &admins})
		require.NoError(t, err)
		mine := func(who, whose string, kind domain.EditKind) bool {
			x, err := s.d.Explain.Decision(t.Context(), s.as(who), directory.ExplainDecision{Changes: true,
				User: domain.UserRef{Alias: whose}, Permission: domain.ProfileUpdate})
			require.NoError(t, err)
			require.True(t, x.Allowed)
			for _, change := range x.Changes {
				if e := change.Edits[0]; e.Kind == kind && (e.Group.ID == domain.AdminGroup || e.Group.ID == domain.UserGroup) {
					return e.Mine
				}
			}
			require.Fail(t, "the edit is not there", "%+v", x.Changes)
			return false
		}
		require.True(t, mine("ada", "dan", domain.EditLeave))
		require.False(t, mine("cy", "dan", domain.EditLeave))
		require.True(t, mine("admin", "bob", domain.EditTake))
		require.False(t, mine("rob", "bob", domain.EditTake))
	})
}

// An edit may be a reader's on its own and not with those before it: what a block withholds from a user is given to
// them by being allowed a place above once the block is gone.
func TestAnEditIsOnesOwnWithThoseBeforeIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		add := func(parent domain.EnvironmentRef, alias string) domain.EnvironmentRef {
			_, err := s.d.Environments.Create(t.Context(), s.as("admin"),
				directory.EnvironmentPatch{Alias: &alias, Parent: &parent})
			require.NoError(t, err)
			return parent + "/" + domain.EnvironmentRef(alias)
		}
		dev, elsewhere := add("/Acme", "Dev"), add("/Acme", "Elsewhere")
		mine, secret := add(dev, "Mine"), add(dev, "Secret")
		s.add("admin", "cy", domain.RoleOAdmin, domain.AdminGroup)
		s.add("admin", "dan", domain.RolePower, domain.AdminGroup)
		for alias, patch := range map[string]directory.UserPatch{
			"cy":  {Blocked: &[]domain.EnvironmentRef{secret}},
			"dan": {Home: &elsewhere, Blocked: &[]domain.EnvironmentRef{dev}},
		} {
			_, err := s.d.Users.Update(t.Context(), s.as("admin"),
				directory.UpdateUser{User: domain.UserRef{Alias: alias}, UserPatch: patch})
			require.NoError(t, err)
		}
		x, err := s.d.Explain.Decision(t.Context(), s.as("cy"), directory.ExplainDecision{Changes: true,
			User: domain.UserRef{Alias: "dan"}, Permission: domain.EnvironmentRead, Environment: mine})
		require.NoError(t, err)
		require.False(t, x.Allowed)
		own := map[string]bool{}
		for _, change := range x.Changes {
			require.Len(t, change.Edits, 2)
			require.Equal(t, domain.EditUnblock, change.Edits[0].Kind)
			require.True(t, change.Edits[0].Mine)
			own[change.Edits[1].Value(&x)] = change.Edits[1].Mine
		}
		require.Equal(t, map[string]bool{"Acme/Dev/Mine": true, "Acme/Dev": false, "Acme": false, "oadmin": false}, own)
	})
}
