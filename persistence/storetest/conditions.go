package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
)

// Conditions tests that the conditions of a filter mean on a database what they say, whatever
// is in them, and never more than the scope.
func Conditions(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.UserUpdate)
	odd := w.NewUser(`o'dd_1%0\`, "Acme/Prod", domain.RoleUser, domain.UserGroup)
	odd.Person = domain.Person{FirstName: "Ångström", LastName: `a_b%c\d`, Mail: "odd_1%0@example.org", Phone: "+33 (1) x"}
	odd.Attributes = domain.Attributes{domain.AttributeDescription: "ÉTÉ",
		domain.AttributeMobile: "'; DROP TABLE users; --"}
	odd.State, odd.Active, odd.Created = domain.Pending, false, odd.Created.Add(1e9)
	_, err := w.Users.Insert(ctx, all, odd, "")
	require.NoError(t, err)
	everyone, _, err := w.Users.List(ctx, all.Read(), domain.UserFilter{}, domain.Page{Limit: domain.MaxLimit})
	require.NoError(t, err)
	var ids []domain.UserID
	for _, u := range everyone {
		ids = append(ids, u.ID)
	}
	attributes, err := w.Users.Attributes(ctx, all.Read(), ids)
	require.NoError(t, err)
	borders := map[domain.OrganizationID]string{}
	for _, e := range w.Places {
		if e.IsOrganization {
			borders[e.Organization] = string(e.UUID)
		}
	}
	text := map[domain.ListField]func(*domain.User) string{
		domain.UserAlias: func(u *domain.User) string { return u.Alias },
		domain.UserName: func(u *domain.User) string {
			return strings.TrimRight(u.Person.FirstName+" "+u.Person.LastName, " ")
		},
		domain.UserSurname: func(u *domain.User) string {
			if u.Person.LastName == "" {
				return u.Person.FirstName
			}
			return u.Person.LastName
		},
		domain.UserMail:         func(u *domain.User) string { return u.Person.Mail },
		domain.UserPhone:        func(u *domain.User) string { return u.Person.Phone },
		domain.UserMobile:       func(u *domain.User) string { return attributes[u.ID][domain.AttributeMobile] },
		domain.UserDescription:  func(u *domain.User) string { return attributes[u.ID][domain.AttributeDescription] },
		domain.UserOrganization: func(u *domain.User) string { return borders[u.Organization] },
	}
	number := map[domain.ListField]func(*domain.User) int64{
		domain.UserCreated:  func(u *domain.User) int64 { return u.Created.UnixMilli() },
		domain.UserRole:     func(u *domain.User) int64 { return int64(u.Role) },
		domain.UserStanding: func(u *domain.User) int64 { return int64(u.State) },
		domain.UserActive: func(u *domain.User) int64 {
			if u.Active {
				return 1
			}
			return 0
		},
	}
	compare := func(is domain.Comparison, v string, values []string, less func(a, b string) bool) bool {
		switch is {
		case domain.Equal:
			return slices.Contains(values, v)
		case domain.NotEqual:
			return !slices.Contains(values, v)
		case domain.Greater:
			return less(values[0], v)
		case domain.Less:
			return less(v, values[0])
		case domain.AtLeast:
			return !less(v, values[0])
		case domain.AtMost:
			return !less(values[0], v)
		case domain.Contains:
			return strings.Contains(v, values[0])
		}
		return !less(v, values[0]) && !less(values[1], v)
	}
	keeps := func(c *domain.Condition, u *domain.User) bool {
		if of := text[c.Field]; of != nil {
			var values []string
			for _, v := range c.Texts {
				values = append(values, domain.Fold(v))
			}
			return compare(c.Is, domain.Fold(of(u)), values, func(a, b string) bool { return a < b })
		}
		var values []string
		for _, n := range c.Numbers {
			values = append(values, strconv.FormatInt(n, 10))
		}
		return compare(c.Is, strconv.FormatInt(number[c.Field](u), 10), values, func(a, b string) bool {
			x, _ := strconv.ParseInt(a, 10, 64)
			y, _ := strconv.ParseInt(b, 10, 64)
			return x < y
		})
	}
	values := []string{"", "acme", "ACME.USER", `o'DD_1%0\`, "%", "_", `\`, "'", "å", "ång", "été", "x", "+33",
		"'; DROP TABLE users; --",
		"acme.user@example.org", string(w.Places["Acme"].UUID), strings.ToUpper(string(w.Places["Bolt"].UUID))}
	var conditions []domain.Condition
	for is := domain.Equal; is <= domain.Between; is++ {
		for field := range text {
			for i, v := range values {
				c := domain.Condition{Field: field, Is: is, Texts: []string{v}}
				if is == domain.Between {
					c.Texts = append(c.Texts, values[(i+3)%len(values)])
				}
				conditions = append(conditions, c)
			}
		}
		for field := range number {
			for _, n := range []int64{0, 1, 2, 3, 4, odd.Created.UnixMilli()} {
				c := domain.Condition{Field: field, Is: is, Numbers: []int64{n}}
				if is == domain.Between {
					c.Numbers = append(c.Numbers, n+1)
				}
				conditions = append(conditions, c)
			}
		}
	}
	conditions = slices.DeleteFunc(conditions, func(c domain.Condition) bool { return c.Validate() != nil })
	require.Greater(t, len(conditions), 400)
	check := func(caller string, f domain.UserFilter, keeps func(*domain.User) bool) {
		sc := w.Scope(t, caller, domain.UserRead).Read()
		var want []domain.UserID
		for _, u := range everyone {
			self, own := sc.Self()
			if (own && u.ID == self.User || !own && sc.Covers(u.HomePath)) && keeps(&u) {
				want = append(want, u.ID)
			}
		}
		got, _, err := w.Users.List(ctx, sc, f, domain.Page{Limit: domain.MaxLimit})
		require.NoError(t, err, "%v", f)
		var found []domain.UserID
		for _, u := range got {
			found = append(found, u.ID)
		}
		require.Equal(t, want, found, "%s, %+v", caller, f.Conditions)
	}
	for i := range conditions {
		one := conditions[i]
		other := conditions[(i*7+3)%len(conditions)]
		caller := []string{"root.admin", "acme.admin", "acme.user"}[i%3]
		check(caller, domain.UserFilter{Conditions: domain.Conditions{All: []domain.Condition{one}}},
			func(u *domain.User) bool { return keeps(&one, u) })
		f := domain.UserFilter{Conditions: domain.Conditions{All: []domain.Condition{one, other}, Any: i%2 == 0}}
		check("acme.admin", f, func(u *domain.User) bool {
			if f.Conditions.Any {
				return keeps(&one, u) || keeps(&other, u)
			}
			return keeps(&one, u) && keeps(&other, u)
		})
	}
	for name, c := range map[string]domain.Condition{
		"text with numbers":   {Field: domain.UserAlias, Numbers: []int64{1}},
		"numbers with text":   {Field: domain.UserCreated, Texts: []string{"1"}},
		"no value":            {Field: domain.UserAlias},
		"more than a role":    {Field: domain.UserRole, Is: domain.Greater, Numbers: []int64{1}},
		"inside of a number":  {Field: domain.UserCreated, Is: domain.Contains, Numbers: []int64{1}},
		"one bound":           {Field: domain.UserAlias, Is: domain.Between, Texts: []string{"a"}},
		"of an organization":  {Field: domain.OrganizationName, Texts: []string{"a"}},
		"of nothing":          {Field: 200, Texts: []string{"a"}},
		"an unknown one":      {Field: domain.UserAlias, Is: 77, Texts: []string{"a"}},
		"a NUL":               {Field: domain.UserAlias, Texts: []string{"a\x00"}},
		"what is not text":    {Field: domain.UserAlias, Texts: []string{"\xff"}},
		"too long a value":    {Field: domain.UserAlias, Texts: []string{strings.Repeat("x", 1001)}},
		"too many values":     {Field: domain.UserAlias, Texts: make([]string, 201)},
		"both kinds of value": {Field: domain.UserAlias, Texts: []string{"a"}, Numbers: []int64{1}},
	} {
		f := domain.UserFilter{Conditions: domain.Conditions{All: []domain.Condition{c}}}
		_, _, err := w.Users.List(ctx, all.Read(), f, domain.Page{})
		require.Equal(t, domain.Invalid, domain.AsError(err).Kind, name)
		_, err = w.Users.Count(ctx, all.Read(), f)
		require.Equal(t, domain.Invalid, domain.AsError(err).Kind, name)
	}
	f := domain.UserFilter{Conditions: domain.Conditions{All: slices.Repeat([]domain.Condition{conditions[0]}, 21)}}
	_, _, err = w.Users.List(ctx, all.Read(), f, domain.Page{})
	require.ErrorIs(t, err, domain.ErrInvalid)
}

// Pictures tests that a picture is kept with its user.
func Pictures(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.UserUpdate)
	u := w.People["acme.user"]
	picture := func() (domain.Picture, error) { return w.Users.Picture(ctx, all.Read(), domain.UserRef{UUID: u.UUID}) }
	p, err := picture()
	require.NoError(t, err)
	require.Equal(t, domain.Picture{Tag: "acme.user", JPEG: []byte("acme.user")}, p)
	_, err = w.Users.Update(ctx, all, u.Key(), "", change(func(u *domain.User) { u.Person.Phone = "1" }))
	require.NoError(t, err)
	kept, err := picture()
	require.NoError(t, err)
	require.Equal(t, p, kept, "another change leaves it")
	_, err = w.Users.Update(ctx, all, u.Key(), "",
		change(func(u *domain.User) { u.Picture = domain.Picture{Tag: "b", JPEG: []byte("\x00\xff")} }))
	require.NoError(t, err)
	p, err = picture()
	require.NoError(t, err)
	require.Equal(t, domain.Picture{Tag: "b", JPEG: []byte("\x00\xff")}, p)
	tags, err := w.Users.Pictures(ctx, all.Read(), []domain.UserID{u.ID, w.People["bolt.user"].ID, 999})
	require.NoError(t, err)
	require.Equal(t, map[domain.UserID]string{u.ID: "b", w.People["bolt.user"].ID: "bolt.user"}, tags)
	_, err = w.Users.Update(ctx, all, u.Key(), "", change(func(u *domain.User) { u.Picture = domain.Picture{} }))
	require.NoError(t, err)
	_, err = picture()
	require.ErrorIs(t, err, domain.ErrPictureNotFound)
	require.NoError(t, w.Users.Delete(ctx, all, w.KeyOf("bolt.user")))
	_, err = w.Users.Picture(ctx, all.Read(), domain.UserRef{UUID: w.People["bolt.user"].UUID})
	require.ErrorIs(t, err, domain.ErrUserNotFound)
	require.NotContains(t, w.Dump(t), "tag=bolt.user", "it goes with its user")
}

// Purge tests that an organization goes with everything in it and with nothing else.
func Purge(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.OrganizationWrite)
	bolt := w.Places["Bolt"]
	guest := w.NewUser("guest", "Acme", domain.RoleUser, domain.UserGroup)
	guest.Allowed = []domain.Grant{w.Grant("Bolt/Prod"), w.Grant("Acme/Test")}
	_, err := w.Users.Insert(ctx, all, guest, "")
	require.NoError(t, err)
	before := w.Dump(t)
	require.ErrorIs(t, w.Environments.Purge(ctx, all, bolt.Organization), domain.ErrEnvironmentNotEmpty,
		"another organization lies below it")
	require.ErrorIs(t, w.Environments.Purge(ctx, all, domain.RootOrganization), domain.ErrRootFixed)
	require.ErrorIs(t, w.Environments.Purge(ctx, all, domain.OrganizationID(w.Places["Bolt/Prod"].ID)),
		domain.ErrEnvironmentNotFound)
	require.Equal(t, before, w.Dump(t))
	require.NoError(t, w.Environments.Purge(ctx, all, w.Places["Bolt/Labs"].Organization))
	epoch := w.As(t, "guest").Epoch
	require.NoError(t, w.Environments.Purge(ctx, all, bolt.Organization))
	require.Greater(t, w.As(t, "guest").Epoch, epoch, "whoever was allowed there has less now")
	for line := range strings.Lines(w.Dump(t)) {
		if !strings.HasPrefix(line, "audit ") {
			require.NotContains(t, line, fmt.Sprintf("organization_id=%d ", bolt.Organization))
			require.NotContains(t, strings.ToLower(line), "bolt.")
		}
	}
	_, err = w.Users.Insert(ctx, all, w.NewUser("bolt.admin", "Acme", domain.RoleUser, domain.UserGroup), "")
	require.NoError(t, err, "names are free again")
	found, err := w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: "guest"})
	require.NoError(t, err)
	require.Equal(t, []domain.Grant{w.Grant("Acme/Test")}, found.Allowed)
	entries, _, err := w.Audit.List(ctx, Everything(domain.AuditRead).Read(),
		domain.AuditFilter{Target: "bolt.power", Action: "user:delete"}, domain.Page{})
	require.NoError(t, err)
	require.Len(t, entries, 1, "that somebody went is written down")

	t.Run("the trail of what is gone stays with the organization above it", func(t *testing.T) {
		told := func() (names []string) {
			entries, _, err := w.Audit.List(ctx, w.Scope(t, "acme.admin", domain.AuditRead).Read(), domain.AuditFilter{},
				domain.Page{})
			require.NoError(t, err)
			for _, e := range entries {
				names = append(names, e.Action+" "+e.Target.Name)
			}
			return names
		}
		before := told()
		require.Contains(t, before, "user:create acme.labs")
		require.NoError(t, w.Environments.Purge(ctx, all, w.Places["Acme/Labs"].Organization))
		require.Subset(t, told(), before)
		require.Contains(t, told(), "environment:delete Labs")
	})

	t.Run("an empty organization goes like one that is purged", func(t *testing.T) {
		empty := w.AddEnvironment(t, "Acme/Empty", true)
		require.NoError(t, w.Codes.Insert(ctx, all,
			domain.RegistrationCode{Organization: empty.Organization, Code: "a code", Enabled: true}))
		require.NoError(t, w.Environments.Delete(ctx, all, empty.ID))
		other := w.AddEnvironment(t, "Acme/Other", true)
		require.NoError(t, w.Codes.Insert(ctx, all,
			domain.RegistrationCode{Organization: other.Organization, Code: "a code", Enabled: true}),
			"the code is free again")
	})
}

// Applications tests the conditions on what users have access to.
func Applications(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	api := w.AddObject(t, "Acme", "weather", domain.KindAPI, "Acme/Prod", "acme.admin", nil)
	crm := w.AddObject(t, "Acme", "crm", domain.KindApplication, "Acme/Prod/East", "acme.user", func(o *domain.Object) {
		o.Access = []domain.Access{{User: w.KeyOf("acme.power"), Level: domain.LevelRead}}
		o.Uses = []domain.ObjectID{api.ID}
	})
	theirs := w.AddObject(t, "Bolt", "erp", domain.KindApplication, "Bolt/Prod", "acme.user", nil)
	find := func(caller string, c domain.Condition) (aliases []string) {
		sc := w.Scope(t, caller, domain.UserRead).Read().Choosing(w.ObjectScope(t, caller).Read())
		found, _, err := w.Users.List(t.Context(), sc,
			domain.UserFilter{Conditions: domain.Conditions{All: []domain.Condition{c}}}, domain.Page{})
		require.NoError(t, err)
		for _, u := range found {
			aliases = append(aliases, u.Alias)
		}
		slices.Sort(aliases)
		return aliases
	}
	is := func(field domain.ListField, id domain.UUID) domain.Condition {
		return domain.Condition{Field: field, Texts: []string{strings.ToUpper(string(id))}}
	}
	both := []string{"acme.power", "acme.user"}
	require.Equal(t, both, find("acme.admin", is(domain.UserApplication, crm.UUID)), "the owner, and who was given access")
	require.Equal(t, both, find("acme.admin", is(domain.UserAPI, api.UUID)))
	require.Equal(t, []string{"acme.user"}, find("acme.user", is(domain.UserApplication, crm.UUID)), "within the scope")
	require.Empty(t, find("bolt.admin", is(domain.UserApplication, crm.UUID)))
	require.Empty(t, find("acme.admin", is(domain.UserApplication, api.UUID)), "an API is no application")
	require.Empty(t, find("acme.admin", is(domain.UserApplication, theirs.UUID)),
		"an application out of reach is not there")
	require.Equal(t, []string{"acme.user"}, find("root.admin", is(domain.UserApplication, theirs.UUID)))
	not := is(domain.UserApplication, crm.UUID)
	not.Is = domain.NotEqual
	require.NotContains(t, find("acme.admin", not), "acme.user")
	require.Contains(t, find("acme.admin", not), "acme.admin")

	// To acme.power, who manages nothing, the private ones of others are not there.
	private := w.AddObject(t, "Acme", "diary", domain.KindApplication, "Acme/Prod", "acme.user", func(o *domain.Object) {
		o.Access = []domain.Access{{User: w.KeyOf("acme.admin"), Level: domain.LevelRead}}
		o.Uses = []domain.ObjectID{api.ID}
	})
	hidden := w.AddObject(t, "Acme", "thoughts", domain.KindAPI, "Acme/Prod", "acme.user", nil)
	w.AddUser(t, "acme.east", "Acme/Prod/East", domain.RoleUser, domain.UserGroup)
	forum := w.AddObject(t, "Acme", "forum", domain.KindApplication, "Acme/Prod", "acme.user", func(o *domain.Object) {
		o.Access = []domain.Access{{User: w.KeyOf("acme.power"), Level: domain.LevelRead},
			{User: w.KeyOf("acme.east"), Level: domain.LevelRead}}
		o.Uses = []domain.ObjectID{hidden.ID}
	})
	require.Empty(t, find("acme.power", is(domain.UserApplication, private.UUID)))
	require.Empty(t, find("acme.power", is(domain.UserAPI, hidden.UUID)))
	require.Equal(t, both, find("acme.power", is(domain.UserApplication, forum.UUID)),
		"oneself and the owner, not who else has access")
	require.Len(t, find("acme.admin", is(domain.UserApplication, forum.UUID)), 3)
	unproven, _, err := w.Users.List(t.Context(), w.Scope(t, "acme.admin", domain.UserRead).Read(),
		domain.UserFilter{Conditions: domain.Conditions{All: []domain.Condition{is(domain.UserApplication, crm.UUID)}}},
		domain.Page{})
	require.NoError(t, err)
	require.Empty(t, unproven, "without a scope of objects there are none")

	require.NoError(t, w.Users.Delete(t.Context(), Everything(domain.UserDelete), w.KeyOf("acme.user")))
	require.Empty(t, find("acme.admin", is(domain.UserApplication, crm.UUID)), "an application goes with its owner")
}
