package skewed

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"

	"github.com/uptrace/bun"

	"canopy/persistence/db"
)

// A Directory is one as they are in life: one organization with a fifth of all people, one with a deep
// tree, and many small ones. Fill writes it into a directory that has begun, table by table and not by way of
// the stores, so that a million people take minutes. The numbers are of the whole directory.
//
// These people sign in, all with the password of the user admin:
//
//	admin         superUser of the whole tree
//	root.blocked  admin at home in the root, who is blocked from a tenth of the organizations
//	big.admin     admin of the large organization
//	big.blocked   another one, blocked from 90 of its 100 environments of the second level
//	big.middle    power user of one environment of the second level
//	big.leaf      power user of one environment that has nothing below it, and a page of people
//	small.admin   admin of an organization of eighty people
//	deep.admin    admin of the organization whose first person, deep.blocks, has a thousand blocks
//	big.person    an ordinary user
type Directory struct {
	Organizations, Environments, Users int
	// Blocks is how many blocks deep.blocks has.
	Blocks int
}

// Million is the directory that figures are given for.
var Million = Directory{Organizations: 10_000, Environments: 100_000, Users: 1_000_000, Blocks: 1000}

// The organizations of a Directory that differ from the others.
const (
	bigOrganization = iota
	smallOrganization
	deepOrganization
)

// now is when everything in a Directory was made, at the latest, in milliseconds.
const now = 1_795_000_000_000

// place is an environment of a Directory.
type place struct {
	organization, id, parent int64
	path, alias, aliasPath   string
	users                    int64
}

// filling is a directory that is being written.
type filling struct {
	Directory
	ctx     context.Context
	conn    *sql.Conn
	engine  db.Engine
	hash    string
	places  [][]*place // by organization; the first place is the organization
	homes   []int      // how many people each organization has
	blocked []int      // the places of the large organization that big.blocked does not see
	groups  int64
	objects []int64
}

// Fill writes the directory.
func (s Directory) Fill(ctx context.Context, d *db.DB) error {
	conn, err := d.Writer().(*bun.DB).DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	f := &filling{Directory: s, ctx: ctx, conn: conn, engine: d.Engine()}
	const admin = "SELECT password_hash FROM users WHERE alias_key = 'ADMIN'"
	if err := conn.QueryRowContext(ctx, admin).Scan(&f.hash); err != nil {
		return fmt.Errorf("read the password of admin: %w", err)
	}
	f.plan()
	if f.engine == db.PostgreSQL {
		err := f.run("SET statement_timeout = 0", "SET session_replication_role = replica",
			"SET maintenance_work_mem = '512MB'")
		if err != nil {
			return err
		}
	}
	indexes, err := f.dropIndexes()
	if err != nil {
		return err
	}
	for _, t := range []func() error{f.writeOrganizations, f.writeEnvironments, f.writeGroups, f.writeUsers, f.writeLists,
		f.writeObjects, f.writeAudit, f.writeCounts} {
		if err := t(); err != nil {
			return err
		}
	}
	if err := f.run(indexes...); err != nil || f.engine != db.PostgreSQL {
		return err
	}
	return f.run("ANALYZE") // which PostgreSQL does by itself within minutes, and nobody does on SQLite
}

// Filled reports whether a directory has more than its first user. It returns an error if there is no directory.
func Filled(ctx context.Context, d *db.DB) (bool, error) {
	users, err := d.Population(ctx)
	return users > 1, err
}

// plan lays out the trees and says how many people live where.
func (f *filling) plan() {
	next := int64(2)
	add := func(parent *place, organization int64, alias string) *place {
		p := &place{organization: organization, id: next, alias: alias, parent: 1, path: fmt.Sprintf("/1/%d/", next),
			aliasPath: alias}
		if parent == nil {
			p.organization = next
		} else {
			p.parent, p.path, p.aliasPath = parent.id, fmt.Sprintf("%s%d/", parent.path, next), parent.aliasPath+"/"+alias
		}
		next++
		return p
	}
	environments, users := f.Environments-1, f.Users-2
	for o := range f.Organizations {
		places, people := (f.Environments-f.Environments/5)/f.Organizations, (f.Users-f.Users/5)/f.Organizations
		switch o {
		case bigOrganization:
			places, people = f.Environments/5, f.Users/5
		case smallOrganization:
		case deepOrganization:
			places, people = f.Blocks+f.Blocks/5, 2*f.Blocks
		case f.Organizations - 1:
			places, people = max(environments, 1), max(users, 2)
		default: // from half of the usual to one and a half of it
			people = people/2 + int(mixed("size", o))%(people+1)
			left := f.Organizations - o
			places, people = max(min(places, environments-left), 1), max(min(people, users-80*left/2), 2)
		}
		environments, users = environments-places, users-people
		name := fmt.Sprintf("%s %d", pick(companies, "company", o), o)
		switch o {
		case bigOrganization:
			name = "Big"
		case smallOrganization:
			name = "Small"
		case deepOrganization:
			name = "Deep"
		}
		tree := []*place{add(nil, 0, name)}
		for n := 1; n < places; n++ {
			up := (n - 1) / 10
			alias := fmt.Sprintf("%s %d", pick(units, "unit", o*31+n), n)
			tree = append(tree, add(tree[up], tree[0].id, alias))
		}
		f.places, f.homes = append(f.places, tree), append(f.homes, people)
	}
	for n := 11; n <= 110 && n < len(f.places[bigOrganization]); n++ {
		if n%10 != 5 {
			f.blocked = append(f.blocked, n)
		}
	}
}

// crowd is how many people the last place of the large organization has more than others.
const crowd = 100

// home returns the place where the n-th person of an organization is at home.
func (f *filling) home(o, n int) *place {
	tree := f.places[o]
	switch {
	case n < firstPerson[o]:
		return tree[0]
	case o == bigOrganization && f.homes[o]-n <= crowd:
		return tree[len(tree)-1]
	}
	return tree[n%len(tree)]
}

// firstPerson is how many of the people of an organization that come first have a name of their own.
var firstPerson = map[int]int{bigOrganization: len(bigPeople), smallOrganization: 1, deepOrganization: 2}

// bigPeople are those of the large organization.
var bigPeople = []string{"big.admin", "big.blocked", "big.middle", "big.leaf", "big.person"}

// mixed is a number that looks as if it were drawn, the same each time.
func mixed(what string, n int) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", what, n)
	x := h.Sum64()
	x ^= x >> 31
	x *= 0x9e3779b97f4a7c15
	return x ^ x>>29
}

func pick(from []string, what string, n int) string { return from[mixed(what, n)%uint64(len(from))] }

// uuidOf returns a UUID that nothing else has.
func uuidOf(kind, n int64) string {
	return fmt.Sprintf("01a1%04x-%04x-7000-8000-%012x", kind, n>>48, n)
}
