package storetest

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Objects tests what the port of objects promises.
func Objects(t *testing.T, db *db.DB) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	db.Now = func() time.Time { return now }
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.ObjectManage)
	get := func(o domain.Object) (domain.Object, error) {
		return w.Objects.Get(ctx, all.Read(), domain.NumberedObject(o.ID))
	}
	update := func(o domain.Object, change func(*domain.Object)) (domain.Object, error) {
		return w.Objects.Update(ctx, all, o, func(o *domain.Object) error { change(o); return nil })
	}
	owners := func(o domain.Object) []domain.UserKey {
		owners, err := w.Objects.Owners(ctx, all.Read(), domain.NumberedObject(o.ID))
		require.NoError(t, err)
		var keys []domain.UserKey
		for i, own := range owners {
			keys = append(keys, own.Owner)
			require.Equal(t, i == len(owners)-1 && o.Owner.User != 0, own.Until.IsZero(), "only the last goes on")
		}
		return keys
	}

	t.Run("an object comes back as it was stored", func(t *testing.T) {
		api := w.AddObject(t, "Acme", "Prices", domain.KindAPI, "Acme", "acme.admin", nil)
		o := w.AddObject(t, "Acme", "Shop 'n' \\ \"quoted\" ?", domain.KindApplication, "Acme/Prod/East", "acme.user",
			func(o *domain.Object) {
				o.Attributes = map[string]string{"description": "Größe ?", "enabled": "true"}
				o.Visibility, o.Uses = domain.Shared, []domain.ObjectID{api.ID}
				o.Access = []domain.Access{{User: w.KeyOf("acme.power"), Level: domain.LevelWrite, Name: "acme.power",
					Home: w.People["acme.power"].HomePath},
					{Group: w.Teams["Acme/Team"].ID, Level: domain.LevelRead, Name: "Team",
						Organization: w.Places["Acme"].Organization}}
			})
		o.OwnerAlias, o.OwnerHome = "acme.user", w.People["acme.user"].HomePath
		read, err := get(o)
		require.NoError(t, err)
		require.Equal(t, o, read)
		read, err = w.Objects.Get(ctx, all.Read(), domain.ObjectRef(o.UUID))
		require.NoError(t, err)
		require.Equal(t, o, read)
		require.Equal(t, []domain.UserKey{o.Owner}, owners(o))
		for _, ref := range []domain.ObjectRef{"", "0", "999999", "x", "017d47c4-8b2e-7c3a-9d1f-2a6b5c4d3e01", "1; DROP"} {
			_, err := w.Objects.Get(ctx, all.Read(), ref)
			require.ErrorIs(t, err, domain.ErrObjectNotFound, string(ref))
		}
	})

	t.Run("what an object names must be there", func(t *testing.T) {
		e := w.Places["Acme/Prod"]
		plain := domain.Object{Kind: domain.KindApplication, Name: "X", Organization: e.Organization, Environment: e.ID,
			Path: e.Path}
		for name, c := range map[string]struct {
			change func(*domain.Object)
			want   error
		}{
			"an environment that is elsewhere": {func(o *domain.Object) { o.Path = "/1/9/" }, domain.ErrChanged},
			"no environment":                   {func(o *domain.Object) { o.Environment = 999 }, domain.ErrEnvironmentNotFound},
			"no owner": {func(o *domain.Object) {
				o.Owner = domain.UserKey{Organization: e.Organization,
					User: 999}
			}, domain.ErrUserNotFound},
			"nobody on the list": {func(o *domain.Object) {
				o.Access = []domain.Access{{User: domain.UserKey{Organization: 1, User: 999}, Level: domain.LevelRead}}
			}, domain.ErrUserNotFound},
			"a foreign group": {func(o *domain.Object) {
				o.Access = []domain.Access{{Group: w.Teams["Bolt/Team"].ID, Level: domain.LevelRead}}
			}, domain.ErrGroupNotFound},
			"a foreign parent": {func(o *domain.Object) { o.Kind = domain.KindTopic; o.Parent = w.Things["Bolt/Talk"].ID },
				domain.ErrObjectNotFound},
			"a parent of that kind": {func(o *domain.Object) { o.Kind = domain.KindKey; o.Parent = w.Things["Acme/Watch"].ID },
				domain.ErrInvalid},
			"a use of another kind": {func(o *domain.Object) { o.Uses = []domain.ObjectID{w.Things["Acme/Watch"].ID} },
				domain.ErrObjectNotFound},
			"a key without a parent": {func(o *domain.Object) { o.Kind = domain.KindKey }, domain.ErrInvalid},
			"an unknown kind":        {func(o *domain.Object) { o.Kind = "car" }, domain.ErrObjectKind},
			"an unknown attribute":   {func(o *domain.Object) { o.Attributes = map[string]string{"x": "y"} }, domain.ErrInvalid},
		} {
			o := plain
			c.change(&o)
			before := w.Dump(t)
			_, err := w.Objects.Insert(ctx, all, o)
			require.ErrorIs(t, err, c.want, name)
			require.Equal(t, before, w.Dump(t), name)
		}
	})

	t.Run("names that are paths are unique in the organization, and follow", func(t *testing.T) {
		topic := func(name string, parent domain.ObjectID) (domain.Object, error) {
			e := w.Places["Acme"]
			return w.Objects.Insert(ctx, all,
				domain.Object{Kind: domain.KindTopic, Name: name, Parent: parent, Organization: e.Organization,
					Environment: e.ID, Path: e.Path})
		}
		bob, err := topic("bob", 0)
		require.NoError(t, err)
		require.Equal(t, "/bob", bob.FullName)
		_, err = topic("bobby", 0)
		require.NoError(t, err)
		_, err = topic("BOB", 0)
		require.ErrorIs(t, err, domain.ErrObjectNameTaken)
		deep, err := topic("ÄÖ/deep", bob.ID)
		require.NoError(t, err)
		require.Equal(t, "/bob/ÄÖ/deep", deep.FullName)
		_, err = update(bob, func(o *domain.Object) { o.Name = "talk" })
		require.ErrorIs(t, err, domain.ErrObjectNameTaken)
		_, err = update(bob, func(o *domain.Object) { o.Name = "bob/bob" })
		require.NoError(t, err)
		_, err = update(bob, func(o *domain.Object) { o.Name = "Straße" })
		require.NoError(t, err)
		for name, want := range map[string]error{"/straße": nil, "/STRASSE": domain.ErrObjectNotFound, "/Straße/äö/DEEP": nil,
			"/bobby": nil, "/bob": domain.ErrObjectNotFound, "/bob/ÄÖ/deep": domain.ErrObjectNotFound} {
			_, err := w.Objects.Get(ctx, w.ObjectScope(t, "acme.admin").Read(), domain.ObjectRef(name))
			if want == nil {
				require.NoError(t, err, name)
			} else {
				require.ErrorIs(t, err, want, name)
			}
		}
		_, err = topic("bob", 0)
		require.NoError(t, err, "the old name is free")
		long := make([]byte, 95)
		for i := range long {
			long[i] = 'x'
		}
		_, err = update(bob, func(o *domain.Object) { o.Name = string(long) })
		require.ErrorIs(t, err, domain.ErrInvalid, "the names below would be too long")
		require.ErrorIs(t, w.Objects.Delete(ctx, all, bob), domain.ErrObjectNotEmpty)
	})

	t.Run("an object of any kind gets another name and stays where it belongs", func(t *testing.T) {
		for _, kind := range domain.ObjectKinds {
			parents := []domain.Object{}
			if !kind.ParentRequired {
				parents = append(parents, domain.Object{})
			}
			for _, above := range kind.Parents {
				parents = append(parents,
					w.AddObject(t, "Acme", "above "+string(kind.Kind), above, "Acme/Test", "acme.admin", nil))
			}
			for _, parent := range parents {
				o := w.AddObject(t, "Acme", "old "+string(kind.Kind), kind.Kind, "Acme/Test", "acme.admin",
					func(o *domain.Object) { o.Parent = parent.ID })
				saved, err := update(o, func(o *domain.Object) { o.Name = "new " + string(kind.Kind) })
				require.NoError(t, err, kind.Kind)
				read, err := get(o)
				require.NoError(t, err)
				require.Equal(t, read, saved)
				require.Equal(t, "new "+string(kind.Kind), read.Name)
				require.Equal(t, kind.FullName(parent.FullName, read.Name), read.FullName)
				require.Equal(t, parent.ID, read.Parent, kind.Kind)
			}
		}
	})

	t.Run("a topic gets a name that others lie below", func(t *testing.T) {
		add := func(name string) domain.Object {
			return w.AddObject(t, "Acme", name, domain.KindTopic, "Acme", "acme.admin", nil)
		}
		there, above := add("Roof/there"), add("House")
		add("House/room")
		_, err := update(above, func(o *domain.Object) { o.Name = "Roof" })
		require.NoError(t, err)
		as := w.ObjectScope(t, "acme.admin").Read()
		for _, name := range []domain.ObjectRef{"/Roof", "/Roof/there", "/Roof/room"} {
			_, err := w.Objects.Get(ctx, as, name)
			require.NoError(t, err, name)
		}
		there, err = get(there)
		require.NoError(t, err)
		require.Equal(t, "Roof/there", there.Name)
		for _, name := range []string{"Roof", "Roof/there", "Roof/room"} {
			_, err := w.Objects.Insert(ctx, all, domain.Object{Kind: domain.KindTopic, Name: name,
				Organization: above.Organization, Environment: above.Environment, Path: above.Path})
			require.ErrorIs(t, err, domain.ErrObjectNameTaken, name)
		}
	})

	t.Run("what lies below by name only follows with its own name", func(t *testing.T) {
		add := func(name string, parent domain.ObjectID) domain.Object {
			return w.AddObject(t, "Acme", name, domain.KindTopic, "Acme", "acme.admin",
				func(o *domain.Object) { o.Parent = parent })
		}
		below, deep := add("Böhm/x/y", 0), domain.Object{}
		deep = add("deep", below.ID)
		above := add("BÖHM", 0)
		between := add("x", above.ID)
		beside := add("x/z", above.ID)
		_, err := update(above, func(o *domain.Object) { o.Name = "P" })
		require.NoError(t, err)
		_, err = update(between, func(o *domain.Object) { o.Name = "Longer" })
		require.NoError(t, err)
		for _, c := range []struct {
			o          domain.Object
			name, full string
		}{
			{above, "P", "/P"}, {between, "Longer", "/P/Longer"}, {beside, "Longer/z", "/P/Longer/z"},
			{below, "P/Longer/y", "/P/Longer/y"}, {deep, "deep", "/P/Longer/y/deep"},
		} {
			o, err := get(c.o)
			require.NoError(t, err)
			require.Equal(t, []string{c.name, c.full}, []string{o.Name, o.FullName})
		}
		for _, o := range []domain.Object{deep, below} {
			renamed, err := update(o, func(o *domain.Object) { o.Name = "n" })
			require.NoError(t, err)
			require.Equal(t, map[domain.ObjectID]string{deep.ID: "/P/Longer/y/n", below.ID: "/n"}[o.ID], renamed.FullName)
		}
	})

	t.Run("an update saves what changed, and its error saves nothing", func(t *testing.T) {
		watch := w.Things["Acme/Watch"]
		before := w.Dump(t)
		_, err := w.Objects.Update(ctx, all, watch, func(o *domain.Object) error { o.Name = "y"; return domain.ErrForbidden })
		require.ErrorIs(t, err, domain.ErrForbidden)
		_, err = update(watch, func(*domain.Object) {})
		require.NoError(t, err)
		require.Equal(t, before, w.Dump(t))
		now = now.Add(time.Hour)
		saved, err := update(watch, func(o *domain.Object) {
			o.Name, o.Attributes, o.Visibility = "Watcher", map[string]string{"language": "EN"}, domain.Shared
			o.Environment, o.Path = w.Places["Acme/Prod"].ID, w.Places["Acme/Prod"].Path
		})
		require.NoError(t, err)
		require.Equal(t, now, saved.Changed)
		entry := domain.Access{User: w.KeyOf("acme.power"), Level: domain.LevelRead, Name: "acme.power",
			Home: w.People["acme.power"].HomePath}
		require.NoError(t, w.Objects.Share(ctx, all, watch, false, entry))
		saved.Grant(entry)
		read, err := get(watch)
		require.NoError(t, err)
		require.Equal(t, saved, read)
		_, err = update(watch, func(o *domain.Object) {
			o.Environment, o.Path, o.Organization = w.Places["Bolt"].ID, w.Places["Bolt"].Path, w.Places["Bolt"].Organization
		})
		require.ErrorIs(t, err, domain.ErrObjectBorder)
		_, err = update(watch, func(o *domain.Object) { o.Name, o.Path = "z", w.Places["Acme/Test"].Path })
		require.ErrorIs(t, err, domain.ErrChanged, "its environment was moved since it was looked up")
		reads := domain.WithRequest(ctx, domain.Request{Reads: true})
		require.ErrorIs(t, w.Objects.Share(reads, all, watch, false, domain.Access{User: entry.User}), domain.ErrInternal)
		read, err = get(watch)
		require.NoError(t, err)
		require.Equal(t, saved, read)
	})

	t.Run("a new owner begins another time of ownership, also of the keys", func(t *testing.T) {
		app := w.AddObject(t, "Acme", "App", domain.KindApplication, "Acme/Prod", "acme.user", nil)
		mine := w.AddObject(t, "Acme", "key 1", domain.KindKey, "Acme/Prod", "acme.user",
			func(o *domain.Object) { o.Parent = app.ID })
		others := w.AddObject(t, "Acme", "key 2", domain.KindKey, "Acme/Prod", "acme.admin",
			func(o *domain.Object) { o.Parent = app.ID })
		saved, err := update(app, func(o *domain.Object) { o.Owner = w.KeyOf("acme.power") })
		require.NoError(t, err)
		require.Equal(t, "acme.power", saved.OwnerAlias)
		require.Equal(t, w.People["acme.power"].HomePath, saved.OwnerHome)
		read, err := get(saved)
		require.NoError(t, err)
		require.Equal(t, read, saved)
		require.Equal(t, []domain.UserKey{w.KeyOf("acme.user"), w.KeyOf("acme.power")}, owners(saved))
		mine, err = get(mine)
		require.NoError(t, err)
		require.Equal(t, w.KeyOf("acme.power"), mine.Owner)
		require.Len(t, owners(mine), 2)
		others, err = get(others)
		require.NoError(t, err)
		require.Equal(t, w.KeyOf("acme.admin"), others.Owner)
		require.NoError(t, w.Objects.Delete(ctx, all, app))
		_, err = get(others)
		require.ErrorIs(t, err, domain.ErrObjectNotFound, "keys go with their application")
	})

	t.Run("keys go where their application goes", func(t *testing.T) {
		app := w.AddObject(t, "Acme", "moving app", domain.KindApplication, "Acme/Prod", "acme.admin", nil)
		key := w.AddObject(t, "Acme", "moving key", domain.KindKey, "Acme/Prod", "acme.admin",
			func(o *domain.Object) { o.Parent = app.ID })
		other := w.AddObject(t, "Acme", "key elsewhere", domain.KindKey, "Acme/Prod/East", "acme.admin",
			func(o *domain.Object) { o.Parent = app.ID })
		to := w.Places["Acme/Test"]
		_, err := update(app, func(o *domain.Object) { o.Environment, o.Path = to.ID, to.Path })
		require.NoError(t, err)
		for place, o := range map[string]domain.Object{"Acme/Test": key, "Acme/Prod/East": other} {
			after, err := get(o)
			require.NoError(t, err)
			require.Equal(t, w.Places[place].Path, after.Path, o.Name)
			require.Equal(t, w.Places[place].ID, after.Environment, o.Name)
		}
		entries, _, err := w.Audit.List(ctx, Everything(domain.AuditRead).Read(), domain.AuditFilter{Target: "moving key"},
			domain.Page{})
		require.NoError(t, err)
		require.Len(t, entries, 2, "made and moved")
	})

	t.Run("everything somebody owns is handed over at once", func(t *testing.T) {
		for i := range 7 {
			w.AddObject(t, "Acme", "many "+strconv.Itoa(i), domain.KindSector, "Acme/Test", "acme.labs", nil)
		}
		w.AddObject(t, "Bolt", "abroad", domain.KindSector, "Bolt/Test", "acme.labs", nil)
		_, err := w.Objects.HandOverAll(ctx, all, w.KeyOf("acme.labs"), domain.UserKey{Organization: 1, User: 999})
		require.ErrorIs(t, err, domain.ErrUserNotFound)
		n, err := w.Objects.HandOverAll(ctx, w.ObjectScope(t, "acme.admin"), w.KeyOf("acme.labs"), w.KeyOf("acme.user"))
		require.NoError(t, err)
		require.EqualValues(t, 7, n, "what lies outside the scope stays")
		n, err = w.Objects.HandOverAll(ctx, w.ObjectScope(t, "acme.labs"), w.KeyOf("acme.user"), w.KeyOf("acme.labs"))
		require.NoError(t, err)
		require.Zero(t, n, "who only reads hands nothing over")
	})

	t.Run("a deleted user leaves what others rely on, and nothing else", func(t *testing.T) {
		u := w.AddUser(t, "leaving", "Acme/Prod", domain.RoleUser, domain.UserGroup)
		app := w.AddObject(t, "Acme", "gone app", domain.KindApplication, "Bolt/Prod", "leaving", nil)
		key := w.AddObject(t, "Acme", "gone key", domain.KindKey, "Bolt/Prod", "acme.user",
			func(o *domain.Object) { o.Parent = app.ID })
		own := w.AddObject(t, "Acme", "own key", domain.KindKey, "Bolt/Prod", "leaving",
			func(o *domain.Object) { o.Parent = app.ID })
		api := w.AddObject(t, "Acme", "kept api", domain.KindAPI, "Acme", "leaving", nil)
		private := w.AddObject(t, "Acme", "Private/leaving", domain.KindTopic, "Acme", "leaving", func(o *domain.Object) {
			o.Access = []domain.Access{{Group: w.Teams["Acme/Team"].ID, Level: domain.LevelRead}}
		})
		below := w.AddObject(t, "Acme", "notes", domain.KindTopic, "Acme", "acme.user", func(o *domain.Object) {
			o.Parent, o.Visibility = private.ID, domain.Shared
		})
		alike := w.AddObject(t, "Acme", "Private/leaving2", domain.KindTopic, "Acme", "acme.user", nil)
		shared := w.AddObject(t, "Acme", "Leaving", domain.KindTopic, "Acme", "leaving", func(o *domain.Object) {
			o.Access = []domain.Access{{Group: w.Teams["Acme/Team"].ID, Level: domain.LevelRead}}
		})
		watch := w.Things["Acme/Watch"]
		require.NoError(t, w.Objects.Share(ctx, all, watch, false, domain.Access{User: u.Key(), Level: domain.LevelAdmin}))
		require.NoError(t, w.Users.Delete(ctx, Everything(domain.UserDelete), u.Key()))
		for _, gone := range []domain.Object{app, key, own, private, below} {
			_, err := get(gone)
			require.ErrorIs(t, err, domain.ErrObjectNotFound, gone.Name)
		}
		for _, kept := range []domain.Object{api, shared} {
			o, err := get(kept)
			require.NoError(t, err, kept.Name)
			require.Zero(t, o.Owner, kept.Name)
			require.Equal(t, []domain.UserKey{u.Key()}, owners(o), kept.Name)
		}
		o, err := get(alike)
		require.NoError(t, err)
		require.Equal(t, w.People["acme.user"].ID, o.Owner.User)
		o, err = get(watch)
		require.NoError(t, err)
		require.False(t, slices.ContainsFunc(o.Access, func(a domain.Access) bool { return a.User == u.Key() }))
		entries, _, err := w.Audit.List(ctx, Everything(domain.AuditRead).Read(), domain.AuditFilter{Target: "own key"},
			domain.Page{})
		require.NoError(t, err)
		require.Len(t, entries, 2, "made and deleted, each once")
	})

	t.Run("a deleted group gives nothing any more", func(t *testing.T) {
		g := w.AddGroup(t, "Acme", "Passing")
		require.NoError(t, w.Objects.Share(ctx, all, w.Things["Acme/Watch"], false,
			domain.Access{Group: g.ID, Level: domain.LevelRead}))
		o, err := get(w.Things["Acme/Watch"])
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(o.Access, func(a domain.Access) bool { return a.Group == g.ID }))
		require.NoError(t, w.DeleteGroup(ctx, all, g.ID))
		o, err = get(o)
		require.NoError(t, err)
		require.False(t, slices.ContainsFunc(o.Access, func(a domain.Access) bool { return a.Group == g.ID }))
	})

	t.Run("a user or group is put on the lists of a topic and of all below it", func(t *testing.T) {
		as := w.ObjectScope(t, "acme.user")
		below := func(parent domain.Object) func(*domain.Object) {
			return func(o *domain.Object) { o.Parent = parent.ID }
		}
		top := w.AddObject(t, "Acme", "Share", domain.KindTopic, "Acme/Prod/East", "acme.user", nil)
		mine := w.AddObject(t, "Acme", "mine", domain.KindTopic, "Acme/Prod/East", "acme.user", below(top))
		deep := w.AddObject(t, "Acme", "deep", domain.KindTopic, "Acme/Prod/East", "acme.user", below(mine))
		others := w.AddObject(t, "Acme", "others", domain.KindTopic, "Acme/Prod/East", "acme.power", below(top))
		beside := w.AddObject(t, "Acme", "Shared", domain.KindTopic, "Acme/Prod/East", "acme.user", nil)
		entry := domain.Access{User: w.KeyOf("acme.power"), Level: domain.LevelWrite}
		levels := func() (all []domain.Level) {
			for _, o := range []domain.Object{top, mine, deep, others, beside} {
				o, err := get(o)
				require.NoError(t, err)
				all = append(all, o.Listed(entry).Level)
			}
			return all
		}
		const none, write = domain.NoLevel, domain.LevelWrite
		require.NoError(t, w.Objects.Share(ctx, as, top, false, entry))
		require.Equal(t, []domain.Level{write, none, none, none, none}, levels())
		before := strings.Count(w.Dump(t), "\naudit ")
		require.NoError(t, w.Objects.Share(ctx, as, top, true, entry))
		require.Equal(t, []domain.Level{write, write, write, none, none}, levels(),
			"what is somebody else's, or only begins alike, stays as it was")
		require.Equal(t, 2, strings.Count(w.Dump(t), "\naudit ")-before, "one entry for each that changed")
		require.NoError(t, w.Objects.Share(ctx, as, top, true, domain.Access{User: entry.User, Level: domain.LevelRead}))
		require.Equal(t, []domain.Level{domain.LevelRead, domain.LevelRead, domain.LevelRead, none, none}, levels())
		dump := w.Dump(t)
		require.ErrorIs(t, w.Store.Do(ctx, as, func(tx *persistence.Tx) error {
			below, err := tx.ObjectsBelow(&top)
			require.NoError(t, err)
			require.NoError(t, tx.GrantObjects(below, entry))
			return domain.ErrForbidden
		}), domain.ErrForbidden)
		require.ErrorIs(t, w.Objects.Share(ctx, as, top, true, domain.Access{Group: 999, Level: write}),
			domain.ErrGroupNotFound)
		require.ErrorIs(t, w.Objects.Share(ctx, as, top, true, domain.Access{Group: w.Teams["Bolt/Team"].ID, Level: write}),
			domain.ErrGroupNotFound)
		require.ErrorIs(t, w.Objects.Share(ctx, w.ObjectScope(t, "bolt.user"), top, true, entry), domain.ErrObjectNotFound)
		require.Equal(t, dump, w.Dump(t), "all or none")
		require.NoError(t, w.Objects.Share(ctx, as, top, true, domain.Access{User: entry.User}))
		require.Equal(t, []domain.Level{none, none, none, none, none}, levels())
	})

	t.Run("not too many at once", func(t *testing.T) {
		as := w.ObjectScope(t, "acme.user")
		top := w.AddObject(t, "Acme", "Many", domain.KindTopic, "Acme/Prod/East", "acme.user", nil)
		for i := range domain.MaxTogether {
			w.AddObject(t, "Acme", "m"+strconv.Itoa(i), domain.KindTopic, "Acme/Prod/East", "acme.user",
				func(o *domain.Object) { o.Parent = top.ID })
		}
		share := func() error {
			return w.Objects.Share(ctx, as, top, true, domain.Access{User: w.KeyOf("acme.power"), Level: domain.LevelRead})
		}
		require.ErrorIs(t, share(), domain.ErrTooManyBelow)
		require.NoError(t, w.Objects.Delete(ctx, as, w.Things["Acme/m0"]))
		require.NoError(t, share())
		shared, err := w.Objects.Count(ctx, w.ObjectScope(t, "acme.power").Personally().Read(),
			domain.ObjectFilter{Prefix: "/Many"})
		require.NoError(t, err)
		require.EqualValues(t, domain.MaxTogether, shared)
	})

	t.Run("objects follow their environment, and keep it from being deleted", func(t *testing.T) {
		e := w.AddEnvironment(t, "Acme/Test/Sub", false)
		o := w.AddObject(t, "Acme", "moves", domain.KindSector, "Acme/Test/Sub", "acme.user", nil)
		moved, err := w.Environments.Update(ctx, all, e.ID,
			func(e *domain.Environment) error { e.Parent = w.Places["Acme/Prod"].ID; return nil })
		require.NoError(t, err)
		o, err = get(o)
		require.NoError(t, err)
		require.Equal(t, moved.Path, o.Path)
		require.ErrorIs(t, w.Environments.Delete(ctx, all, e.ID), domain.ErrEnvironmentNotEmpty)
		require.NoError(t, w.Objects.Delete(ctx, all, o))
		require.NoError(t, w.Environments.Delete(ctx, all, e.ID))
	})
}

// ObjectReaders are people who see different objects of those that AddObjects adds.
var ObjectReaders = []string{"acme.admin", "acme.power", "acme.user", "acme.labs", "bolt.user", "root.admin"}

// AddObjects adds 62 objects that differ in what lists are narrowed by.
func AddObjects(t *testing.T, w *World) {
	t.Helper()
	people := ObjectReaders
	for i := range 60 {
		tenant := Tenants[i%2]
		place := tenant + []string{"", "/Prod", "/Prod/East", "/Test", "/Labs", "/Labs/One"}[i%6]
		kind := []domain.ObjectKind{domain.KindObserver, domain.KindSector, domain.KindApplication, domain.KindAPI}[i%4]
		w.AddObject(t, tenant, []string{"thing ", "Thing "}[i%5%2]+strconv.Itoa(i%9)+" "+strconv.Itoa(i), kind, place,
			people[i%5], func(o *domain.Object) {
				o.Visibility = domain.Visibility(i % 7 / 5)
				switch {
				case i%5 == 0:
					o.Attributes = map[string]string{"description": `is "described"`}
				case i%5 == 1 && i%4 < 2:
					o.Attributes = map[string]string{"description": "another", "keywords": `"description":"is \"described\""`}
				}
				if i%3 == 0 {
					o.Grant(domain.Access{User: w.KeyOf(people[(i+1)%5]), Level: domain.Level(1 + i%3)})
				}
				if i%4 == 0 {
					o.Grant(domain.Access{Group: domain.UserGroup, Level: domain.Level(1 + i%2)})
				}
			})
	}
	for _, tenant := range Tenants {
		w.AddObject(t, tenant, "Night", domain.KindTopic, tenant, lower(tenant)+".user",
			func(o *domain.Object) { o.Parent = w.Things[tenant+"/Talk"].ID })
	}
}

// ObjectLists tests pages, filters, orders and counts of objects, and that a list has what
// a single read finds and what Scope.Level says, for everybody.
func ObjectLists(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	people := ObjectReaders
	AddObjects(t, w)
	everything, next, err := w.Objects.List(ctx, Everything(domain.ObjectManage).Read(), domain.ObjectFilter{},
		domain.Page{})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Len(t, everything, 66)
	some := everything[len(everything)/2]
	filters := map[string]domain.ObjectFilter{
		"names": {Names: []string{strings.ToUpper(some.FullName), "nothing"}}, "ids": {IDs: []domain.ObjectID{some.ID, 9999}},
		"descriptions": {Descriptions: []string{`is "described"`, "nothing"}}, "since": {Since: some.Created},
		"until":   {Until: some.Created},
		"without": {Without: "/TALK"},
		"all":     {}, "kinds": {Kinds: []domain.ObjectKind{domain.KindSector, domain.KindAPI}},
		"prefix": {Prefix: "THING 3"}, "percent": {Prefix: "%"},
		"owner": {Owner: w.KeyOf("acme.user")}, "writable": {AtLeast: domain.LevelWrite},
		"administrable": {AtLeast: domain.LevelAdmin},
	}
	for _, caller := range people {
		for personal, sc := range map[bool]tenancy.Scope{false: w.ObjectScope(t, caller).Read(),
			true: w.ObjectScope(t, caller).Personally().Read()} {
			for name, f := range filters {
				for _, order := range []domain.ObjectOrder{domain.ObjectsByPlace, domain.ObjectsByName, domain.ObjectsByLetter} {
					f.Order = order
					var want []domain.ObjectID
					expected := slices.DeleteFunc(slices.Clone(everything), func(o domain.Object) bool {
						begins := len(o.FullName) >= len(f.Prefix) && domain.Fold(o.FullName[:len(f.Prefix)]) == domain.Fold(f.Prefix)
						return sc.Level(&o) < max(f.AtLeast, domain.LevelRead) || len(f.Kinds) > 0 && !slices.Contains(f.Kinds, o.Kind) ||
							f.Owner.User != 0 && o.Owner != f.Owner || !begins ||
							len(f.Names) > 0 && !strings.EqualFold(o.FullName, f.Names[0]) || len(f.IDs) > 0 &&
							!slices.Contains(f.IDs, o.ID) ||
							len(f.Descriptions) > 0 && o.Attributes["description"] != f.Descriptions[0] ||
							o.Created.Before(f.Since) || !f.Until.IsZero() && !o.Created.Before(f.Until) ||
							f.Without != "" && strings.HasPrefix(domain.Fold(o.FullName), domain.Fold(f.Without)+"/")
					})
					slices.SortStableFunc(expected, func(a, b domain.Object) int {
						switch order {
						case domain.ObjectsByName:
							return slices.Compare([]byte(domain.Fold(a.FullName)), []byte(domain.Fold(b.FullName)))
						case domain.ObjectsByLetter:
							return slices.Compare([]byte(a.FullName), []byte(b.FullName))
						}
						return slices.Compare([]byte(a.Path), []byte(b.Path))
					})
					for _, o := range expected {
						want = append(want, o.ID)
					}
					for _, limit := range []int{1, 7, 1000} {
						var got []domain.ObjectID
						for after := domain.Cursor(""); ; {
							page, next, err := w.Objects.List(ctx, sc, f, domain.Page{Limit: limit, After: after})
							require.NoError(t, err)
							require.LessOrEqual(t, len(page), limit)
							for _, o := range page {
								got = append(got, o.ID)
							}
							if after = next; after == "" {
								break
							}
						}
						require.Equal(t, want, got, "%s, personal %v, %s, order %d, limit %d", caller, personal, name, order, limit)
					}
					n, err := w.Objects.Count(ctx, sc, f)
					require.NoError(t, err)
					require.EqualValues(t, len(want), n, "%s, %s", caller, name)
				}
			}
			for _, o := range everything {
				_, err := w.Objects.Get(ctx, sc, domain.NumberedObject(o.ID))
				require.Equal(t, sc.Level(&o) >= domain.LevelRead, err == nil, "%s reads %s: %v", caller, o.Name, err)
			}
		}
	}
	for _, cursor := range []domain.Cursor{"x", "0", "0 1", "1 1 a", "0 0 /1/", "0 1 /x/", "9 1 /1/"} {
		_, _, err := w.Objects.List(ctx, Everything(domain.ObjectManage).Read(), domain.ObjectFilter{},
			domain.Page{After: cursor})
		require.ErrorIs(t, err, domain.ErrCursor, string(cursor))
	}
}
