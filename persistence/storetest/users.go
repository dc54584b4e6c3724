package storetest

import (
	"context"
	"slices"
	"strconv"
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

func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}

// UserStore is the store of users together with the changes that use cases make of its transactions.
type UserStore struct {
	*persistence.UserStore
	*persistence.Store
}

func newUserStore(d *db.DB) UserStore {
	return UserStore{persistence.NewUserStore(d), persistence.NewStore(d)}
}

// Insert adds a user and returns them with their numbers.
func (s UserStore) Insert(ctx context.Context, w tenancy.WriteScope, u domain.User,
	hash domain.PasswordHash) (domain.User, error) {
	if err := s.Number(ctx, &u); err != nil {
		return u, err
	}
	return u, s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.InsertUser(&u, hash) })
}

// Update saves what change makes of a user, and returns it.
func (s UserStore) Update(ctx context.Context, w tenancy.WriteScope, key domain.UserKey, hash domain.PasswordHash,
	change func(*domain.User) error) (u domain.User, err error) {
	err = s.Do(ctx, w, func(tx *persistence.Tx) error {
		if u, err = tx.User(key); err != nil {
			return err
		}
		if err := change(&u); err != nil {
			return err
		}
		return tx.SaveUser(&u, hash)
	})
	return u, err
}

// Delete removes a user.
func (s UserStore) Delete(ctx context.Context, w tenancy.WriteScope, key domain.UserKey) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error {
		if _, err := tx.User(key); err != nil {
			return err
		}
		return tx.DeleteUser(key)
	})
}

func change(f func(*domain.User)) func(*domain.User) error {
	return func(u *domain.User) error { f(u); return nil }
}

// Users tests what the port of users promises.
func Users(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.UserUpdate)

	t.Run("a user comes back as it was stored", func(t *testing.T) {
		now := time.UnixMilli(1637577153521).UTC()
		u := w.NewUser("Whole.User", "Acme/Prod", domain.RolePower, domain.AdminGroup)
		u.Groups = append(u.Groups, w.Teams["Acme/Team"].ID, domain.UserGroup)
		u.Allowed, u.Blocked = []domain.Grant{w.Grant("Acme/Test"), w.Grant("Bolt/Prod")},
			[]domain.Grant{w.Grant("Acme/Prod/East")}
		u.Person = domain.Person{FirstName: "Zoë", LastName: "O'Brien \\ \"quoted\" ?", Mail: "zoe@example.org",
			Phone: "+33 1", JobTitle: "x", Department: "y"}
		u.Standing = domain.Standing{State: domain.Pending, Active: true, FirstAccess: true, PasswordDelay: 6738,
			RevokeDelay: 99999,
			Created:     now, LastPassword: now.Add(1), IdleSince: now}
		u.LastPassword = now.Add(time.Millisecond)
		u.Language, u.TimeZone, u.DefaultPage, u.LastConnected, u.LastSeen = "Fr", "GMT+0", 3, now, now
		stored, err := w.Users.Insert(ctx, all, u, "$argon2id$x")
		require.NoError(t, err)
		u.ID, u.UUID, u.Person.ID = stored.ID, stored.UUID, stored.Person.ID
		require.Equal(t, u, stored)
		read, err := w.Users.Get(ctx, all.Read(), domain.UserRef{ID: stored.ID})
		require.NoError(t, err)
		require.Positive(t, read.Generation)
		u.Generation = read.Generation
		require.Equal(t, u, read)
		named, err := w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: "wHOLE.uSER"})
		require.NoError(t, err)
		require.Equal(t, u, named)
		found, err := w.Users.Get(ctx, all.Read(), domain.UserRef{UUID: stored.UUID})
		require.NoError(t, err)
		require.Equal(t, u, found)
	})

	t.Run("attributes are kept with a user, and read when asked for", func(t *testing.T) {
		u := w.NewUser("kept", "Acme", domain.RoleUser, domain.UserGroup)
		u.Attributes = domain.Attributes{"mobile": "+33 6", "axway.long": strings.Repeat("é", 500)}
		stored, err := w.Users.Insert(ctx, all, u, "")
		require.NoError(t, err)
		read, err := w.Users.Get(ctx, all.Read(), domain.UserRef{ID: stored.ID})
		require.NoError(t, err)
		require.Nil(t, read.Attributes)
		attributes := func() domain.Attributes {
			found, err := w.Users.Attributes(ctx, all.Read(), []domain.UserID{stored.ID, w.People["acme.user"].ID})
			require.NoError(t, err)
			return found[stored.ID]
		}
		require.Equal(t, u.Attributes, attributes())
		epoch := w.As(t, "kept").Epoch
		after, err := w.Users.Update(ctx, all, stored.Key(), "", change(func(u *domain.User) {
			u.Attributes = u.Attributes.With(domain.Attributes{"mobile": "", "description": "two\nlines"})
		}))
		require.NoError(t, err)
		want := domain.Attributes{"axway.long": strings.Repeat("é", 500), "description": "two\nlines"}
		require.Equal(t, want, after.Attributes)
		require.Equal(t, want, attributes())
		require.Equal(t, epoch, w.As(t, "kept").Epoch, "they decide nothing")
		entries, _, err := w.Audit.List(ctx, tenancy.Operator("x", domain.AuditRead).Read(),
			domain.AuditFilter{Target: "kept"}, domain.Page{})
		require.NoError(t, err)
		require.Equal(t, []domain.Change{{Field: "attributes.mobile", Before: "+33 6"},
			{Field: "attributes.description", After: "two\nlines"}}, entries[0].Changes)
		_, err = w.Users.Update(ctx, all, stored.Key(), "",
			change(func(u *domain.User) { u.Attributes = domain.Attributes{"Bad name": "x"} }))
		require.Error(t, err)
		require.NoError(t, w.Users.Delete(ctx, all, stored.Key()))
	})

	t.Run("a name is taken whatever its case", func(t *testing.T) {
		_, err := w.Users.Insert(ctx, all, w.NewUser("ACME.ADMIN", "Bolt", domain.RoleUser, domain.UserGroup), "")
		require.ErrorIs(t, err, domain.ErrUserAliasTaken)
		u := w.NewUser("other", "Bolt", domain.RoleUser, domain.UserGroup)
		u.Person.Mail = "Acme.Admin@EXAMPLE.org"
		_, err = w.Users.Insert(ctx, all, u, "")
		require.ErrorIs(t, err, domain.ErrUserMailTaken)
		_, err = w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: "other"})
		require.ErrorIs(t, err, domain.ErrUserNotFound, "nothing of the refused user stays")
		u.Person.Mail = "other@example.org"
		_, err = w.Users.Insert(ctx, all, u, "")
		require.NoError(t, err, "the refused user's alias is free")
	})

	t.Run("a home or list that is not where the user says is a conflict", func(t *testing.T) {
		u := w.NewUser("misplaced", "Acme/Prod", domain.RoleUser, domain.UserGroup)
		u.HomePath = w.Places["Acme/Test"].Path
		_, err := w.Users.Insert(ctx, all, u, "")
		require.ErrorIs(t, err, domain.ErrChanged)
		u = w.NewUser("misplaced", "Acme/Prod", domain.RoleUser, domain.UserGroup)
		u.Allowed = []domain.Grant{{Environment: w.Places["Acme/Test"].ID, Organization: w.Places["Acme"].Organization,
			Path: "/1/2/"}}
		_, err = w.Users.Insert(ctx, all, u, "")
		require.ErrorIs(t, err, domain.ErrChanged)

		// The same for a user who is changed: a place was moved since it was looked up.
		before := w.Dump(t)
		elsewhere := []domain.Grant{{Environment: w.Places["Acme/Test"].ID, Organization: w.Places["Acme"].Organization,
			Path: "/1/2/"}}
		for name, f := range map[string]func(*domain.User){
			"home":    func(u *domain.User) { u.Home, u.HomePath = w.Places["Acme/Test"].ID, w.Places["Acme/Prod/West"].Path },
			"kept":    func(u *domain.User) { u.HomePath, u.Person.Phone = w.Places["Acme/Prod/West"].Path, "9" },
			"allowed": func(u *domain.User) { u.Allowed = elsewhere },
			"blocked": func(u *domain.User) { u.Blocked = elsewhere },
			"gone": func(u *domain.User) {
				u.Allowed = []domain.Grant{{Environment: 999_999, Organization: 1, Path: "/1/999999/"}}
			},
		} {
			_, err := w.Users.Update(ctx, all, w.KeyOf("acme.user"), "", change(f))
			require.ErrorIs(t, err, domain.ErrChanged, name)
		}
		require.Equal(t, before, w.Dump(t))
	})

	t.Run("a group of another organization is not found", func(t *testing.T) {
		_, err := w.Users.Insert(ctx, all, w.NewUser("stranger", "Acme/Prod", domain.RoleUser, w.Teams["Bolt/Team"].ID), "")
		require.ErrorIs(t, err, domain.ErrGroupNotFound)
	})

	t.Run("an update saves what changed, and its error saves nothing", func(t *testing.T) {
		before := w.Dump(t)
		_, err := w.Users.Update(ctx, all, w.KeyOf("acme.user"), "", func(u *domain.User) error {
			u.Person.Phone = "1"
			return domain.ErrForbidden
		})
		require.ErrorIs(t, err, domain.ErrForbidden)
		require.Equal(t, before, w.Dump(t))
		_, err = w.Users.Update(ctx, all, w.KeyOf("acme.user"), "", change(func(*domain.User) {}))
		require.NoError(t, err)
		require.Equal(t, before, w.Dump(t), "a change of nothing writes nothing")

		saved, err := w.Users.Update(ctx, all, w.KeyOf("acme.user"), "", change(func(u *domain.User) {
			u.Alias, u.Person.Mail, u.Person.Phone = "acme.renamed", "renamed@example.org", "2"
			u.Home, u.HomePath = w.Places["Acme/Test"].ID, w.Places["Acme/Test"].Path
			u.Blocked = []domain.Grant{w.Grant("Acme/Prod")}
		}))
		require.NoError(t, err)
		read, err := w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: "acme.renamed"})
		require.NoError(t, err)
		read.Attributes, read.Picture = saved.Attributes, saved.Picture // these are read when asked for
		require.Equal(t, saved, read)
		_, err = w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: "acme.user"})
		require.ErrorIs(t, err, domain.ErrUserNotFound)
		w.AddUser(t, "acme.user", "Acme/Prod", domain.RoleUser, domain.UserGroup)
	})

	t.Run("several users are changed together or not at all", func(t *testing.T) {
		before := w.Dump(t)
		phone := func(last error) error {
			return w.Users.Do(ctx, all, func(tx *persistence.Tx) error {
				for _, name := range []string{"acme.user", "acme.power"} {
					u, err := tx.User(w.KeyOf(name))
					require.NoError(t, err)
					u.Person.Phone = "77"
					require.NoError(t, tx.SaveUser(&u, ""))
				}
				return last
			})
		}
		require.ErrorIs(t, phone(domain.ErrForbidden), domain.ErrForbidden)
		require.Equal(t, before, w.Dump(t))
		require.NoError(t, phone(nil))
		found, err := w.Users.ByUUIDs(ctx, all.Read(),
			[]domain.UUID{w.People["acme.user"].UUID, w.People["acme.power"].UUID, "nobody"})
		require.NoError(t, err)
		require.Len(t, found, 2)
		for _, u := range found {
			require.Equal(t, "77", u.Person.Phone, u.Alias)
		}
	})

	t.Run("a home in another organization is refused", func(t *testing.T) {
		_, err := w.Users.Update(ctx, all, w.KeyOf("acme.user"), "", change(func(u *domain.User) {
			u.Home, u.HomePath, u.Organization = w.Places["Bolt"].ID, w.Places["Bolt"].Path, w.Places["Bolt"].Organization
		}))
		require.ErrorIs(t, err, domain.ErrUserBorder)
	})

	t.Run("what decides bumps the epoch, what does not leaves it", func(t *testing.T) {
		id := w.KeyOf("acme.power")
		epoch := func() int64 { return w.As(t, "acme.power").Epoch }
		for name, f := range map[string]func(*domain.User){
			"role":    func(u *domain.User) { u.Role = domain.RoleUser },
			"group":   func(u *domain.User) { u.Groups = []domain.GroupID{domain.UserGroup} },
			"blocked": func(u *domain.User) { u.Blocked = []domain.Grant{w.Grant("Acme/Test")} },
			"allowed": func(u *domain.User) { u.Allowed = []domain.Grant{w.Grant("Bolt/Test")} },
			"home":    func(u *domain.User) { u.Home, u.HomePath = w.Places["Acme/Test"].ID, w.Places["Acme/Test"].Path },
			"active":  func(u *domain.User) { u.Active = false },
			"state":   func(u *domain.User) { u.State = domain.Pending },
			"alias":   func(u *domain.User) { u.Alias = "acme.power" },
		} {
			before := epoch()
			_, err := w.Users.Update(ctx, all, id, "", change(f))
			require.NoError(t, err)
			if name != "alias" {
				require.Greater(t, epoch(), before, name)
			}
		}
		before := epoch()
		_, err := w.Users.Update(ctx, all, id, "", change(func(u *domain.User) { u.Person.Phone = "3"; u.Language = "En" }))
		require.NoError(t, err)
		require.Equal(t, before, epoch())
		tokens := func() int64 {
			a, err := w.Accounts.ByLogin(ctx, "acme.power")
			require.NoError(t, err)
			return a.TokenEpoch
		}
		voided := tokens()
		_, err = w.Users.Update(ctx, all, id, "$argon2id$y", change(func(*domain.User) {}))
		require.NoError(t, err)
		require.Greater(t, epoch(), before, "a new password")
		require.Greater(t, tokens(), voided, "a new password ends sessions")
	})

	t.Run("a deleted user leaves nothing", func(t *testing.T) {
		u := w.AddUser(t, "short.lived", "Acme/Test", domain.RoleUser, domain.UserGroup)
		before, err := w.Users.Count(ctx, all.Read(), domain.UserFilter{})
		require.NoError(t, err)
		require.NoError(t, w.Users.Delete(ctx, all, u.Key()))
		require.ErrorIs(t, w.Users.Delete(ctx, all, u.Key()), domain.ErrUserNotFound)
		after, err := w.Users.Count(ctx, all.Read(), domain.UserFilter{})
		require.NoError(t, err)
		require.Equal(t, before-1, after)
		w.AddUser(t, "short.lived", "Bolt/Test", domain.RoleUser, domain.UserGroup)
	})

	t.Run("a transaction knows all superUsers and the groups they can have", func(t *testing.T) {
		w.AddUser(t, "second.admin", "/", domain.RoleSuperUser, domain.RootGroup)
		w.AddUser(t, "labs.admin", "Acme/Labs", domain.RoleOAdmin, domain.AdminGroup)
		one := w.Scope(t, "labs.admin", domain.UserUpdate)
		organization, _ := one.Read().Organization()
		require.Equal(t, w.Places["Acme/Labs"].Organization, organization, "they lie outside of the scope")
		for _, scope := range []tenancy.WriteScope{all, one} {
			require.NoError(t, w.Users.Do(ctx, scope, func(tx *persistence.Tx) error {
				found, groups, err := tx.SuperUsers(0)
				require.NoError(t, err)
				require.Len(t, found, 2)
				require.Equal(t, "root.admin", found[0].Alias)
				require.Equal(t, "second.admin", found[1].Alias)
				require.Equal(t, []domain.GroupID{domain.RootGroup}, found[1].Groups)
				require.ElementsMatch(t, []domain.Group{w.Teams["/Root"], w.Teams["/User"], w.Teams["/Admin"]}, groups)
				return nil
			}))
		}
	})

	t.Run("who was not read in a transaction is not changed in it", func(t *testing.T) {
		before, u := w.Dump(t), w.People["acme.user"]
		u.Person.Phone = "5"
		secret := domain.Secret{Purpose: domain.ResetPassword, Text: "text", Address: u.Person.Mail, Expires: time.Now().
			Add(time.Hour)}
		for name, work := range map[string]func(*persistence.Tx) error{
			"save":     func(tx *persistence.Tx) error { return tx.SaveUser(&u, "") },
			"delete":   func(tx *persistence.Tx) error { return tx.DeleteUser(u.Key()) },
			"secret":   func(tx *persistence.Tx) error { return tx.AddSecret(u.Key(), secret) },
			"withdraw": func(tx *persistence.Tx) error { return tx.Withdraw(u.Key(), domain.ResetPassword) },
			"key":      func(tx *persistence.Tx) error { return tx.AddKey(u.Key(), &domain.APIKey{Name: "x", Text: "x"}) },
			"spend": func(tx *persistence.Tx) error {
				_, err := tx.Spend(u.Key(), domain.Presented{Text: "x", Purposes: domain.SecretPurposes})
				return err
			},
		} {
			require.ErrorIs(t, w.Users.Do(ctx, all, work), domain.ErrUserNotFound, name)
		}
		require.Equal(t, before, w.Dump(t))
	})

	t.Run("of superUsers who close each other one stays", func(t *testing.T) {
		closeOne := func(tx *persistence.Tx, key domain.UserKey) error {
			u, err := tx.User(key)
			if err != nil {
				return err
			}
			others, _, err := tx.SuperUsers(u.ID)
			if err == nil && !slices.ContainsFunc(others, func(o domain.User) bool { return o.Active }) {
				err = domain.ErrLastSuperUser
			}
			if err != nil {
				return err
			}
			u.Active = false
			return tx.SaveUser(&u, "")
		}
		for range 3 { // on PostgreSQL they wait for each other, a second each time
			var both []domain.UserKey
			for _, name := range []string{"root.admin", "second.admin"} {
				u, err := w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: name})
				require.NoError(t, err)
				_, err = w.Users.Update(ctx, all, u.Key(), "", change(func(u *domain.User) { u.Active = true }))
				require.NoError(t, err)
				both = append(both, u.Key())
			}
			var wg sync.WaitGroup
			for _, id := range both {
				wg.Go(func() {
					err := w.Users.Do(ctx, all, func(tx *persistence.Tx) error { return closeOne(tx, id) })
					assert.True(t, err == nil || domain.ErrLastSuperUser.Is(err), "%v", err)
				})
			}
			wg.Wait()
			active := true
			rest, err := w.Users.Count(ctx, all.Read(), domain.UserFilter{Role: domain.RoleSuperUser, Active: &active})
			require.NoError(t, err)
			require.EqualValues(t, 1, rest)
		}
	})
}

// Lists tests pages, filters, orders and counts of users.
func Lists(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	oldKeys := make(map[domain.UserID]bool)
	for i := range 40 {
		home := []string{"Acme/Prod", "Acme/Prod/East", "Acme/Test", "Bolt/Prod", "Acme"}[i%5]
		u := w.NewUser("person."+strconv.Itoa(i%7)+"."+strconv.Itoa(i), home, domain.RoleUser, domain.UserGroup)
		u.State = domain.UserStates[i%4]
		u.Created = time.UnixMilli(int64(1000 - i%6)).UTC()
		u.Person.LastName = []string{"", "Ada King", "ada", "Ä 100%", "Ada"}[i%5]
		u.Person.FirstName = []string{"Zoe", "King Zoe", "_b_"}[i%3]
		if i%3 > 0 {
			u.LastConnected = time.UnixMilli(int64(5000 + i%4)).UTC()
		}
		if place := []string{"", "Acme", "/", "Acme/Prod", home, "Acme/Test", "Bolt"}[i%7]; place != "" {
			u.Blocked = []domain.Grant{w.Grant(place)}
		} else {
			u.Allowed = []domain.Grant{w.Grant([]string{home, "Acme/Labs", "Bolt"}[i%3])}
		}
		u.System = i%9 == 4
		u, err := w.Users.Insert(ctx, Everything(domain.UserCreate), u, "")
		require.NoError(t, err)
		w.People[u.Alias] = u
		w.havingFactors(t, &u, domain.Factors(i%4))
		if i%4 == 0 || u.System {
			key := w.AddAPIKey(t, u.Alias, "secret of "+u.Alias)
			w.havingKeyOf(t, &key, int64(1000+i), int64(i%2)*2000)
			oldKeys[u.ID] = u.System && (i < 5 || i < 30 && i%2 == 0)
		}
	}
	acting := w.AddActing(t)
	named := make(map[domain.UserID]bool)
	for place, leftOut := range map[string][]string{"Acme/Prod": {"person.0.0", "person.6.6"}, "Acme": {"person.4.4"},
		"Bolt/Prod": {"person.3.3"}, "Acme/Test": {"person.2.2"}} {
		rules, e := domain.SignInRules{OnlyProvider: place != "Acme/Test"}, w.Places[place]
		for i, alias := range leftOut {
			rules.BreakGlass[i] = w.KeyOf(alias).User
			named[rules.BreakGlass[i]] = rules.OnlyProvider
		}
		require.NoError(t, w.Store.Do(ctx, Everything(domain.EnvironmentWrite), func(tx *persistence.Tx) error {
			return tx.SaveSignInRules(tenancy.KeyOf(&e), rules)
		}))
	}
	everyone, next, err := w.Users.List(ctx, Everything(domain.UserRead).Read(), domain.UserFilter{}, domain.Page{})
	require.NoError(t, err)
	require.Empty(t, next)
	require.True(t, slices.IsSortedFunc(everyone, func(a, b domain.User) int {
		if a.HomePath != b.HomePath {
			if a.HomePath < b.HomePath {
				return -1
			}
			return 1
		}
		return int(a.ID - b.ID)
	}), "tree order")

	yes, inactive := true, false
	invited, since := domain.Invited, time.UnixMilli(5002)
	passkey, password := domain.ByPasskey, domain.ByPassword
	filters := map[string]domain.UserFilter{
		"passkey": {Strongest: &passkey}, "password alone": {Strongest: &password},
		"no passkey": {Weaker: domain.ByPasskey},
		"no factor":  {Weaker: domain.ByCode}, "nobody": {Strongest: &passkey, Weaker: domain.ByPasskey},
		"acts as user": {ActsAs: domain.RoleUser}, "as power": {ActsAs: domain.RolePower},
		"as oadmin": {ActsAs: domain.RoleOAdmin}, "as superUser": {ActsAs: domain.RoleSuperUser},
		"as power, weaker": {ActsAs: domain.RolePower, Weaker: domain.ByPasskey, Programs: &inactive},
		"usable":           {UsableAt: revoked.Add(-time.Millisecond)}, "no longer": {UsableAt: revoked},
		"linked": {Linked: &yes}, "not linked": {Linked: &inactive},
		"but two": {Linked: &inactive, Except: domain.BreakGlass{w.KeyOf("act.more").User,
			w.KeyOf("acme.labs").User}},
		"emergency accounts": {Emergency: &yes}, "others": {Emergency: &inactive},
		"programs": {Programs: &yes}, "people": {Programs: &inactive},
		"old keys": {OldKeys: domain.OldKeys{Made: time.UnixMilli(1005), Used: time.UnixMilli(1030)}},
		"all":      {}, "prefix": {Prefix: "PERSON.3"}, "mail prefix": {Prefix: "acme.a"},
		"percent is a character": {Prefix: "%"},
		"so is an underscore":    {Prefix: "_"}, "and a backslash": {Prefix: `\`},
		"role": {Role: domain.RolePower}, "group": {Group: domain.AdminGroup}, "inactive": {Active: &inactive},
		"part": {Part: "ERSON.3"}, "part of a last name": {Part: "a k"}, "of a mail address": {Part: "@EXAMPLE"},
		"percent is part": {Part: "00%"}, "so is an underscore there": {Part: "_B_"},
		"a short part begins": {Part: "ä "}, "state": {State: &invited},
		"approved": {State: new(domain.UserState)}, "connected": {Connected: &yes}, "never": {Connected: &inactive},
		"not since": {NotConnectedSince: since}, "not since the beginning": {NotConnectedSince: time.UnixMilli(0)},
		"blocked": {BlockedHome: &yes}, "not blocked": {BlockedHome: &inactive},
		"blocked anywhere": {Blocked: &yes}, "blocked nowhere": {Blocked: &inactive},
		"since": {ConnectedSince: since}, "since the beginning": {ConnectedSince: time.UnixMilli(0)},
		"between": {ConnectedSince: time.UnixMilli(5001), NotConnectedSince: time.UnixMilli(5003)},
		"mail":    {Mail: "ACME.admin@example.com"}, "nobody's mail": {Mail: "acme.admin@example"},
		"outside": {AllowedOutside: &yes}, "not outside": {AllowedOutside: &inactive},
		"several": {Part: "son", BlockedHome: &yes, NotConnectedSince: since, State: &invited},
	}
	blocked := func(sc tenancy.Scope, u *domain.User) bool {
		return slices.ContainsFunc(u.Blocked,
			func(g domain.Grant) bool { return sc.Shows(g.Path) && g.Path.Contains(u.HomePath) })
	}
	anywhere := func(sc tenancy.Scope, u *domain.User) bool {
		return slices.ContainsFunc(u.Blocked, func(g domain.Grant) bool { return sc.Shows(g.Path) })
	}
	outside := func(sc tenancy.Scope, u *domain.User) bool {
		return slices.ContainsFunc(u.Allowed,
			func(g domain.Grant) bool { return sc.Shows(g.Path) && g.Organization != u.Organization })
	}
	acts := func(u *domain.User) domain.Role {
		if known, ok := acting[u.Alias]; ok {
			return known.Role
		}
		return u.Role
	}
	keeps := func(sc tenancy.Scope, f domain.UserFilter, u *domain.User) bool {
		texts := []string{u.Alias, u.Person.FirstName, u.Person.LastName, u.Person.Mail}
		begins := func(with string) bool {
			with = domain.Fold(with)
			return slices.ContainsFunc(texts, func(s string) bool { return strings.HasPrefix(domain.Fold(s), with) })
		}
		has := func(part string) bool {
			return strings.Contains(domain.Fold(strings.Join(texts, "\n")), domain.Fold(part))
		}
		if f.PartBegins() {
			has = begins
		}
		return begins(f.Prefix) && has(f.Part) &&
			(f.Role == 0 || u.Role == f.Role) && (f.Group == 0 || slices.Contains(u.Groups, f.Group)) &&
			(f.Active == nil || u.Active == *f.Active) && (f.State == nil || u.State == *f.State) &&
			(f.Connected == nil || u.LastConnected.IsZero() != *f.Connected) &&
			(f.NotConnectedSince.IsZero() || u.LastConnected.IsZero() || u.LastConnected.Before(f.NotConnectedSince)) &&
			(f.ConnectedSince.IsZero() || !u.LastConnected.IsZero() && !u.LastConnected.Before(f.ConnectedSince)) &&
			(f.Mail == "" || strings.EqualFold(u.Person.Mail, f.Mail)) &&
			(f.Blocked == nil || anywhere(sc, u) == *f.Blocked) &&
			(f.BlockedHome == nil || blocked(sc, u) == *f.BlockedHome) &&
			(f.AllowedOutside == nil || outside(sc, u) == *f.AllowedOutside) &&
			(f.Strongest == nil || u.Factors.Strongest() == *f.Strongest) &&
			(f.Weaker == domain.ByPassword || u.Factors.Strongest() < f.Weaker) &&
			(f.ActsAs == 0 || acts(u) == f.ActsAs) && (f.UsableAt.IsZero() || u.Usable(f.UsableAt)) &&
			(f.Linked == nil || acting[u.Alias].Linked == *f.Linked) && !f.Except.Has(u.ID) &&
			(f.Programs == nil || u.System == *f.Programs) && (f.OldKeys == (domain.OldKeys{}) || oldKeys[u.ID]) &&
			(f.Emergency == nil || named[u.ID] == *f.Emergency)
	}
	by := func(key func(*domain.User) []any) func(a, b *domain.User) bool {
		return func(a, b *domain.User) bool {
			x, y := append(key(a), int(a.ID)), append(key(b), int(b.ID))
			for i := range x {
				order := 0
				switch v := x[i].(type) {
				case string:
					order = strings.Compare(v, y[i].(string))
				case int:
					order = v - y[i].(int)
				case time.Time:
					order = v.Compare(y[i].(time.Time))
				}
				if order != 0 {
					return order < 0
				}
			}
			return false
		}
	}
	down := func(less func(a, b *domain.User) bool) func(a, b *domain.User) bool {
		return func(a, b *domain.User) bool { return less(b, a) }
	}
	name := by(func(u *domain.User) []any {
		return []any{domain.Fold(u.Person.LastName), domain.Fold(u.Person.FirstName)}
	})
	created := by(func(u *domain.User) []any { return []any{u.Created} })
	connected := by(func(u *domain.User) []any { return []any{u.LastConnected} })
	less := map[domain.UserOrder]func(a, b *domain.User) bool{
		domain.TreeOrder: func(a, b *domain.User) bool {
			return a.HomePath < b.HomePath || a.HomePath == b.HomePath && a.ID < b.ID
		},
		domain.AliasOrder:            func(a, b *domain.User) bool { return domain.Fold(a.Alias) < domain.Fold(b.Alias) },
		domain.AliasOrderDescending:  func(a, b *domain.User) bool { return domain.Fold(a.Alias) > domain.Fold(b.Alias) },
		domain.NumberOrder:           func(a, b *domain.User) bool { return a.ID < b.ID },
		domain.NumberOrderDescending: func(a, b *domain.User) bool { return a.ID > b.ID },
		domain.NameOrder:             name, domain.NameOrderDescending: down(name),
		domain.CreatedOrder: created, domain.CreatedOrderDescending: down(created),
		domain.ConnectedOrder: connected, domain.ConnectedOrderDescending: down(connected),
	}
	for _, caller := range []string{"root.admin", "acme.admin", "acme.power", "acme.user", "bolt.labs"} {
		sc := w.Scope(t, caller, domain.UserRead).Read()
		for name, f := range filters {
			for order := range less {
				f.Order = order
				var want []domain.UserID
				expected := slices.DeleteFunc(slices.Clone(everyone), func(u domain.User) bool {
					self, own := sc.Self()
					return own && u.ID != self.User || !own && !sc.Covers(u.HomePath) || !keeps(sc, f, &u)
				})
				slices.SortFunc(expected, func(a, b domain.User) int {
					if less[order](&a, &b) {
						return -1
					}
					return 1
				})
				for _, u := range expected {
					want = append(want, u.ID)
				}
				limits := []int{3, 1000}
				if name == "all" || name == "part" {
					limits = []int{1, 3, 1000}
				}
				for _, limit := range limits {
					var got []domain.UserID
					for after := domain.Cursor(""); ; {
						page, next, err := w.Users.List(ctx, sc, f, domain.Page{Limit: limit, After: after})
						require.NoError(t, err)
						require.LessOrEqual(t, len(page), limit)
						for _, u := range page {
							got = append(got, u.ID)
						}
						if after = next; after == "" {
							break
						}
					}
					require.Equal(t, want, got, "%s, %s, order %d, limit %d", caller, name, order, limit)
				}
				n, err := w.Users.Count(ctx, sc, f)
				require.NoError(t, err)
				require.EqualValues(t, len(want), n, "%s, %s", caller, name)
			}
		}
	}
	// A cursor that somebody made up shows nothing beyond the reach.
	for _, caller := range []string{"acme.admin", "acme.power", "acme.user", "bolt.labs"} {
		sc := w.Scope(t, caller, domain.UserRead).Read()
		whole, _, err := w.Users.List(ctx, sc, domain.UserFilter{}, domain.Page{})
		require.NoError(t, err)
		for order, cursor := range map[domain.UserOrder]domain.Cursor{domain.TreeOrder: "0 1 /1/", domain.AliasOrder: "1 1 !",
			domain.NumberOrder: "3 1 ", domain.NameOrder: "5 1 0 ", domain.CreatedOrder: "7 1 -1",
			domain.ConnectedOrder: "9 1 -1"} {
			listed, _, err := w.Users.List(ctx, sc, domain.UserFilter{Order: order}, domain.Page{After: cursor})
			require.NoError(t, err)
			require.ElementsMatch(t, whole, listed, "%s, order %d", caller, order)
		}
	}
	for _, cursor := range []domain.Cursor{"x", "0", "0 1", "1 1 a", "0 0 /1/", "0 1 /x/", "0 1 /1/\x00/", "9 1 /1/"} {
		_, _, err := w.Users.List(ctx, Everything(domain.UserRead).Read(), domain.UserFilter{}, domain.Page{After: cursor})
		require.ErrorIs(t, err, domain.ErrCursor, string(cursor))
	}
	for _, cursor := range []domain.Cursor{"5 1 x a", "5 1 -1 a", "5 1 2 a", "5 1 1 é", "6 1 1 a", "5 1 1"} {
		_, _, err := w.Users.List(ctx, Everything(domain.UserRead).Read(), domain.UserFilter{Order: domain.NameOrder},
			domain.Page{After: cursor})
		require.ErrorIs(t, err, domain.ErrCursor, string(cursor))
	}
}
