package skewed

import (
	"fmt"
	"iter"
	"strings"

	"canopy/domain"
)

// someone is a person of a Directory.
type someone struct {
	o, n, id int // of the organization, in it, in the directory
	home     *place
	alias    string
	role     domain.Role
	group    int64
	allowed  []*place
	blocked  []*place
}

// people yields everybody but the user admin.
func (f *filling) people() iter.Seq[*someone] {
	return func(yield func(*someone) bool) {
		root := &place{organization: 1, id: 1, path: "/1/"}
		blocked := &someone{o: -1, id: 2, home: root, alias: "root.blocked", role: domain.RoleOAdmin, group: 3}
		for o := deepOrganization + 1; o < len(f.places) && len(blocked.blocked) < f.Organizations/10; o += 9 {
			blocked.blocked = append(blocked.blocked, f.places[o][0])
		}
		if !yield(blocked) {
			return
		}
		id := 3
		for o := range f.places {
			for n := range f.homes[o] {
				if !yield(f.person(o, n, id)) {
					return
				}
				id++
			}
		}
	}
}

func (f *filling) person(o, n, id int) *someone {
	tree := f.places[o]
	p := &someone{o: o, n: n, id: id, home: f.home(o, n), role: domain.RoleUser, group: int64(domain.UserGroup)}
	p.alias = plain(pick(firstNames, "first", id)) + "." + plain(pick(lastParts, "last", id)) + fmt.Sprint(id)
	switch chance := mixed("role", id) % 1000; {
	case o == bigOrganization && n < len(bigPeople):
		p.alias = bigPeople[n]
		switch p.alias {
		case "big.admin", "big.blocked":
			p.role = domain.RoleOAdmin
		case "big.middle":
			p.home, p.role = tree[min(15, len(tree)-1)], domain.RolePower
		case "big.leaf":
			p.home, p.role = tree[len(tree)-1], domain.RolePower
		case "big.person":
			p.home = tree[min(15, len(tree)-1)]
		}
		if p.alias == "big.blocked" {
			for _, n := range f.blocked {
				p.blocked = append(p.blocked, tree[n])
			}
		}
		if p.role != domain.RoleUser {
			p.group = int64(domain.AdminGroup)
		}
		return p
	case o == deepOrganization && n == 0:
		p.alias = "deep.blocks"
		p.blocked = append(p.blocked, tree[len(tree)-min(f.Blocks, len(tree)-1):]...)
		return p
	case o == deepOrganization && n == 1:
		p.alias, p.role, p.group = "deep.admin", domain.RoleOAdmin, int64(domain.AdminGroup)
		return p
	case o == smallOrganization && n == 0:
		p.alias, p.role, p.group = "small.admin", domain.RoleOAdmin, int64(domain.AdminGroup)
		return p
	case n == 0:
		p.role, p.group = domain.RoleOAdmin, int64(domain.AdminGroup)
		return p
	case chance < 10:
		p.role, p.group = domain.RolePower, int64(domain.AdminGroup)
	}
	switch chance := mixed("grant", id) % 100; {
	case chance < 3:
		p.allowed = append(p.allowed, tree[mixed("allowed", id)%uint64(len(tree))])
	case chance < 5:
		p.blocked = append(p.blocked, tree[mixed("blocked", id)%uint64(len(tree))])
	}
	return p
}

// plain is a name as login names and mail addresses have it.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("ü", "ue", "É", "E", "é", "e", "ç", "c").Replace(name))
}
