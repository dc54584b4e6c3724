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

// Add is Create, and returns the user as who sees them. It needs domain.UserRead too.
func (u *Users) Add(ctx context.Context, caller domain.Principal, in UserPatch) (UserDocument, error) {
	sc, err := u.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return UserDocument{}, err
	}
	user, err := u.Create(ctx, caller, in)
	if err != nil {
		return UserDocument{}, err
	}
	return u.written(ctx, &caller, sc, user)
}

// Change is Update of the user with that UUID, and returns them as who sees them.
func (u *Users) Change(ctx context.Context, caller domain.Principal, id domain.UUID, in UserPatch) (UserDocument, error) {
	sc, user, err := u.find(ctx, &caller, id)
	if err != nil {
		return UserDocument{}, err
	}
	if user, err = u.Update(ctx, caller, user.ID, in); err != nil {
		return UserDocument{}, err
	}
	return u.written(ctx, &caller, sc, user)
}

// Remove is Delete of the user with that UUID.
func (u *Users) Remove(ctx context.Context, caller domain.Principal, id domain.UUID) error {
	_, user, err := u.find(ctx, &caller, id)
	if err != nil {
		return err
	}
	return u.Delete(ctx, caller, user.ID)
}

// find returns the user with that UUID if the caller may see them, with the proof of it.
func (u *Users) find(ctx context.Context, caller *domain.Principal, id domain.UUID) (tenancy.Scope, domain.User, error) {
	sc, err := u.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return sc, domain.User{}, err
	}
	user, err := u.store.ByUUID(ctx, sc, id)
	return sc, user, err
}

// written describes a user who was just written, with what is known of the organization
// from before the change left aside.
func (u *Users) written(ctx context.Context, caller *domain.Principal, sc tenancy.Scope, user domain.User) (UserDocument, error) {
	described, err := u.whole(ctx, caller, sc.Later(), []domain.User{user})
	if err != nil {
		return UserDocument{}, err
	}
	return described[0], nil
}

// GroupMembers are a group and some users.
type GroupMembers struct {
	Group domain.UUID
	Users []domain.UUID
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

func (u *Users) regroup(ctx context.Context, caller domain.Principal, in GroupMembers, change func([]domain.GroupID, domain.GroupID) []domain.GroupID) error {
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
func (u *Users) regroupBy(ctx context.Context, caller *domain.Principal, p domain.Permission, group domain.Group, users []domain.User,
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
	slices.SortFunc(users, func(a, b domain.User) int { return cmp.Compare(a.ID, b.ID) }) // who changes the same ones waits
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
func (u *Users) regroupOne(tx UserTx, giver tenancy.Giver, user *domain.User, group domain.GroupID, change func([]domain.GroupID, domain.GroupID) []domain.GroupID) error {
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

// members returns the group and the users that in names, as who sees them.
func (u *Users) members(ctx context.Context, caller *domain.Principal, in GroupMembers) (group domain.Group, users []domain.User, err error) {
	sc, err := u.gate.Enter(ctx, caller, domain.GroupRead, tenancy.Anywhere())
	if err != nil {
		return group, nil, err
	}
	if group, err = u.groups.ByUUID(ctx, sc, in.Group); err != nil {
		return group, nil, err
	}
	if sc, err = u.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere()); err != nil {
		return group, nil, err
	}
	wanted := distinct(in.Users)
	if users, err = u.store.ByUUIDs(ctx, sc, wanted); err != nil {
		return group, nil, err
	}
	if len(users) != len(wanted) {
		return group, nil, domain.ErrUserNotFound.On("users")
	}
	return group, users, nil
}

// GroupMember names a group and a user by what they are called.
type GroupMember struct {
	Group domain.GroupRef
	Alias string
}

// JoinNamed and LeaveNamed are Join and Leave of one user, in a group that can be used in
// The caller's organization.
func (u *Users) JoinNamed(ctx context.Context, caller domain.Principal, in GroupMember) error {
	return u.memberNamed(ctx, caller, in, u.Join)
}

// LeaveNamed is described at JoinNamed.
func (u *Users) LeaveNamed(ctx context.Context, caller domain.Principal, in GroupMember) error {
	return u.memberNamed(ctx, caller, in, u.Leave)
}

func (u *Users) memberNamed(ctx context.Context, caller domain.Principal, in GroupMember, change func(context.Context, domain.Principal, GroupMembers) error) error {
	group, _, err := groupNamed(ctx, u.gate, u.documents, &caller, in.Group)
	if err != nil {
		return err
	}
	sc, err := u.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return err
	}
	user, err := u.store.Named(ctx, sc, in.Alias)
	if err != nil {
		return err
	}
	return change(ctx, caller, GroupMembers{Group: group.UUID, Users: []domain.UUID{user.UUID}})
}
