package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
	"canopy/persistence/storetest"
	"canopy/tenancy"
)

// rehearse returns the preview of a change by somebody.
func (s *staff) rehearse(who string,
	change func(context.Context, domain.Principal) error) (directory.PreviewDocument, error) {
	caller := s.as(who)
	return s.d.Previews.Run(s.Context(), caller, func(ctx context.Context) error { return change(ctx, caller) })
}

func (s *staff) carryOut(who, hash string, change func(context.Context, domain.Principal) error) error {
	caller := s.as(who)
	return s.d.Previews.CarryOut(s.Context(), caller, hash,
		func(ctx context.Context) error { return change(ctx, caller) })
}

// switches returns what switches an environment off.
func (s *staff) switches(ref domain.EnvironmentRef) func(context.Context, domain.Principal) error {
	no := false
	return func(ctx context.Context, caller domain.Principal) error {
		_, err := s.d.Environments.Update(ctx, caller, directory.UpdateEnvironment{Environment: ref,
			EnvironmentPatch: directory.EnvironmentPatch{Active: &no}})
		return err
	}
}

// updates returns what changes a user.
func (s *staff) updates(alias string, patch directory.UserPatch) func(context.Context, domain.Principal) error {
	return func(ctx context.Context, caller domain.Principal) error {
		_, err := s.d.Users.Update(ctx, caller,
			directory.UpdateUser{User: domain.UserRef{Alias: alias}, UserPatch: patch})
		return err
	}
}

// Of people whom the reader does not see a preview says that there are some: whatever they are, and become,
// every byte of it is the same, its hash too.
func TestAPreviewTellsNothingOfOthers(t *testing.T) {
	s := newStaff(t, storetest.SQLite(t))
	branch, other, yes := "Branch", "Other", true
	below := domain.EnvironmentRef("/Acme")
	_, err := s.d.Environments.Create(t.Context(), s.as("admin"),
		directory.EnvironmentPatch{Parent: &below, Alias: &branch})
	require.NoError(t, err)
	_, err = s.d.Environments.Create(t.Context(), s.as("admin"),
		directory.EnvironmentPatch{Alias: &other, IsOrganization: &yes})
	require.NoError(t, err)
	shown := func() (bool, string) {
		preview, err := s.rehearse("ada", s.switches("/Acme/Branch"))
		require.NoError(t, err)
		text, err := json.Marshal(preview)
		require.NoError(t, err)
		return preview.LeftOut, string(text)
	}
	home, group := domain.EnvironmentRef("/Other"), domain.GroupRef("User")
	add := func(alias string) {
		_, err := s.d.Users.Create(t.Context(), s.as("admin"), directory.UserPatch{Alias: &alias, FirstName: &alias, Home: &home,
			Group: &group, Allowed: &[]domain.EnvironmentRef{"/Acme/Branch"}})
		require.NoError(t, err)
	}
	add("zoe")
	leftOut, before := shown()
	// The superUser admin, who keeps it all, is nobody who loses anything: it is zoe who is left out.
	require.True(t, leftOut)
	require.NotContains(t, before, "zoe")
	role, group3 := domain.RoleOAdmin, domain.GroupRef("Admin")
	require.NoError(t, s.updates("zoe", directory.UserPatch{Role: &role, Group: &group3})(t.Context(), s.as("admin")))
	add("zac")
	_, after := shown()
	require.Equal(t, before, after)
	for _, alias := range []string{"zoe", "zac"} {
		none := []domain.EnvironmentRef{}
		require.NoError(t, s.updates(alias, directory.UserPatch{Allowed: &none})(t.Context(), s.as("admin")))
	}
	leftOut, _ = shown()
	require.False(t, leftOut)
}

// A plan is carried out while the directory is as it was; what somebody else did meanwhile is told where it
// matters to the plan, and not undone where it does not.
func TestAPlanHoldsWhileItSaysWhatItSaid(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		database := storetest.SQLite
		if engine == "postgres" {
			database = storetest.Postgres
		}
		s := newStaff(t, database(t))
		power, oadmin, phone, group := domain.RolePower, domain.RoleOAdmin, "123", domain.GroupRef("Admin")
		plan := s.updates("bob", directory.UserPatch{Role: &power})
		preview, err := s.rehearse("ada", plan)
		require.NoError(t, err)
		require.Equal(t, domain.RoleUser, s.find("bob").Role)

		require.NoError(t, s.updates("bob", directory.UserPatch{Group: &group})(t.Context(), s.as("admin")))
		require.ErrorIs(t, s.carryOut("ada", preview.Hash, plan), domain.ErrPlanChanged)
		require.Equal(t, domain.RoleUser, s.find("bob").Role)
		require.Equal(t, []domain.GroupID{domain.AdminGroup}, s.find("bob").Groups)

		preview, err = s.rehearse("ada", plan)
		require.NoError(t, err)
		require.NoError(t, s.updates("bob", directory.UserPatch{Phone: &phone})(t.Context(), s.as("admin")))
		require.ErrorIs(t, s.carryOut("ada", preview.Hash, s.updates("bob", directory.UserPatch{Role: &oadmin})),
			domain.ErrPlanChanged)
		require.NoError(t, s.carryOut("ada", preview.Hash, plan))
		require.Equal(t, domain.RolePower, s.find("bob").Role)
		require.Equal(t, phone, s.find("bob").Person.Phone)

		other := "456"
		plan = s.updates("bob", directory.UserPatch{Phone: &other}) // which gives and takes nothing
		preview, err = s.rehearse("ada", plan)
		require.NoError(t, err)
		require.NoError(t, s.updates("bob", directory.UserPatch{Role: &oadmin})(t.Context(), s.as("admin")))
		require.ErrorIs(t, s.carryOut("ada", preview.Hash, plan), domain.ErrPlanChanged)
	})
}

// TestAPlanOfAnOrganizationIsOfIt holds that an organization whose plan is carried out has its first admin, who is
// no part of the plan, and that nothing is left of one whose admin cannot be invited.
func TestAPlanOfAnOrganizationIsOfIt(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		admin := basicCaller(r.Address(), "admin", demoPassword)
		ask := func(alias, login, plan string) (int, answered) {
			t.Helper()
			to, path := admin, "/rest/environments?dryRun=true"
			if plan != "" {
				path = "/rest/environments"
				to.header = maps.Clone(admin.header)
				to.header["If-Plan"] = plan
			}
			return to.call(t, "POST", path, fmt.Sprintf(`{"alias": %q, "parent": 1, "admin": {"alias": %q, "person":
				{"firstname": "A", "lastname": "B", "mailaddress": %q}}}`, alias, login, login+"@"+alias+".example"))
		}
		status, preview := ask("Umbrella", "alice", "")
		require.Equal(t, 200, status, preview)
		plan := preview.find(t, "data", "hash").(string)
		status, answer := ask("Umbrella", "alice", plan)
		require.Equal(t, 200, status, answer)
		status, answer = admin.call(t, "GET", "/rest/users/alice", "")
		require.Equal(t, 200, status, answer)

		status, preview = ask("Tricell", "ALICE", "")
		require.Equal(t, 200, status, preview)
		status, answer = ask("Tricell", "ALICE", preview.find(t, "data", "hash").(string))
		require.Equal(t, 409, status, answer)
		status, _ = admin.call(t, "GET", "/rest/environments/byAlias/Tricell", "")
		require.Equal(t, 404, status, "nothing is left of it")
	})
}

// Nobody waits for what a preview looks at: others change the directory meanwhile, of which it shows nothing.
func TestARehearsalKeepsNobodyWaiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		power, phone, looked := domain.RolePower, "123", false
		bob := s.find("bob")
		keys := []domain.UserKey{bob.Key()}
		review := &tenancy.Review{Rehearsal: true, Held: func(time.Duration) {},
			Look: func(ctx context.Context, trial *tenancy.Trial) error {
				soon, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				if err := s.updates("bob", directory.UserPatch{Phone: &phone})(soon, s.as("ada")); err != nil {
					return err
				}
				for _, view := range []tenancy.View{trial.Before, trial.After} {
					users, err := view.Users(ctx, keys)
					require.NoError(t, err)
					require.Empty(t, users[0].Person.Phone)
				}
				looked = true
				return nil
			}}
		err := s.updates("bob", directory.UserPatch{Role: &power})(tenancy.WithReview(t.Context(), review), s.as("ada"))
		require.ErrorIs(t, err, domain.ErrRehearsed)
		require.True(t, looked)
		require.Equal(t, phone, s.find("bob").Person.Phone)
		require.Equal(t, domain.RoleUser, s.find("bob").Role)
	})
}

// Of a change at many places a preview tells the first, and how many more there are; its hash is of all of them.
func TestAPreviewOfManyPlacesIsBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		const made = directory.PreviewPlaces + 50
		plan := func(last string) *directory.PreviewDocument {
			in := directory.ImportUsers{DryRun: true}
			for i := range made {
				path := fmt.Sprintf("Acme/E%03d", i)
				if i == made-1 {
					path = "Acme/" + last
				}
				in.Environments = append(in.Environments, directory.ImportEnvironment{Line: i + 1, Path: path})
			}
			report, err := s.d.Imports.Run(t.Context(), s.as("ada"), in)
			require.NoError(t, err)
			require.Empty(t, report.Problems)
			require.Equal(t, made, report.Environments.Created)
			return report.Preview
		}
		preview := plan("Last")
		require.Equal(t, made-directory.PreviewPlaces, preview.MorePlaces)
		places := make(map[string]bool)
		for _, n := range preview.Gains {
			places[n.Environment.ShownPath] = true
		}
		require.Len(t, places, directory.PreviewPlaces)
		require.Empty(t, preview.Losses)
		require.Equal(t, 1, preview.Affected) // admin is not seen
		require.True(t, preview.LeftOut)
		require.Len(t, preview.People[0].Parts, directory.PreviewParts)
		require.Equal(t, made-directory.PreviewParts, preview.People[0].MoreParts)
		require.Equal(t, preview.Hash, plan("Last").Hash)
		require.NotEqual(t, preview.Hash, plan("Other").Hash)
	})
}

// Whoever sends a plan that cannot be read is told so: the change is not made as if none was sent.
func TestAPlanThatSaysNothingIsRefused(t *testing.T) {
	w := newTwoTenants(t, "sqlite", func(*app.Config) {})
	admin := visitorFrom(t, "127.0.0.2", "Bearer "+signIn(t, w.Address(), "acme.admin", testPassword))
	user := w.principal(t, "acme.user")
	for _, plan := range []string{"", "\xff"} {
		admin.header.Set("If-Plan", plan)
		status, answer := admin.ask(t, "POST", fmt.Sprint(w.Address(), "/rest/users/", int64(user.User)), `{"active": false}`)
		require.Equal(t, 400, status, answer)
		require.Contains(t, answer, "If-Plan")
	}
	require.Equal(t, user.Epoch, w.principal(t, "acme.user").Epoch)
}

// What lines name is looked for together, many at once, also where it is not there.
func TestLinesOfAnImportAreLookedAtTogether(t *testing.T) {
	faults, err := faultdb.New(false)
	require.NoError(t, err)
	database, err := db.OpenSQLite(filepath.Join(t.TempDir(), "canopy.db"), db.Through(faults.Connector, faults.Hot))
	require.NoError(t, err)
	defer database.Close()
	_, err = app.Migrate(t.Context(), database)
	require.NoError(t, err)
	s := newStaff(t, database)
	asked := func(lines int) int {
		in := directory.ImportUsers{DryRun: true}
		for i := range lines {
			alias, home := fmt.Sprint("new", i), domain.EnvironmentRef(fmt.Sprint("Nowhere", i))
			in.Rows = append(in.Rows, directory.ImportRow{Line: i + 1,
				UserPatch: directory.UserPatch{Alias: &alias, FirstName: &alias, Home: &home}})
		}
		done := faults.Follow(faultdb.Plan{})
		report, err := s.d.Imports.Run(t.Context(), s.as("ada"), in)
		require.NoError(t, err)
		require.Len(t, report.Problems, lines)
		return len(done().Statements)
	}
	asked(1) // prepares statements
	require.Less(t, asked(4*tenancy.FindTogether)-asked(tenancy.FindTogether), 12)
}

// Whoever changes their own profile is not warned that they could not undo it.
func TestAPreviewOfOnesOwnProfileDoesNotWarn(t *testing.T) {
	s := newStaff(t, storetest.SQLite(t))
	language, name := "Fr", "Robert"
	patch := directory.UserPatch{Language: &language, FirstName: &name}
	preview, err := s.rehearse("bob", s.updates("bob", patch))
	require.NoError(t, err)
	require.Len(t, preview.Changes, 1)
	require.Empty(t, preview.Warnings)
}
