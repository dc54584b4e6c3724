package directory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// UpdateUser says what a user is to become.
type UpdateUser struct {
	User    domain.UserRef
	Version domain.Version // of the document the change was made for
	UserPatch
}

// Update changes a user as in says. It needs domain.UserUpdate on
// them, or domain.ProfileUpdate for what people may change of their own account. It returns
// NotFound outside the caller's reach; Forbidden for a user who has more than the caller, for giving more
// than the caller has, and for a field that is not the caller's to change. An address that is left gets mail
// about it. One's own address stays until another one is proven: it is sent a link, and returned
// as Unproven. It returns domain.ErrStale if the user has another version than in says.
func (u *Users) Update(ctx context.Context, caller domain.Principal, in UpdateUser) (UserDocument, error) {
	c, err := u.change(ctx, &caller, in)
	if err != nil {
		return UserDocument{}, err
	}
	if err := c.makeHash(ctx); err != nil {
		return UserDocument{}, err
	}
	var user domain.User
	err = u.store.Do(ctx, c.w, func(tx UserTx) (err error) {
		if user, err = c.save(tx); err != nil {
			return err
		}
		domain.Conclude(ctx, UserDocument{User: user})
		return nil
	})
	if err != nil || !in.Whole {
		return UserDocument{User: user}, err
	}
	return u.Show(ctx, &caller, user)
}

// userChange is a change of a user by a caller.
type userChange struct {
	*Users
	caller *domain.Principal
	target domain.User // as they were read before the transaction
	own    bool        // it is of the caller's own account
	// version is that of the document the change was made for.
	version domain.Version
	// profile is true where the caller may change of it what people may change of their own.
	profile bool
	w       tenancy.WriteScope
	giver   tenancy.Giver
	patch   Resolved
	asks    string // for another mail address of one's own
	now     time.Time
}

// change looks up all that in names, and refuses what is refused whatever the user has become meanwhile.
func (u *Users) change(ctx context.Context, caller *domain.Principal, in UpdateUser) (*userChange, error) {
	target, err := u.Read(ctx, caller, in.User)
	if err != nil {
		return nil, err
	}
	c := &userChange{Users: u, caller: caller, target: target, own: target.ID == caller.User, version: in.Version,
		now: u.now().UTC().Truncate(time.Millisecond)}
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	if c.own && in.Password != nil {
		return nil, domain.ErrForbidden.On("password").
			Saying("Change your own password with the request that asks for the old one.")
	}
	if err := u.sameTenant(ctx, c.w.Read(), &target, in.Tenant); err != nil {
		return nil, err
	}
	if c.giver, err = u.gate.Giver(ctx, caller, target.Organization); err != nil {
		return nil, err
	}
	if c.patch, err = u.resolve(ctx, caller, target.Organization, c.giver.Groups(), in.UserPatch); err != nil {
		return nil, err
	}
	if in.Home != nil {
		home, err := u.gate.Environment(ctx, caller, *in.Home)
		if err != nil {
			return nil, domain.AsError(err).On("home")
		}
		c.patch.HomeFound = &home
	}
	return c, c.askOwnMail(ctx)
}

// enter has the caller's proof that they may change the user, or at least the profile if it is their own.
func (c *userChange) enter(ctx context.Context) (err error) {
	c.w, err = c.gate.EnterUser(ctx, c.caller, domain.UserUpdate, &c.target)
	if c.own && domain.ErrForbidden.Is(err) {
		c.profile = true
		c.w, err = c.gate.EnterUser(ctx, c.caller, domain.ProfileUpdate, &c.target)
	}
	return err
}

// askOwnMail has another mail address of one's own asked for instead of changed.
func (c *userChange) askOwnMail(ctx context.Context) error {
	mail := c.patch.Mail
	if !c.own || mail == nil || *mail == "" || domain.MailMatches(*mail, c.target.Person.Mail) {
		return nil
	}
	c.patch.Mail, c.asks = nil, *mail
	return c.ownMail.MayAsk(ctx, c.caller, c.asks)
}

// makeHash hashes the password, if there is one. What the transaction will refuse is refused before.
func (c *userChange) makeHash(ctx context.Context) error {
	if c.patch.Password == nil {
		return nil
	}
	user := c.target.Clone()
	revised := c.patch.Apply(&user, c.w.Read().Shows, c.now)
	if err := cmp.Or(c.giver.MayChange(&c.target), revised, c.giver.MayGive(&user), user.Validate()); err != nil {
		return err
	}
	if err := c.chosen.JudgeSet(ctx, &user, *c.patch.Password, c.target.HomePath, user.HomePath); err != nil {
		return err
	}
	return c.patch.makeHash(ctx, c.passwords, c.caller)
}

// save makes the change in a transaction, with what goes with it.
func (c *userChange) save(tx UserTx) (domain.User, error) {
	before, err := tx.User(c.target.Key())
	if err != nil {
		return domain.User{}, err
	}
	if err := c.version.Check(versionOfUser(c.w.Read(), c.giver.Groups(), &before)); err != nil {
		return domain.User{}, err
	}
	user := before.Clone()
	if err := c.apply(&before, &user); err != nil {
		return user, err
	}
	if err := c.allowed(tx, &before, &user); err != nil {
		return user, err
	}
	if err := tx.SaveUser(&user, c.patch.hash); err != nil || nobodys(&before, &user) {
		return user, err
	}
	if c.asks != "" {
		if err := c.ownMail.Ask(tx, &user, c.asks); err != nil {
			return user, err
		}
	}
	tx.Mail(c.MailLeft(&before, &user)...)
	return user, nil
}

// apply makes user what the patch says, under a login name that is given.
func (c *userChange) apply(before, user *domain.User) error {
	if err := c.patch.Apply(user, c.w.Read().Shows, c.now); err != nil {
		return err
	}
	// an archived account keeps its alias, with an ending
	if domain.Fold(user.Alias) == domain.Fold(before.Alias) || nobodys(before, user) {
		return nil
	}
	return GiveName(c.names, user)
}

// allowed returns an error unless the caller may make before user.
func (c *userChange) allowed(tx UserTx, before, user *domain.User) error {
	switch {
	case c.own && !domain.MailMatches(before.Person.Mail, user.Person.Mail):
		return ErrOwnMail
	case c.profile:
		return onlyProfile(before, user)
	case c.own && (!user.Usable(c.now) || user.Role < before.Role):
		return domain.ErrOwnAccount
	}
	if err := cmp.Or(c.giver.MayChange(before), c.giver.MayGive(user)); err != nil {
		return err
	}
	if user.Home != before.Home {
		rules, err := tx.RulesOnWay(before.HomePath)
		if err == nil {
			err = mayLeave(tx, c.gate, c.giver, c.caller, rules, user.HomePath, c.now)
		}
		if err != nil {
			return onField(err, "home")
		}
	}
	if c.patch.hash != "" || before.DecidesDifferently(user) {
		if err := c.gate.Recent(c.caller); err != nil {
			return err
		}
	}
	return keepSuperUser(tx, c.giver, before, user, c.now)
}

// nobodys reports whether the account is no person's any more after a change, so that an address it
// leaves is told nothing.
func nobodys(before, after *domain.User) bool {
	return after.Archived && !before.Archived || after.System && !before.System
}

// ErrOwnMail refuses to change one's own mail address in another way than by proving one.
var ErrOwnMail = domain.ErrForbidden.On("person.mail").
	Saying("Your own mail address changes by the link that is mailed to the new one, together with your password.")

// sameTenant returns ErrUserBorder if tenant is not the organization of user. Whether there is
// such another one is not told.
func (u *Users) sameTenant(ctx context.Context, sc tenancy.Scope, user *domain.User, tenant *domain.UUID) error {
	if tenant == nil {
		return nil
	}
	border := tenancy.EnvironmentKey{Organization: user.Organization, ID: user.Organization.Environment()}
	found, err := u.documents.Environments(ctx, sc, nil, []tenancy.EnvironmentKey{border})
	if err != nil {
		return err
	}
	if e := found[border.ID]; e == nil || e.UUID != *tenant {
		return domain.ErrUserBorder
	}
	return nil
}

// profileFields are what people may change of their own account.
var profileFields = []string{"person.first_name", "person.last_name", "person.mail", "person.phone",
	"language", "time_zone", "default_page", "picture", "attributes." + domain.AttributeDescription,
	"attributes." + domain.AttributeMobile}

// onlyProfile returns Forbidden on the first field that differs and is not of the profile, nor a
// property, of which is known that it may be written.
func onlyProfile(before, after *domain.User) error {
	for _, c := range domain.Diff(before.Fields(), after.Fields()) {
		if !slices.Contains(profileFields, c.Field) && !domain.IsProperty(c.Field) {
			return domain.ErrForbidden.On(c.Field).Saying("You may not change this.")
		}
	}
	return nil
}
