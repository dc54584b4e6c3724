package app_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"canopy/app"
	"canopy/app/directory"
	"canopy/app/transfer"
	"canopy/app/transfer/document"
	"canopy/domain"
	"canopy/persistence/db"
)

// many is a directory document of many people: organizations of equal size, each a tree in
// which every environment has up to ten below it, and the people spread evenly.
type many struct {
	organizations, environments, users int // environments and users over all organizations
	skip                               int // organizations that are there already
	hash                               domain.PasswordHash
}

// crowd is how many people the last leaf of each organization has more than others, so
// that it fills a page.
const crowd = 60

// Sections implements document.Document.
func (d many) Sections() iter.Seq2[*document.Section, error] {
	return func(yield func(*document.Section, error) bool) {
		for o := d.skip; o < d.organizations; o++ {
			if !yield(d.section(o), nil) {
				return
			}
		}
	}
}

func (d many) section(o int) *document.Section {
	name := fmt.Sprintf("Org%d", o)
	yes := true
	s := &document.Section{Path: name, Line: 1, Environments: []document.EnvironmentRecord{
		{Line: 1, Path: name, EnvironmentPatch: directory.EnvironmentPatch{IsOrganization: &yes}}}}
	paths := []string{name}
	for n := 1; n < max(d.environments/d.organizations, 1); n++ {
		path := fmt.Sprintf("%s/e%d", paths[(n-1)/10], n)
		paths = append(paths, path)
		s.Environments = append(s.Environments, document.EnvironmentRecord{Line: n + 1, Path: path})
	}
	s.Users = func(yield func(document.UserRecord, error) bool) {
		for n := range d.users / d.organizations {
			if !yield(d.user(o, n, paths), nil) {
				return
			}
		}
	}
	return s
}

func (d many) user(o, n int, paths []string) document.UserRecord {
	alias := fmt.Sprintf("user%d.%d", o, n)
	home := domain.EnvironmentRef(paths[n%len(paths)])
	if d.users/d.organizations-n <= crowd {
		home = domain.EnvironmentRef(paths[len(paths)-1])
	}
	mail, group, role := alias+"@example.org", domain.GroupRef("User"), domain.RoleUser
	allowed := []domain.EnvironmentRef{domain.EnvironmentRef(paths[(n*7)%len(paths)])}
	var blocked []domain.EnvironmentRef
	if n%5 == 0 {
		blocked = append(blocked, domain.EnvironmentRef(paths[(n*11)%len(paths)]))
	}
	if n < len(paths) && n%10 == 0 || n == len(paths)-1 { // some who can list people
		role, group = domain.RolePower, "Admin"
		allowed, blocked = nil, nil
	}
	if n == 0 {
		role = domain.RoleOAdmin
	}
	return document.UserRecord{Line: n + 1, Hash: &d.hash,
		UserPatch: directory.UserPatch{Alias: &alias, FirstName: &alias, LastName: &alias,
			Mail: &mail, Home: &home, Role: &role, Group: &group, Allowed: &allowed, Blocked: &blocked}}
}

// fill puts the document into the directory in db.
func (d many) fill(tb testing.TB, db *db.DB) {
	tb.Helper()
	report, err := app.Transfer(db, "(test)").Import(context.Background(), d, transfer.ImportOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	if len(report.Problems) > 0 {
		tb.Fatal(report.Problems[0].Line, report.Problems[0].Err)
	}
}
