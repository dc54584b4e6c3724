package directory

import (
	"context"
	"slices"

	"canopy/domain"
	"canopy/tenancy"
)

// AccessOf asks for all that a user may do, and where.
type AccessOf struct {
	User domain.UserRef // zero is the caller
}

// AccessDocument is what a user may do and where, as far as the reader may see it.
type AccessDocument struct {
	User domain.User
	// Usable and Expired are those of ExplanationDocument; where they say that the account cannot be
	// used, the rest is what it would have.
	Usable, Expired bool
	Role            domain.Role // what the user acts with
	Permissions     []PermissionAccess
	// Places are where the user's reach begins, and within it where it ends again, in tree order.
	Places []PlaceAccess
	// More says that there are places behind the last; Elsewhere, that there are some the reader
	// does not reach.
	More, Elsewhere bool
}

// PermissionAccess is a permission that groups of the user give.
type PermissionAccess struct {
	Permission domain.Permission
	// Groups are those that give it, as far as they may be named to the reader.
	Groups []domain.Group
	// Own and Reach say whether the policy permits it to the user's role on their own account, and
	// within their reach.
	Own, Reach bool
}

// PlaceAccess is an environment with everything below it, up to another one of the list.
type PlaceAccess struct {
	EnvironmentDocument
	// Alone says that it is meant without what lies below it.
	Alone bool
	// Included and Excluded say what puts it into the user's reach and what takes it out, and
	// IncludedBy and ExcludedBy the environments of these causes, as in ExplanationDocument.
	Included, Excluded     domain.CauseKind
	IncludedBy, ExcludedBy *EnvironmentDocument
}

// In reports whether the place is in the user's reach.
func (p *PlaceAccess) In() bool {
	return p.Included != domain.CauseNone && p.Excluded == domain.CauseNone
}

// maxPlaces bounds the places of an AccessDocument.
const maxPlaces = 100

// Access returns what a user may do, and where, computed from their reach. It needs domain.UserRead on the
// user and is NotFound otherwise; only environments in which the caller has domain.EnvironmentRead are named.
func (x *Explain) Access(ctx context.Context, caller domain.Principal, in AccessOf) (AccessDocument, error) {
	v, err := x.view(ctx, &caller, in.User)
	if err != nil {
		return AccessDocument{}, err
	}
	account, err := x.accounts.ByID(ctx, v.user.Organization, v.user.ID)
	if err != nil {
		return AccessDocument{}, err
	}
	extent, err := x.gate.Extent(ctx, &account.Principal)
	if err != nil {
		return AccessDocument{}, err
	}
	d := AccessDocument{User: v.user, Role: extent.Role, Usable: v.user.Usable(x.now()),
		Expired: v.user.PasswordExpired(x.now())}
	d.Permissions = x.permissionsOf(v, &extent)
	return d, x.addPlaces(ctx, &caller, v.places, &extent, &d)
}

// permissionsOf returns the permissions of the catalogue that the user's groups give.
func (x *Explain) permissionsOf(v *userView, extent *tenancy.Extent) []PermissionAccess {
	var all []PermissionAccess
	for i := range domain.Catalogue {
		p := domain.Catalogue[i].Permission
		if !extent.Mask.Has(p) {
			continue
		}
		a := PermissionAccess{Permission: p, Own: slices.Contains(x.gate.Roles(p, domain.Self), extent.Role),
			Reach: slices.Contains(x.gate.Roles(p, domain.Within), extent.Role)}
		for _, id := range v.user.Groups {
			group, ok := extent.Groups.Get(v.user.Organization, id)
			if ok && v.showsGroup(&group) && extent.Groups.Effective(v.user.Organization, id).Has(p) {
				a.Groups = append(a.Groups, group)
			}
		}
		all = append(all, a)
	}
	return all
}

// addPlaces adds the edges of the user's reach that places covers.
func (x *Explain) addPlaces(ctx context.Context, caller *domain.Principal, places tenancy.Scope,
	extent *tenancy.Extent, d *AccessDocument) error {
	var edges, asked []domain.EnvironmentPath
	for _, p := range extent.Edges() {
		switch {
		case !places.Covers(p):
			d.Elsewhere = d.Elsewhere || extent.Begins(p)
		case len(edges) == maxPlaces:
			d.More = true
		default:
			edges = append(edges, p)
		}
	}
	for _, p := range edges {
		included, excluded := extent.Why(p)
		for _, q := range []domain.EnvironmentPath{p, included.Path, excluded.Path} {
			if q != "" && places.Covers(q) && !slices.Contains(asked, q) {
				asked = append(asked, q)
			}
		}
	}
	found, err := x.gate.EnvironmentsAt(ctx, caller, asked)
	if err != nil {
		return err
	}
	document := func(p domain.EnvironmentPath) *EnvironmentDocument {
		e, ok := found[p]
		if !ok {
			return nil
		}
		described := DescribeEnvironment(places, e)
		return &described
	}
	for _, p := range edges {
		at := document(p)
		if at == nil { // moved or deleted meanwhile
			continue
		}
		included, excluded := extent.Why(p)
		d.Places = append(d.Places, PlaceAccess{EnvironmentDocument: *at, Alone: extent.Alone(p),
			Included: included.Kind, IncludedBy: document(included.Path),
			Excluded: excluded.Kind, ExcludedBy: document(excluded.Path)})
	}
	return nil
}
