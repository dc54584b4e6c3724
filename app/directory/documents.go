package directory

import (
	"context"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"canopy/domain"
	"canopy/tenancy"
)

// UserDocument is a user with what a surface shows beside them, as far as the reader
// may see it. It must not be changed.
type UserDocument struct {
	domain.User
	// Group is the user's first group and the groups above it, up to a child of
	// domain.RootGroup. It is empty if the group is not to be named to the reader, or was
	// deleted meanwhile. FurtherGroups are those behind the first that are.
	Group         []domain.Group
	FurtherGroups []domain.GroupID
	// OrganizationShown is the user's organization.
	OrganizationShown tenancy.Shown[domain.OrganizationID]
	// AllowedShown and BlockedShown are the environments of Allowed and Blocked that the
	// reader reaches, on a list the first maxShown of each; AllowedReached and BlockedReached are how many
	// they reach.
	AllowedShown, BlockedShown     []EnvironmentShown
	AllowedReached, BlockedReached int
	// HomeShown is the user's home, where it was asked for and the reader reaches it.
	HomeShown *EnvironmentDocument
	// Tenant is the environment of the user's organization and Properties what was declared of
	// users, as far as the reader may read it. Both are there only with the attributes.
	Tenant     *domain.Environment
	Properties []domain.PropertyValue

	sc      *tenancy.Scope
	groups  *tenancy.Groups
	foreign bool // the organization's own groups are not to be named to the reader
}

// Version returns the version of the user for the reader, without attributes and picture.
func (d *UserDocument) Version() domain.Version { return versionOfUser(*d.sc, d.groups, &d.User) }

// versionOfUser returns the version of a user for whoever sc was given to. It has the numbers of places and
// groups that may be named to them, not their paths: these tell what lies above.
func versionOfUser(sc tenancy.Scope, groups *tenancy.Groups, u *domain.User) domain.Version {
	seen := *u
	seen.Attributes, seen.Picture, seen.Claims = nil, domain.Picture{}, ""
	seen.Allowed, seen.Blocked = nil, nil
	seen.Groups = slices.DeleteFunc(slices.Clone(u.Groups), func(id domain.GroupID) bool {
		g, ok := groups.Get(u.Organization, id)
		return !sc.ShowsOrganization(u.Organization, u.HomePath) && (!ok || !sc.ShowsGroup(g.Organization, u.HomePath))
	})
	fields := seen.Fields()
	for _, list := range []struct {
		name   string
		grants []domain.Grant
	}{{"allowed", u.Allowed}, {"blocked", u.Blocked}} {
		for _, g := range list.grants {
			if sc.Shows(g.Path) {
				fields = append(fields, domain.Field{Name: list.name, Value: strconv.FormatInt(int64(g.Environment), 10)})
			}
		}
	}
	if u.Factors != 0 {
		fields = append(fields, domain.Field{Name: "factors", Value: strconv.Itoa(int(u.Factors))})
	}
	return domain.VersionOf(u.UUID, fields)
}

// EnvironmentShown is an environment beside a row, as far as the reader may see it.
type EnvironmentShown struct {
	*domain.Environment
	// Parent is the number of the environment above it.
	Parent tenancy.Shown[domain.EnvironmentID]
}

// shownGroup returns a group of the user if there is one with that number that may be named.
func (d *UserDocument) shownGroup(id domain.GroupID) (domain.Group, bool) {
	group, ok := d.groups.Get(d.Organization, id)
	return group, ok && (!d.foreign || group.Organization == domain.RootOrganization)
}

// NamedGroups returns the user's groups but the default one of their role, which is what
// Memberships calls Named, as far as they may be named to the reader.
func (d *UserDocument) NamedGroups() iter.Seq[domain.Group] {
	return func(yield func(domain.Group) bool) {
		for _, id := range d.Groups {
			group, ok := d.shownGroup(id)
			if ok && id != domain.DefaultGroup(d.Role) && !yield(group) {
				return
			}
		}
	}
}

// AllGroups is NamedGroups with the default one.
func (d *UserDocument) AllGroups() iter.Seq[domain.Group] {
	return func(yield func(domain.Group) bool) {
		for _, id := range d.Groups {
			if group, ok := d.shownGroup(id); ok && !yield(group) {
				return
			}
		}
	}
}

// EnvironmentDocument is an environment with its path as the reader may see it.
type EnvironmentDocument struct {
	domain.Environment
	ShownPath string
	// Parent is the number of the environment above it.
	Parent tenancy.Shown[domain.EnvironmentID]
	// Counts are there where they were asked for.
	Counts *domain.SubtreeCounts
}

// Version returns the version of the environment for the reader, without attributes and picture.
func (d *EnvironmentDocument) Version() domain.Version {
	seen := d.Environment
	seen.Attributes, seen.Picture = nil, domain.Picture{}
	seen.Parent, _ = d.Parent.Get()
	return domain.VersionOf(d.UUID, seen.Fields())
}

// GroupDocument is a group with the groups above it, itself first, and the permissions
// it gives its members. What is above a group may be named to whom it may.
type GroupDocument struct {
	domain.Group
	OrganizationShown tenancy.Shown[domain.OrganizationID]
	Chain             []domain.Group
	Effective         domain.Mask
	// Counted says that Members was asked for; nil is then a number that is not the reader's to know.
	Counted bool
	Members *domain.Tally
}

// Version returns the version of the group.
func (d *GroupDocument) Version() domain.Version { return domain.VersionOf(d.UUID, d.Fields()) }

// Warnings says in sentences what of the group's mask has no effect: bits without a meaning, which are
// kept, and permissions that a group above does not give.
func (d *GroupDocument) Warnings() []string {
	var warnings []string
	if unnamed := d.Mask.Unnamed(); unnamed != 0 {
		warnings = append(warnings, "These bits have no meaning here and are kept: "+unnamed.Bits()+".")
	}
	withheld := d.Mask.Named() &^ d.Effective
	switch {
	case withheld == 0:
	case d.Effective.Named() == 0:
		warnings = append(warnings, "None of these permissions has an effect: the groups above do not give them.")
	default:
		warnings = append(warnings, "The groups above do not give: "+strings.Join(withheld.Permissions(), ", ")+".")
	}
	return warnings
}

// maxShown is how many of the environments that a user is allowed, and of those they are blocked from, are shown of
// somebody on a list. Whoever has very many would make the page a hundred times as large.
const maxShown = 50

// describeUsers adds to users of sc what a surface shows beside them. It reads nothing per
// user: what is not remembered is read for all of them at once.
func describeUsers(ctx context.Context, documents *tenancy.Documents, sc tenancy.Scope,
	users []domain.User) ([]UserDocument, error) {
	return describeMost(ctx, documents, sc, users, math.MaxInt)
}

// describeListed is describeUsers with the first of very many environments of each.
func describeListed(ctx context.Context, documents *tenancy.Documents, sc tenancy.Scope,
	users []domain.User) ([]UserDocument, error) {
	return describeMost(ctx, documents, sc, users, maxShown)
}

func describeMost(ctx context.Context, documents *tenancy.Documents, sc tenancy.Scope, users []domain.User,
	most int) ([]UserDocument, error) {
	organizations := make([]domain.OrganizationID, len(users))
	known := make(tenancy.Generations, 1)
	var keys []tenancy.EnvironmentKey
	for i := range users {
		u := &users[i]
		organizations[i] = u.Organization
		if u.Generation != 0 {
			known[u.Organization] = u.Generation
		}
		for _, list := range [][]domain.Grant{u.Allowed, u.Blocked} {
			reached := 0
			for _, g := range list {
				if sc.Shows(g.Path) && reached < most {
					reached++
					keys = append(keys, tenancy.EnvironmentKey{Organization: g.Organization, ID: g.Environment})
				}
			}
		}
	}
	environments, err := documents.Environments(ctx, sc, known, keys)
	if err != nil {
		return nil, err
	}
	groups, err := documents.Groups(ctx, sc, known, organizations...)
	if err != nil {
		return nil, err
	}
	chains := make(map[domain.GroupID][]domain.Group) // a group belongs to one organization or to all
	described := make([]UserDocument, len(users))
	for i := range users {
		d := &described[i]
		d.User, d.sc, d.groups = users[i], &sc, groups
		d.OrganizationShown = sc.ShowOrganization(d.Organization, d.HomePath)
		_, named := d.OrganizationShown.Get()
		d.foreign = !named && d.Organization != domain.RootOrganization
		d.FurtherGroups = d.furtherGroups()
		if len(d.Groups) > 0 && d.mayNameFirst() {
			first := d.Groups[0]
			if chains[first] == nil {
				chains[first] = groups.Chain(d.Organization, first)
			}
			d.Group = chains[first]
		}
		d.AllowedShown, d.AllowedReached = shown(sc, environments, d.Allowed, most)
		d.BlockedShown, d.BlockedReached = shown(sc, environments, d.Blocked, most)
	}
	return described, nil
}

// mayNameFirst reports whether the user's first group may be named to the reader.
func (d *UserDocument) mayNameFirst() bool {
	if !d.foreign {
		return true
	}
	_, ok := d.shownGroup(d.Groups[0])
	return ok
}

// furtherGroups returns the user's groups behind the first that may be named to the reader.
func (d *UserDocument) furtherGroups() []domain.GroupID {
	further := d.Groups[min(1, len(d.Groups)):]
	if !d.foreign {
		return further
	}
	return slices.DeleteFunc(slices.Clone(further), func(id domain.GroupID) bool {
		_, ok := d.shownGroup(id)
		return !ok
	})
}

// shown returns the environments of the first grants that sc shows, at most so many, and how many of all it shows.
func shown(sc tenancy.Scope, environments map[domain.EnvironmentID]*domain.Environment, grants []domain.Grant,
	most int) (list []EnvironmentShown, reached int) {
	for _, g := range grants {
		if !sc.Shows(g.Path) {
			continue
		}
		if reached++; reached > most {
			continue
		}
		if e := environments[g.Environment]; e != nil {
			list = append(list, EnvironmentShown{e, sc.ShowEnvironment(e.Path.Parent())})
		} else {
			reached-- // gone meanwhile
		}
	}
	return list, reached
}

// DescribeEnvironment returns e as whoever sc was given to sees it.
func DescribeEnvironment(sc tenancy.Scope, e domain.Environment) EnvironmentDocument {
	return EnvironmentDocument{Environment: e, ShownPath: e.ShownPath(sc.Shows),
		Parent: sc.ShowEnvironment(e.Path.Parent())}
}

func describeEnvironments(sc tenancy.Scope, es []domain.Environment) []EnvironmentDocument {
	described := make([]EnvironmentDocument, len(es))
	for i, e := range es {
		described[i] = DescribeEnvironment(sc, e)
	}
	return described
}

// Shows reports whether the reader may be shown the environment at p.
func (d *UserDocument) Shows(p domain.EnvironmentPath) bool { return d.sc.Shows(p) }
