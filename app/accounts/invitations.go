package accounts

import (
	"context"
	"errors"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// InviteAll invites several people alike.
type InviteAll struct {
	// Addresses are mail addresses, each by itself or with a name before it: Ada Lovelace <ada@example.org> (RFC
	// 5322, 3.4). Empty ones are passed over.
	Addresses []string
	// Like is what the accounts have in common. Their login names are the addresses.
	Like     directory.UserPatch
	Link     string // as in Register
	Lifetime time.Duration
}

// Invited is what became of one address: User, or else Err.
type Invited struct {
	Line    int // of the addresses, from 1
	Address string
	User    domain.User
	Err     *domain.Error
}

// maxInvited bounds how many people one request invites.
const maxInvited = 100

// InviteAll invites people one after the other, each as Invite does, and says what became of each. It returns
// Invalid, field "addresses", for none or too many, and an error that is nobody's own, such as Unavailable, where it
// stopped. Sent again with the key of a request it goes on there.
func (a *Accounts) InviteAll(ctx context.Context, caller domain.Principal, in InviteAll) ([]Invited, error) {
	var all []Invited
	for i, address := range in.Addresses {
		if address = strings.TrimSpace(address); address != "" {
			all = append(all, Invited{Line: i + 1, Address: address})
		}
	}
	switch {
	case len(all) == 0:
		return nil, domain.InvalidField("addresses", "Give at least one mail address, one on each line.")
	case len(all) > maxInvited:
		return nil, domain.InvalidField("addresses", "At most %d addresses are allowed at once.", maxInvited)
	}
	for i := range all {
		part := domain.WithPart(ctx, strconv.Itoa(all[i].Line))
		user, err := a.inviteOne(part, caller, &in, all[i].Address)
		if errors.Is(err, domain.ErrPartDone) {
			user, err = domain.User{ID: domain.UserID(domain.PartOf(part).ID)}, nil
		}
		if err == nil {
			all[i].User = user
			continue
		}
		all[i].Err = domain.AsError(err)
		if kind := all[i].Err.Kind; kind == domain.Internal || kind == domain.Unavailable ||
			domain.ErrOnceReused.Is(err) || domain.ErrOnceMany.Is(err) {
			return nil, err
		}
	}
	return all, nil
}

func (a *Accounts) inviteOne(ctx context.Context, caller domain.Principal, in *InviteAll,
	text string) (domain.User, error) {
	address, err := mail.ParseAddress(text)
	if err != nil {
		return domain.User{}, domain.InvalidField("person.mail",
			"Give a mail address, such as ada@example.org, or a name before it: Ada Lovelace <ada@example.org>.")
	}
	var person domain.Person
	person.Rename(address.Name, "")
	if person.FirstName == "" {
		person.FirstName, _, _ = strings.Cut(address.Address, "@") // until its owner says another one
	}
	user := in.Like
	user.Alias, user.Mail, user.FirstName, user.LastName = &address.Address, &address.Address, &person.FirstName,
		&person.LastName
	return a.invite(ctx, caller, Invite{User: user, Link: in.Link, Lifetime: in.Lifetime}, nil)
}

// Found asks for an environment; of an organization, together with its first admin.
type Found struct {
	Environment directory.EnvironmentPatch
	// Admin is invited. Their home is the organization, and their role domain.RoleOAdmin. nil is nobody.
	Admin    *directory.UserPatch
	Link     string // as in Register
	Lifetime time.Duration
}

// Found makes an environment as Environments.Create does, which is an organization if it has an admin, who is
// invited as Invite does. The organization goes again if the admin cannot be invited; an error about their login
// name has the field "admin.alias".
func (a *Accounts) Found(ctx context.Context, caller domain.Principal,
	in Found) (directory.EnvironmentDocument, error) {
	if in.Admin == nil {
		return a.environments.Create(ctx, caller, in.Environment)
	}
	in.Environment.IsOrganization = new(true)
	part := domain.WithPart(ctx, "environment")
	made, err := a.environments.Create(part, caller, in.Environment)
	if errors.Is(err, domain.ErrPartDone) {
		made, err = a.environments.Get(ctx, caller, domain.NumberRef(domain.EnvironmentID(domain.PartOf(part).ID)))
		if domain.ErrEnvironmentNotFound.Is(err) { // it has gone, as the admin could not be invited
			made, err = a.environments.Create(domain.WithOnce(ctx, nil), caller, in.Environment)
		}
	}
	if err != nil {
		return made, err
	}
	now, err := a.accounts.ByID(ctx, caller.Organization, caller.User)
	if err != nil {
		return made, err
	}
	// The caller was read before the organization was there.
	caller.Generation, caller.RootGeneration = now.Generation, now.RootGeneration
	admin, home := *in.Admin, domain.NumberRef(made.ID)
	admin.Home, admin.Role = &home, new(domain.RoleOAdmin)
	if admin.Group == nil {
		admin.Group = new(domain.NumberedGroup(domain.AdminGroup))
	}
	ctx = tenancy.WithReview(ctx, nil) // a plan is of the organization, which is made by now
	_, refused := a.invite(domain.WithPart(ctx, "admin"), caller,
		Invite{User: admin, Link: in.Link, Lifetime: in.Lifetime}, nil)
	if refused == nil || errors.Is(refused, domain.ErrPartDone) {
		return made, nil
	}
	if err := a.environments.Delete(domain.WithOnce(context.WithoutCancel(ctx), nil), caller,
		directory.DeleteEnvironment{Environment: home}); err != nil {
		return made, err
	}
	if e := domain.AsError(refused); e.Field == "alias" {
		return made, e.On("admin.alias")
	}
	return made, refused
}
