package domain

import (
	"strings"
	"testing"
	"time"
)

func TestPersonRename(t *testing.T) {
	for name, want := range map[string][2]string{
		"User AA": {"User", "AA"}, "Ada": {"Ada", ""}, " Ada  King \t Lovelace ": {"Ada King", "Lovelace"}, "": {"", ""},
	} {
		var p Person
		if p.Rename(name); p.FirstName != want[0] || p.LastName != want[1] {
			t.Errorf("%q is %q, %q", name, p.FirstName, p.LastName)
		}
	}
}

func TestArchive(t *testing.T) {
	now := time.Unix(1500000000, 0)
	u := User{Alias: "bob", Person: Person{FirstName: "Bob", LastName: "By", Mail: "bob@foo.net"}, Standing: Standing{Active: true}}
	u.Archive("admin", now)
	if u.Alias != "bob$archive$by$admin$1500000000" || u.Person.LastName != "By$archive$by$admin$1500000000" ||
		u.Person.Mail != "bob@foo.net$archive$by$admin$1500000000" || u.Active || !u.Attributes.Is(AttributeArchived) {
		t.Errorf("%+v", u)
	}
	for _, by := range []string{"admin", "somebody else", strings.Repeat("é", 100)} {
		for _, alias := range []string{"a", strings.Repeat("é", 100)} {
			u := User{Alias: alias, Person: Person{FirstName: alias, Mail: "a@b.example"}, Role: RoleUser, Groups: []GroupID{UserGroup}}
			u.Archive(by, now)
			if err := u.Validate(); err != nil {
				t.Errorf("%s by %s: %v", alias, by, err)
			}
			if u.Alias == alias || u.Person.FirstName == alias {
				t.Errorf("%s by %s keeps a name", alias, by)
			}
		}
	}
}

func TestPrivateTopics(t *testing.T) {
	for name, want := range map[string]bool{"/Private": true, "/private/bob": true, "/Private/bob/notes": true, "/Privateer": false, "/a/Private": false} {
		if IsPrivateTopic(name) != want {
			t.Errorf("%s", name)
		}
	}
	for name, want := range map[string][2]bool{"/Private": {true, true}, "/private/bob": {true, true}, "/Private/bob/notes": {true, false}, "/Talk/bob": {}} {
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
