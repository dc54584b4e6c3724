package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Emergencies tests what is promised of accounts for emergencies that are lost.
func Emergencies(t *testing.T, database *db.DB) {
	w, ctx := NewWorld(t, database), t.Context()
	all, prod := Everything(domain.UserUpdate), w.Places["Acme/Prod"]
	rules := func(path string, r domain.SignInRules) func(tx *persistence.Tx) error {
		e := w.Places[path]
		return func(tx *persistence.Tx) error { return tx.SaveSignInRules(tenancy.KeyOf(&e), r) }
	}
	do := func(t *testing.T, work func(tx *persistence.Tx) error) {
		t.Helper()
		require.NoError(t, w.Store.Do(ctx, all, work))
	}
	named := w.AddUser(t, "acme.night", "Acme/Prod/East", domain.RoleUser, domain.UserGroup)
	nobody := w.AddUser(t, "acme.day", "Acme/Prod/East", domain.RoleUser, domain.UserGroup)
	only := domain.SignInRules{OnlyProvider: true, BreakGlass: domain.BreakGlass{named.ID}}
	password := func(t *testing.T) {
		w.exec(t, "UPDATE users SET password_hash = 'x' WHERE alias IN ('acme.night', 'acme.day')")
	}
	become := func(change func(*domain.User)) func(tx *persistence.Tx) error {
		return func(tx *persistence.Tx) error {
			users, err := tx.Users([]domain.UserKey{named.Key(), nobody.Key()})
			if err != nil {
				return err
			}
			for i := range users {
				change(&users[i])
				if err := tx.SaveUser(&users[i], ""); err != nil {
					return err
				}
			}
			return nil
		}
	}
	// lost returns who is lost by work, which is undone again.
	lost := func(t *testing.T, work func(tx *persistence.Tx) error) (users []string, told int) {
		t.Helper()
		err := w.Store.Do(ctx, all, func(tx *persistence.Tx) error {
			users, told = nil, 0
			if err := work(tx); err != nil {
				return err
			}
			gone, err := tx.LostEmergencies(1)
			if err != nil {
				return err
			}
			for i := range gone {
				users = append(users, gone[i].User.Alias)
				require.Len(t, gone[i].Admins, 1)
			}
			again, err := tx.LostEmergencies(1)
			require.NoError(t, err)
			require.Empty(t, again, "each once")
			rows, err := tx.NewSelect().Table("audit").Where("action = ?", domain.EmergencyLost).Count(ctx)
			require.NoError(t, err)
			told = int(rows)
			return domain.ErrRehearsed
		})
		require.ErrorIs(t, err, domain.ErrRehearsed)
		require.Equal(t, len(users), told)
		return users, told
	}
	group := func(id domain.GroupID) func(tx *persistence.Tx) error {
		return become(func(u *domain.User) { u.Groups = []domain.GroupID{id} })
	}
	remove := func(tx *persistence.Tx) error {
		for _, key := range []domain.UserKey{named.Key(), nobody.Key()} {
			if _, err := tx.User(key); err != nil {
				return err
			}
			if err := tx.DeleteUser(key); err != nil {
				return err
			}
		}
		return nil
	}
	place := func(path string, change func(*domain.Environment)) func(tx *persistence.Tx) error {
		return func(tx *persistence.Tx) error {
			before := w.Places[path]
			held, err := tx.Environment(tenancy.KeyOf(&before))
			if err != nil {
				return err
			}
			after := held
			change(&after)
			return tx.SaveEnvironment(&held, &after)
		}
	}
	test := w.Places["Acme/Test"]
	changes := map[string]struct {
		change func(tx *persistence.Tx) error
		lost   bool
	}{
		"a name":       {become(func(u *domain.User) { u.Person.FirstName = "Other" }), false},
		"an address":   {become(func(u *domain.User) { u.Person.Mail = "" }), false},
		"a lower role": {become(func(u *domain.User) { u.Role = domain.RolePower }), false},
		"switched off": {become(func(u *domain.User) { u.Active = false }), true},
		"revoked": {become(func(u *domain.User) {
			u.RevokeDelay, u.IdleSince = 1, time.UnixMilli(1000).UTC()
		}), true},
		"to be approved":  {become(func(u *domain.User) { u.State = domain.Pending }), true},
		"blocked at home": {become(func(u *domain.User) { u.Blocked = []domain.Grant{w.Grant("Acme/Prod")} }), true},
		"blocked there":   {become(func(u *domain.User) { u.Blocked = []domain.Grant{w.Grant("Acme/Test")} }), false},
		"moved within":    {become(func(u *domain.User) { u.Home, u.HomePath = prod.ID, prod.Path }), false},
		"moved away":      {become(func(u *domain.User) { u.Home, u.HomePath = test.ID, test.Path }), true},
		"deleted":         {remove, true},
		"switched off and on": {func(tx *persistence.Tx) error {
			if err := become(func(u *domain.User) { u.Active = false })(tx); err != nil {
				return err
			}
			return become(func(u *domain.User) { u.Active = true })(tx)
		}, false},
		"another group":       {group(domain.AdminGroup), false},
		"its place is closed": {place("Acme/Prod/East", func(e *domain.Environment) { e.Active = false }), true},
		"one above is closed": {place("Acme", func(e *domain.Environment) { e.Active = false }), true},
		"another is closed":   {place("Acme/Test", func(e *domain.Environment) { e.Active = false }), false},
		"its place is moved":  {place("Acme/Prod/East", func(e *domain.Environment) { e.Parent = test.ID }), true},
		"all is moved":        {place("Acme/Prod", func(e *domain.Environment) { e.Parent = test.ID }), false},
		"its place is named":  {place("Acme/Prod", func(e *domain.Environment) { e.Alias = "Other" }), false},
		"a factor is demanded": {rules("Acme/Prod", domain.SignInRules{OnlyProvider: true, People: domain.ByCode,
			BreakGlass: only.BreakGlass, Grace: w.DB.Now().Add(time.Hour)}), true},
		"a factor is demanded of others": {rules("Acme/Prod", domain.SignInRules{OnlyProvider: true, Admins: domain.ByCode,
			BreakGlass: only.BreakGlass}), false},
		"a longer password is demanded": {rules("Acme", domain.SignInRules{MinPassword: 20}), false},
		"not named above":               {rules("Acme", domain.SignInRules{OnlyProvider: true}), true},
		"named above":                   {rules("Acme", only), false},
		"not named":                     {rules("Acme/Prod", domain.SignInRules{OnlyProvider: true}), true},
		"no provider":                   {rules("Acme/Prod", domain.SignInRules{}), false},
	}
	password(t)
	for _, path := range []string{"Acme/Prod/West", "Bolt/Prod/West"} {
		do(t, rules(path, domain.SignInRules{}))
	}
	do(t, rules("Acme/Prod", only))
	for name, tt := range changes {
		t.Run(name, func(t *testing.T) {
			users, _ := lost(t, tt.change)
			if tt.lost {
				require.Equal(t, []string{"acme.night"}, users)
			} else {
				require.Empty(t, users)
			}
		})
	}
	t.Run("places that leave out nobody who gets in", func(t *testing.T) {
		do(t, rules("Bolt/Prod", domain.SignInRules{OnlyProvider: true}))
		do(t, rules("Bolt/Test", domain.SignInRules{MinPassword: 8}))
		do(t, rules("Acme/Prod/East", domain.SignInRules{OnlyProvider: true,
			BreakGlass: domain.BreakGlass{named.ID, nobody.ID}}))
		defer do(t, rules("Bolt/Prod", domain.SignInRules{}))
		defer do(t, rules("Acme/Prod/East", domain.SignInRules{}))
		expect := func(sc tenancy.Scope, most int, more bool, want ...string) {
			t.Helper()
			places, are, err := w.Overviews.Unguarded(ctx, sc, most)
			require.NoError(t, err)
			require.Equal(t, more, are)
			var paths []string
			for i := range places {
				paths = append(paths, places[i].AliasPath)
			}
			require.Equal(t, want, paths)
		}
		everything := Everything(domain.EnvironmentRead).Read()
		acme := w.Scope(t, "acme.admin", domain.EnvironmentWrite).Read()
		expect(everything, 10, false, "Bolt/Prod")
		expect(acme, 10, false)
		w.exec(t, "UPDATE users SET password_hash = '' WHERE alias = 'acme.night'")
		expect(everything, 10, false, "Acme/Prod", "Acme/Prod/East", "Bolt/Prod")
		expect(everything, 2, true, "Acme/Prod", "Acme/Prod/East")
		expect(acme, 2, false, "Acme/Prod", "Acme/Prod/East") // others have no part in that there are more
		expect(acme.Below(test.Path), 10, false)
		password(t)
		do(t, rules("Acme/Prod/East", domain.SignInRules{OnlyProvider: true, BreakGlass: domain.BreakGlass{nobody.ID}}))
		expect(acme, 10, false, "Acme/Prod", "Acme/Prod/East")
	})
	t.Run("who did not get in before is not lost", func(t *testing.T) {
		w.exec(t, "UPDATE users SET password_hash = '' WHERE alias = 'acme.night'")
		defer password(t)
		users, _ := lost(t, remove)
		require.Empty(t, users)
	})
	t.Run("administrators are told of a few within an hour", func(t *testing.T) {
		told := func(active bool) (admins int) {
			do(t, func(tx *persistence.Tx) error {
				admins = 0
				if err := become(func(u *domain.User) { u.Active = active })(tx); err != nil {
					return err
				}
				gone, err := tx.LostEmergencies(1)
				if err != nil {
					return err
				}
				for i := range gone {
					admins += len(gone[i].Admins)
				}
				return nil
			})
			return admins
		}
		for range 5 {
			require.Equal(t, 1, told(false))
			require.Zero(t, told(true))
		}
		require.Zero(t, told(false))
		require.Zero(t, told(true))
		w.exec(t, "UPDATE audit SET at = at - 3600000 WHERE action = ?", domain.EmergencyLost)
		require.Equal(t, 1, told(false))
		require.Zero(t, told(true))
		w.exec(t, "DELETE FROM audit WHERE action = ?", domain.EmergencyLost)
	})
	t.Run("administrators are told of a few sign-ins within an hour", func(t *testing.T) {
		signIn := func(u domain.UserKey) (admins int) {
			do(t, func(tx *persistence.Tx) error {
				if _, err := tx.User(u); err != nil {
					return err
				}
				told, err := tx.NoteBreakGlass(u, "192.0.2.1", 1)
				admins = len(told)
				return err
			})
			return admins
		}
		for range 5 {
			require.Equal(t, 1, signIn(named.Key()))
		}
		require.Zero(t, signIn(named.Key()))
		require.Zero(t, signIn(nobody.Key()), "another one of the organization")
		require.Equal(t, 1, signIn(w.KeyOf("bolt.user")), "one of another organization")
		w.exec(t, "UPDATE audit SET at = at - 3600000 WHERE action = ?", domain.SignInBreakGlass)
		require.Equal(t, 1, signIn(named.Key()))
		rows, err := w.DB.NewSelect().Table("audit").Where("action = ?", domain.SignInBreakGlass).Count(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 9, rows, "the audit trail has all")
	})
	t.Run("an import of whole organizations", func(t *testing.T) {
		store := persistence.NewDirectoryStore(database)
		noted := func() int64 {
			n, err := w.DB.NewSelect().Table("audit").Where("action = ?", domain.EmergencyLost).Count(ctx)
			require.NoError(t, err)
			return n
		}
		active := func(is bool) {
			t.Helper()
			require.NoError(t, store.Write(ctx, all, func(tx *persistence.DirectoryTx) error {
				found, err := tx.UsersNamed([]string{named.Alias, nobody.Alias})
				for _, u := range found {
					if err == nil {
						err = tx.HoldUsers(u.Organization, []domain.StoredUser{u})
					}
					if u.Active = is; err == nil {
						err = tx.SaveUser(&u.User, "")
					}
				}
				return err
			}))
		}
		active(false)
		require.EqualValues(t, 1, noted())
		active(true)
		require.EqualValues(t, 1, noted())
		info := domain.ListNamed("signinrules")
		put := func(change func(row domain.ListRow)) {
			t.Helper()
			var rows []domain.ListRow
			for row, err := range store.List(ctx, all.Read(), info) {
				require.NoError(t, err)
				if row.Values[info.Column("environment")] == "Acme/Prod" {
					change(row)
					rows = append(rows, row)
				}
			}
			told, err := store.PutList(ctx, all, info, rows, domain.ListReferences{
				Place: func(path string) (domain.Environment, bool) { e, ok := w.Places[path]; return e, ok },
			}, false)
			require.NoError(t, err)
			require.Len(t, told, 1)
			require.NoError(t, told[0].Err)
		}
		put(func(row domain.ListRow) { row.Values[info.Column("minpassword")] = int64(9) })
		require.EqualValues(t, 1, noted())
		put(func(row domain.ListRow) { row.Values[info.Column("people")] = "otp" })
		require.EqualValues(t, 2, noted())
		do(t, rules("Acme/Prod", only))
		w.exec(t, "DELETE FROM audit WHERE action = ?", domain.EmergencyLost)
	})
	t.Run("what is announced counts", func(t *testing.T) {
		soon := only
		soon.Grace = w.DB.Now().Add(time.Hour)
		do(t, rules("Acme/Prod", soon))
		defer do(t, rules("Acme/Prod", only))
		users, _ := lost(t, remove)
		require.Equal(t, []string{"acme.night"}, users)
	})
	t.Run("a role that a group gives asks for more", func(t *testing.T) {
		team := w.Teams["Acme/Team"]
		w.exec(t, "UPDATE groups SET role = ? WHERE id = ?", int64(domain.RolePower), int64(team.ID))
		defer w.exec(t, "UPDATE groups SET role = 0 WHERE id = ?", int64(team.ID))
		do(t, rules("Acme/Prod", domain.SignInRules{OnlyProvider: true, Admins: domain.ByCode, BreakGlass: only.BreakGlass}))
		defer do(t, rules("Acme/Prod", only))
		users, _ := lost(t, group(team.ID))
		require.Equal(t, []string{"acme.night"}, users)
	})
	t.Run("the last factor of the kind that is demanded", func(t *testing.T) {
		do(t, rules("Acme/Prod", domain.SignInRules{OnlyProvider: true, People: domain.ByCode, BreakGlass: only.BreakGlass}))
		defer do(t, rules("Acme/Prod", only))
		var factors []domain.Factor
		do(t, func(tx *persistence.Tx) error {
			factors = nil
			if _, err := tx.User(named.Key()); err != nil {
				return err
			}
			for _, kind := range []domain.Factors{domain.PasskeyFactor, domain.CodeFactor} {
				f := domain.Factor{Kind: kind, Name: "one", Secret: "x", Confirmed: true, Created: w.DB.Now()}
				if err := tx.AddFactor(named.Key(), &f); err != nil {
					return err
				}
				factors = append(factors, f)
			}
			return nil
		})
		removed := func(n int) []string {
			users, _ := lost(t, func(tx *persistence.Tx) error {
				_, err := tx.User(named.Key())
				for _, f := range factors[:n] {
					if err == nil {
						_, err = tx.RemoveFactor(named.Key(), f.ID)
					}
				}
				return err
			})
			return users
		}
		require.Empty(t, removed(1))
		require.Equal(t, []string{"acme.night"}, removed(2))
		w.exec(t, "UPDATE users SET password_hash = '' WHERE alias = 'acme.night'")
		defer password(t)
		require.Equal(t, []string{"acme.night"}, removed(1), "without a password a code alone opens nothing")
	})
}
