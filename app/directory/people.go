package directory

import (
	"context"

	"canopy/domain"
	"canopy/tenancy"
)

// People lists people and changes their accounts as products do that know admins and
// everybody else. What is not said here is as in Users.
type People struct {
	gate      *tenancy.Gate
	documents *tenancy.Documents
	users     *Users
	topics    TopicStore
}

// NewPeople returns the use cases of people.
func NewPeople(gate *tenancy.Gate, documents *tenancy.Documents, users *Users, topics TopicStore) *People {
	return &People{gate: gate, documents: documents, users: users, topics: topics}
}

// TopicStore keeps the topics for one user alone.
type TopicStore interface {
	ObjectLister
	// NextObject returns the number of an object to be. It is called before the transaction that inserts it.
	NextObject(ctx context.Context) (domain.ObjectID, error)
	// Do runs work in one transaction within w. The whole of work is run again on a conflict.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx TopicTx) error) error
}

// TopicTx is one transaction on topics.
type TopicTx interface {
	// InsertObject adds o, whose environment lies in the scope, below parent, nil for none. It returns
	// domain.ErrObjectNameTaken if another one has the name.
	InsertObject(o, parent *domain.Object) error
}

// ListPeople asks for people of the current environment and everything below it.
type ListPeople struct {
	Filter domain.PeopleFilter
	Skip   int
	Limit  int  // 0 is without one
	Groups bool // asks for their groups
}

// PeopleList is a list of people, the newest account first, that is read while it is written.
type PeopleList struct {
	Listed[UserDocument]
	None bool // there is nobody on this page
	// Whole says that everything may be shown of each; otherwise it is who they are.
	Whole  bool
	Groups bool // the groups were asked for and may be shown
}

// List returns people within the caller's reach. It needs domain.UserRead there; where that is given
// for the caller's own account only, the list is that account. Everything is shown to admins of an
// organization and to programs that were made to see it.
func (p *People) List(ctx context.Context, caller domain.Principal, in ListPeople) (list PeopleList, err error) {
	sc, err := p.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Here())
	if err != nil {
		return list, err
	}
	if err := in.Filter.Validate(); err != nil {
		return list, err
	}
	if in.Skip < 0 || in.Skip > domain.MaxSkip {
		return list, domain.InvalidField("skip", "Give a number from 0 to %d.", domain.MaxSkip)
	}
	if list.Whole, err = p.seesAll(ctx, &caller); err != nil {
		return list, err
	}
	list.Groups = list.Whole && in.Groups
	total, err := p.users.store.CountPeople(ctx, sc, in.Filter)
	if err != nil {
		return list, err
	}
	left, skip, read := in.Limit, in.Skip, 0
	list.Listed, err = ReadList(ctx, domain.Page{},
		func(ctx context.Context, page domain.Page) ([]UserDocument, domain.Cursor, error) {
			if in.Limit > 0 {
				page.Limit = min(left, page.Limit)
			}
			users, next, err := p.users.store.Newest(ctx, sc, in.Filter, skip, page)
			if err != nil {
				return nil, "", err
			}
			described, err := p.describe(ctx, sc, &list, users)
			if err != nil {
				return nil, "", err
			}
			skip, read = 0, read+len(users)
			if left -= len(users); in.Limit > 0 && left == 0 {
				next = ""
			}
			return described, next, nil
		})
	list.Total, list.None = total, read == 0
	return list, err
}

// describe adds to people what their list shows beside them.
func (p *People) describe(ctx context.Context, sc tenancy.Scope, list *PeopleList,
	users []domain.User) ([]UserDocument, error) {
	if list.Groups {
		return describeUsers(ctx, p.documents, sc, users)
	}
	described := make([]UserDocument, len(users))
	for i := range users {
		described[i].User = users[i]
	}
	return described, nil
}

// seesAll reports whether who is shown everything about the people they list.
func (p *People) seesAll(ctx context.Context, caller *domain.Principal) (bool, error) {
	_, err := p.gate.Enter(ctx, caller, domain.OrganizationRead, tenancy.Anywhere())
	if !domain.ErrForbidden.Is(err) {
		return err == nil, err
	}
	sc, err := p.gate.Enter(ctx, caller, domain.ProfileRead, tenancy.Anywhere())
	if domain.ErrForbidden.Is(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	mine, err := p.users.store.Get(ctx, sc, caller.Ref())
	return mine.System && mine.ListsUsers, err
}

// named returns the user with that alias if the caller may see them.
func (p *People) named(ctx context.Context, caller *domain.Principal, alias string) (domain.User, error) {
	sc, err := p.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return domain.User{}, err
	}
	return p.users.store.Get(ctx, sc, domain.UserRef{Alias: alias})
}

// change is Users.Update of the user with that alias, for what patch says they are to become.
func (p *People) change(ctx context.Context, caller *domain.Principal, alias string,
	patch func(*domain.User) (UserPatch, error)) (domain.User, error) {
	user, err := p.named(ctx, caller, alias)
	if err != nil {
		return user, err
	}
	in, err := patch(&user)
	if err != nil {
		return user, err
	}
	after, err := p.users.Update(ctx, *caller, UpdateUser{User: domain.UserRef{ID: user.ID}, UserPatch: in})
	return after.User, err
}

// same is a condition of a patch that was made of a user with the alias that before has.
func same(before *domain.User, check func(*domain.User) error) func(*domain.User) error {
	alias := before.Alias
	return func(u *domain.User) error {
		if u.Alias != alias {
			return domain.ErrChanged
		}
		return check(u)
	}
}

// MakeAdmin makes the user with that alias an admin of their organization, as far as the caller is
// one: it returns domain.ErrAdmin if they are already.
func (p *People) MakeAdmin(ctx context.Context, caller domain.Principal, alias string) error {
	_, err := p.change(ctx, &caller, alias, func(*domain.User) (UserPatch, error) {
		role, yes := domain.RoleOAdmin, true
		return UserPatch{Role: &role, Memberships: &Memberships{Default: &yes}, Revise: func(u *domain.User) error {
			if u.Role >= role {
				return domain.ErrAdmin
			}
			return nil
		}}, nil
	})
	return err
}

// RenameUser says what a user is to be called.
type RenameUser struct{ Alias, To string }

// Rename gives the user another alias. What is theirs follows, the topic for them alone and
// what lies below it by name. It returns domain.ErrUserAliasTaken for one that is in use.
func (p *People) Rename(ctx context.Context, caller domain.Principal, in RenameUser) error {
	_, err := p.change(ctx, &caller, in.Alias, func(u *domain.User) (UserPatch, error) {
		return UserPatch{Alias: &in.To, Revise: same(u, func(now *domain.User) error {
			if now.System {
				return domain.CheckSystemAlias(in.To)
			}
			return nil
		})}, nil
	})
	return err
}

// Readdress says what a person is called and where their mail goes.
type Readdress struct{ Alias, Name, Mail string }

// Readdress changes name and mail address of the user with that alias. Both are required. It
// is domain.ErrUserMailTaken for an address that is in use. One's own address is as in
// Users.Update.
func (p *People) Readdress(ctx context.Context, caller domain.Principal, in Readdress) (domain.User, error) {
	if err := domain.CheckMail(in.Mail); err != nil {
		return domain.User{}, err
	}
	return p.change(ctx, &caller, in.Alias, func(*domain.User) (UserPatch, error) {
		return UserPatch{Mail: &in.Mail, Revise: func(u *domain.User) error {
			u.Person.Rename(in.Name, "")
			return nil
		}}, nil
	})
}

// Archive archives the account with that alias, and tells nobody. It returns domain.ErrArchived if
// it was.
func (p *People) Archive(ctx context.Context, caller domain.Principal, alias string) error {
	_, err := p.change(ctx, &caller, alias, func(u *domain.User) (UserPatch, error) {
		after := u.Clone()
		after.Archive(p.users.now())
		mail, person := u.Person.Mail, u.Person.Name()
		return UserPatch{Alias: &after.Alias, FirstName: &after.Person.FirstName, LastName: &after.Person.LastName,
			Mail:   &after.Person.Mail,
			Active: &after.Active, Archived: &after.Archived, Revise: same(u, func(now *domain.User) error {
				switch {
				case now.Archived:
					return domain.ErrArchived
				case now.Person.Mail != mail || now.Person.Name() != person:
					return domain.ErrChanged
				}
				return nil
			})}, nil
	})
	return err
}

// CheckUser asks whether a user has what everybody has, and to mend it.
type CheckUser struct {
	Alias                     string
	FixTopic, FixDefaultGroup bool // FixDefaultGroup puts the user into the default group
}

// Checked says what was found.
type Checked struct {
	Group             string // the default group's alias
	InGroup, Joined   bool   // was in it; was put into it
	Topic             string // the full name of the topic for the user alone
	TopicThere, Begun bool   // it was there; it was made
}

// Check looks whether the user with that alias is in the default group of their role and has
// a topic of their own, and mends what in asks for. Mending needs what Users.Update needs.
func (p *People) Check(ctx context.Context, caller domain.Principal, in CheckUser) (c Checked, err error) {
	user, err := p.named(ctx, &caller, in.Alias)
	if err != nil {
		return c, err
	}
	sc, err := p.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return c, err
	}
	groups, err := p.documents.Groups(ctx, sc, nil, user.Organization)
	if err != nil {
		return c, err
	}
	standard := domain.DefaultGroup(user.Role)
	group, _ := groups.Get(user.Organization, standard)
	c.Group, c.Topic = group.Alias, domain.PrivateTopic(user.Alias)
	for _, id := range user.Groups {
		c.InGroup = c.InGroup || id == standard
	}
	if !c.InGroup && in.FixDefaultGroup {
		yes := true
		if _, err := p.users.Update(ctx, caller,
			UpdateUser{User: domain.UserRef{ID: user.ID},
				UserPatch: UserPatch{Memberships: &Memberships{Default: &yes}}}); err != nil {
			return c, err
		}
		c.Joined = true
	}
	return c, p.checkTopic(ctx, &caller, &user, in.FixTopic, &c)
}

// checkTopic looks whether the user has the topic for them alone, and makes it if fix says so.
func (p *People) checkTopic(ctx context.Context, caller *domain.Principal, user *domain.User, fix bool,
	c *Checked) error {
	if !fix {
		sc, err := p.gate.EnterObjects(ctx, caller, tenancy.Anywhere())
		if err != nil {
			return err
		}
		c.TopicThere, err = p.hasTopic(ctx, sc, user)
		return err
	}
	w, err := p.gate.EnterUser(ctx, caller, domain.UserUpdate, user)
	if err != nil {
		return err
	}
	giver, err := p.gate.Giver(ctx, caller, user.Organization)
	if err != nil {
		return err
	}
	if user.ID == caller.User {
		w = tenancy.Operator(caller.Alias, domain.TopicWrite) // one's own account is no place
	} else if err := giver.MayChange(user); err != nil {
		return err
	}
	begun, err := p.begin(ctx, w, user)
	c.Begun, c.TopicThere = begun, err == nil && !begun
	return err
}

// hasTopic reports whether the topic for one user alone is there, in sc, and theirs.
func (p *People) hasTopic(ctx context.Context, sc tenancy.Scope, user *domain.User) (bool, error) {
	topics, _, err := p.topics.List(ctx, sc,
		domain.ObjectFilter{Organization: user.Organization, Kinds: []domain.ObjectKind{domain.KindTopic},
			Names: []string{domain.PrivateTopic(user.Alias)}, Order: domain.ObjectsByName}, domain.Page{Limit: 1})
	return err == nil && len(topics) > 0 && topics[0].Owner == user.Key(), err
}

// begin makes the topic for one user alone, and reports false if it is there. It lies at the
// user's home, which must be in w. It returns domain.ErrObjectNameTaken if the name is that of
// somebody else's.
func (p *People) begin(ctx context.Context, w tenancy.WriteScope, user *domain.User) (bool, error) {
	o := domain.Object{Kind: domain.KindTopic, Name: domain.PrivateTopic(user.Alias)[1:], Organization: user.Organization,
		Environment: user.Home, Path: user.HomePath, Owner: user.Key(), Visibility: domain.Private,
		Attributes: map[string]string{"description": "Private Topic - " + user.Alias, "canUpdateMsg": "true",
			"canDeleteMsg": "true"}}
	var err error
	if o.ID, err = p.topics.NextObject(ctx); err != nil {
		return false, err
	}
	err = p.topics.Do(ctx, w, func(tx TopicTx) error { return tx.InsertObject(&o, nil) })
	if !domain.ErrObjectNameTaken.Is(err) {
		return err == nil, err
	}
	if there, missed := p.hasTopic(ctx, tenancy.Operator(user.Alias, domain.TopicRead).Read(), user); missed != nil ||
		!there {
		return false, err
	}
	return false, nil
}

// Begin gives a user the topic for them alone, if they have none.
func (p *People) Begin(ctx context.Context, user *domain.User) error {
	_, err := p.begin(ctx, tenancy.Operator(user.Alias, domain.TopicWrite), user)
	return err
}
