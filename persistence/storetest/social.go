package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
)

// Social tests the lists of names, the contacts and the presences of people.
func Social(t *testing.T, db *db.DB) {
	w, ctx := NewWorld(t, db), t.Context()
	self := w.Scope(t, "acme.user", domain.ProfileUpdate)
	fellows := w.Scope(t, "acme.admin", domain.EnvironmentRead)

	t.Run("lists keep their order and nothing twice", func(t *testing.T) {
		for _, name := range []string{"b", "Ä", "a"} {
			require.NoError(t, w.Social.AddFavourite(ctx, self, domain.FavouriteTopics, name))
		}
		require.ErrorIs(t, w.Social.AddFavourite(ctx, self, domain.FavouriteTopics, "ä"), domain.ErrAlreadyFavourite)
		require.NoError(t, w.Social.AddFavourite(ctx, self, domain.MutedTopics, "ä"), "each list for itself")
		require.NoError(t, w.Social.RemoveFavourite(ctx, self, domain.FavouriteTopics, "B"))
		require.ErrorIs(t, w.Social.RemoveFavourite(ctx, self, domain.FavouriteTopics, "b"), domain.ErrNotFavourite)
		favourites, err := w.Social.Favourites(ctx, self.Read())
		require.NoError(t, err)
		require.Equal(t, domain.Favourites{{"Ä", "a"}, {"ä"}, {"tag"}}, favourites)
		require.NoError(t, w.Social.SetFavourites(ctx, self, domain.MutedTopics, []string{"x", "y"}))
		require.NoError(t, w.Social.AddFavourite(ctx, self, domain.MutedTopics, "w"))
		favourites, err = w.Social.Favourites(ctx, self.Read())
		require.NoError(t, err)
		require.Equal(t, []string{"x", "y", "w"}, favourites[domain.MutedTopics])
	})

	t.Run("lists have an end", func(t *testing.T) {
		names := make([]string, domain.MaxFavourites+1)
		for i := range names {
			names[i] = fmt.Sprint(i)
		}
		require.ErrorIs(t, w.Social.SetFavourites(ctx, self, domain.FavouriteTags, names), domain.ErrTooManyFavourites)
		require.NoError(t, w.Social.SetFavourites(ctx, self, domain.FavouriteTags, names[1:]))
		require.ErrorIs(t, w.Social.AddFavourite(ctx, self, domain.FavouriteTags, "0"), domain.ErrTooManyFavourites)
		require.NoError(t, w.Social.SetFavourites(ctx, self, domain.FavouriteTags, nil))
	})

	t.Run("names of topics follow the topics", func(t *testing.T) {
		topic := w.AddObject(t, "Acme", "Room", domain.KindTopic, "Acme", "acme.admin", nil)
		below := w.AddObject(t, "Acme", "In", domain.KindTopic, "Acme", "acme.admin",
			func(o *domain.Object) { o.Parent = topic.ID })
		require.NoError(t, w.Social.SetFavourites(ctx, self, domain.FavouriteTopics,
			[]string{"/room", "/Room/In", "/Rooms", "/Hall", "/else"}))
		require.NoError(t, w.Social.SetFavourites(ctx, self, domain.FavouriteTags, []string{"/Room"}))
		other := w.Scope(t, "bolt.user", domain.ProfileUpdate)
		require.NoError(t, w.Social.SetFavourites(ctx, other, domain.FavouriteTopics, []string{"/Room"}))
		_, err := w.Objects.Update(ctx, w.ObjectScope(t, "acme.admin"), topic,
			func(o *domain.Object) error { o.Name = "Hall"; return nil })
		require.NoError(t, err)
		favourites, err := w.Social.Favourites(ctx, self.Read())
		require.NoError(t, err)
		require.Equal(t, domain.Favourites{{"/Hall", "/Hall/In", "/Rooms", "/else"}, {"x", "y", "w"}, {"/Room"}}, favourites)
		require.NoError(t, w.Objects.Delete(ctx, w.ObjectScope(t, "acme.admin"), below))
		favourites, err = w.Social.Favourites(ctx, self.Read())
		require.NoError(t, err)
		require.Equal(t, []string{"/Hall", "/Rooms", "/else"}, favourites[domain.FavouriteTopics])
		favourites, err = w.Social.Favourites(ctx, other.Read())
		require.NoError(t, err)
		require.Equal(t, []string{"/Room"}, favourites[domain.FavouriteTopics], "another organization's topic of that name")
	})

	t.Run("another alias is that of the private topics", func(t *testing.T) {
		for _, alias := range []string{"bob", "bobby"} {
			w.AddUser(t, alias, "Acme/Prod", domain.RoleUser, domain.UserGroup)
			topic := w.AddObject(t, "Acme", "Private/"+alias, domain.KindTopic, "Acme", alias, nil)
			w.AddObject(t, "Acme", "Notes", domain.KindTopic, "Acme", alias, func(o *domain.Object) { o.Parent = topic.ID })
		}
		_, err := w.Users.Update(ctx, Everything(domain.UserUpdate), w.KeyOf("bob"), "",
			change(func(u *domain.User) { u.Alias = "Rob" }))
		require.NoError(t, err)
		objects, _, err := w.Objects.List(ctx, w.ObjectScope(t, "acme.admin").Read(),
			domain.ObjectFilter{Prefix: "/Private", Order: domain.ObjectsByName}, domain.Page{})
		require.NoError(t, err)
		var names []string
		for _, o := range objects {
			names = append(names, o.FullName)
		}
		require.Equal(t, []string{"/Private/bobby", "/Private/bobby/Notes", "/Private/Rob", "/Private/Rob/Notes"}, names)
		_, err = w.Users.Update(ctx, Everything(domain.UserUpdate), w.KeyOf("bobby"), "",
			change(func(u *domain.User) { u.Alias = "bob" }))
		require.NoError(t, err, "the names are free again")
	})

	t.Run("a topic that is somebody else's, or is written in another case", func(t *testing.T) {
		kelvin := "\u212Aai"
		for _, alias := range []string{kelvin, "zoe"} {
			w.AddUser(t, alias, "Acme/Prod", domain.RoleUser, domain.UserGroup)
		}
		above := w.AddObject(t, "Acme", "PRIVATE", domain.KindTopic, "Acme", "acme.admin", nil)
		own := w.AddObject(t, "Acme", "kai", domain.KindTopic, "Acme", kelvin, func(o *domain.Object) { o.Parent = above.ID })
		others := w.AddObject(t, "Acme", "Private/zoe", domain.KindTopic, "Acme", "acme.admin", nil)
		for alias, to := range map[string]string{kelvin: "kai2", "zoe": "zoe2"} {
			_, err := w.Users.Update(ctx, Everything(domain.UserUpdate), w.KeyOf(alias), "",
				change(func(u *domain.User) { u.Alias = to }))
			require.NoError(t, err)
		}
		for id, want := range map[domain.ObjectID][2]string{own.ID: {"kai2", "/PRIVATE/kai2"},
			others.ID: {"Private/zoe", "/Private/zoe"}} {
			o, err := w.Objects.Get(ctx, w.ObjectScope(t, "acme.admin").Read(), domain.NumberedObject(id))
			require.NoError(t, err)
			require.Equal(t, want, [2]string{o.Name, o.FullName})
		}
		require.NoError(t, w.Users.Delete(ctx, Everything(domain.UserDelete), w.KeyOf("zoe")))
		_, err := w.Objects.Get(ctx, w.ObjectScope(t, "acme.admin").Read(), domain.NumberedObject(others.ID))
		require.NoError(t, err)
	})

	t.Run("contacts", func(t *testing.T) {
		list, err := w.Social.Contacts(ctx, fellows.Read())
		require.NoError(t, err)
		require.Equal(t, []domain.Contact{{User: w.KeyOf("acme.admin"), Alias: "acme.admin", Name: w.personOf("acme.admin")}},
			list, "only who is in the scope")
		require.ErrorIs(t, w.Social.AddContact(ctx, fellows, "ACME.admin"), domain.ErrContact)
		require.ErrorIs(t, w.Social.AddContact(ctx, fellows, "bolt.user"), domain.ErrUserNotFound)
		require.ErrorIs(t, w.Social.AddContact(ctx, fellows, "nobody"), domain.ErrUserNotFound)
		require.NoError(t, w.Social.AddContact(ctx, fellows, "acme.user"))
		require.NoError(t, w.Social.RemoveContact(ctx, fellows, "acme.admin"))
		require.ErrorIs(t, w.Social.RemoveContact(ctx, fellows, "acme.admin"), domain.ErrNotContact)
		require.ErrorIs(t, w.Social.RemoveContact(ctx, fellows, "nobody"), domain.ErrNotContact)
		list, err = w.Social.Contacts(ctx, fellows.Read())
		require.NoError(t, err)
		require.Len(t, list, 1)
		w.AddUser(t, "leaver", "Acme/Prod", domain.RoleUser, domain.UserGroup)
		require.NoError(t, w.Social.AddContact(ctx, fellows, "leaver"))
		require.NoError(t, w.Users.Delete(ctx, Everything(domain.UserDelete), w.KeyOf("leaver")))
		require.NotContains(t, w.Dump(t), fmt.Sprintf("contact_id=%d ", w.People["leaver"].ID),
			"who is gone is nobody's contact")
	})

	t.Run("presences", func(t *testing.T) {
		talk := w.Things["Acme/Talk"].ID
		admin := w.ObjectScope(t, "acme.admin")
		at := time.UnixMilli(5000).UTC()
		require.NoError(t, w.Social.SetPresence(ctx, admin, talk, domain.PresenceOnline, at))
		found, err := w.Social.Presences(ctx, admin.Read(), domain.PresenceFilter{Topic: talk, Since: at}, 0,
			domain.MaxPresences)
		require.NoError(t, err)
		require.Equal(t, []domain.Presence{
			{User: domain.Contact{User: w.KeyOf("acme.admin"), Alias: "acme.admin", Name: w.personOf("acme.admin")},
				Topic: "/Talk", Status: domain.PresenceOnline, At: at}}, found, "the latest only")
		found, err = w.Social.Presences(ctx, admin.Read(),
			domain.PresenceFilter{Topic: talk, Since: at.Add(time.Millisecond)}, 0, domain.MaxPresences)
		require.NoError(t, err)
		require.Empty(t, found)
		require.ErrorIs(t, w.Social.SetPresence(ctx, admin.Personally(), w.Things["Bolt/Talk"].ID, domain.PresenceOnline, at),
			domain.ErrObjectNotFound)
	})
}

// personOf returns the name of the person behind an alias.
func (w *World) personOf(alias string) string {
	p := w.People[alias].Person
	return p.Name()
}

// People tests the list of people, the newest first, against the same list made in memory.
func People(t *testing.T, db *db.DB) {
	w, ctx := NewWorld(t, db), t.Context()
	w.AddUser(t, "away", "Acme/Prod", domain.RoleUser, domain.UserGroup)
	_, err := w.Users.Update(ctx, Everything(domain.UserUpdate), w.KeyOf("away"), "",
		change(func(u *domain.User) { u.Archive(u.Created) }))
	require.NoError(t, err)
	for alias, name := range map[string][2]string{"acme.user": {"Mary Ann", "van der Berg"},
		"acme.power": {"Mary Ann van der", "Berg"}, "bolt.user": {"Mary Ann van der Berg", ""},
		"bolt.admin": {"Mary Ann Van", "der Berg"}} {
		_, err := w.Users.Update(ctx, Everything(domain.UserUpdate), w.KeyOf(alias), "",
			change(func(u *domain.User) { u.Person.FirstName, u.Person.LastName = name[0], name[1] }))
		require.NoError(t, err)
	}
	everybody, _, err := w.Users.List(ctx, Everything(domain.UserRead).Read(), domain.UserFilter{},
		domain.Page{Limit: 1000})
	require.NoError(t, err)
	slices.SortFunc(everybody, func(a, b domain.User) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return int(b.ID - a.ID)
	})
	some := everybody[len(everybody)/2]
	filters := map[string]domain.PeopleFilter{
		"all": {}, "aliases": {Aliases: []string{"acme.user", "bolt.user", "ACME.power", "nobody"}},
		"names": {Names: []string{some.Person.Name(), "nobody"}},
		"words": {Names: []string{"Mary Ann van der Berg"}},
		"ids":   {IDs: []domain.UserID{some.ID, 999}}, "since": {Since: some.Created}, "until": {Until: some.Created},
		"both": {Since: some.Created, Until: some.Created.Add(time.Millisecond)},
	}
	for _, caller := range []string{"root.admin", "acme.admin", "acme.power", "acme.user"} {
		sc := w.Scope(t, caller, domain.UserRead).Read()
		for name, f := range filters {
			want := []domain.UserID{}
			for _, u := range everybody {
				self, only := sc.Self()
				if reached := only && self.User == u.ID || !only && sc.Covers(u.HomePath); !reached || u.ID == w.People["away"].ID {
					continue
				}
				if len(f.Aliases) > 0 && !slices.Contains(f.Aliases, u.Alias) || len(f.Names) > 0 &&
					!slices.Contains(f.Names, u.Person.Name()) ||
					len(f.IDs) > 0 && !slices.Contains(f.IDs, u.ID) || u.Created.Before(f.Since) || !f.Until.IsZero() &&
					!u.Created.Before(f.Until) {
					continue
				}
				want = append(want, u.ID)
			}
			n, err := w.Users.CountPeople(ctx, sc, f)
			require.NoError(t, err)
			require.EqualValues(t, len(want), n, "%s, %s", caller, name)
			for _, limit := range []int{1, 3, 1000} {
				for _, skip := range []int{0, 2} {
					got := []domain.UserID{}
					for after, left := domain.Cursor(""), skip; ; left = 0 {
						page, next, err := w.Users.Newest(ctx, sc, f, left, domain.Page{Limit: limit, After: after})
						require.NoError(t, err)
						require.LessOrEqual(t, len(page), limit)
						for _, u := range page {
							got = append(got, u.ID)
						}
						if after = next; after == "" {
							break
						}
					}
					require.Equal(t, want[min(skip, len(want)):], got, "%s, %s, limit %d, skip %d", caller, name, limit, skip)
				}
			}
		}
	}
	for _, cursor := range []domain.Cursor{"x", "newest", "newest 1", "newest x 1", "newest 1 0", "0 1 /1/"} {
		_, _, err := w.Users.Newest(ctx, Everything(domain.UserRead).Read(), domain.PeopleFilter{}, 0,
			domain.Page{After: cursor})
		require.ErrorIs(t, err, domain.ErrCursor, string(cursor))
	}
}
