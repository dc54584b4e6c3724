package directory

import (
	"cmp"
	"context"
	"slices"

	"canopy/domain"
	"canopy/tenancy"
)

// Memberships are a user's groups as products see them that know a default group beside
// those they name: the one domain.DefaultGroup says for the user's role. It stands behind
// the named ones, comes with a role that has another one than the role before, and is all a
// user has who is in no other.
type Memberships struct {
	// Named are all groups but the default one, in their order; nil leaves them as they are.
	Named *[]domain.GroupRef
	// Default says whether the user is in the default group; nil leaves it as it is.
	Default *bool
}

// apply returns the groups of user, whose role was before; named are the numbers of Named.
func (m *Memberships) apply(user *domain.User, before domain.Role, named []domain.GroupID) []domain.GroupID {
	old, group := domain.DefaultGroup(before), domain.DefaultGroup(user.Role)
	in := group != old || slices.Contains(user.Groups, old)
	groups := without(user.Groups, old)
	if m.Named != nil {
		in = in || slices.Contains(named, group)
		groups = without(named, group)
	}
	Set(&in, m.Default)
	return withDefault(groups, group, in)
}

// withDefault returns groups with the default one behind them if in says so or there are none.
func withDefault(groups []domain.GroupID, group domain.GroupID, in bool) []domain.GroupID {
	if in || len(groups) == 0 {
		return append(groups, group)
	}
	return groups
}

func without(groups []domain.GroupID, id domain.GroupID) []domain.GroupID {
	return slices.DeleteFunc(slices.Clone(groups), func(g domain.GroupID) bool { return g == id })
}

// GroupMembers are a group and some users.
type GroupMembers struct {
	Group domain.GroupRef
	Users []domain.UserRef
}

// maxMembers bounds how many users one request puts into a group or takes out of it.
const maxMembers = 100

// Join puts users into a group, behind those they are in but before the default one. It
// needs domain.GroupRead and what Update needs on each of the users, and changes all of
// them or none.
func (u *Users) Join(ctx context.Context, caller domain.Principal, in GroupMembers) error {
	return u.regroup(ctx, caller, in, with)
}

// with returns groups with another one behind them, unless it is there.
func with(groups []domain.GroupID, id domain.GroupID) []domain.GroupID {
	return distinct(append(groups, id))
}

// Leave takes users out of a group. It is Join otherwise; who is in no group afterwards is
// in the default one.
func (u *Users) Leave(ctx context.Context, caller domain.Principal, in GroupMembers) error {
	return u.regroup(ctx, caller, in, without)
}

func (u *Users) regroup(ctx context.Context, caller domain.Principal, in GroupMembers,
	change func([]domain.GroupID, domain.GroupID) []domain.GroupID) error {
	if len(in.Users) > maxMembers {
		return domain.InvalidField("users", "At most %d users are allowed at once.", maxMembers)
	}
	group, users, err := u.members(ctx, &caller, in)
	if err != nil {
		return err
	}
	return u.regroupBy(ctx, &caller, domain.UserUpdate, group, users, change)
}

// regroupBy is regroup of users who may be changed by p.
func (u *Users) regroupBy(ctx context.Context, caller *domain.Principal, p domain.Permission, group domain.Group,
	users []domain.User,
	change func([]domain.GroupID, domain.GroupID) []domain.GroupID) error {
	w, err := u.gate.EnterWrite(ctx, caller, p, tenancy.Anywhere())
	if err != nil {
		return err
	}
	givers := make(map[domain.OrganizationID]tenancy.Giver)
	for i := range users {
		if users[i].ID == caller.User { // one's own groups are no profile
			if _, err := u.gate.EnterUser(ctx, caller, p, &users[i]); err != nil {
				return err
			}
		}
		o := users[i].Organization
		if _, known := givers[o]; known {
			continue
		}
		if givers[o], err = u.gate.Giver(ctx, caller, o); err != nil {
			return err
		}
	}
	// who changes the same ones waits
	slices.SortFunc(users, func(a, b domain.User) int { return cmp.Compare(a.ID, b.ID) })
	users = slices.CompactFunc(users, func(a, b domain.User) bool { return a.ID == b.ID })
	return u.store.Do(ctx, w, func(tx UserTx) error {
		for i := range users {
			user, err := tx.User(users[i].Key())
			if err != nil {
				return err
			}
			if err := u.regroupOne(tx, givers[user.Organization], &user, group.ID, change); err != nil {
				return err
			}
		}
		return nil
	})
}

// regroupOne changes the groups of a user but for the default one.
func (u *Users) regroupOne(tx UserTx, giver tenancy.Giver, user *domain.User, group domain.GroupID,
	change func([]domain.GroupID, domain.GroupID) []domain.GroupID) error {
	before, standard := user.Clone(), domain.DefaultGroup(user.Role)
	in := group != standard && slices.Contains(user.Groups, standard)
	user.Groups = withDefault(change(without(user.Groups, standard), group), standard, in)
	if slices.Equal(user.Groups, before.Groups) {
		return nil
	}
	if err := giver.MayChange(&before); err != nil {
		return err
	}
	if err := giver.MayGive(user); err != nil {
		return err
	}
	if err := keepSuperUser(tx, giver, &before, user, u.now()); err != nil {
		return err
	}
	return tx.SaveUser(user, "")
}

// members returns the group and the users that in names, as the caller sees them. A group is named by
// UUID, or otherwise is one that can be used in the caller's organization.
func (u *Users) members(ctx context.Context, caller *domain.Principal,
	in GroupMembers) (group domain.Group, users []domain.User, err error) {
	if id, unreadable := domain.ParseUUID(string(in.Group)); unreadable == nil {
		sc, err := u.gate.Enter(ctx, caller, domain.GroupRead, tenancy.Anywhere())
		if err != nil {
			return group, nil, err
		}
		group, err = u.groups.ByUUID(ctx, sc, id)
		if err != nil {
			return group, nil, err
		}
	} else if group, _, err = groupNamed(ctx, u.gate, u.documents, caller, in.Group); err != nil {
		return group, nil, err
	}
	sc, err := u.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return group, nil, err
	}
	var ids []domain.UUID
	for _, ref := range distinct(in.Users) {
		if ref.UUID != "" {
			ids = append(ids, ref.UUID)
			continue
		}
		user, err := u.store.Get(ctx, sc, ref)
		if err != nil {
			return group, nil, domain.AsError(err).On("users")
		}
		users = append(users, user)
	}
	found, err := u.store.ByUUIDs(ctx, sc, ids)
	if err == nil && len(found) != len(ids) {
		err = domain.ErrUserNotFound.On("users")
	}
	return group, append(users, found...), err
}

// ListMembers asks for the members of a group.
type ListMembers struct {
	Group domain.GroupRef
	Page  domain.Page // without a limit the whole list is returned
}

// Members returns the members of a group within the caller's reach, in tree order. It needs domain.GroupRead and
// domain.UserRead; it returns NotFound for a group that the caller does not see.
func (u *Users) Members(ctx context.Context, caller domain.Principal,
	in ListMembers) (list Listed[UserDocument], err error) {
	sc, err := u.gate.Enter(ctx, &caller, domain.GroupRead, tenancy.Anywhere())
	if err != nil {
		return list, err
	}
	var group domain.Group
	if id, numbered := in.Group.Number(); numbered {
		group, err = u.groups.Get(ctx, sc, id)
	} else {
		group, _, err = groupNamed(ctx, u.gate, u.documents, &caller, in.Group)
	}
	if err != nil {
		return list, err
	}
	return u.List(ctx, caller, ListUsers{Everywhere: true, Group: domain.NumberedGroup(group.ID), Page: in.Page})
}
