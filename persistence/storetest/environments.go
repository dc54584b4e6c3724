package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// EnvironmentStore is the store of environments together with the changes that use cases make in its
// transactions.
type EnvironmentStore struct {
	*persistence.EnvironmentStore
	database *db.DB
}

// Insert adds an environment and returns it with its numbers.
func (s EnvironmentStore) Insert(ctx context.Context, w tenancy.WriteScope,
	e domain.Environment) (domain.Environment, error) {
	store := persistence.NewStore(s.database)
	var err error
	if e.ID, err = store.NextEnvironment(ctx); err != nil {
		return e, err
	}
	e.Organization = s.organization(ctx, e.Parent)
	inserted := e
	err = store.Do(ctx, w, func(tx *persistence.Tx) error {
		inserted = e
		return tx.InsertEnvironment(&inserted)
	})
	return inserted, err
}

// organization returns the one that the environment with that number belongs to, 0 if there is none.
func (s EnvironmentStore) organization(ctx context.Context, id domain.EnvironmentID) domain.OrganizationID {
	rows, err := s.database.QueryContext(ctx, "SELECT organization_id FROM environments WHERE id = ?", int64(id))
	o, _ := db.Only(rows, err, db.Scalar[domain.OrganizationID], domain.ErrEnvironmentNotFound)
	return o
}

// Update saves what change makes of an environment, and returns it.
func (s EnvironmentStore) Update(ctx context.Context, w tenancy.WriteScope, id domain.EnvironmentID,
	change func(*domain.Environment) error) (after domain.Environment, err error) {
	err = s.do(ctx, w, id, func(tx *persistence.Tx, before *domain.Environment) error {
		after = *before
		if err := change(&after); err != nil {
			return err
		}
		return tx.SaveEnvironment(before, &after)
	})
	return after, err
}

// Delete removes an environment.
func (s EnvironmentStore) Delete(ctx context.Context, w tenancy.WriteScope, id domain.EnvironmentID) error {
	return s.do(ctx, w, id, (*persistence.Tx).DeleteEnvironment)
}

// Shut puts an organization out of reach, as the first part of its deletion.
func (s EnvironmentStore) Shut(ctx context.Context, w tenancy.WriteScope, id domain.OrganizationID) error {
	return s.do(ctx, w, id.Environment(), (*persistence.Tx).PurgeOrganization)
}

// Purge removes an organization with everything in it.
func (s EnvironmentStore) Purge(ctx context.Context, w tenancy.WriteScope, id domain.OrganizationID) error {
	if err := s.Shut(ctx, w, id); err != nil {
		return err
	}
	for {
		d, err := persistence.NewStore(s.database).Depart(ctx, w, id)
		if err != nil || d == nil || d.Ended {
			return err
		}
	}
}

func (s EnvironmentStore) do(ctx context.Context, w tenancy.WriteScope, id domain.EnvironmentID,
	change func(*persistence.Tx, *domain.Environment) error) error {
	key := tenancy.EnvironmentKey{Organization: s.organization(ctx, id), ID: id}
	return persistence.NewStore(s.database).Do(ctx, w, func(tx *persistence.Tx) error {
		e, err := tx.Environment(key)
		if err != nil {
			return err
		}
		return change(tx, &e)
	})
}

// Environments tests what the port of environments promises.
func Environments(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.EnvironmentWrite)

	t.Run("an environment comes back as it was stored", func(t *testing.T) {
		e, err := w.Environments.Insert(ctx, all,
			domain.Environment{Parent: w.Places["Acme/Prod"].ID, Alias: "North \\ 'x' ?", Code: "N",
				SendURL: true, Active: true, TimeZone: "Europe/Paris", GitRepository: "https://example.org/x.git"})
		require.NoError(t, err)
		require.Equal(t, w.Places["Acme/Prod"].Path.Child(e.ID), e.Path)
		require.Equal(t, w.Places["Acme"].Organization, e.Organization)
		require.Equal(t, "Acme/Prod/North \\ 'x' ?", e.AliasPath)
		children, _, err := w.Environments.Children(ctx, all.Read(), w.Places["Acme/Prod"].ID, domain.Page{})
		require.NoError(t, err)
		require.Contains(t, children, e)
	})

	t.Run("an alias is unique among siblings only, also beside an organization", func(t *testing.T) {
		_, err := w.Environments.Insert(ctx, all,
			domain.Environment{Parent: w.Places["Acme"].ID, Alias: "PROD", Active: true})
		require.ErrorIs(t, err, domain.ErrEnvironmentAliasTaken)
		_, err = w.Environments.Insert(ctx, all, domain.Environment{Parent: 1, Alias: "acme", Active: true})
		require.ErrorIs(t, err, domain.ErrEnvironmentAliasTaken)
		_, err = w.Environments.Insert(ctx, all,
			domain.Environment{Parent: w.Places["Acme/Test"].ID, Alias: "Prod", Active: true})
		require.NoError(t, err)
		_, err = w.Environments.Update(ctx, all, w.Places["Acme/Test"].ID,
			func(e *domain.Environment) error { e.Alias = "prod"; return nil })
		require.ErrorIs(t, err, domain.ErrEnvironmentAliasTaken)
	})

	t.Run("a list is in tree order, page by page", func(t *testing.T) {
		var whole, paged []string
		es, next, err := w.Environments.List(ctx, all.Read(), domain.Page{})
		require.NoError(t, err)
		require.Empty(t, next)
		for _, e := range es {
			whole = append(whole, string(e.Path))
		}
		for after := domain.Cursor(""); ; {
			page, next, err := w.Environments.List(ctx, all.Read(), domain.Page{Limit: 2, After: after})
			require.NoError(t, err)
			for _, e := range page {
				paged = append(paged, string(e.Path))
			}
			if after = next; after == "" {
				break
			}
		}
		require.Equal(t, whole, paged)
		require.IsNonDecreasing(t, whole)
		sc := w.Scope(t, "acme.power", domain.EnvironmentRead).Read()
		reached, _, err := w.Environments.List(ctx, sc, domain.Page{})
		require.NoError(t, err)
		invented, _, err := w.Environments.List(ctx, sc, domain.Page{After: "/1/"})
		require.NoError(t, err)
		require.Equal(t, reached, invented, "a cursor from outside the reach shows nothing beyond it")
	})

	t.Run("a change bumps the versions of whoever it concerns", func(t *testing.T) {
		for alias, path := range map[string]string{"guest.above": "Acme", "guest.below": "Acme/Prod/East",
			"guest.beside": "Acme/Test"} {
			u := w.NewUser(alias, "Bolt/Test", domain.RoleUser, domain.UserGroup)
			u.Allowed = []domain.Grant{w.Grant(path)}
			_, err := w.Users.Insert(ctx, Everything(domain.UserCreate), u, "")
			require.NoError(t, err)
		}
		// The members of Acme, of the organization nested in it and of another one; guests of Acme.
		people := []string{"acme.user", "acme.labs", "bolt.user", "guest.above", "guest.below", "guest.beside"}
		versions := func() map[string]int64 {
			sums := make(map[string]int64)
			for _, alias := range people {
				caller := w.As(t, alias)
				sums[alias] = caller.Epoch + caller.Generation
			}
			return sums
		}
		update := func(path string, f func(*domain.Environment)) func() error {
			return func() error {
				_, err := w.Environments.Update(ctx, all, w.Places[path].ID, func(e *domain.Environment) error { f(e); return nil })
				return err
			}
		}
		active := func(yes bool) func(*domain.Environment) { return func(e *domain.Environment) { e.Active = yes } }
		for _, c := range []struct {
			name      string
			make      func() error
			concerned []string
		}{
			{"a new environment", func() error { w.AddEnvironment(t, "Acme/Test/New", false); return nil },
				[]string{"acme.user"}},
			{"an imported one", func() error {
				e := domain.Environment{ID: 2000, Alias: "Imported", Active: true}
				above := w.Places["Acme/Test"]
				e.Hang(&above)
				return persistence.NewDirectoryStore(db).Write(ctx, all, func(tx *persistence.DirectoryTx) error {
					return tx.InsertEnvironments([]domain.PlacedEnvironment{{Environment: e, Above: above.Organization}})
				})
			}, []string{"acme.user"}},
			{"another code", update("Acme/Test", func(e *domain.Environment) { e.Code = "T" }), []string{"acme.user"}},
			{"closed", update("Acme/Prod", active(false)), []string{"acme.user", "guest.above", "guest.below"}},
			{"opened", update("Acme/Prod", active(true)), []string{"acme.user", "guest.above", "guest.below"}},
			{"an organization closed", update("Acme", active(false)),
				[]string{"acme.user", "acme.labs", "guest.above", "guest.below", "guest.beside"}},
			{"an organization opened", update("Acme", active(true)),
				[]string{"acme.user", "acme.labs", "guest.above", "guest.below", "guest.beside"}},
		} {
			before := versions()
			require.NoError(t, c.make(), c.name)
			after := versions()
			for _, alias := range people {
				require.Equal(t, slices.Contains(c.concerned, alias), after[alias] > before[alias], "%s concerns %s", c.name, alias)
			}
		}
		for _, alias := range []string{"guest.above", "guest.below", "guest.beside"} {
			u, err := w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: alias})
			require.NoError(t, err)
			require.NoError(t, w.Users.Delete(ctx, all, u.Key()))
		}
	})

	t.Run("a move takes everything along", func(t *testing.T) {
		from, to := w.Places["Acme/Prod"], w.Places["Acme/Test"]
		_, err := w.Users.Update(ctx, Everything(domain.UserUpdate), w.KeyOf("bolt.user"), "",
			change(func(u *domain.User) { u.Allowed = []domain.Grant{w.Grant("Acme/Prod/East")} }))
		require.NoError(t, err)
		granted, homed := w.As(t, "bolt.user").Epoch, w.As(t, "acme.user").Generation
		moved, err := w.Environments.Update(ctx, all, from.ID,
			func(e *domain.Environment) error { e.Parent, e.Alias = to.ID, "Live"; return nil })
		require.NoError(t, err)
		require.Equal(t, to.Path.Child(from.ID), moved.Path)
		east := w.find(t, w.Places["Acme/Prod/East"].ID)
		require.Equal(t, moved.Path.Child(east.ID), east.Path)
		require.Equal(t, "Acme/Test/Live/East", east.AliasPath)
		for ref, want := range map[domain.EnvironmentRef]int{"acme/test/live/east": 1, "live/east": 1, "Acme/Prod/East": 0} {
			found, err := persistence.NewSource(db).Find(ctx, all.Read(), []domain.EnvironmentRef{ref})
			require.NoError(t, err)
			require.Len(t, found[0], want, "%s is found by its new path alone", ref)
		}
		user, err := w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: "acme.user"})
		require.NoError(t, err)
		require.Equal(t, east.Path, user.HomePath)
		guest, err := w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: "bolt.user"})
		require.NoError(t, err)
		require.Equal(t, east.Path, guest.Allowed[0].Path)
		require.Greater(t, w.As(t, "bolt.user").Epoch, granted, "who was allowed a place in it must be looked at anew")
		require.Greater(t, w.As(t, "acme.user").Generation, homed)
		entries, _, err := w.Audit.List(ctx, tenancy.Operator("x", domain.AuditRead).Read().Below(moved.Path),
			domain.AuditFilter{Target: "acme.user"}, domain.Page{})
		require.NoError(t, err)
		require.NotEmpty(t, entries, "the trail moves too")
		n, err := w.Users.Count(ctx, tenancy.Operator("x", domain.UserRead).Read().Below(moved.Path), domain.UserFilter{})
		require.NoError(t, err)
		require.EqualValues(t, 2, n, "the counters move too")
		_, err = w.Environments.Update(ctx, all, from.ID,
			func(e *domain.Environment) error { e.Parent, e.Alias = from.Parent, "Prod"; return nil })
		require.NoError(t, err)
		require.Equal(t, w.Places["Acme/Prod/East"].Path, w.find(t, w.Places["Acme/Prod/East"].ID).Path)
	})

	t.Run("a nested organization moves whole, with its groups", func(t *testing.T) {
		labs := w.Places["Acme/Labs"]
		w.AddGroup(t, "Acme/Labs", "Lab team")
		moved, err := w.Environments.Update(ctx, all, labs.ID,
			func(e *domain.Environment) error { e.Parent = w.Places["Bolt"].ID; e.Alias = "Guests"; return nil })
		require.NoError(t, err)
		require.Equal(t, labs.Organization, moved.Organization)
		groups, err := w.Groups.List(ctx, tenancy.Operator("x", domain.GroupRead).Read().Below(moved.Path))
		require.NoError(t, err)
		require.Len(t, groups, 1)
		_, err = w.Environments.Update(ctx, all, labs.ID,
			func(e *domain.Environment) error { e.Parent = w.Places["Acme"].ID; e.Alias = "Labs"; return nil })
		require.NoError(t, err)
	})

	t.Run("what cannot be moved", func(t *testing.T) {
		before := w.Dump(t)
		for name, c := range map[string]struct {
			move, to string
			want     error
		}{
			"into itself":               {"Acme/Prod", "Acme/Prod", domain.ErrEnvironmentCycle},
			"below itself":              {"Acme/Prod", "Acme/Prod/East", domain.ErrEnvironmentCycle},
			"over its organization":     {"Acme/Prod", "Bolt", domain.ErrEnvironmentBorder},
			"into a nested one":         {"Acme/Prod", "Acme/Labs", domain.ErrEnvironmentBorder},
			"an organization in itself": {"Acme", "Acme/Labs/One", domain.ErrEnvironmentCycle},
			"the root":                  {"/", "Acme", domain.ErrRootFixed},
		} {
			_, err := w.Environments.Update(ctx, all, w.Places[c.move].ID,
				func(e *domain.Environment) error { e.Parent = w.Places[c.to].ID; return nil })
			require.ErrorIs(t, err, c.want, name)
		}
		_, err := w.Environments.Update(ctx, all, 1, func(e *domain.Environment) error { e.Active = false; return nil })
		require.ErrorIs(t, err, domain.ErrRootFixed)
		_, err = w.Environments.Update(ctx, all, w.Places["Acme/Prod"].ID,
			func(e *domain.Environment) error { e.Parent = 999_999; return nil })
		require.ErrorIs(t, err, domain.ErrEnvironmentNotFound)
		require.Equal(t, before, w.Dump(t), "nothing was changed")
	})

	t.Run("two moves that together would make a cycle", func(t *testing.T) {
		a, b := w.AddEnvironment(t, "Acme/A", false), w.AddEnvironment(t, "Acme/B", false)
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, c := range [][2]domain.EnvironmentID{{a.ID, b.ID}, {b.ID, a.ID}} {
			wg.Go(func() {
				_, errs[i] = w.Environments.Update(ctx, all, c[0],
					func(e *domain.Environment) error { e.Parent = c[1]; return nil })
			})
		}
		wg.Wait()
		require.False(t, errs[0] == nil && errs[1] == nil, "one must lose")
		require.True(t, errs[0] == nil || errs[1] == nil, "%v %v", errs[0], errs[1])
	})

	// Places to be moved to, so many that what was left behind is not met again and taken along.
	w.AddEnvironment(t, "Acme/Lots", false)
	var lots []domain.EnvironmentID
	for n := range 40 {
		lots = append(lots, w.AddEnvironment(t, fmt.Sprintf("Acme/Lots/Lot%d", n), false).ID)
	}
	t.Run("two moves of one environment", func(t *testing.T) {
		cart := w.AddEnvironment(t, "Acme/Cart", false)
		load := w.AddEnvironment(t, "Acme/Cart/Load", false)
		var wg sync.WaitGroup
		for n := range 20 {
			for _, to := range lots[2*n : 2*n+2] {
				wg.Go(func() {
					_, err := w.Environments.Update(ctx, all, cart.ID, func(e *domain.Environment) error { e.Parent = to; return nil })
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			require.Equal(t, w.find(t, cart.ID).Path.Child(load.ID), w.find(t, load.ID).Path, "the one before is taken along")
		}
	})

	t.Run("who comes while the home is moved ends where it is", func(t *testing.T) {
		yard := w.AddEnvironment(t, "Acme/Yard", false)
		w.AddEnvironment(t, "Acme/Yard/Shed", false)
		guests := make(chan error)
		go func() {
			defer close(guests)
			for n := 0; n < 10; {
				shed := w.find(t, w.Places["Acme/Yard/Shed"].ID)
				u := w.NewUser(fmt.Sprintf("guest.%d", n), "Acme/Yard/Shed", domain.RoleUser, domain.UserGroup)
				u.HomePath = shed.Path
				u.Allowed = []domain.Grant{{Environment: shed.ID, Organization: shed.Organization, Path: shed.Path}}
				switch _, err := w.Users.Insert(ctx, all, u, ""); {
				case err == nil:
					n++
				case !domain.ErrChanged.Is(err): // else the next try finds it elsewhere
					guests <- err
					return
				}
			}
		}()
		for n, running := 0, true; running; n++ {
			_, err := w.Environments.Update(ctx, all, yard.ID,
				func(e *domain.Environment) error { e.Parent = lots[n%len(lots)]; return nil })
			require.NoError(t, err)
			select {
			case err, running = <-guests:
				require.NoError(t, err)
			case <-time.After(10 * time.Millisecond):
			}
		}
		shed := w.find(t, w.Places["Acme/Yard/Shed"].ID)
		came, _, err := w.Users.List(ctx, all.Read(), domain.UserFilter{Prefix: "guest."}, domain.Page{})
		require.NoError(t, err)
		require.Len(t, came, 10)
		for _, u := range came {
			require.Equal(t, shed.Path, u.HomePath, u.Alias)
			require.Equal(t, shed.Path, u.Allowed[0].Path, u.Alias)
		}
	})

	t.Run("the tree has a greatest depth, also for a move", func(t *testing.T) {
		path := "Bolt/Test"
		for i := w.Places[path].Path.Depth(); i < domain.MaxDepth; i++ {
			path += "/D"
			w.AddEnvironment(t, path, false)
		}
		_, err := w.Environments.Insert(ctx, all,
			domain.Environment{Parent: w.Places[path].ID, Alias: "Deeper", Active: true})
		require.ErrorIs(t, err, domain.ErrTooDeep)
		_, err = w.Environments.Update(ctx, all, w.Places["Bolt/Test/D"].ID,
			func(e *domain.Environment) error { e.Parent = w.Places["Bolt/Prod/East"].ID; return nil })
		require.ErrorIs(t, err, domain.ErrTooDeep)
	})

	t.Run("only what is empty can be deleted", func(t *testing.T) {
		err := w.Environments.Delete(ctx, all, w.Places["Acme/Prod"].ID)
		require.ErrorIs(t, err, domain.ErrEnvironmentNotEmpty)
		public := domain.AsError(err).Public
		require.Contains(t, public, "environments (3)")
		require.Contains(t, public, "users (1)")
		require.ErrorIs(t, w.Environments.Delete(ctx, all, w.Places["Acme"].ID), domain.ErrEnvironmentNotEmpty)
		require.ErrorIs(t, w.Environments.Delete(ctx, all, 1), domain.ErrRootFixed)
		require.ErrorIs(t, w.Environments.Delete(ctx, all, 999_999), domain.ErrEnvironmentNotFound)

		// Each of what can be in it is enough: a user, a group, an environment, seen or not.
		w.AddUser(t, "lonely", w.addPath(t, "Acme/Lonely", false), domain.RoleUser, domain.UserGroup)
		w.AddGroup(t, w.addPath(t, "Acme/Grouped", true), "Only")
		half := w.NewUser("half", "Acme", domain.RoleOAdmin, domain.AdminGroup)
		w.AddEnvironment(t, "Acme/Full", false)
		half.Blocked = []domain.Grant{w.Grant(w.addPath(t, "Acme/Full/Hidden", false))}
		_, err = w.Users.Insert(ctx, all, half, "")
		require.NoError(t, err)
		for path, counted := range map[string]string{"Acme/Lonely": "users (1)", "Acme/Grouped": "groups (1)",
			"Acme/Full": "environments (1)"} {
			err := w.Environments.Delete(ctx, all, w.Places[path].ID)
			require.ErrorIs(t, err, domain.ErrEnvironmentNotEmpty, path)
			require.Contains(t, domain.AsError(err).Public, counted)
		}
		err = w.Environments.Delete(ctx, w.Scope(t, "half", domain.EnvironmentWrite), w.Places["Acme/Full"].ID)
		require.ErrorIs(t, err, domain.ErrEnvironmentNotEmpty)
		require.Equal(t, domain.ErrEnvironmentNotEmpty.Public, domain.AsError(err).Public, "what is hidden is not counted")

		empty := w.AddEnvironment(t, "Acme/Empty", true)
		_, err = w.Users.Update(ctx, all, w.KeyOf("bolt.user"), "", change(func(u *domain.User) {
			u.Allowed, u.Blocked = []domain.Grant{w.Grant("Acme/Empty")}, []domain.Grant{w.Grant("Acme/Empty")}
		}))
		require.NoError(t, err)
		epoch := w.As(t, "bolt.user").Epoch
		require.NoError(t, w.Environments.Delete(ctx, all, empty.ID))
		read, err := w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: "bolt.user"})
		require.NoError(t, err)
		require.Empty(t, read.Allowed)
		require.Empty(t, read.Blocked)
		require.Greater(t, w.As(t, "bolt.user").Epoch, epoch)
		w.AddEnvironment(t, "Acme/Empty", false) // the alias is free again
	})
}

// addPath is AddEnvironment for where the path is needed.
func (w *World) addPath(t *testing.T, path string, organization bool) string {
	t.Helper()
	w.AddEnvironment(t, path, organization)
	return path
}

func (w *World) find(t *testing.T, id domain.EnvironmentID) domain.Environment {
	t.Helper()
	found, err := persistence.NewSource(w.DB).
		Find(t.Context(), Everything(domain.EnvironmentRead).Read(), []domain.EnvironmentRef{domain.NumberRef(id)})
	require.NoError(t, err)
	require.Len(t, found[0], 1)
	return found[0][0]
}

// Find tests how environments are found by name, and that both engines compare alike.
func Find(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	for _, path := range []string{"Straße", "Ångström", "ǅ", "a_b", "a%b", "aXb", "Acme/Prod/Prod", "Acme/aXb",
		"Acme/aXb/Leaf"} {
		w.AddEnvironment(t, path, false)
	}
	source := persistence.NewSource(db)
	for ref, want := range map[string]string{
		"/": "/", "1": "/", "acme": "Acme", "ACME/prod": "Acme/Prod", "Acme/Prod/Prod": "Acme/Prod/Prod",
		"ångström": "Ångström", "ÅNGSTRÖM": "Ångström", "STRAßE": "Straße", "ǆ": "ǅ", "a_b": "a_b", "a%b": "a%b",
		"Prod/East": "Acme/Prod/East|Bolt/Prod/East", "east": "Acme/Prod/East|Bolt/Prod/East", "nowhere": "", "Acme/East": "",
		"od/East":    "",
		"/Acme/Prod": "Acme/Prod", "prod/prod": "Acme/Prod/Prod", "a'b": "", "a\\b": "", "_": "", "a_b/Leaf": "",
		"a%/Leaf": "", "axb/leaf": "Acme/aXb/Leaf", `a\xb/leaf`: "",
	} {
		found, err := source.Find(ctx, Everything(domain.EnvironmentRead).Read(),
			[]domain.EnvironmentRef{domain.EnvironmentRef(ref)})
		require.NoError(t, err, ref)
		var paths []string
		for _, e := range found[0] {
			if e.Path == domain.RootPath {
				paths = append(paths, "/")
			} else {
				paths = append(paths, e.AliasPath)
			}
		}
		require.Equal(t, want, strings.Join(sorted(paths), "|"), ref)
	}
	t.Run("what one reference may name is kept from another's", func(t *testing.T) {
		found, err := source.Find(ctx, Everything(domain.EnvironmentRead).Read(),
			[]domain.EnvironmentRef{"East", "nowhere", domain.NumberRef(w.Places["Acme/Prod/East"].ID)})
		require.NoError(t, err)
		require.Len(t, found, 3)
		require.Len(t, found[0], 2)
		require.Empty(t, found[1])
		require.Equal(t, []domain.Environment{w.Places["Acme/Prod/East"]}, found[2])
	})
	t.Run("a name is looked up in the reach only", func(t *testing.T) {
		e, err := w.Gate.Environment(ctx, w.As(t, "acme.admin"), "East")
		require.NoError(t, err)
		require.Equal(t, w.Places["Acme/Prod/East"], e)
		_, err = w.Gate.Environment(ctx, w.As(t, "root.admin"), "East")
		require.ErrorIs(t, err, domain.ErrEnvironmentAmbiguous)
		require.Contains(t, domain.AsError(err).Public, "Acme/Prod/East, Bolt/Prod/East")
		_, err = w.Gate.Environment(ctx, w.As(t, "acme.admin"), "Bolt/Prod")
		require.ErrorIs(t, err, domain.ErrEnvironmentNotFound)
		_, err = w.Gate.Environment(ctx, w.As(t, "acme.power"), "Acme/Prod")
		require.ErrorIs(t, err, domain.ErrEnvironmentNotFound, "Acme itself is above the reach, so it is no part of a name")
		e, err = w.Gate.Environment(ctx, w.As(t, "acme.power"), "Prod/East")
		require.NoError(t, err)
		require.Equal(t, w.Places["Acme/Prod/East"].ID, e.ID)
	})
}

// Below tests what lies below environments, page by page and counted, and the search for their names.
func Below(t *testing.T, db *db.DB) {
	w, ctx := NewWorld(t, db), t.Context()
	for _, path := range []string{"Acme/Prod/prodigy", "Acme/Labs/PROD_2", "Bolt/Test/Prod%", "Acme/Prod/East/Deep"} {
		w.AddEnvironment(t, path, false)
	}
	for i, home := range []string{
		"Acme/Prod/East", "Acme/Prod/East/Deep", "Acme/Prod/East/Deep", "Acme/Labs/One", "Bolt",
	} {
		w.AddUser(t, fmt.Sprint("below", i), home, domain.RoleUser, domain.UserGroup)
	}
	blocked := w.AddUser(t, "acme.blocked", "Acme", domain.RoleOAdmin, domain.AdminGroup)
	_, err := w.Users.Update(ctx, Everything(domain.UserUpdate), blocked.Key(), "", change(func(u *domain.User) {
		u.Blocked, u.Allowed = []domain.Grant{w.Grant("Acme/Prod/East/Deep"), w.Grant("Acme/Labs/One")},
			[]domain.Grant{w.Grant("Bolt/Test")}
	}))
	require.NoError(t, err)
	people, _, err := w.Users.List(ctx, Everything(domain.UserRead).Read(), domain.UserFilter{}, domain.Page{})
	require.NoError(t, err)
	everything, _, err := w.Environments.List(ctx, Everything(domain.EnvironmentRead).Read(), domain.Page{})
	require.NoError(t, err)
	for _, caller := range []string{"root.admin", "acme.admin", "acme.blocked", "acme.power", "acme.user"} {
		sc := w.Scope(t, caller, domain.EnvironmentRead).Read()
		users := w.Scope(t, caller, domain.UserRead).Read()
		_, self := users.Self()
		sc = sc.Choosing(users)
		inScope := func(keep func(e *domain.Environment) bool) (found []domain.Environment) {
			for i := range everything {
				if e := &everything[i]; sc.Covers(e.Path) && keep(e) {
					found = append(found, *e)
				}
			}
			return found
		}
		for _, parent := range everything {
			directly := func(of *domain.Environment) func(*domain.Environment) bool {
				return func(e *domain.Environment) bool { return e.Parent == of.ID && e.Path != domain.RootPath }
			}
			want := inScope(directly(&parent))
			var counted []domain.CountedEnvironment
			for i := range want {
				c := domain.CountedEnvironment{Environment: want[i],
					Counts: domain.SubtreeCounts{HasChildren: len(inScope(directly(&want[i]))) > 0, People: -1, PeopleBelow: -1}}
				if !self {
					c.Counts.People, c.Counts.PeopleBelow = 0, 0
				}
				for _, u := range people {
					if !self && users.Covers(u.HomePath) && want[i].Path.Contains(u.HomePath) {
						c.Counts.PeopleBelow++
						if u.Home == want[i].ID {
							c.Counts.People++
						}
					}
				}
				counted = append(counted, c)
			}
			for _, limit := range []int{1, 2, 100} {
				var got []domain.Environment
				var gotCounted []domain.CountedEnvironment
				for p := (domain.Page{Limit: limit}); ; {
					page, next, err := w.Environments.Children(ctx, sc, parent.ID, p)
					require.NoError(t, err)
					with, same, err := w.Environments.CountedChildren(ctx, sc, parent.ID, p)
					require.NoError(t, err)
					require.Equal(t, next, same)
					require.LessOrEqual(t, len(page), limit)
					got, gotCounted = append(got, page...), append(gotCounted, with...)
					if p.After = next; next == "" {
						break
					}
				}
				require.Equal(t, want, got, "%s, below %s", caller, parent.AliasPath)
				require.Equal(t, counted, gotCounted, "%s, below %s", caller, parent.AliasPath)
			}
		}
		for _, prefix := range []string{"pROD", "prod_", "Prod%", "e", "nothing", "\\"} {
			for _, n := range []int{1, 20} {
				want := inScope(func(e *domain.Environment) bool {
					return strings.HasPrefix(domain.Fold(e.Alias), domain.Fold(prefix))
				})
				slices.SortFunc(want, func(a, b domain.Environment) int {
					return cmp.Or(strings.Compare(domain.Fold(a.Alias), domain.Fold(b.Alias)),
						strings.Compare(string(a.Path), string(b.Path)))
				})
				got, err := w.Environments.Search(ctx, sc, prefix, n)
				require.NoError(t, err, prefix)
				require.Equal(t, append([]domain.Environment{}, want[:min(n, len(want))]...), got, "%s, %s",
					caller, prefix)
			}
		}
	}
	for _, cursor := range []domain.Cursor{"x", "/1/x/", "1 /1/"} {
		_, _, err := w.Environments.Children(ctx, Everything(domain.EnvironmentRead).Read(), 1, domain.Page{After: cursor})
		require.ErrorIs(t, err, domain.ErrCursor)
		_, _, err = w.Environments.CountedChildren(ctx, Everything(domain.EnvironmentRead).Read(), 1,
			domain.Page{After: cursor})
		require.ErrorIs(t, err, domain.ErrCursor)
	}
}
