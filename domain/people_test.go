package domain

import (
	"strings"
	"testing"
	"time"
)

func TestPersonRename(t *testing.T) {
	nobody, berg, mary := Person{}, Person{FirstName: "Anna", LastName: "van der Berg"}, Person{FirstName: "Mary Ann"}
	for _, c := range []struct {
		before        Person
		name, surname string
		first, last   string
	}{
		{nobody, "User AA", "", "User", "AA"},
		{nobody, "Ada", "", "Ada", ""},
		{nobody, " Ada  King \t Lovelace ", "", "Ada King", "Lovelace"},
		{nobody, "", "", "", ""},
		{nobody, "Anna van der Berg", "van der Berg", "Anna", "van der Berg"},
		{nobody, "Anna van der Berg", "Lovelace", "Anna van der", "Berg"},
		{nobody, "Berg", "Berg", "Berg", ""},
		{berg, "Anna van der Berg", "", "Anna", "van der Berg"},
		{berg, "Anna van der Berg", "Berg", "Anna van der", "Berg"},
		{berg, "Anna van der Berg", "Lovelace", "Anna", "van der Berg"},
		{berg, "Hanna van der Berg", "", "Hanna", "van der Berg"},
		{berg, "Anna Lovelace", "van der Berg", "Anna", "Lovelace"},
		{mary, "Mary Ann", "Mary Ann", "Mary Ann", ""},
		{mary, "Mary Lou", "", "Mary", "Lou"},
	} {
		p := c.before
		if p.Rename(c.name, c.surname); p.FirstName != c.first || p.LastName != c.last {
			t.Errorf("%q with %q is %q, %q", c.name, c.surname, p.FirstName, p.LastName)
		}
	}
}

func TestArchive(t *testing.T) {
	now := time.Unix(1500000000, 0)
	u := User{Alias: "bob", Person: Person{FirstName: "Bob", LastName: "By", Mail: "bob@foo.net"},
		Standing: Standing{Active: true}}
	u.Archive(now)
	if u.Alias != "bob$archive$by$admin$1500000000" || u.Person.LastName != "By$archive$by$admin$1500000000" ||
		u.Person.Mail != "bob@foo.net$archive$by$admin$1500000000" || u.Active || !u.Archived {
		t.Errorf("%+v", u)
	}
	for _, alias := range []string{"a", strings.Repeat("é", 100)} {
		u := User{Alias: alias, Person: Person{FirstName: alias, Mail: "a@b.example"}, Role: RoleUser,
			Groups: []GroupID{UserGroup}}
		u.Archive(now)
		if err := u.Validate(); err != nil {
			t.Errorf("%s: %v", alias, err)
		}
		if u.Alias == alias || u.Person.FirstName == alias {
			t.Errorf("%s keeps a name", alias)
		}
	}
}

func TestPrivateTopics(t *testing.T) {
	for name, want := range map[string]bool{"/Private": true, "/private/bob": true, "/Private/bob/notes": true,
		"/Privateer": false, "/a/Private": false} {
		if IsPrivateTopic(name) != want {
			t.Errorf("%s", name)
		}
	}
	for name, want := range map[string][2]bool{"/Private": {true, true}, "/private/bob": {true, true},
		"/Private/bob/notes": {true, false}, "/Talk/bob": {}} {
		for i, parent := range []ObjectID{0, 7} {
			if o := (Object{Kind: KindTopic, FullName: name, Parent: parent}); o.IsReserved() != want[i] {
				t.Errorf("%s below %d", name, parent)
			}
		}
	}
	if PrivateTopic("bob") != "/Private/bob" {
		t.Error(PrivateTopic("bob"))
	}
}
