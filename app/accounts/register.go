package accounts

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"canopy/app/directory"
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
}

// Register makes an account that can be used once its mail address is proven and it is
// approved, and sends the link for that. It returns Invalid for what breaks a rule and for a
// code that is not open, Forbidden where nobody may register without a code, TooMany
// beyond the limits, and Unavailable when so many register that no more mail is sent. A
// registration takes the place of another one with the same mail address that is not proven
// yet; its password is then not taken, since only one of the two can be the owner's. A taken
// alias or mail address has the same answer as success, and the owner of the address gets mail
// about it; unless TellTaken, which makes an alias that is taken for another address Conflict.
//
// Nothing that others can see depends on whether there is an account with the address: what is
// asked for is stored either way, with the alias, the use of a code and the time until it goes
// away; where there is one, without an address and with a link that nobody has. What is returned has no numbers.
func (a *Accounts) Register(ctx context.Context, in Register) (domain.User, error) {
	defer a.passwords.Evenly(ctx)()
	user, err := a.newcomer(&in)
	if err != nil {
		return domain.User{}, err
	}
	if in.Password != "" {
		if err := a.passwords.Judge(in.Password); err != nil {
			return domain.User{}, err
		}
	}
	first := a.rules.FirstUser && !a.populated.Load()
	if in.Code == "" && a.rules.Environment == "" && !first {
		return domain.User{}, domain.ErrSignUpClosed // before anything is hashed for nothing
	}
	if in.Code != "" {
		if err := a.mayTryCode(ctx, in.Source); err != nil {
			return domain.User{}, err
		}
	}
	if err := a.settle(ctx, &in, &user, first); err != nil {
		return domain.User{}, err
	}
	if err := a.mayRegister(ctx, in.Source, in.Mail); err != nil {
		return domain.User{}, err
	}
	var hash domain.PasswordHash
	if in.Password != "" {
		if hash, err = a.passwords.Hash(ctx, domain.Stranger(in.Source), in.Password); err != nil {
			return domain.User{}, err
		}
	}
	stored, err := a.register(ctx, &in, user, hash, first)
	if domain.ErrUserAliasTaken.Is(err) && !in.TellTaken {
		stored, err = user, a.refuse(ctx, &in)
	}
	if err != nil {
		return domain.User{}, err
	}
	shown := user
	shown.Organization, shown.Home, shown.HomePath, shown.Role = stored.Organization, stored.Home, stored.HomePath,
		domain.RoleUser
	return shown, nil
}

// refuse tells the owner of the address that a registration made no account, and nobody else.
func (a *Accounts) refuse(ctx context.Context, in *Register) error {
	if err := a.mayMailNewcomer(ctx); err != nil {
		return err
	}
	kind := domain.LetterAliasTaken
	if _, taken, err := a.holder(ctx, in.Mail); err != nil {
		return err
	} else if taken {
		kind = domain.LetterMailTaken
	}
	return a.store.Do(ctx, a.self(domain.UserCreate), func(tx Tx) error {
		tx.Mail(a.about(in, kind))
		return nil
	})
}

// newcomer returns the account that is asked for, without its place.
func (a *Accounts) newcomer(in *Register) (domain.User, error) {
	now := a.moment()
	u := domain.User{Alias: in.Alias, Role: domain.RoleUser, Groups: []domain.GroupID{domain.UserGroup}, DefaultPage: 1,
		Person: domain.Person{FirstName: in.FirstName, LastName: in.LastName, Mail: in.Mail, Phone: in.Phone,
			JobTitle: in.JobTitle, Department: in.Department},
		Language: in.Language, TimeZone: in.TimeZone,
		Standing: domain.Standing{State: domain.Unverified, Active: true, Created: now, IdleSince: now}}
	properties, err := a.rules.Properties.Attributes(domain.RoleUser, in.Properties)
	if err != nil {
		return u, err
	}
	u.Attributes = directory.MergeAttributes(in.Attributes, properties)
	if in.Properties != nil {
		if err := a.rules.Properties.Missing(u.Attributes); err != nil {
			return u, err
		}
	}
	if err := domain.CheckMail(in.Mail); err != nil {
		return u, err
	}
	// Where people are called like their address, somebody else's is not to be tried as a name.
	if strings.ContainsAny(u.Alias, "@﹫＠") && !domain.MailMatches(u.Alias, in.Mail) {
		return u, domain.InvalidField("alias", "A login name with @ must be the mail address.")
	}
	return u, errors.Join(u.Validate(), directory.GiveName(a.rules.Names, &u))
}

// registerTries is how often a registration begins anew because of others at the same moment.
const registerTries = 5

// settle gives the newcomer a home, and judges the password by the rules there: in the root for the first of the
// directory, where the code opens, or in the environment for newcomers.
func (a *Accounts) settle(ctx context.Context, in *Register, u *domain.User, first bool) error {
	home := domain.Environment{ID: domain.RootEnvironment, Path: domain.RootPath, Organization: domain.RootOrganization}
	if !first {
		var err error
		if home, err = a.newHome(ctx, in); err != nil {
			return err
		}
	}
	u.Home, u.HomePath, u.Organization = home.ID, home.Path, home.Organization
	if in.Password == "" {
		return nil
	}
	return a.own.Judge(ctx, u, 0, in.Password)
}

// newHome returns where the newcomer is to be at home.
func (a *Accounts) newHome(ctx context.Context, in *Register) (home domain.Environment, err error) {
	if in.Code != "" {
		o, err := a.accounts.CodeOpen(ctx, domain.SecretText(in.Code))
		if err != nil {
			return home, err
		}
		home, err = a.gate.Place(ctx, domain.NumberRef(o.Environment()))
		if domain.ErrEnvironmentNotFound.Is(err) { // it went away meanwhile
			err = domain.ErrRegistrationCode
		}
		return home, err
	}
	if a.rules.Environment == "" {
		return home, domain.ErrSignUpClosed
	}
	home, err = a.gate.Place(ctx, a.rules.Environment)
	if err != nil && !domain.ErrUnavailable.Is(err) {
		err = domain.ErrInternal.Because(err) // the configuration is wrong
	}
	return home, err
}

// register stores a newcomer who is settled: as the first of the directory, with a code, or in the
// environment for newcomers. It returns domain.ErrUserAliasTaken for an alias that is not free for
// the newcomer's address.
func (a *Accounts) register(ctx context.Context, in *Register, u domain.User, hash domain.PasswordHash,
	first bool) (domain.User, error) {
	if first {
		stored, err := a.registerFirst(ctx, in, u, hash)
		if !domain.ErrNotFirst.Is(err) {
			return stored, err
		}
		a.populated.Store(true)
		if err := a.settle(ctx, in, &u, false); err != nil {
			return u, err
		}
	}
	for range registerTries {
		stored, err := a.registerOnce(ctx, in, registration{user: u, hash: hash})
		if err == nil || !domain.ErrUserAliasTaken.Is(err) && !domain.ErrUserMailTaken.Is(err) ||
			errors.Is(err, errAliasTaken) {
			return stored, err
		}
	}
	return u, domain.ErrOverloaded
}

// errAliasTaken is domain.ErrUserAliasTaken that was found by looking, not by storing.
var errAliasTaken = errors.New("the alias is an account's")

// registration is a newcomer as they are stored.
type registration struct {
	user domain.User
	hash domain.PasswordHash
	// first means that the newcomer becomes the superUser of a directory without users.
	first bool
	// replaces is an unverified account with the same login name that gives way; outdoes one with the same mail
	// address, which keeps its login name from others as a claim, and has no address any more. Zero is none.
	replaces, outdoes domain.UserKey
}

// registerOnce stores the newcomer, as far as accounts are what they were when it looked for
// them: with their mail address or, where that is an account's already, as a claim.
func (a *Accounts) registerOnce(ctx context.Context, in *Register, r registration) (domain.User, error) {
	u := &r.user
	holder, taken, err := a.holder(ctx, u.Person.Mail)
	if err != nil {
		return *u, err
	}
	r.replaces, err = a.claimed(ctx, u)
	if domain.ErrUserAliasTaken.Is(err) && domain.MailMatches(u.Alias, u.Person.Mail) {
		// That it is taken tells of the address, so something is kept all the same.
		taken, u.Alias = true, claimAlias(u.Person.Mail)
		r.replaces, err = a.claimed(ctx, u)
	}
	if err != nil {
		return *u, err
	}
	if err := a.mayMailNewcomer(ctx); err != nil {
		return *u, err
	}
	if taken {
		u.Claim()
	} else if holder != (domain.UserKey{}) {
		if holder != r.replaces {
			r.outdoes = holder
		}
		if err := a.disown(ctx, &r, holder); err != nil {
			return *u, err
		}
	}
	return a.enter(ctx, in, &r)
}

// enter stores a newcomer with what proves their address.
func (a *Accounts) enter(ctx context.Context, in *Register, r *registration) (domain.User, error) {
	u := r.user
	if err := a.store.Number(ctx, &u); err != nil {
		return u, err
	}
	err := a.store.Do(ctx, a.self(domain.UserCreate), func(tx Tx) error {
		if r.first {
			if err := directory.MakeRoomForFirst(tx); err != nil {
				return err
			}
		} else if in.Code != "" {
			home, err := tx.UseCode(domain.SecretText(in.Code))
			if err != nil {
				return err
			}
			u.Home, u.HomePath, u.Organization = home.ID, home.Path, home.Organization
		}
		if err := makeRoom(tx, r); err != nil {
			return err
		}
		if err := tx.InsertUser(&u, r.hash); err != nil {
			return err
		}
		secret := a.secret(domain.VerifyAddress, in.Mail, in.Lifetime)
		if u.Claims != "" { // it lasts as long as a registration, by a secret that nobody has
			tx.Mail(a.about(in, domain.LetterMailTaken))
			return tx.AddSecret(u.Key(), secret)
		}
		secret.Approves = r.first || in.Code != ""
		return a.give(tx, &u, secret, in.Link,
			domain.Letter{Kind: domain.LetterVerify, Login: u.Alias, Valid: in.Lifetime, Note: in.Note})
	})
	return u, err
}

// makeRoom takes the login name and the mail address of a registration from the unverified accounts that
// have them.
func makeRoom(tx Tx, r *registration) error {
	none := domain.UserKey{}
	if r.replaces != none {
		if err := directory.GiveWay(tx, r.replaces); err != nil {
			return err
		}
	}
	if r.outdoes == none {
		return nil
	}
	outdone, there, err := directory.Unverified(tx, r.outdoes)
	if err != nil || !there {
		return err
	}
	outdone.Claim()
	return tx.SaveUser(&outdone, "")
}

// claimAlias returns the alias of a claim for an address that is the alias of an account. Nobody
// can register it: it has an @ and is no mail address.
func claimAlias(mail string) string {
	return fmt.Sprintf("claim@%x@", sha256.Sum256([]byte(domain.Fold(mail))))
}

// claimed returns the unverified sign-up that keeps the alias of u in the name of the mail
// address of u, which gives way, zero for none; or domain.ErrUserAliasTaken if the alias is
// anybody else's.
func (a *Accounts) claimed(ctx context.Context, u *domain.User) (domain.UserKey, error) {
	present, err := a.byName(ctx, a.accounts.ByAlias, u.Alias)
	if err != nil {
		return domain.UserKey{}, quietly(err)
	}
	if !signingUp(&present) || !domain.MailMatches(present.ClaimedMail(), u.Person.Mail) {
		return domain.UserKey{}, domain.ErrUserAliasTaken.Because(errAliasTaken)
	}
	return present.Key(), nil
}

// holder returns the unverified sign-up that has the mail address, which gives it up because
// whoever proves the address decides; zero for none. taken reports that the address is an
// account's.
func (a *Accounts) holder(ctx context.Context, mail string) (key domain.UserKey, taken bool, err error) {
	present, err := a.byName(ctx, a.accounts.ByMail, mail)
	if err != nil {
		return key, false, quietly(err)
	}
	if !signingUp(&present) {
		return key, true, nil
	}
	return present.Key(), false, nil
}

// signingUp reports whether an account is a sign-up that others may take the place of.
func signingUp(u *domain.User) bool { return u.State == domain.Unverified && u.Role == domain.RoleUser }

// registerFirst makes the newcomer the superUser of a directory in which nobody is verified.
func (a *Accounts) registerFirst(ctx context.Context, in *Register, u domain.User,
	hash domain.PasswordHash) (domain.User, error) {
	u.Role, u.Groups = domain.RoleSuperUser, []domain.GroupID{domain.RootGroup}
	return a.enter(ctx, in, &registration{user: u, hash: hash, first: true})
}

// disown takes the password out of a registration that gets in the way of another one, holder,
// whose link can be followed still: two people may want the address, and who follows the link may
// be the one who has not chosen the password. One is made when the address is proven.
func (a *Accounts) disown(ctx context.Context, r *registration, holder domain.UserKey) error {
	_, err := a.accounts.Latest(ctx, holder, domain.VerifyAddress)
	switch {
	case err == nil:
		r.hash, r.user.FirstAccess = "", true
	case domain.ErrSecret.Is(err):
		return nil
	}
	return err
}

// about returns a letter to the address of a registration that made no account.
func (a *Accounts) about(in *Register, kind domain.LetterKind) domain.Mail {
	nobody := domain.User{Organization: domain.RootOrganization, Language: in.Language}
	return a.users.MailTo(in.Mail, &nobody, domain.Letter{Kind: kind})
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

// Redeem presents the one-time secret of an account that was mailed to its owner.
type Redeem struct {
	Whose
	Secret string
	// Way says where a new password comes from; Password is the one the person chose, or for
	// ConfirmMailChange the one they have.
	Way      NewPassword
	Password string
	// OrReset has Verify take a secret of Forgot as well, where a surface has one link for both.
	OrReset bool
	// Topic has Verify give the person a topic for them alone. Without that they are verified all the same;
	// People.Check tells, and mends it.
	Topic  bool
	Source string
}

// Verify proves the address of a registration, once. The account is then approved, or
// waits for it and those who can approve get mail. Where several registered with the address
// one after the other, the account gets a password by mail. It returns domain.ErrSecret if there is no
// such account or secret, and TooMany beyond the limits.
func (a *Accounts) Verify(ctx context.Context, in Redeem) (directory.Proven, error) {
	purposes := []domain.SecretPurpose{domain.VerifyAddress}
	if in.OrReset {
		purposes = append(purposes, domain.ResetPassword)
	}
	proven, err := a.redeem(ctx, in, purposes...)
	if err == nil && in.Topic {
		_ = a.people.Begin(ctx, &proven.User)
	}
	return proven, err
}

// redeem opens an account by a secret that a stranger presents, or gives it a password.
func (a *Accounts) redeem(ctx context.Context, in Redeem, purposes ...domain.SecretPurpose) (directory.Proven, error) {
	defer a.passwords.Evenly(ctx)()
	u, err := a.presenting(ctx, &in)
	if err != nil {
		return directory.Proven{}, err
	}
	return a.redeemFor(ctx, &u, in, purposes...)
}

// presenting counts that a stranger presents a secret, and returns the account, or domain.ErrSecret.
func (a *Accounts) presenting(ctx context.Context, in *Redeem) (domain.User, error) {
	if err := a.mayGuess(ctx, in.name(), in.Source); err != nil {
		return domain.User{}, err
	}
	u, err := a.find(ctx, in.Whose)
	if domain.ErrUserNotFound.Is(err) {
		err = domain.ErrSecret
	}
	return u, err
}

// holds returns what is presented if the account takes it and has it, else domain.ErrSecret.
func (a *Accounts) holds(ctx context.Context, u *domain.User, secret string,
	purposes ...domain.SecretPurpose) (domain.Presented, error) {
	presented := domain.Presented{Text: domain.SecretText(secret), Purposes: purposes}
	open, err := a.takes(ctx, u, purposes...)
	if err == nil && !open {
		err = domain.ErrSecret
	}
	if err != nil {
		return presented, err
	}
	return presented, a.accounts.Holds(ctx, u.Key(), presented)
}

// redeemFor uses up the secret for the account.
func (a *Accounts) redeemFor(ctx context.Context, target *domain.User, in Redeem,
	purposes ...domain.SecretPurpose) (proven directory.Proven, err error) {
	presented, err := a.holds(ctx, target, in.Secret, purposes...)
	if err != nil {
		return proven, err
	}
	var hash domain.PasswordHash
	made, by := in.Password, domain.PartyOf(target.Key())
	if in.Way == OwnPassword && target.State == domain.Unverified && target.FirstAccess {
		in.Way = MailPassword // see disown
	}
	switch {
	case in.Way != OwnPassword:
		made, hash, err = a.password(ctx, by)
	case made != "":
		if err = a.judge(ctx, target, made); err == nil {
			hash, err = a.passwords.Hash(ctx, by, made)
		}
	}
	if err != nil {
		return proven, err
	}
	approvers, err := a.approvers(ctx, target)
	if err != nil {
		return proven, err
	}
	now := a.moment()
	err = a.store.Do(ctx, a.self(domain.UserUpdate), func(tx Tx) error {
		u, err := tx.User(target.Key())
		if err != nil {
			return err
		}
		secret, err := tx.Spend(u.Key(), presented)
		if err != nil {
			return err
		}
		mails, err := a.proved(&u, &secret, approvers)
		if err != nil {
			return err
		}
		tx.Mail(mails...)
		if hash != "" {
			u.LastPassword, u.FirstAccess = now, in.Way == MailPassword
			tx.Mail(a.passwordMail(&u, &secret, in.Way, made)...)
		}
		proven.User = u
		return tx.SaveUser(&u, hash)
	})
	if domain.ErrUserNotFound.Is(err) {
		err = domain.ErrSecret
	}
	if err == nil && in.Way == ReturnPassword {
		proven.Password = made
	}
	return proven, err
}

// judge returns the errors of directory.OwnPasswords for a password that the owner of an account chooses.
func (a *Accounts) judge(ctx context.Context, u *domain.User, password string) error {
	account, err := a.accounts.ByID(ctx, u.Organization, u.ID)
	if domain.ErrUserNotFound.Is(err) { // it went away meanwhile
		return domain.ErrSecret
	}
	if err != nil {
		return err
	}
	return a.own.Judge(ctx, u, account.Factors, password)
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
		return []domain.Mail{
			a.mail(u, domain.Letter{Kind: domain.LetterPassword, Login: u.Alias, Password: domain.SecretText(password)})}
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
