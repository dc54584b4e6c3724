package domain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	last := -1
	for _, info := range domain.Catalogue {
		require.Greater(t, int(info.Permission), last, "the catalogue is in the order of the bits")
		last = int(info.Permission)
		require.False(t, seen[info.Code()], info.Code())
		seen[info.Code()] = true
		p, err := domain.ParsePermission(info.Code())
		require.NoError(t, err)
		require.Equal(t, info.Permission, p)
		require.NotEmpty(t, info.Description)
	}
	require.Equal(t, "bit 17", domain.Permission(17).String())
}

// The masks of the published samples.
func TestMasksOfTheSamples(t *testing.T) {
	require.Equal(t, "562949953421311", domain.AllPermissions.String())
	for _, g := range domain.BuiltInGroups() {
		want := "562949953421311"
		if g.Alias == "User" {
			want = "234333415669759"
		}
		require.Equal(t, want, g.Mask.String(), g.Alias)
	}
	for _, text := range []string{"", "-1", "562949953421312", "1.0", "x", "99999999999999999999"} {
		_, err := domain.ParseMask(text)
		require.Error(t, err, text)
	}
	require.True(t, domain.AllPermissions.Has(48))
	require.False(t, domain.Mask(1<<64-1).Has(49), "there is no such permission")
}

func TestPaths(t *testing.T) {
	p := domain.RootPath.Child(19).Child(25)
	require.EqualValues(t, "/1/19/25/", p)
	require.EqualValues(t, 25, p.ID())
	require.EqualValues(t, "/1/19/", p.Parent())
	require.Equal(t, domain.RootPath, domain.RootPath.Parent())
	require.Equal(t, 3, p.Depth())
	require.EqualValues(t, "/1/19/", p.UpTo(19))
	require.Empty(t, p.UpTo(9), "part of a number is not the number")
	require.True(t, p.Parent().Contains(p))
	require.False(t, domain.EnvironmentPath("/1/1/").Contains("/1/19/"))
	require.False(t, domain.EnvironmentPath("").Contains(p), "nothing lies below nowhere")
	for _, text := range []string{"", "/", "/1", "1/", "/2/", "/1//", "/1/0/", "/1/01/", "/1/-1/", "/1/x/",
		"/1/9007199254740992/",
		"/1" + strings.Repeat("/2", domain.MaxDepth) + "/"} {
		_, err := domain.ParsePath(text)
		require.Error(t, err, text)
	}
}

func TestFold(t *testing.T) {
	for _, same := range [][2]string{{"Ångström", "ÅNGSTRÖM"}, {"ǅ", "ǆ"}, {"Kelvin", "\u212aelvin"}, {"ſ", "S"},
		{"σ", "ς"}} {
		require.Equal(t, domain.Fold(same[0]), domain.Fold(same[1]), same)
	}
	require.NotEqual(t, domain.Fold("a"), domain.Fold("b"))
	require.Equal(t, domain.Fold("x"), domain.Fold(domain.Fold("X")))
}

func TestShownPath(t *testing.T) {
	e := domain.Environment{Path: "/1/2/3/4/", Alias: "East", AliasPath: "Acme/Prod/East"}
	reaches := func(paths ...domain.EnvironmentPath) func(domain.EnvironmentPath) bool {
		return func(p domain.EnvironmentPath) bool {
			for _, q := range paths {
				if p == q {
					return true
				}
			}
			return false
		}
	}
	require.Equal(t, "Acme/Prod/East", e.ShownPath(reaches("/1/", "/1/2/", "/1/2/3/")))
	require.Equal(t, "Prod/East", e.ShownPath(reaches("/1/2/3/")))
	require.Equal(t, "East", e.ShownPath(reaches()))
	require.Equal(t, "East", e.ShownPath(reaches("/1/2/")), "a name above a gap is not told")
	root := domain.Environment{Path: domain.RootPath, Alias: "root"}
	require.Equal(t, "/", root.ShownPath(reaches()))
}

func user() domain.User {
	return domain.User{Alias: "ada", Organization: 2, Role: domain.RoleUser, Groups: []domain.GroupID{2},
		Person: domain.Person{FirstName: "Ada", Mail: "ada@example.org"}}
}

func TestUserRules(t *testing.T) {
	good := user()
	require.NoError(t, good.Validate())
	for field, bad := range map[string]func(*domain.User){
		"alias":             func(u *domain.User) { u.Alias = "" },
		"alias ":            func(u *domain.User) { u.Alias = " ada" },
		"alias  ":           func(u *domain.User) { u.Alias = "a\x00b" },
		"alias   ":          func(u *domain.User) { u.Alias = "a\u200bb" },
		"alias :":           func(u *domain.User) { u.Alias = "a:b" },
		"alias /":           func(u *domain.User) { u.Alias = "a/b" },
		"alias ..":          func(u *domain.User) { u.Alias = ".." },
		"alias long":        func(u *domain.User) { u.Alias = strings.Repeat("a", 101) },
		"alias utf":         func(u *domain.User) { u.Alias = "a\xff" },
		"role":              func(u *domain.User) { u.Role = 0 },
		"role superUser":    func(u *domain.User) { u.Role = domain.RoleSuperUser },
		"group":             func(u *domain.User) { u.Groups = nil },
		"person.first_name": func(u *domain.User) { u.Person.FirstName = "" },
		"person.mail":       func(u *domain.User) { u.Person.Mail = "Ada <ada@example.org>" },
		"person.mail newline": func(u *domain.User) {
			u.Person.Mail = "ada@example.org\r\nBcc: x@example.org"
		},
		"person.phone":   func(u *domain.User) { u.Person.Phone = "1\n2" },
		"password_delay": func(u *domain.User) { u.PasswordDelay = -1 },
		"revoke_delay":   func(u *domain.User) { u.RevokeDelay = 1_000_000 },
		"default_page":   func(u *domain.User) { u.DefaultPage = -1 },
		"language":       func(u *domain.User) { u.Language = strings.Repeat("x", 36) },
	} {
		u := user()
		bad(&u)
		err := u.Validate()
		require.Error(t, err, field)
		named, _, _ := strings.Cut(field, " ")
		require.Equal(t, named, domain.AsError(err).Field, field)
	}
}

func TestEnvironmentRules(t *testing.T) {
	for _, alias := range []string{"", "a/b", "42", "007", " a", "a\nb", strings.Repeat("x", 101)} {
		e := domain.Environment{Alias: alias, Path: "/1/2/"}
		require.Equal(t, "alias", domain.AsError(e.Validate()).Field, alias)
	}
	for _, alias := range []string{"Prod", "42b", "a_b%", "日本", "a'b"} {
		e := domain.Environment{Alias: alias, Path: "/1/2/"}
		require.NoError(t, e.Validate(), alias)
	}
	e := domain.Environment{Alias: "Prod", Path: "/1/2/", Attributes: domain.Attributes{"mobile": "+1"}}
	require.ErrorIs(t, e.Validate(), domain.ErrNotOrganization)
	e.IsOrganization = true
	require.NoError(t, e.Validate())
}

func TestPasswordLife(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	s := domain.Standing{Active: true, Created: now.AddDate(0, 0, -10), IdleSince: now.AddDate(0, 0, -10)}
	require.True(t, s.Usable(now))
	require.False(t, s.PasswordExpired(now), "0 is never")
	s.PasswordDelay = 10
	require.True(t, s.PasswordExpired(now), "counted from the creation")
	s.LastPassword = now.AddDate(0, 0, -9)
	require.False(t, s.PasswordExpired(now))
	s.FirstAccess = true
	require.True(t, s.PasswordExpired(now))
	s.RevokeDelay = 11
	require.True(t, s.Usable(now))
	s.RevokeDelay = 10
	require.False(t, s.Usable(now), "revoked for want of a sign-in")
	s.RevokeDelay, s.State = 0, domain.Pending
	require.False(t, s.Usable(now))
	s.State, s.Active = domain.Approved, false
	require.False(t, s.Usable(now))
}

func TestErrors(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("wrapped: %w", domain.ErrUserAliasTaken.Because(cause))
	require.ErrorIs(t, err, domain.ErrUserAliasTaken)
	require.ErrorIs(t, err, cause)
	require.Equal(t, domain.Conflict, domain.AsError(err).Kind)
	require.Equal(t, domain.Internal, domain.AsError(cause).Kind)
	require.NotContains(t, domain.AsError(cause).Public, "cause")
	require.Nil(t, domain.AsError(nil))
	require.NotErrorIs(t, err, domain.ErrUserMailTaken)
}

func TestDiff(t *testing.T) {
	before, after := user(), user()
	after.Person.Phone, after.Active = "1", true
	require.Equal(t, []domain.Change{{"active", "false", "true"}, {"person.phone", "", "1"}},
		domain.Diff(before.Fields(), after.Fields()))
	for _, c := range domain.Diff(nil, after.Fields()) {
		require.Empty(t, c.Before)
		require.NotEmpty(t, c.After)
	}
	require.Len(t, domain.Diff(after.Fields(), nil), len(domain.Diff(nil, after.Fields())))
}

func TestHashesDoNotPrint(t *testing.T) {
	h := domain.PasswordHash("$argon2id$secret")
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, h), "secret", verb)
		require.NotContains(t, fmt.Sprintf(verb, domain.StoredUser{Hash: h}), "secret", verb)
	}
}

func TestReferences(t *testing.T) {
	e := domain.Environment{Alias: "East", Path: "/1/2/3/"}
	for ref, want := range map[domain.EnvironmentRef][2]bool{
		"East": {false, true}, "EAST": {false, true}, "Prod/East": {true, true}, "/prod/east": {true, true},
		"/East":  {false, false},
		"d/East": {false, false}, "": {false, false}, "/": {false, false},
	} {
		whole, end := ref.Names(&e, "Prod/East")
		require.Equal(t, want, [2]bool{whole, end}, string(ref))
	}
	root := domain.Environment{Alias: "iXPath", Path: domain.RootPath}
	for ref, want := range map[domain.EnvironmentRef][2]bool{"/": {true, false}, "ixpath": {false, true},
		"/iXPath": {false, false}} {
		whole, end := ref.Names(&root, "/")
		require.Equal(t, want, [2]bool{whole, end}, string(ref))
	}
}

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"/1/", "/1/19/25/", "/1//", "1", "/1/19"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := domain.ParsePath(text)
		if err != nil {
			return
		}
		if string(p) != text || !domain.RootPath.Contains(p) || p.Parent().Child(p.ID()) != p && p != domain.RootPath {
			t.Fatalf("%q was read as %q", text, p)
		}
	})
}

// ASCII is folded in a way of its own, which gives what any name is folded to.
func TestASCIIIsFoldedAsEverythingElse(t *testing.T) {
	for r := range rune(128) {
		require.Equal(t, domain.Fold("é"+string(r)), domain.Fold("é")+domain.Fold(string(r)), "%q", r)
	}
}
