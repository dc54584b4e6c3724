package accounts

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"canopy/app/directory"
	"canopy/domain"
)

// RequestMailChange asks for another mail address of an account.
type RequestMailChange struct {
	User domain.UserRef // zero is one's own
	Mail string
	// Link is as in Register; if it is empty nothing is sent yet for others, see
	// SendConfirmation, and for oneself it leads to a page of this server.
	Link     string
	Lifetime time.Duration
}

// ownMailLifetime is how long the link works that proves another address of one's own.
const ownMailLifetime = 24 * time.Hour

// RequestMailChange notes the address an account is to have, and sends a link there that
// proves it. The account keeps its address until then. It needs domain.ProfileUpdate for
// one's own account, else domain.UserUpdate and the rules of Users.Update. Whether the
// address is somebody else's shows when it is confirmed.
func (a *Accounts) RequestMailChange(ctx context.Context, caller domain.Principal, in RequestMailChange) error {
	h, err := a.change(ctx, &caller, in.User)
	if err != nil {
		return err
	}
	if err := domain.CheckMail(in.Mail); err != nil {
		return err
	}
	if in.Link == "" && h.own {
		in.Link, in.Lifetime = a.rules.Pages.Mail(), ownMailLifetime
	}
	if in.Link != "" {
		if err := a.mayMail(ctx, &caller, in.Mail); err != nil {
			return err
		}
	}
	return a.store.Do(ctx, h.w, func(tx Tx) error {
		u, err := h.user(tx)
		if err != nil {
			return err
		}
		domain.Conclude(ctx, nil)
		return a.wish(tx, &u, &in)
	})
}

// wish gives a user what proves the address they are to have. A later one takes the place of an earlier one.
func (a *Accounts) wish(tx directory.UserTx, u *domain.User, in *RequestMailChange) error {
	if err := tx.Withdraw(u.Key(), domain.ChangeAddress); err != nil {
		return err
	}
	secret := a.secret(domain.ChangeAddress, in.Mail, in.Lifetime)
	if in.Link == "" {
		return tx.AddSecret(u.Key(), secret)
	}
	return a.give(tx, u, secret, in.Link, domain.Letter{Kind: domain.LetterAddress, Valid: in.Lifetime})
}

// MayAsk implements directory.OwnMail. It is TooMany beyond the limits.
func (a *Accounts) MayAsk(ctx context.Context, caller *domain.Principal, address string) error {
	if err := domain.CheckMail(address); err != nil {
		return err
	}
	return a.mayMail(ctx, caller, address)
}

// Ask implements directory.OwnMail: the address gets a link that proves it, to be followed with the password,
// and the account keeps the one it has.
func (a *Accounts) Ask(tx directory.UserTx, u *domain.User, address string) error {
	u.Unproven = address
	return a.wish(tx, u, &RequestMailChange{Mail: address, Link: a.rules.Pages.Mail(), Lifetime: ownMailLifetime})
}

// change returns the user that ref names, zero is the caller, if the caller may change their profile.
func (a *Accounts) change(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (holder, error) {
	if ref != (domain.UserRef{}) && !caller.Is(ref) {
		return a.over(ctx, caller, domain.UserUpdate, ref)
	}
	return oneself(ctx, a.gate, caller, domain.ProfileUpdate)
}

// ConfirmMailChange gives the account the address that the secret proves, once, and tells the address
// before. It takes the account's password too: whoever has somebody's session could ask for an address, and
// read the link. It returns domain.ErrSecret if there is no such account or secret, Forbidden, field
// "password", for a wrong password, which uses nothing up and counts as a failed sign-in, Conflict
// if the address is somebody else's, and TooMany beyond the limits.
func (a *Accounts) ConfirmMailChange(ctx context.Context, in Redeem) (domain.User, error) {
	defer a.passwords.Evenly(ctx)()
	if in.Password == "" {
		return domain.User{}, domain.InvalidField("password", "A value is required.")
	}
	u, err := a.presenting(ctx, &in)
	if err != nil {
		return domain.User{}, err
	}
	presented, err := a.holds(ctx, &u, in.Secret, domain.ChangeAddress)
	if err != nil {
		return domain.User{}, err
	}
	account, err := a.accounts.ByID(ctx, u.Organization, u.ID)
	if err != nil {
		return domain.User{}, err
	}
	if err := a.passwords.Check(ctx, account, in.Password, in.Source); err != nil {
		if domain.ErrBadCredentials.Is(err) {
			err = domain.ErrForbidden.On("password").Saying("The password is wrong.")
		}
		return domain.User{}, err
	}
	return a.confirm(ctx, &holder{found: u, w: a.self(domain.UserUpdate), own: true}, presented)
}

func (a *Accounts) confirm(ctx context.Context, h *holder, presented domain.Presented) (u domain.User, err error) {
	err = a.store.Do(ctx, h.w, func(tx Tx) error {
		before, err := tx.User(h.found.Key())
		if err != nil {
			return err
		}
		secret, err := tx.Spend(before.Key(), presented)
		if err != nil {
			return err
		}
		if h.own && !domain.ChangeAddress.Fits(&before.Standing, a.now()) { // closed meanwhile
			return domain.ErrSecret
		}
		if err := h.may(&before); err != nil {
			return err
		}
		u = before.Clone()
		u.Person.Mail = secret.Address
		if err := tx.SaveUser(&u, ""); err != nil {
			return err
		}
		tx.Mail(a.users.MailLeft(&before, &u)...)
		return tx.Withdraw(u.Key(), domain.ResetPassword, domain.VerifyAddress, domain.AcceptInvite)
	})
	return u, err
}

// Presented is a secret that somebody trusted passes on for a user.
type Presented struct {
	User   domain.UserRef
	Secret string
}

// ConfirmMailChangeOf is ConfirmMailChange of somebody else by who may change their address, as
// RequestMailChange says. One's own is Forbidden: it takes the password.
func (a *Accounts) ConfirmMailChangeOf(ctx context.Context, caller domain.Principal,
	in Presented) (domain.User, error) {
	h, err := a.over(ctx, &caller, domain.UserUpdate, in.User)
	if domain.ErrOwnAccount.Is(err) {
		err = directory.ErrOwnMail
	}
	if err != nil {
		return domain.User{}, err
	}
	if err := a.mayPresent(ctx, &caller, h.found.ID); err != nil {
		return domain.User{}, err
	}
	return a.confirm(ctx, &h,
		domain.Presented{Text: domain.SecretText(in.Secret), Purposes: []domain.SecretPurpose{domain.ChangeAddress}})
}

// Activate opens an account by the secret of its owner that somebody passes on who may
// change it: of an invitation, or of a registration. It needs domain.UserUpdate on the
// user, and the rules of Users.Update hold. It returns domain.ErrSecret for a secret that does
// not fit.
func (a *Accounts) Activate(ctx context.Context, caller domain.Principal, in Presented) (domain.User, error) {
	h, err := a.over(ctx, &caller, domain.UserUpdate, in.User)
	if err != nil {
		return domain.User{}, err
	}
	if err := a.mayPresent(ctx, &caller, h.found.ID); err != nil {
		return domain.User{}, err
	}
	if err := h.may(&h.found); err != nil {
		return domain.User{}, err
	}
	proven, err := a.redeemFor(ctx, &h.found, Redeem{Secret: in.Secret}, domain.AcceptInvite, domain.VerifyAddress)
	return proven.User, err
}

// mayPresent counts that who passes on a secret of the user. It is TooMany beyond the limits.
func (a *Accounts) mayPresent(ctx context.Context, caller *domain.Principal, id domain.UserID) error {
	return a.mayGuess(ctx, fmt.Sprint("user ", id), "user "+string(caller.UUID))
}

// Invite makes an account for somebody.
type Invite struct {
	User directory.UserPatch
	// Link is as in Register; if it is empty nothing is sent yet, see SendConfirmation.
	Link     string
	Lifetime time.Duration
}

// Invite makes an account that cannot be used until its owner accepts it by the link that
// is mailed to them. A mail address is required; otherwise it is as Users.Create.
func (a *Accounts) Invite(ctx context.Context, caller domain.Principal, in Invite) (directory.UserDocument, error) {
	u, err := a.invite(ctx, caller, in, nil)
	return directory.UserDocument{User: u}, err
}

// InviteWithKey is Invite for an account that has an API key from the beginning. The key is
// good for nothing until the account is open.
func (a *Accounts) InviteWithKey(ctx context.Context, caller domain.Principal, in Invite) (KeyHolder, error) {
	keys := []domain.APIKey{newAPIKey(firstAPIKey, a.moment())}
	u, err := a.invite(ctx, caller, in, keys)
	return KeyHolder{User: u, Key: keys[0]}, err
}

func (a *Accounts) invite(ctx context.Context, caller domain.Principal, in Invite,
	keys []domain.APIKey) (domain.User, error) {
	if in.User.Mail == nil {
		return domain.User{}, domain.InvalidField("person.mail", "A mail address is required.")
	}
	if err := domain.CheckMail(*in.User.Mail); err != nil {
		return domain.User{}, err
	}
	state := domain.Invited
	in.User.State = &state
	w, user, hash, err := a.users.Prepare(ctx, &caller, in.User)
	if err != nil {
		return domain.User{}, err
	}
	if in.Link != "" {
		if err := a.mayMail(ctx, &caller, user.Person.Mail); err != nil {
			return domain.User{}, err
		}
	}
	secret := a.secret(domain.AcceptInvite, user.Person.Mail, in.Lifetime)
	err = a.store.Do(ctx, w, func(tx Tx) error {
		if err := tx.InsertUser(&user, hash); err != nil {
			return err
		}
		for i := range keys {
			if err := tx.AddKey(user.Key(), &keys[i]); err != nil {
				return err
			}
		}
		domain.Conclude(ctx, directory.UserDocument{User: user})
		if in.Link == "" {
			return nil
		}
		return a.give(tx, &user, secret, in.Link,
			domain.Letter{Kind: domain.LetterInvite, Valid: in.Lifetime, Login: user.Alias})
	})
	return user, err
}

// Accept opens the account of an invitation, once, with the password its owner chooses. It returns
// domain.ErrSecret if there is no such account or secret, Invalid, field "password", for a
// password that breaks a rule, and TooMany beyond the limits.
func (a *Accounts) Accept(ctx context.Context, in Redeem) (domain.User, error) {
	if in.Password == "" {
		return domain.User{}, domain.InvalidField("password", "A value is required.")
	}
	proven, err := a.redeem(ctx, in, domain.AcceptInvite)
	return proven.User, err
}

// SendConfirmation asks for mail with a link to a user's address, in the words of who asks.
type SendConfirmation struct {
	User domain.UserRef
	// Purpose is domain.AcceptInvite for an account that is not open yet, or
	// domain.ChangeAddress for an address that was asked for.
	Purpose domain.SecretPurpose
	// Link is a path of this server, or an address of who asks, with PlaceSecret in it. Text
	// has PlaceLink where the link is to stand.
	Link, Subject, Text string
	// From is the mail address of whoever it is sent for, to be named in the text; empty for
	// none. Mail is always sent by this server in its own name.
	From     string
	Lifetime time.Duration
}

// SendConfirmation mails the user a link with a one-time secret. It needs
// domain.UserUpdate on them, and the rules of Users.Update hold. It returns Conflict if there is
// nothing to confirm, and TooMany beyond the limits.
func (a *Accounts) SendConfirmation(ctx context.Context, caller domain.Principal, in SendConfirmation) error {
	h, err := a.over(ctx, &caller, domain.UserUpdate, in.User)
	if in.Purpose == domain.ChangeAddress && domain.ErrOwnAccount.Is(err) {
		err = directory.ErrOwnMail // this server has sent the link, to a page that asks for the password
	}
	if err != nil {
		return err
	}
	if err := in.check(&a.rules); err != nil {
		return err
	}
	secret := a.secret(in.Purpose, h.found.Person.Mail, in.Lifetime)
	if in.Purpose == domain.ChangeAddress {
		wanted, err := a.accounts.Latest(ctx, h.found.Key(), in.Purpose)
		if domain.ErrSecret.Is(err) {
			return domain.ErrNotWaiting.On("person.mail").Saying("Ask for another address first.")
		}
		if err != nil {
			return err
		}
		secret.Address, secret.Expires = wanted.Address, wanted.Expires
	}
	if secret.Address == "" {
		return domain.ErrNoMail
	}
	if err := a.mayMail(ctx, &caller, secret.Address); err != nil {
		return err
	}
	kind := map[domain.SecretPurpose]domain.LetterKind{domain.AcceptInvite: domain.LetterInvite,
		domain.ChangeAddress: domain.LetterAddress}[in.Purpose]
	return a.store.Do(ctx, h.w, func(tx Tx) error {
		u, err := h.user(tx)
		if err != nil {
			return err
		}
		if in.Purpose == domain.AcceptInvite && !in.Purpose.Fits(&u.Standing, a.now()) {
			return domain.ErrNotWaiting
		}
		link := a.link(in.Link, &u, secret)
		letter := domain.Letter{Kind: kind, Link: link, Valid: secret.Expires.Sub(a.moment()), Login: u.Alias,
			Subject: in.Subject, Note: strings.ReplaceAll(in.signed(), PlaceLink, link)}
		tx.Mail(a.users.MailTo(secret.Address, &u, letter))
		domain.Conclude(ctx, nil)
		return tx.AddSecret(u.Key(), secret)
	})
}

// The bounds of a mail in somebody's own words, in bytes.
const (
	maxSubject = 200
	maxText    = 10_000
)

// signed returns the text with whom it is sent for.
func (in *SendConfirmation) signed() string {
	if in.From == "" || in.Text == "" {
		return in.Text
	}
	return strings.TrimRight(in.Text, "\r\n") + "\n\n-- \n" + in.From + "\n"
}

func (in *SendConfirmation) check(rules *SignUpRules) error {
	if in.Purpose != domain.AcceptInvite && in.Purpose != domain.ChangeAddress {
		return domain.InvalidField("purpose", "Give one of USER_ACTIVATION and EMAIL_CHANGE.")
	}
	if err := rules.checkLink(in.Link); err != nil {
		return err
	}
	if in.From != "" {
		if err := domain.CheckMail(in.From); err != nil {
			return domain.AsError(err).On("from")
		}
	}
	if len(in.Subject) > maxSubject || strings.ContainsFunc(in.Subject, control) {
		return domain.InvalidField("subject", "Give one line of at most %d bytes.", maxSubject)
	}
	if len(in.Text) > maxText || strings.ContainsFunc(strings.NewReplacer("\n", "", "\r", "", "\t", "").Replace(in.Text),
		control) {
		return domain.InvalidField("body", "Give plain text of at most %d bytes.", maxText)
	}
	for field, text := range map[string]string{"subject": in.Subject, "body": in.Text} {
		if len(rules.LinkHosts) > 0 && rules.foreign(text) {
			return domain.InvalidField(field, "Leave out links and addresses of other hosts.")
		}
	}
	if in.Text != "" && !strings.Contains(in.Text, PlaceLink) {
		return domain.InvalidField("body", "Give a text with a place for the link.")
	}
	return nil
}

// checkLink refuses a link that mail of this server must not have.
func (r *SignUpRules) checkLink(link string) error {
	u, err := url.Parse(link)
	if err != nil || !strings.Contains(link, PlaceSecret) || strings.ContainsFunc(link, control) ||
		strings.ContainsAny(link, " <>\"") {
		return domain.InvalidField("link", "Give an address that begins with https://.")
	}
	if strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") {
		return nil
	}
	known := r.known(u.Host)
	switch {
	case u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !known):
		return domain.InvalidField("link", "Give an address that begins with https://.")
	case len(r.LinkHosts) > 0 && !known:
		return domain.InvalidField("link", "Give a link to a host on the server's --link-hosts.")
	}
	return nil
}

// known reports whether links to the host may be mailed whatever else may be.
func (r *SignUpRules) known(host string) bool {
	own, err := url.Parse(r.PublicURL)
	return err == nil && host == own.Host ||
		slices.ContainsFunc(r.LinkHosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// foreign reports whether a reader's program could turn a word of the text, besides PlaceLink,
// into a link to another host.
func (r *SignUpRules) foreign(text string) bool {
	for word := range strings.FieldsSeq(strings.ReplaceAll(text, PlaceLink, " ")) {
		word = strings.Trim(word, "()[]{}<>\"'.,;:!?")
		u, err := url.Parse(word)
		ours := err == nil && (u.Scheme == "https" || u.Scheme == "http") && r.known(u.Host) &&
			strings.Count(word, "://") == 1 && !strings.ContainsAny(word, "<>\"@\\")
		if directory.Linkable(word) && !ours {
			return true
		}
	}
	return false
}

func control(r rune) bool { return visible(r) < 0 }
