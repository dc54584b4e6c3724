package usecase

import (
	"context"
	"sync/atomic"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// populated remembers that the directory has users who are verified.
type populated struct{ atomic.Bool }

// Register is what somebody sends who wants an account.
type Register struct {
	Alias, FirstName, LastName, Mail string
	// Password may be empty where one is made when the address is proven.
	Password                                        string
	Language, TimeZone, Phone, JobTitle, Department string
	Attributes                                      domain.Attributes
	// Properties are declared ones, by key; nil says nothing of them. Else those that are
	// required must be there.
	Properties map[string]string
	Code       string // a registration code; empty for none

	// Link is the path of the link that proves the address, with PlaceSecret and perhaps other
	// placeholders in it; it begins with a slash. PlaceSecret alone mails the secret by itself.
	// Lifetime is how long it works.
	Link     string
	Lifetime time.Duration
	// Note is a text of the stranger's that is to be sent with the link, where a document
	// demands it. It may have PlaceLink in it.
	Note string
	// TellTaken is for surfaces whose document demands that a taken alias is told. That a
	// mail address is taken is never told: the alias is then kept for a while, as if there
	// were an account, so that asking again does not tell either.
	TellTaken bool
	Source    string // the network address of the client

	// full says that the address gets no mail about it, having had enough.
	full bool
}

// post returns the letter about a registration, unless the address has had enough.
func (in *Register) post(m domain.Mail) []domain.Mail {
	if in.full {
		return nil
	}
	return []domain.Mail{m}
}

// Registered is what a registration is answered with, whether or not there is an account
// now. User has no numbers.
type Registered struct{ User domain.User }

// Register makes an account that can be used once its mail address is proven and it is
// approved, and sends the link for that. It is Invalid for what breaks a rule and for a
// code that is not open, Forbidden where nobody may register without a code, and TooMany
// beyond the limits. A registration takes the place of another one with the same mail address
// that is not proven yet; its password is then not taken, since only one of the two can be the
// owner's. A taken alias or mail address has the same answer as success, and
// the owner of the address gets mail about it; unless TellTaken, which makes a taken alias
// Conflict.
func (a *Accounts) Register(ctx context.Context, in Register) (Registered, error) {
	defer a.passwords.Evenly(ctx)()
	user, err := a.newcomer(&in)
	if err != nil {
		return Registered{}, err
	}
	if in.Password != "" {
		if err := a.passwords.Judge(in.Password); err != nil {
			return Registered{}, err
		}
	}
	if in.Code == "" && a.rules.Environment == "" && (!a.rules.FirstUser || a.populated.Load()) {
		return Registered{}, domain.ErrSignUpClosed // before anything is hashed for nothing
	}
	if in.Code != "" {
		if err := a.mayTryCode(ctx, in.Source); err != nil {
			return Registered{}, err
		}
	}
	if err := a.mayCause(ctx, in.Source, in.Mail); err != nil {
		return Registered{}, err
	}
	if in.full, err = a.full(ctx, in.Mail); err != nil {
		return Registered{}, err
	}
	var hash domain.PasswordHash
	if in.Password != "" {
		if hash, err = a.passwords.Hash(ctx, domain.Stranger(in.Source), in.Password); err != nil {
			return Registered{}, err
		}
	}
	stored, err := a.register(ctx, &in, user, hash)
	switch {
	case !domain.ErrUserAliasTaken.Is(err) && !domain.ErrUserMailTaken.Is(err):
	case in.TellTaken && domain.ErrUserAliasTaken.Is(err):
	case domain.ErrUserMailTaken.Is(err):
		stored, err = user, a.tell(ctx, &in, domain.LetterMailTaken)
	default:
		stored, err = user, a.tell(ctx, &in, domain.LetterAliasTaken)
	}
	if err != nil {
		return Registered{}, err
	}
	shown := user
	shown.Organization, shown.Home, shown.HomePath, shown.Role = stored.Organization, stored.Home, stored.HomePath, domain.RoleUser
	return Registered{User: shown}, nil
}

// newcomer returns the account that is asked for, without its place.
func (a *Accounts) newcomer(in *Register) (domain.User, error) {
	now := a.moment()
	u := domain.User{Alias: in.Alias, Role: domain.RoleUser, Groups: []domain.GroupID{domain.UserGroup}, DefaultPage: 1,
		Person: domain.Person{FirstName: in.FirstName, LastName: in.LastName, Mail: in.Mail, Phone: in.Phone,
			JobTitle: in.JobTitle, Department: in.Department},
		Language: in.Language, TimeZone: in.TimeZone,
		Standing: domain.Standing{State: domain.Unverified, Active: true, Created: now, IdleSince: now}}
	properties, err := a.users.properties.Attributes(domain.RoleUser, in.Properties)
	if err != nil {
		return u, err
	}
	u.Attributes = mergeAttributes(in.Attributes, properties)
	if in.Properties != nil {
		if err := a.users.properties.Missing(u.Attributes); err != nil {
			return u, err
		}
	}
	if err := domain.CheckMail(in.Mail); err != nil {
		return u, err
	}
	return u, u.Validate()
}

// register stores the newcomer: as the first of the directory, with a code, or in the
// environment for newcomers.
func (a *Accounts) register(ctx context.Context, in *Register, u domain.User, hash domain.PasswordHash) (domain.User, error) {
	if a.rules.FirstUser && !a.populated.Load() {
		stored, err := a.registerFirst(ctx, in, u, hash)
		if !domain.ErrNotFirst.Is(err) {
			return stored, err
		}
		a.populated.Store(true)
	}
	if in.Code == "" {
		if a.rules.Environment == "" {
			return u, domain.ErrSignUpClosed
		}
		home, err := a.gate.Place(ctx, a.rules.Environment)
		if domain.ErrUnavailable.Is(err) {
			return u, err
		}
		if err != nil {
			return u, domain.ErrInternal.Because(err) // the configuration is wrong
		}
		u.Home, u.HomePath, u.Organization = home.ID, home.Path, home.Organization
	} else if err := a.accounts.CodeOpen(ctx, domain.SecretText(in.Code)); err != nil {
		return u, err // before it is known whether there is such an account
	}
	r := domain.Registration{User: u, Hash: hash, Code: domain.SecretText(in.Code)}
	if in.TellTaken {
		return a.registerTold(ctx, in, r)
	}
	var err error
	if r.Replaces, err = a.replaces(ctx, &u); err != nil {
		return u, err
	}
	if err := a.disown(ctx, &r); err != nil {
		return u, err
	}
	return a.store.Register(ctx, a.self(domain.UserCreate), r, a.verification(in, in.Code != ""))
}

// attributeClaims is the mail address that a registration named whose alias is kept only.
const attributeClaims = "claims"

// registerTold is register where a taken alias is told, which is asked first: whether it is
// free says nothing about the mail address, taken or not.
func (a *Accounts) registerTold(ctx context.Context, in *Register, r domain.Registration) (domain.User, error) {
	replaces, err := a.claimed(ctx, &r.User)
	if err != nil {
		return r.User, err
	}
	r.Replaces, err = a.replaces(ctx, &r.User)
	switch {
	case domain.ErrUserMailTaken.Is(err):
		r.Replaces = replaces
		claim := r.User.Clone()
		claim.Attributes = claim.Attributes.With(domain.Attributes{attributeClaims: claim.Person.Mail})
		claim.Person.Mail = ""
		r.User = claim
		return a.store.Register(ctx, a.self(domain.UserCreate), r, func(*domain.User) (domain.Enclosure, error) {
			return domain.Enclosure{Mails: a.taken(in, domain.LetterMailTaken)}, nil
		})
	case err != nil:
		return r.User, err
	case r.Replaces == domain.UserKey{}:
		r.Replaces = replaces
	}
	if err := a.disown(ctx, &r); err != nil {
		return r.User, err
	}
	return a.store.Register(ctx, a.self(domain.UserCreate), r, a.verification(in, in.Code != ""))
}

// claimed returns the unverified sign-up with the alias and mail address of u, which gives
// way, zero for none; or domain.ErrUserAliasTaken if the alias is anybody else's.
func (a *Accounts) claimed(ctx context.Context, u *domain.User) (domain.UserKey, error) {
	present, err := a.find(ctx, Whose{Alias: u.Alias})
	if domain.ErrUserNotFound.Is(err) {
		return domain.UserKey{}, nil
	}
	if err != nil {
		return domain.UserKey{}, err
	}
	mail := present.Person.Mail
	if mail == "" {
		attributes, err := a.users.store.Attributes(ctx, a.self(domain.UserRead).Read(), []domain.UserID{present.ID})
		if err != nil {
			return domain.UserKey{}, err
		}
		mail = attributes[present.ID][attributeClaims]
	}
	if present.State != domain.Unverified || present.Role != domain.RoleUser || !domain.MailMatches(mail, u.Person.Mail) {
		return domain.UserKey{}, domain.ErrUserAliasTaken
	}
	return present.Key(), nil
}

// registerFirst makes the newcomer the superUser of a directory in which nobody is verified.
func (a *Accounts) registerFirst(ctx context.Context, in *Register, u domain.User, hash domain.PasswordHash) (domain.User, error) {
	u.Home, u.HomePath, u.Organization = domain.RootEnvironment, domain.RootPath, domain.RootOrganization
	u.Role, u.Groups = domain.RoleSuperUser, []domain.GroupID{domain.RootGroup}
	r := domain.Registration{User: u, Hash: hash, First: true}
	return a.store.Register(ctx, a.self(domain.UserCreate), r, a.verification(in, true))
}

// replaces returns the unverified sign-up that gives way because it has the same mail
// address: whoever proves the address decides.
func (a *Accounts) replaces(ctx context.Context, u *domain.User) (domain.UserKey, error) {
	present, err := a.find(ctx, Whose{Mail: u.Person.Mail})
	switch {
	case domain.ErrUserNotFound.Is(err):
		return domain.UserKey{}, nil
	case err != nil:
		return domain.UserKey{}, err
	case present.State != domain.Unverified || present.Role != domain.RoleUser:
		return domain.UserKey{}, domain.ErrUserMailTaken
	}
	return present.Key(), nil
}

// disown takes the password out of a registration that gets in the way of another one whose
// link can be followed still: two people may want the address, and who follows the link may
// be the one who has not chosen the password. One is made when the address is proven.
func (a *Accounts) disown(ctx context.Context, r *domain.Registration) error {
	if r.Replaces == (domain.UserKey{}) {
		return nil
	}
	_, err := a.accounts.Latest(ctx, r.Replaces, domain.VerifyAddress)
	switch {
	case err == nil:
		r.Hash, r.User.FirstAccess = "", true
	case domain.ErrSecret.Is(err):
		return nil
	}
	return err
}

// verification returns the secret that proves a newcomer's address and the mail with it.
func (a *Accounts) verification(in *Register, approves bool) func(*domain.User) (domain.Enclosure, error) {
	secret := a.secret(domain.VerifyAddress, in.Mail, in.Lifetime)
	secret.Approves = approves
	return func(u *domain.User) (domain.Enclosure, error) {
		letter := a.linked(domain.Letter{Kind: domain.LetterVerify, Login: u.Alias, Valid: in.Lifetime,
			Note: a.note(in.Note, in.Link, u, secret)}, in.Link, u, secret)
		return domain.Enclosure{Secrets: []domain.Secret{secret}, Mails: in.post(a.mail(u, letter))}, nil
	}
}

// tell sends a letter to the address of a registration that made no account.
func (a *Accounts) tell(ctx context.Context, in *Register, kind domain.LetterKind) error {
	return a.outbox.Post(ctx, a.taken(in, kind))
}

// taken returns that letter.
func (a *Accounts) taken(in *Register, kind domain.LetterKind) []domain.Mail {
	nobody := domain.User{Organization: domain.RootOrganization, Language: in.Language}
	return in.post(a.users.mailTo(in.Mail, &nobody, domain.Letter{Kind: kind}))
}

// Resend asks for the link that proves an address once more.
type Resend struct {
	Whose
	Link     string // as in Register
	Lifetime time.Duration
	Source   string
}

// Resend sends another link to whoever registered and has not proven their address. It is
// TooMany beyond the limits, and otherwise has one answer.
func (a *Accounts) Resend(ctx context.Context, in Resend) error {
	defer a.passwords.Evenly(ctx)()
	if err := a.mayCause(ctx, in.Source, ""); err != nil {
		return err
	}
	u, err := a.find(ctx, in.Whose)
	if err != nil || u.Person.Mail == "" {
		return quietly(err)
	}
	if open, err := a.takes(ctx, &u, domain.VerifyAddress); !open || err != nil {
		return err
	}
	if full, err := a.full(ctx, u.Person.Mail); full || err != nil {
		return err
	}
	last, err := a.accounts.Latest(ctx, u.Key(), domain.VerifyAddress)
	if err != nil && !domain.ErrSecret.Is(err) {
		return err
	}
	register := Register{Mail: u.Person.Mail, Link: in.Link, Lifetime: in.Lifetime}
	with := a.verification(&register, last.Approves)
	_, err = a.store.UpdateWith(ctx, a.self(domain.UserUpdate), u.ID, "", nil, func(u *domain.User, _ domain.Secret, _ domain.SuperUsers) (domain.Enclosure, error) {
		if !domain.VerifyAddress.Fits(&u.Standing, a.now()) {
			return domain.Enclosure{}, nil
		}
		return with(u)
	})
	return quietly(err)
}

// quietly hides that an account went away meanwhile.
func quietly(err error) error {
	if domain.ErrUserNotFound.Is(err) {
		return nil
	}
	return err
}

// NewPassword says where a new password comes from.
type NewPassword uint8

// The ways to a new password.
const (
	OwnPassword    NewPassword = iota // the person chooses, or has chosen
	ReturnPassword                    // made by Canopy and returned, once
	MailPassword                      // made by Canopy and mailed; to be changed at the first sign-in
)

// Verify presents the secret that proves the address of a registration.
type Verify struct {
	Whose
	Secret   string
	Password NewPassword
	// OrReset takes a secret of Forgot as well, where a surface has one link for both.
	OrReset bool
	Source  string
}

// Proven is the account whose secret was used. Password is the new one, if it was made to
// be returned.
type Proven struct {
	User     domain.User
	Password string
}

// Verify proves the address of a registration, once. The account is then approved, or
// waits for it and those who can approve get mail. Where several registered with the address
// one after the other, the account gets a password by mail. It is domain.ErrSecret if there is no
// such account or secret, and TooMany beyond the limits.
func (a *Accounts) Verify(ctx context.Context, in Verify) (Proven, error) {
	purposes := []domain.SecretPurpose{domain.VerifyAddress}
	if in.OrReset {
		purposes = append(purposes, domain.ResetPassword)
	}
	return a.redeem(ctx, redeem{Whose: in.Whose, secret: in.Secret, purposes: purposes, way: in.Password, source: in.Source})
}

// redeem is a secret that a stranger presents to open an account or give it a password.
type redeem struct {
	Whose
	secret   string
	purposes []domain.SecretPurpose
	way      NewPassword
	password string // the one the person chose
	source   string
}

func (a *Accounts) redeem(ctx context.Context, in redeem) (Proven, error) {
	defer a.passwords.Evenly(ctx)()
	if err := a.mayGuess(ctx, in.name(), in.source); err != nil {
		return Proven{}, err
	}
	u, err := a.find(ctx, in.Whose)
	if domain.ErrUserNotFound.Is(err) {
		err = domain.ErrSecret
	}
	if err != nil {
		return Proven{}, err
	}
	return a.redeemFor(ctx, &u, in)
}

// orSecret returns err, or domain.ErrSecret if there is none.
func orSecret(err error) error {
	if err == nil {
		return domain.ErrSecret
	}
	return err
}

// redeemFor uses up the secret for the account.
func (a *Accounts) redeemFor(ctx context.Context, target *domain.User, in redeem) (Proven, error) {
	if open, err := a.takes(ctx, target, in.purposes...); !open {
		return Proven{}, orSecret(err)
	}
	presented := domain.Presented{Text: domain.SecretText(in.secret), Purposes: in.purposes}
	if err := a.accounts.Holds(ctx, target.Key(), presented); err != nil {
		return Proven{}, err
	}
	var proven Proven
	var hash domain.PasswordHash
	var err error
	made, by := in.password, domain.PartyOf(target.Key())
	if in.way == OwnPassword && target.State == domain.Unverified && target.FirstAccess {
		in.way = MailPassword // see disown
	}
	switch {
	case in.way != OwnPassword:
		made, hash, err = a.password(ctx, by)
	case made != "":
		hash, err = a.passwords.Hash(ctx, by, made)
	}
	if err != nil {
		return proven, err
	}
	approvers, err := a.approvers(ctx, target)
	if err != nil {
		return proven, err
	}
	now := a.moment()
	proven.User, err = a.store.UpdateWith(ctx, a.self(domain.UserUpdate), target.ID, hash, &presented,
		func(u *domain.User, secret domain.Secret, _ domain.SuperUsers) (domain.Enclosure, error) {
			mails, err := a.proved(u, &secret, approvers)
			if err != nil {
				return domain.Enclosure{}, err
			}
			if hash != "" {
				u.LastPassword, u.FirstAccess = now, in.way == MailPassword
				mails = append(mails, a.passwordMail(u, &secret, in.way, made)...)
			}
			return domain.Enclosure{Mails: mails}, nil
		})
	if domain.ErrUserNotFound.Is(err) {
		err = domain.ErrSecret
	}
	if err == nil && in.way == ReturnPassword {
		proven.Password = made
	}
	return proven, err
}

// proved moves the account on after its secret was used, and returns the mail about it.
func (a *Accounts) proved(u *domain.User, secret *domain.Secret, approvers []domain.User) ([]domain.Mail, error) {
	var mails []domain.Mail
	if !secret.Purpose.Fits(&u.Standing, a.now()) {
		return nil, domain.ErrSecret
	}
	switch {
	case secret.Purpose == domain.ResetPassword:
	case secret.Purpose == domain.AcceptInvite:
		u.State, u.IdleSince = domain.Approved, a.moment()
	case secret.Purpose == domain.VerifyAddress && (secret.Approves || a.rules.AutoApprove):
		u.State, u.IdleSince = domain.Approved, a.moment()
		mails = append(mails, a.mail(u, domain.Letter{Kind: domain.LetterWelcome, Login: u.Alias}))
	case secret.Purpose == domain.VerifyAddress:
		u.State = domain.Pending
		for i := range approvers {
			mails = append(mails, a.mail(&approvers[i], domain.Letter{Kind: domain.LetterWaiting, Number: int64(u.ID)}))
		}
	default:
		return nil, domain.ErrSecret
	}
	return mails, nil
}

// passwordMail tells the account's owner of a new password, unless they have just
// registered with it.
func (a *Accounts) passwordMail(u *domain.User, secret *domain.Secret, way NewPassword, password string) []domain.Mail {
	switch {
	case way == MailPassword:
		return []domain.Mail{a.mail(u, domain.Letter{Kind: domain.LetterPassword, Login: u.Alias, Password: domain.SecretText(password)})}
	case secret.Purpose == domain.ResetPassword:
		return []domain.Mail{a.mail(u, domain.Letter{Kind: domain.LetterChanged, Login: u.Alias})}
	}
	return nil
}

// approvers returns who gets mail when the newcomer waits: who reaches the place, as long
// as their own addresses have not had too much.
func (a *Accounts) approvers(ctx context.Context, newcomer *domain.User) ([]domain.User, error) {
	if newcomer.State != domain.Unverified {
		return nil, nil
	}
	all, err := a.store.Approvers(ctx, a.self(domain.UserRead).Read(), newcomer.Organization, maxApprovers)
	if err != nil {
		return nil, err
	}
	var chosen []domain.User
	for _, u := range all {
		subject := u.Subject()
		reach := tenancy.NominalReach(&subject)
		if !u.Usable(a.now()) || !reach.Contains(newcomer.HomePath) {
			continue
		}
		err := a.within(ctx, mailWindow, limit{"approver " + domain.Fold(u.Person.Mail), a.rules.Limits.Address})
		switch {
		case err == nil:
			chosen = append(chosen, u)
		case !domain.ErrTooMany.Is(err):
			return nil, err
		}
	}
	return chosen, nil
}
