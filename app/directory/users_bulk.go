package directory

import (
	"context"
	"slices"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// UserAction is what is done with everybody on a list instead of a change.
type UserAction string

// The actions. Approving and rejecting is of newcomers; who does not wait for it stays as they are.
const (
	ApproveUsers UserAction = "approve"
	RejectUsers  UserAction = "reject"
	DeleteUsers  UserAction = "delete"
	EndSessions  UserAction = "endSessions"
)

// ParseUserAction reads the name of an action.
func ParseUserAction(s string) (UserAction, error) {
	a := UserAction(s)
	if !slices.Contains([]UserAction{ApproveUsers, RejectUsers, DeleteUsers, EndSessions}, a) {
		return "", domain.InvalidField("op", "Give one of approve, reject, delete and endSessions.")
	}
	return a, nil
}

// takes returns the permission for the action, and with how many users at most; a change is of the empty one.
func (a UserAction) takes() (p domain.Permission, most int) {
	if a == RejectUsers || a == DeleteUsers {
		return domain.UserDelete, maxGone
	}
	return domain.UserUpdate, maxTogether
}

// UpdateUsers says what everybody on a list is to become. A nil field is left as it is.
type UpdateUsers struct {
	List   ListUsers // who; order and page mean nothing
	Expect *int64    // how many there must be on the list; nil is any number

	Action      UserAction // empty for the change that the other fields say
	Active      *bool
	Role        *domain.Role
	Home        *domain.EnvironmentRef
	Language    *string
	Join, Leave []domain.GroupRef
}

// UsersUpdated says how many people on a list were changed, and how many were so already.
type UsersUpdated struct{ Changed, Unchanged int64 }

// The most users that are changed in one transaction, and that go in one, which takes longer.
const (
	maxTogether = 1000
	maxGone     = 200
)

// UpdateAll changes everybody on a list but the caller, all of them in one transaction or none. It needs
// domain.UserRead and domain.UserUpdate, or domain.UserDelete where users go, and the rules of Update, Delete, Approve
// and Reject hold for each of them; the error says whom it is about. It returns Invalid for a list that is too long,
// and ErrChanged where Expect is another number, or somebody on the list was changed meanwhile.
func (u *Users) UpdateAll(ctx context.Context, caller domain.Principal, in UpdateUsers) (UsersUpdated, error) {
	sc, err := u.listed(ctx, &caller, &in.List)
	if err != nil {
		return UsersUpdated{}, err
	}
	permission, most := in.Action.takes()
	w, err := u.gate.EnterWrite(ctx, &caller, permission, in.List.where())
	if err != nil {
		return UsersUpdated{}, err
	}
	in.List.Filter.Order = domain.TreeOrder
	people, more, err := u.store.List(ctx, sc, in.List.Filter, domain.Page{Limit: most})
	switch {
	case err != nil:
		return UsersUpdated{}, err
	case more != "":
		return UsersUpdated{}, domain.InvalidField("filter", "At most %d people can be changed together, and these are "+
			"more. Narrow the list, as by environment, role or group, and change one part after the other.", most)
	case in.Expect != nil && *in.Expect != int64(len(people)):
		return UsersUpdated{}, domain.ErrChanged.Saying("There are %d people on this list, not %d. "+
			"Look at it again and repeat the change.", len(people), *in.Expect)
	}
	own := len(people)
	people = slices.DeleteFunc(people, func(p domain.User) bool { return p.ID == caller.User })
	own -= len(people)
	changes, err := u.changesOf(ctx, &caller, w, people, in)
	if err != nil {
		return UsersUpdated{}, err
	}
	var done UsersUpdated
	err = u.store.Do(ctx, w, func(tx UserTx) error {
		done = UsersUpdated{Unchanged: int64(own)}
		return changeAll(tx, people, func(user *domain.User) error {
			changed, err := changes[user.Organization].do(tx, in.Action, user)
			if changed {
				done.Changed++
			} else {
				done.Unchanged++
			}
			return err
		}, func(user *domain.User) domain.Version {
			return versionOfUser(w.Read(), changes[user.Organization].giver.Groups(), user)
		})
	})
	return done, err
}

// changeAll changes people as they are then, unless they are not what they were on the list.
func changeAll(tx UserTx, people []domain.User, change func(*domain.User) error,
	version func(*domain.User) domain.Version) error {
	listed := make(map[domain.UserKey]domain.Version, len(people))
	keys := make([]domain.UserKey, len(people))
	for i := range people {
		keys[i] = people[i].Key()
		listed[keys[i]] = version(&people[i])
	}
	found, err := tx.Users(keys)
	if err != nil {
		return err
	}
	if len(found) != len(people) {
		return domain.ErrChanged
	}
	for i := range found {
		if listed[found[i].Key()] != version(&found[i]) {
			return about(&found[i], domain.ErrChanged)
		}
		if err := change(&found[i]); err != nil {
			return about(&found[i], err)
		}
	}
	return nil
}

// about returns an error whose sentence begins with whom it is about, where it has one for the caller.
func about(user *domain.User, err error) error {
	switch e := domain.AsError(err); e.Kind {
	case domain.Invalid, domain.Forbidden, domain.Conflict:
		return e.Saying("%s: %s", user.Alias, e.Public)
	}
	return err
}

// changesOf returns the change for the people of each organization.
func (u *Users) changesOf(ctx context.Context, caller *domain.Principal, w tenancy.WriteScope, people []domain.User,
	in UpdateUsers) (map[domain.OrganizationID]*userChange, error) {
	changes := make(map[domain.OrganizationID]*userChange)
	patch := UserPatch{Active: in.Active, Role: in.Role, Language: in.Language}
	var home *domain.Environment
	if in.Home != nil {
		found, err := u.gate.Environment(ctx, caller, *in.Home)
		if err != nil {
			return nil, domain.AsError(err).On("home")
		}
		home = &found
	}
	for i := range people {
		o := people[i].Organization
		if changes[o] != nil {
			continue
		}
		c := &userChange{Users: u, caller: caller, w: w, now: u.now().UTC().Truncate(time.Millisecond)}
		var err error
		if c.giver, err = u.gate.Giver(ctx, caller, o); err != nil {
			return nil, err
		}
		join, err := findGroups(c.giver.Groups(), o, &in.Join)
		if err != nil {
			return nil, err
		}
		leave, err := findGroups(c.giver.Groups(), o, &in.Leave)
		if err != nil {
			return nil, err
		}
		patch.Revise = func(user *domain.User) error {
			user.Groups = distinct(append(slices.Clip(user.Groups), join...))
			user.Groups = slices.DeleteFunc(user.Groups, func(id domain.GroupID) bool { return slices.Contains(leave, id) })
			user.Groups = withDefault(user.Groups, domain.DefaultGroup(user.Role), false)
			return nil
		}
		c.patch = Resolved{UserPatch: patch, HomeFound: home}
		changes[o] = c
	}
	return changes, nil
}

// do makes the change of a user, or acts on them, and reports whether that made a difference.
func (c *userChange) do(tx UserTx, action UserAction, user *domain.User) (bool, error) {
	if action == "" {
		return c.saveOne(tx, user)
	}
	if (action == ApproveUsers || action == RejectUsers) && !user.Waits() {
		return false, nil
	}
	if err := c.giver.MayChange(user); err != nil {
		return false, err
	}
	switch action {
	case ApproveUsers:
		return true, c.LetIn(tx, user)
	case RejectUsers:
		return true, c.TurnAway(tx, user)
	case DeleteUsers:
		return true, c.remove(tx, user)
	}
	return true, tx.EndSessions(user.Key())
}

// remove deletes a user unless nobody could run the directory without them.
func (c *userChange) remove(tx UserTx, user *domain.User) error {
	if err := keepSuperUser(tx, c.giver, user, nil, c.now); err != nil {
		return err
	}
	return tx.DeleteUser(user.Key())
}

// saveOne makes the change of a user who is held.
func (c *userChange) saveOne(tx UserTx, before *domain.User) (bool, error) {
	user := before.Clone()
	if err := c.apply(before, &user); err != nil {
		return false, err
	}
	if len(domain.Diff(before.Fields(), user.Fields())) == 0 && user.IdleSince.Equal(before.IdleSince) {
		return false, nil
	}
	if err := c.allowed(tx, before, &user); err != nil {
		return false, err
	}
	return true, tx.SaveUser(&user, "")
}

// LetIn opens the account of a newcomer, whom tx returned, and tells them.
func (u *Users) LetIn(tx UserTx, user *domain.User) error {
	user.State, user.IdleSince = domain.Approved, u.now().UTC().Truncate(time.Millisecond)
	if err := tx.SaveUser(user, ""); err != nil {
		return err
	}
	if user.Person.Mail != "" {
		tx.Mail(u.MailTo(user.Person.Mail, user, domain.Letter{Kind: domain.LetterWelcome, Login: user.Alias}))
	}
	return tx.Withdraw(user.Key(), domain.VerifyAddress)
}

// TurnAway removes the account of a newcomer, whom tx returned, and tells them if they have proven their address.
func (u *Users) TurnAway(tx UserTx, user *domain.User) error {
	if user.State == domain.Pending {
		tx.Mail(u.MailTo(user.Person.Mail, user, domain.Letter{Kind: domain.LetterRejected}))
	}
	return tx.DeleteUser(user.Key())
}
