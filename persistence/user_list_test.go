package persistence_test

import (
	"cmp"
	"context"
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

// TestListsAreTheSameInAllWays holds that a list has the same people in the same order whichever way finds them: by
// walking in its order, by an index, or by looking at all of the scope.
func TestListsAreTheSameInAllWays(t *testing.T) {
	filters := []domain.UserFilter{{}, {Prefix: "Anna"}, {Prefix: "a"}, {Prefix: "an"}, {Part: "ann"}, {Part: "NNA.M"},
		{Part: "zzz"}, {Part: "an"}, {Part: "+49 30 7"}, {Part: "äöü"}, {Part: "50%"}, {Part: `"x"`}, {Part: "\x1f\x1fA"},
		{Role: domain.RolePower}, {Role: domain.RoleUser}, {State: state(domain.Invited)}, {State: state(domain.Approved)},
		{Active: is(false)}, {Active: is(true)}, {Role: domain.RoleUser, Active: is(false), State: state(domain.Invited)},
		{Group: domain.AdminGroup}, {BlockedHome: is(true)}, {BlockedHome: is(false)}, {AllowedOutside: is(true)},
		{Blocked: is(true)}, {Blocked: is(false)}, {Mail: "A7@bolt.example"}, {ConnectedSince: time.UnixMilli(50)},
		{Connected: is(true)}, {Connected: is(false)}, {NotConnectedSince: time.UnixMilli(50)},
		{Part: "ann", Role: domain.RolePower}, {Strongest: proof(domain.ByPassword)}, {Strongest: proof(domain.ByPasskey)},
		{ActsAs: domain.RoleUser}, {ActsAs: domain.RolePower}, {ActsAs: domain.RoleOAdmin}, {ActsAs: domain.RoleSuperUser},
		{ActsAs: domain.RolePower, Weaker: domain.ByPasskey, UsableAt: time.UnixMilli(50)},
		{Linked: is(true)}, {Linked: is(false), Except: domain.BreakGlass{5, 9}},
		{Weaker: domain.ByPasskey, Active: is(true)}, {Programs: is(true)}, {Programs: is(false), Weaker: domain.ByCode},
		where(false, text(domain.UserName, domain.Contains, "anna muell")),
		where(false, text(domain.UserName, domain.Equal, "Anna Mueller")),
		where(true, text(domain.UserMail, domain.Contains, "@bolt.example"),
			text(domain.UserSurname, domain.Equal, "mueller")),
		where(true, text(domain.UserMail, domain.Contains, "@b"),
			domain.Condition{Field: domain.UserRole, Numbers: []int64{2}}),
		where(false, domain.Condition{Field: domain.UserStanding, Numbers: []int64{int64(domain.Invited)}},
			domain.Condition{Field: domain.UserActive, Numbers: []int64{0}}),
		where(false, text(domain.UserAlias, domain.NotEqual, "anna1")),
		where(false, text(domain.UserPhone, domain.Contains, "0 1")),
		where(false, text(domain.UserPhone, domain.Contains, "9")),
		where(false, text(domain.UserPhone, domain.Contains, "99999")),
		where(false, text(domain.UserPhone, domain.NotEqual, "")),
		where(false, text(domain.UserPhone, domain.Greater, "+49 30 3")),
		where(false, text(domain.UserPhone, domain.Less, "+")),
		where(false, text(domain.UserPhone, domain.Equal, "+49 30 12")),
		where(false, text(domain.UserMobile, domain.Contains, "79 1")),
		where(false, text(domain.UserMobile, domain.Equal, "")),
		where(false, text(domain.UserMobile, domain.NotEqual, "+41 79 12")),
		where(false, text(domain.UserDescription, domain.Contains, "RÄUM")),
		where(false, text(domain.UserDescription, domain.AtLeast, "räume")),
		where(false, text(domain.UserSurname, domain.Greater, "f")),
		where(false, text(domain.UserSurname, domain.NotEqual, "anna")),
		where(false, domain.Condition{Field: domain.UserMail, Is: domain.Between, Texts: []string{"a2", "a5"}}),
		where(false, domain.Condition{Field: domain.UserAlias, Is: domain.NotEqual, Texts: []string{"anna.muster1", "x"}}),
		where(true, text(domain.UserMobile, domain.Contains, "79 1"), text(domain.UserAlias, domain.Less, "anna.muster2")),
		where(true, text(domain.UserPhone, domain.Contains, "30 2"), text(domain.UserMail, domain.Greater, "bolt")),
		where(false, domain.Condition{Field: domain.UserRole, Is: domain.NotEqual, Numbers: []int64{1}}),
		where(false, domain.Condition{Field: domain.UserRole, Numbers: []int64{2, 3}},
			domain.Condition{Field: domain.UserActive, Is: domain.NotEqual, Numbers: []int64{2}}),
		where(false, domain.Condition{Field: domain.UserCreated, Is: domain.Greater, Numbers: []int64{60}}),
		where(false, domain.Condition{Field: domain.UserCreated, Is: domain.Between, Numbers: []int64{20, 80}},
			domain.Condition{Field: domain.UserCreated, Is: domain.NotEqual, Numbers: []int64{40}}),
	}
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		many(t, w)
		w.AddActing(t)
		users := persistence.NewUserStore(d)
		ways := []*persistence.UserStore{users, persistence.Patient(users, 1, 0), persistence.Patient(users, 1, 1),
			persistence.Patient(users, 1, 1000)}
		for i, caller := range []string{"root.admin", "acme.admin", "acme.power", "acme.user", "labs.admin"} {
			sc := w.Scope(t, caller, domain.UserRead).Read()
			for n, f := range filters {
				kept, err := persistence.BuiltUsers(ctx, users, sc, f)
				require.NoError(t, err)
				tally, _, err := users.Totals(ctx, sc, f)
				require.NoError(t, err)
				require.Equal(t, domain.Tally{N: int64(len(kept))}, tally, "%s, %+v", caller, f)
				for k, order := range []int{0, n + i} {
					f.Order = domain.UserOrder(order % int(domain.MailOrderDescending+1))
					f.Everybody = []int64{0, 1 << 40}[n/2%2] // which has indexes walked
					for way, s := range ways {
						got := paged(ctx, t, s, sc, f, []int{7, 3, 100}[(n+k)%3])
						require.Equal(t, ordered(f.Order, kept), aliases(got), "%s, %+v, in way %d", caller, f, way)
					}
				}
			}
		}
	})
}

// many adds people to Acme and Bolt who differ in what they are found by.
func many(t *testing.T, w *storetest.World) {
	t.Helper()
	w.AddUser(t, "labs.admin", "Acme/Labs", domain.RoleOAdmin, domain.AdminGroup) // in whose organization is no other
	for i := range 24 {
		home := []string{"Acme/Prod", "Acme/Labs/One", "Bolt/Prod"}[i%3]
		role := domain.RoleUser
		if i%5 == 1 {
			role = domain.RolePower
		}
		u := w.AddUser(t, fmt.Sprintf("anna.muster%d", i), home, role, domain.UserGroup)
		all := storetest.Everything(domain.UserUpdate)
		_, err := w.Users.Update(t.Context(), all, u.Key(), "", func(u *domain.User) error {
			u.Person.FirstName = []string{"Anna", "Hans", "50%", "Äöü"}[i%4]
			u.Person.LastName = []string{"Mueller", "", `Di "x"`}[i%3]
			u.Person.Mail = fmt.Sprintf("a%d@%s.example", i, []string{"acme", "bolt"}[i%2])
			u.Person.Phone = fmt.Sprintf("+49 30 %d", i)
			if i%5 == 2 {
				u.Attributes = domain.Attributes{domain.AttributeMobile: fmt.Sprintf("+41 79 %d", i),
					"axway.virtualHost": "79 1"}
			} else if i%5 == 3 {
				u.Attributes = domain.Attributes{domain.AttributeDescription: fmt.Sprintf("Räumt %d auf", i)}
			}
			u.Active = i%7 != 2
			if i%6 == 3 {
				u.State = domain.Invited
			}
			if e := w.Places[home]; i%8 == 5 {
				u.Blocked = []domain.Grant{{Environment: e.ID, Organization: e.Organization, Path: e.Path}}
			} else if e := w.Places["Bolt"]; i%8 == 7 {
				u.Allowed = []domain.Grant{{Environment: e.ID, Organization: e.Organization, Path: e.Path}}
			}
			return nil
		})
		require.NoError(t, err)
		_, err = w.DB.Writer().ExecContext(t.Context(), "UPDATE users SET last_connected_at = ?, created_at = ?, "+
			"factors = ?, system = ? WHERE id = ?", i%4*40, i/2*10, i%5%4, i%11 == 5, u.ID)
		require.NoError(t, err)
	}
}

// TestWordsFollowPeople holds that the index of words has what is, and no longer what was, whatever writes to the
// table.
func TestWordsFollowPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		s := persistence.Patient(persistence.NewUserStore(d), 1, 1000)
		finds := func(part string) []string {
			return aliases(paged(ctx, t, s, storetest.Everything(domain.UserRead).Read(), domain.UserFilter{Part: part}, 100))
		}
		u := w.AddUser(t, "xylophone", "Acme/Prod", domain.RoleUser, domain.UserGroup)
		require.Equal(t, []string{"xylophone"}, finds("YLOPH"))
		_, err := d.Writer().ExecContext(ctx, `UPDATE users SET alias_key = 'THEREMIN', mail_key = '', first_name_key = '',
			last_name_key = '' WHERE id = ?`, u.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"xylophone"}, finds("remi"))
		require.Empty(t, finds("yloph"))
		require.NoError(t, w.Users.Delete(ctx, storetest.Everything(domain.UserDelete), u.Key()))
		require.Empty(t, finds("remi"))
	})
}

// TestDetailsFollowPeople is TestWordsFollowPeople for phone numbers and attributes.
func TestDetailsFollowPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		all := storetest.Everything(domain.UserUpdate)
		finds := func(field domain.ListField, part string) []string {
			n := []string{}
			for _, o := range []domain.OrganizationID{0, w.Places["Acme"].Organization} {
				index, ok, err := d.HavingDetail(ctx, map[domain.ListField]db.Detail{domain.UserPhone: db.Phone,
					domain.UserMobile: db.Mobile, domain.UserDescription: db.Description}[field], domain.Fold(part), o)
				require.NoError(t, err)
				require.True(t, ok)
				rows, err := d.QueryContext(ctx, "SELECT u.alias FROM users u JOIN ("+index.Keys.Raw+") AS k "+
					"ON k.organization_id = u.organization_id AND k.id = u.id", index.Keys.Args...)
				found, err := db.Collect(rows, err, db.Scalar[string])
				require.NoError(t, err)
				n = append(n, found...)
			}
			return n
		}
		twice := []string{"xylophone", "xylophone"}
		u := w.AddUser(t, "xylophone", "Acme/Prod", domain.RoleUser, domain.UserGroup)
		write := func(change func(*domain.User)) {
			_, err := w.Users.Update(ctx, all, u.Key(), "", func(u *domain.User) error { change(u); return nil })
			require.NoError(t, err)
		}
		write(func(u *domain.User) { u.Person.Phone = "+41 99999" })
		require.Equal(t, twice, finds(domain.UserPhone, "1 9999"))
		require.Empty(t, finds(domain.UserPhone, "999999"), "one digit more")
		require.Empty(t, finds(domain.UserMobile, "99999"), "another detail")
		write(func(u *domain.User) { u.Attributes = domain.Attributes{domain.AttributeMobile: "079 1234"} })
		require.Equal(t, twice, finds(domain.UserMobile, "1234"))
		require.Equal(t, twice, finds(domain.UserPhone, "99999"))
		write(func(u *domain.User) { u.Attributes = domain.Attributes{domain.AttributeDescription: "Spielt öfters"} })
		require.Empty(t, finds(domain.UserMobile, "1234"))
		require.Equal(t, twice, finds(domain.UserDescription, "T ÖF"))
		write(func(u *domain.User) { u.Person.Phone = "" })
		require.Empty(t, finds(domain.UserPhone, "99999"))
		require.Equal(t, twice, finds(domain.UserDescription, "T ÖF"))
		require.NoError(t, w.Users.Delete(ctx, storetest.Everything(domain.UserDelete), u.Key()))
		require.Empty(t, finds(domain.UserDescription, "T ÖF"))
	})
}

func is(so bool) *bool { return &so }

func state(s domain.UserState) *domain.UserState { return &s }

func text(field domain.ListField, op domain.Comparison, value string) domain.Condition {
	return domain.Condition{Field: field, Is: op, Texts: []string{value}}
}

func where(any bool, all ...domain.Condition) domain.UserFilter {
	return domain.UserFilter{Conditions: domain.Conditions{All: all, Any: any}}
}

func aliases(users []domain.User) []string {
	names := make([]string, len(users))
	for i := range users {
		names[i] = users[i].Alias
	}
	return names
}

// ordered returns the aliases of users, in an order.
func ordered(o domain.UserOrder, users []domain.User) []string {
	sorted := slices.Clone(users)
	slices.SortFunc(sorted, func(a, b domain.User) int {
		by := cmp.Compare(a.ID, b.ID)
		switch (o + 1) / 2 {
		case 0:
			by = cmp.Or(strings.Compare(string(a.HomePath), string(b.HomePath)), by)
		case 1:
			by = cmp.Or(strings.Compare(domain.Fold(a.Alias), domain.Fold(b.Alias)), by)
		case 3:
			by = cmp.Or(strings.Compare(domain.Fold(a.Person.LastName), domain.Fold(b.Person.LastName)),
				strings.Compare(domain.Fold(a.Person.FirstName), domain.Fold(b.Person.FirstName)), by)
		case 4:
			by = cmp.Or(a.Created.Compare(b.Created), by)
		case 5:
			by = cmp.Or(a.LastConnected.Compare(b.LastConnected), by)
		case 6:
			by = cmp.Or(strings.Compare(domain.Fold(a.Person.Mail), domain.Fold(b.Person.Mail)), by)
		}
		if o != domain.TreeOrder && o%2 == 0 {
			return -by
		}
		return by
	})
	return aliases(sorted)
}

// paged reads a list page by page.
func paged(ctx context.Context, t *testing.T, s *persistence.UserStore, sc tenancy.Scope, f domain.UserFilter,
	limit int) []domain.User {
	t.Helper()
	got := []domain.User{}
	for page := (domain.Page{Limit: limit}); ; {
		some, next, err := s.List(ctx, sc, f, page)
		require.NoError(t, err, "%+v", f)
		if got = append(got, some...); next == "" {
			return got
		}
		require.NotEmpty(t, some)
		page.After = next
	}
}

func proof(p domain.Proof) *domain.Proof { return &p }
