package persistence_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
	"canopy/persistence/storetest"
	"canopy/tenancy"
)

// byName are the look-ups on behalf of a caller by what anybody can guess or pass on: an alias, a name, an address,
// a code, a UUID. Each is given what there is in the tenant Bolt, and what is nobody's.
var byName = []struct {
	name              string
	elsewhere, nobody string
	lookUp            func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error
}{
	{"a user", "bolt.user", "nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			_, err := w.Users.Get(ctx, caller.Read(), domain.UserRef{Alias: name})
			return err
		}},
	{"a user's picture", "bolt.user", "nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			_, err := w.Users.Picture(ctx, caller.Read(), domain.UserRef{Alias: name})
			return err
		}},
	{"people", "bolt.user", "nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			found, _, err := w.Users.Newest(ctx, caller.Read(), domain.PeopleFilter{Aliases: []string{name}}, 0, domain.Page{})
			return nothing(len(found), err)
		}},
	{"how many people", "bolt.user", "nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			n, err := w.Users.CountPeople(ctx, caller.Read(), domain.PeopleFilter{Aliases: []string{name}})
			return nothing(int(n), err)
		}},
	{"a contact to be", "bolt.labs", "nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			return w.Social.AddContact(ctx, caller, name)
		}},
	{"a contact that was", "bolt.user", "nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			return w.Social.RemoveContact(ctx, caller, name)
		}},
	{"presences", "bolt.admin", "nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			found, err := w.Social.Presences(ctx, caller.Read(), domain.PresenceFilter{Aliases: []string{name}}, 0, 10)
			return nothing(len(found), err)
		}},
	{"an environment", "Bolt", "Nowhere", findEnvironment},
	{"an environment by its path", "Bolt/Prod", "Nowhere/Prod", findEnvironment},
	{"an object", "/Talk of Bolt", "/Talk of nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			_, err := w.Objects.Get(ctx, caller.Read(), domain.ObjectRef(name))
			return err
		}},
	{"the owners of an object", "/Talk of Bolt", "/Talk of nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			_, err := w.Objects.Owners(ctx, caller.Read(), domain.ObjectRef(name))
			return err
		}},
	{"objects", "/Talk of Bolt", "/Talk of nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			found, _, err := w.Objects.List(ctx, caller.Read(), domain.ObjectFilter{Names: []string{name}}, domain.Page{})
			return nothing(len(found), err)
		}},
	{"a registration code", "code of Bolt", "code of nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			_, err := w.Codes.Get(ctx, caller.Read(), w.Places["Acme"].Organization, domain.SecretText(name))
			return err
		}},
	{"a registration code to change", "code of Bolt", "code of nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			return w.Store.Do(ctx, caller, func(tx *persistence.Tx) error {
				_, err := tx.RegistrationCode(w.Places["Acme"].Organization, domain.SecretText(name))
				return err
			})
		}},
	{"a registration code to use", "code of Bolt", "code of nobody",
		func(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
			return w.Store.Do(ctx, caller, func(tx *persistence.Tx) error {
				_, err := tx.UseCode(domain.SecretText(name))
				return err
			})
		}},
	{"a registration code that is closed", "closed code of Bolt", "closed code of nobody",
		func(ctx context.Context, w *storetest.World, _ tenancy.WriteScope, name string) error {
			_, err := w.Accounts.CodeOpen(ctx, domain.SecretText(name))
			return err
		}},
}

func findEnvironment(ctx context.Context, w *storetest.World, caller tenancy.WriteScope, name string) error {
	found, err := persistence.NewSource(w.DB).Find(ctx, caller.Read(), []domain.EnvironmentRef{domain.EnvironmentRef(name)})
	if err != nil {
		return err
	}
	return nothing(len(found[0]), nil)
}

// nothing returns ErrUserNotFound if n is 0, so that a list without anything is like a look-up without anything.
func nothing(n int, err error) error {
	if err == nil && n == 0 {
		return domain.ErrUserNotFound
	}
	return err
}

// follows returns an empty directory on SQLite whose statements are followed.
func follows(t *testing.T) (*db.DB, *faultdb.Faults) {
	t.Helper()
	faults, err := faultdb.New(false)
	require.NoError(t, err)
	d, err := db.OpenSQLite(filepath.Join(t.TempDir(), "canopy.db"), db.Through(faults.Connector, faults.Hot))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	_, err = d.Migrate(t.Context())
	require.NoError(t, err)
	return d, faults
}

// TestNamesOfElsewhereTakeNoOtherTime holds that looking something up by a name that it has in another tenant
// asks the database what looking for nobody's asks.
func TestNamesOfElsewhereTakeNoOtherTime(t *testing.T) {
	d, faults := follows(t)
	w := storetest.NewWorld(t, d)
	w.AddObject(t, "Bolt", "Talk of Bolt", domain.KindTopic, "Bolt", "bolt.admin",
		func(o *domain.Object) { o.Visibility = domain.Shared })
	require.NoError(t, w.Codes.Insert(t.Context(), storetest.Everything(domain.UserCreate), domain.RegistrationCode{
		Organization: w.Places["Bolt"].Organization, Code: "closed code of Bolt"}))
	for _, l := range byName {
		t.Run(l.name, func(t *testing.T) {
			caller := w.ObjectScope(t, "acme.admin")
			asked := func(name string) int {
				done := faults.Follow(faultdb.Plan{})
				err := l.lookUp(t.Context(), w, caller, name)
				kind := domain.AsError(err).Kind
				require.True(t, kind == domain.NotFound || domain.ErrRegistrationCode.Is(err) || domain.ErrNotContact.Is(err),
					"%s: %v", name, err)
				return len(done().Statements)
			}
			asked("somebody else") // prepares the statement
			require.Equal(t, asked(l.nobody), asked(l.elsewhere))
			require.Positive(t, asked(l.nobody))
		})
	}
}

// TestChangesSetWhatDiffers holds that a change sets the columns that it is about and no others, whose indexes would be
// written anew.
func TestChangesSetWhatDiffers(t *testing.T) {
	d, faults := follows(t)
	w := storetest.NewWorld(t, d)
	thing := w.AddObject(t, "Acme", "Topic", domain.KindTopic, "Acme", "acme.admin", nil)
	place := w.Places["Acme/Prod"]
	for table, change := range map[string]func() error{
		"users": func() error {
			_, err := w.Users.Update(t.Context(), storetest.Everything(domain.UserUpdate), w.KeyOf("acme.admin"), "",
				func(u *domain.User) error { u.Person.JobTitle = "Engineer"; return nil })
			return err
		},
		"environments": func() error {
			_, err := w.Environments.Update(t.Context(), storetest.Everything(domain.EnvironmentWrite), place.ID,
				func(e *domain.Environment) error { e.Code = "AC-P"; return nil })
			return err
		},
		"objects": func() error {
			_, err := w.Objects.Update(t.Context(), storetest.Everything(domain.ObjectManage), thing,
				func(o *domain.Object) error { o.Name = "Another"; return nil })
			return err
		},
	} {
		done := faults.Follow(faultdb.Plan{})
		require.NoError(t, change(), table)
		set := 0
		for _, s := range done().Statements {
			if s = strings.ReplaceAll(s, `"`, ""); strings.HasPrefix(s, "UPDATE "+table+" ") {
				require.NotContains(t, s, "uuid =", table)
				set++
			}
		}
		require.Positive(t, set, table)
	}
}
