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

// MaxRefused is how many of the people who cannot be changed are named.
const MaxRefused = 50

// RefusedUsers is why everybody on a list stays as they are: some of them cannot be changed. As an error it is the one
// about the first of them, and names them.
type RefusedUsers struct {
	N     int
	First []RefusedUser // the first MaxRefused of them
}

// A RefusedUser is somebody who cannot be changed, and why.
type RefusedUser struct {
	User domain.User
	Why  *domain.Error
}

func (r *RefusedUsers) Error() string { return r.Unwrap().Error() }

// Unwrap returns the error about the first of them, whose sentence begins with whom it is about.
func (r *RefusedUsers) Unwrap() error {
	first := &r.First[0]
	return first.Why.Saying("%s: %s", first.User.Alias, first.Why.Public)
}

// add adds a user unless err is none that says something about them, which it reports.
func (r *RefusedUsers) add(user *domain.User, err error) bool {
	why := domain.AsError(err)
	if why.Kind != domain.Invalid && why.Kind != domain.Forbidden && why.Kind != domain.Conflict {
		return false
	}
	if r.N++; r.N <= MaxRefused {
		r.First = append(r.First, RefusedUser{*user, why})
	}
	return true
}

// UpdateAll changes everybody on a list but the caller, all of them in one transaction or none. It needs
// domain.UserRead and domain.UserUpdate, or domain.UserDelete where users go, and the rules of Update, Delete, Approve
// and Reject hold for each of them: the error is RefusedUsers where some cannot be changed. It returns Invalid for a
// list that is too long, and ErrChanged where Expect is another number, or somebody on the list was changed meanwhile.
func (u *Users) UpdateAll(ctx context.Context, caller domain.Principal, in UpdateUsers) (UsersUpdated, error) {
	sc, err := u.listed(ctx, &caller, &in.List)
	if err != nil {
		return UsersUpdated{}, err
	}
	permission, most := in.Action.takes()
	where := in.List.where()
	if in.Home != nil {
		where = tenancy.Anywhere() // they may leave the place of the list
	}
	w, err := u.gate.EnterWrite(ctx, &caller, permission, where)
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
		changed, err := changeAll(tx, people, func(user *domain.User) (func() error, error) {
			return changes[user.Organization].plan(tx, in.Action, user)
		}, func(user *domain.User) domain.Version {
			return versionOfUser(w.Read(), changes[user.Organization].giver.Groups(), user)
		})
		if err != nil {
			return err
		}
		done = UsersUpdated{Changed: int64(changed), Unchanged: int64(own + len(people) - changed)}
		domain.Conclude(ctx, done)
		return nil
	})
	return done, err
}

// changeAll changes people as they are then, unless they are not what they were on the list, and returns how many it
// changed. plan returns what changes somebody, nil for who is so already. Who cannot be changed is looked for to the
// end; only what is refused when it is written, which the database may not go on after, is returned at once.
func changeAll(tx UserTx, people []domain.User, plan func(*domain.User) (func() error, error),
	version func(*domain.User) domain.Version) (changed int, err error) {
	listed := make(map[domain.UserKey]domain.Version, len(people))
	keys := make([]domain.UserKey, len(people))
	for i := range people {
		keys[i] = people[i].Key()
		listed[keys[i]] = version(&people[i])
	}
	found, err := tx.Users(keys)
	if err != nil {
		return 0, err
	}
	if len(found) != len(people) {
		return 0, domain.ErrChanged
	}
	var refused RefusedUsers
	for i := range found {
		user := &found[i]
		change, err := plan(user)
		if listed[user.Key()] != version(user) {
			err = domain.ErrChanged
		}
		switch {
		case err != nil && !refused.add(user, err):
			return 0, err
		case err != nil || change == nil:
			continue
		}
		if err := change(); err != nil {
			if refused.add(user, err) {
				return 0, &refused
			}
			return 0, err
		}
		changed++
	}
	if refused.N > 0 {
		return 0, &refused
	}
	return changed, nil
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

// plan returns what makes the change of a user who is held, or acts on them; nil where that makes no difference.
func (c *userChange) plan(tx UserTx, action UserAction, user *domain.User) (func() error, error) {
	if action == "" {
		return c.planOne(tx, user)
	}
	if (action == ApproveUsers || action == RejectUsers) && !user.Waits() {
		return nil, nil
	}
	if err := c.giver.MayChange(user); err != nil {
		return nil, err
	}
	switch action {
	case ApproveUsers:
		return func() error { return c.LetIn(tx, user) }, nil
	case RejectUsers:
		return func() error { return c.TurnAway(tx, user) }, nil
	case DeleteUsers:
		return func() error { return tx.DeleteUser(user.Key()) }, keepSuperUser(tx, c.giver, user, nil, c.now)
	}
	return func() error { return tx.EndSessions(user.Key()) }, nil
}

// planOne returns what makes the change of a user who is held; nil where that makes no difference.
func (c *userChange) planOne(tx UserTx, before *domain.User) (func() error, error) {
	user := before.Clone()
	if err := c.apply(before, &user); err != nil {
		return nil, err
	}
	if len(domain.Diff(before.Fields(), user.Fields())) == 0 && user.IdleSince.Equal(before.IdleSince) {
		return nil, nil
	}
	if err := c.allowed(tx, before, &user); err != nil {
		return nil, err
	}
	return func() error { return tx.SaveUser(&user, "") }, nil
}

// saveOne makes the change of a user who is held.
func (c *userChange) saveOne(tx UserTx, user *domain.User) error {
	change, err := c.planOne(tx, user)
	if err != nil || change == nil {
		return err
	}
	return change()
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
