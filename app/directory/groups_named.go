package directory

import (
	"context"
	"iter"
	"regexp"
	"time"
	"unicode/utf8"

	"canopy/domain"
	"canopy/tenancy"
)

// groupNamed returns the group that ref names among those that can be used in the caller's
// organization, with the proof that the caller may see it. It needs domain.GroupRead.
func groupNamed(ctx context.Context, gate *tenancy.Gate, documents *tenancy.Documents, caller *domain.Principal,
	ref domain.GroupRef) (domain.Group, tenancy.Scope, error) {
	sc, err := gate.Enter(ctx, caller, domain.GroupRead, tenancy.Anywhere())
	if err != nil {
		return domain.Group{}, sc, err
	}
	groups, err := documents.Groups(ctx, sc, nil, caller.Organization)
	if err != nil {
		return domain.Group{}, sc, err
	}
	id, err := groups.Find(caller.Organization, ref)
	if err != nil {
		return domain.Group{}, sc, err
	}
	group, _ := groups.Get(caller.Organization, id)
	return group, sc, nil
}

// ListGroups asks for groups. Filters narrow one another.
type ListGroups struct {
	IDs          []domain.GroupID // none keeps all, as of all lists here
	Names        []string         // aliases, exactly
	Pattern      string           // a regular expression (RE2) that aliases match; empty keeps all
	Descriptions []string
	Since, Until time.Time // made at Since or later, and before Until; zero is unbounded
	Skip, Limit  int       // Limit 0 is without one
}

// maxPattern bounds a regular expression, in characters.
const maxPattern = 200

// filter returns what in keeps.
func (in *ListGroups) filter() (domain.GroupFilter, error) {
	f := domain.GroupFilter{IDs: in.IDs, Aliases: in.Names, Descriptions: in.Descriptions, Since: in.Since,
		Until: in.Until}
	if in.Pattern == "" {
		return f, nil
	}
	pattern, err := regexp.Compile(in.Pattern)
	if err != nil || utf8.RuneCountInString(in.Pattern) > maxPattern {
		return f, domain.InvalidField("pattern", "Give a regular expression (RE2) of up to %d characters.", maxPattern)
	}
	f.Matches = pattern.MatchString
	return f, nil
}

// GroupLine is a group with its admins, or one more member of the group before it.
type GroupLine struct {
	Group  *domain.Group // nil for a member
	Admins []string
	Member string
}

// ListWhole returns the groups of List by alias, in the order of the letters' codes, each with those
// of its members and admins whom the reader may list. Total counts the groups that the filters keep.
// Whoever may list nobody but themselves finds themselves.
func (g *Groups) ListWhole(ctx context.Context, caller domain.Principal,
	in ListGroups) (list Listed[GroupLine], err error) {
	f, err := in.filter()
	if err != nil {
		return list, err
	}
	sc, err := g.gate.Enter(ctx, &caller, domain.GroupRead, tenancy.Anywhere())
	if err != nil {
		return list, err
	}
	groups, total, err := g.store.ByAlias(ctx, sc, f, in.Skip, in.Limit)
	if err != nil {
		return list, err
	}
	list.Total = total
	people, err := g.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if domain.ErrForbidden.Is(err) {
		people, err = tenancy.Scope{}, nil
	}
	if err != nil {
		return list, err
	}
	ids := make([]domain.GroupID, len(groups))
	for i := range groups {
		ids[i] = groups[i].ID
	}
	admins, err := g.store.Admins(ctx, people, ids)
	if err != nil {
		return list, err
	}
	list.Items = lines(groups, admins, g.store.Members(ctx, people, ids))
	return list, nil
}

// lines puts groups, their admins and their members, which come in the groups' order, together.
func lines(groups []domain.Group, admins []domain.GroupMember,
	members iter.Seq2[domain.GroupMember, error]) iter.Seq2[GroupLine, error] {
	names := map[domain.GroupID][]string{}
	for _, a := range admins {
		names[a.Group] = append(names[a.Group], a.Alias)
	}
	return func(yield func(GroupLine, error) bool) {
		next, stop := iter.Pull2(members)
		defer stop()
		m, err, more := next()
		for i := range groups {
			if !yield(GroupLine{Group: &groups[i], Admins: names[groups[i].ID]}, nil) {
				return
			}
			for ; more && (err != nil || m.Group == groups[i].ID); m, err, more = next() {
				if !yield(GroupLine{Member: m.Alias}, err) || err != nil {
					return
				}
			}
		}
	}
}

// AddAdmin makes a user an admin of a group, who can then put people into it and take them out
// as Users.Admit says. It needs what Update needs, and domain.UserRead on the user, who belongs to
// the group's organization. Nothing happens if they are one.
func (g *Groups) AddAdmin(ctx context.Context, caller domain.Principal, in GroupMember) error {
	return g.changeAdmin(ctx, &caller, in, GroupTx.AddGroupAdmin)
}

// RemoveAdmin takes AddAdmin back. Nothing happens if the user is none.
func (g *Groups) RemoveAdmin(ctx context.Context, caller domain.Principal, in GroupMember) error {
	return g.changeAdmin(ctx, &caller, in, GroupTx.RemoveGroupAdmin)
}

func (g *Groups) changeAdmin(ctx context.Context, caller *domain.Principal, in GroupMember,
	change func(GroupTx, *domain.Group, domain.UserKey) error) error {
	target, w, giver, err := g.enter(ctx, caller, in.Group)
	if err != nil {
		return err
	}
	sc, err := g.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return err
	}
	user, err := g.users.Get(ctx, sc, in.User)
	if err != nil {
		return err
	}
	return g.store.Do(ctx, w, func(tx GroupTx) error {
		group, err := tx.Group(target.ID)
		if err != nil {
			return err
		}
		if err := giver.MayChangeGroup(&group); err != nil {
			return err
		}
		return change(tx, &group, user.Key())
	})
}

// Admit is Join for admins of an organization and for the admins of the group. These need
// domain.GroupMembers for it, find whoever is at home where they work, and are bound as everybody
// is who changes users: they give nothing by the group that they do not have, and change nobody
// who has more than they.
func (u *Users) Admit(ctx context.Context, caller domain.Principal, in GroupMember) error {
	return u.admit(ctx, &caller, in, u.Join, with)
}

// Dismiss is Leave, as Admit is Join.
func (u *Users) Dismiss(ctx context.Context, caller domain.Principal, in GroupMember) error {
	return u.admit(ctx, &caller, in, u.Leave, without)
}

func (u *Users) admit(ctx context.Context, caller *domain.Principal, in GroupMember,
	byAdmin func(context.Context, domain.Principal, GroupMembers) error,
	change func([]domain.GroupID, domain.GroupID) []domain.GroupID) error {
	_, err := u.gate.Enter(ctx, caller, domain.OrganizationRead, tenancy.Anywhere())
	if err == nil {
		return byAdmin(ctx, *caller, GroupMembers{in.Group, []domain.UserRef{in.User}})
	}
	if !domain.ErrForbidden.Is(err) {
		return err
	}
	group, sc, err := groupNamed(ctx, u.gate, u.documents, caller, in.Group)
	if domain.ErrGroupNotFound.Is(err) {
		return domain.ErrForbidden // as for a group that is there and not theirs
	}
	if err != nil {
		return err
	}
	mine, err := u.groups.Administers(ctx, sc, group.ID)
	if err != nil {
		return err
	}
	if !mine {
		return domain.ErrForbidden
	}
	if sc, err = u.gate.Enter(ctx, caller, domain.GroupMembers, tenancy.Anywhere()); err != nil {
		return err
	}
	user, err := u.store.Get(ctx, sc, in.User)
	if err != nil {
		return err
	}
	return u.regroupBy(ctx, caller, domain.GroupMembers, group, []domain.User{user}, change)
}

// GroupMember names a group and a user.
type GroupMember struct {
	Group domain.GroupRef
	User  domain.UserRef
}
