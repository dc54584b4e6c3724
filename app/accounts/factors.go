package accounts

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Factors shows what people prove themselves by beside a password, has them add and remove it, and lets them prove it.
// Whoever has a factor gets at nothing here by their password alone.
type Factors struct {
	sessions *Sessions
	store    FactorStore
	accounts FactorAccounts
	verifier Verifier
	passkeys Passkeys
	site     string
}

// NewFactors returns the use cases of factors. site is what programs of one-time codes name the server.
func NewFactors(sessions *Sessions, store FactorStore, accounts FactorAccounts, verifier Verifier, passkeys Passkeys,
	site string) *Factors {
	return &Factors{sessions: sessions, store: store, accounts: accounts, verifier: verifier, passkeys: passkeys,
		site: site}
}

// FactorStore shows the factors of users, and changes them in transactions. What a method takes of a scope is all there
// is for it.
type FactorStore interface {
	// List returns the confirmed factors of a user without their secrets, the oldest first; none if there is no such
	// user. RecoveryCodes counts the user's recovery codes that are good.
	List(ctx context.Context, sc tenancy.Scope, user domain.UserKey) ([]domain.Factor, error)
	RecoveryCodes(ctx context.Context, sc tenancy.Scope, user domain.UserKey) (int64, error)
	// Do runs work in one transaction within w. The whole of work is run again on a conflict.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx FactorTx) error) error
}

// FactorTx changes the factors of users whom User returned, in one transaction.
type FactorTx interface {
	// User returns a user, locked, or domain.ErrUserNotFound.
	User(key domain.UserKey) (domain.User, error)
	// Factors returns all factors of a user with their secrets, the oldest first, also one that is not confirmed.
	Factors(user domain.UserKey) ([]domain.Factor, error)
	// AddFactor gives a user a factor, which is theirs then, under a new id, in place of one that is not confirmed.
	AddFactor(user domain.UserKey, f *domain.Factor) error
	// ConfirmFactor makes a factor count that did not, with its name, step and use as they are in f, or returns
	// domain.ErrFactorNotFound.
	ConfirmFactor(f *domain.Factor) error
	// UseFactor takes a confirmed factor on to a step, or returns domain.ErrChanged unless that is behind the one it has.
	// A passkey that never counts stays at 0.
	UseFactor(f *domain.Factor, step int64, at time.Time) error
	// RenameFactor gives a confirmed factor another name, or returns domain.ErrFactorNotFound.
	RenameFactor(user domain.UserKey, id domain.UUID, name string) error
	// RemoveFactor takes a confirmed factor from a user, ends the sessions that were proved by it, and returns what it
	// was, or domain.ErrFactorNotFound. With the last one go the recovery codes.
	RemoveFactor(user domain.UserKey, id domain.UUID) (domain.Factor, error)
	// EndOtherSessions ends the sessions of a user but one.
	EndOtherSessions(user domain.UserKey, but domain.UUID) error
	// RenewSession puts a session of a user into the place of another one, or returns domain.ErrSessionNotFound if that
	// has ended. keep and tell are those of SignInStore.Begin.
	RenewSession(before domain.SessionKey, after domain.Session, keep int, tell func(*domain.User) domain.Mail) error
	// SetRecoveryCodes gives a user codes in place of all from before. SpendRecoveryCode uses one of them up and returns
	// how many are left, or domain.ErrBadCode.
	SetRecoveryCodes(user domain.UserKey, codes []domain.SecretText) error
	SpendRecoveryCode(user domain.UserKey, code domain.SecretText, at time.Time) (left int64, err error)
	// HasLink is that of ProviderTx.
	HasLink(user domain.UserKey) (bool, error)
	// Mail puts mail into the outbox.
	Mail(mails ...domain.Mail)
}

// FactorAccounts reads accounts and what they are proved by, before there is a principal.
type FactorAccounts interface {
	// ByID returns the account with that number, or domain.ErrUserNotFound.
	ByID(ctx context.Context, o domain.OrganizationID, id domain.UserID) (domain.Account, error)
	// Held returns the confirmed factors of an account with their secrets, the oldest first; none if there is no such
	// account.
	Held(ctx context.Context, user domain.UserKey) ([]domain.Factor, error)
	// Count is that of AccountFinder.
	Count(ctx context.Context, subject string, now, since time.Time) (uses int64, began time.Time, err error)
}

// Verifier slows down guessing of codes.
type Verifier interface {
	// TryCode calls try, which returns domain.ErrBadCode for a wrong code, and counts that for the account. It returns
	// domain.ErrTooMany in place of calling it after too many, and otherwise what try returned. wrong is the count of
	// wrong ones if this was one.
	TryCode(ctx context.Context, a domain.Account, address string, try func() error) (wrong int64, err error)
}

// FactorDocument is what a user proves themselves by.
type FactorDocument struct {
	Factors []domain.Factor // the oldest first, without secrets
	// RecoveryCodes is how many recovery codes are good.
	RecoveryCodes int64
	// NoPassword says of the caller that they have no password, so that Fresh asks for a recent sign-in of them.
	NoPassword bool
}

// List returns the factors of a user, zero is the caller. It needs domain.PasswordChange for one's own, else
// domain.UserUpdate on the user. It returns NotFound outside the caller's reach and Forbidden for a user who has more
// than the caller.
func (f *Factors) List(ctx context.Context, caller domain.Principal, ref domain.UserRef) (d FactorDocument, err error) {
	h, err := f.over(ctx, &caller, ref)
	if err != nil {
		return d, err
	}
	if d.Factors, err = f.store.List(ctx, h.w.Read(), h.found.Key()); err != nil {
		return d, err
	}
	if d.RecoveryCodes, err = f.store.RecoveryCodes(ctx, h.w.Read(), h.found.Key()); err != nil || !h.own {
		return d, err
	}
	a, err := f.accounts.ByID(ctx, caller.Organization, caller.User)
	d.NoPassword = a.Hash == ""
	return d, err
}

// Kinds returns which kinds of factors the caller has, also in a session that has proved none of them.
func (f *Factors) Kinds(ctx context.Context, caller domain.Principal) (domain.Factors, error) {
	if _, err := f.whatever(ctx, &caller); err != nil {
		return 0, err
	}
	a, err := f.account(ctx, &caller)
	return a.Factors, err
}

// whatever returns the caller, also if they have still to prove what is missing.
func (f *Factors) whatever(ctx context.Context, caller *domain.Principal) (holder, error) {
	proving := *caller
	proving.Missing = domain.ByPassword
	return oneself(ctx, f.sessions.gate, &proving, domain.PasswordChange)
}

func (f *Factors) over(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (h holder, err error) {
	s := f.sessions
	if ref == (domain.UserRef{}) || caller.Is(ref) {
		return oneself(ctx, s.gate, caller, domain.PasswordChange)
	}
	if h, err = find(ctx, s.users, caller, ref); err != nil {
		return h, err
	}
	if h.own {
		return oneself(ctx, s.gate, caller, domain.PasswordChange)
	}
	if err := h.enter(ctx, s.gate, caller, domain.UserUpdate); err != nil {
		return h, err
	}
	return h, h.may(&h.found)
}

// account returns the caller's account, with the session of the request.
func (f *Factors) account(ctx context.Context, caller *domain.Principal) (domain.Account, error) {
	if caller.Session == "" {
		return f.accounts.ByID(ctx, caller.Organization, caller.User)
	}
	return f.sessions.account(ctx, caller)
}

// own returns the caller's account, with the proof that they may change what they prove themselves by: with a factor
// only who has proved one.
func (f *Factors) own(ctx context.Context, caller *domain.Principal) (h holder, a domain.Account, err error) {
	if h, err = oneself(ctx, f.sessions.gate, caller, domain.PasswordChange); err != nil {
		return h, a, err
	}
	if a, err = f.account(ctx, caller); err != nil {
		return h, a, err
	}
	if err = byFactor(&a, a.Factors != 0); err != nil {
		return h, a, err
	}
	return h, a, nil
}

// byFactor returns domain.ErrFactorMissing where somebody has a factor and their session is proved by less.
func byFactor(a *domain.Account, has bool) error {
	if has && a.Session.Proved.Proof < domain.ByCode {
		return domain.ErrFactorMissing
	}
	return nil
}

// finishing is an account that proves more in a session with a cookie than it was begun with.
type finishing struct {
	account *domain.Account
	// signsIn says that what the account needs is proved by that, and was not before.
	signsIn bool
}

// finish looks at what an account will have proved with that proof. If its session was good for nothing before and is
// not so then, it says in the account where the one is to be used that takes its place.
func (f *Factors) finish(ctx context.Context, a *domain.Account, proof domain.Proof) (finishing, error) {
	if a.Session.ID == "" || !a.Session.Unfinished() {
		return finishing{account: a}, nil
	}
	after := *a
	after.Session.Proved.Proof = max(proof, a.Session.Proved.Proof)
	if err := f.sessions.demands.Hold(ctx, &after); err != nil || after.Missing > domain.ByPassword {
		return finishing{account: a}, err
	}
	e, err := f.sessions.environment(ctx, a, "")
	a.Session.Environment = e.ID
	return finishing{account: a, signsIn: true}, err
}

// note notes the sign-in that was finished now.
func (f *Factors) note(ctx context.Context, in finishing, address string) error {
	if !in.signsIn {
		return nil
	}
	return f.sessions.passwords.Admit(ctx, in.account, address)
}

// freshly is own for what needs a fresh proof besides.
func (f *Factors) freshly(ctx context.Context, caller *domain.Principal, password,
	address string) (h holder, a domain.Account, err error) {
	if h, a, err = f.own(ctx, caller); err != nil {
		return h, a, err
	}
	err = f.sessions.fresh(ctx, &a, password, address)
	return h, a, err
}

// factors returns the holder as they are now, locked, with their factors. Another one may have been confirmed since the
// account was read.
func factors(tx FactorTx, h *holder, a *domain.Account) (domain.User, []domain.Factor, error) {
	user, err := h.user(tx)
	if err != nil {
		return user, nil, err
	}
	all, err := tx.Factors(user.Key())
	if err != nil {
		return user, nil, err
	}
	return user, all, byFactor(a, confirmed(all) > 0)
}

func confirmed(all []domain.Factor) int {
	n := 0
	for i := range all {
		if all[i].Confirmed {
			n++
		}
	}
	return n
}

// Fresh is a change of what somebody signs in by, with the password that goes with it. Who has none sends any, and
// proves themselves by a session with a cookie whose proof is not older than freshWithin.
type Fresh[T any] struct {
	Password, Address string
	In                T
}

// OfferedCode is a secret of one-time codes that does not count yet.
type OfferedCode struct {
	ID     domain.UUID
	Secret domain.SecretText // in base32
	URI    string            // of it and what it is for, as programs for one-time codes read it from a picture
}

// OfferCode makes a secret of one-time codes for the caller, which ConfirmCode makes count within domain.OfferedFor. It
// needs domain.PasswordChange, what Fresh says, and a session proved by a factor of whoever has one. It returns
// Conflict beyond domain.MaxFactors.
func (f *Factors) OfferCode(ctx context.Context, caller domain.Principal,
	in Fresh[struct{}]) (out OfferedCode, err error) {
	h, account, err := f.freshly(ctx, &caller, in.Password, in.Address)
	if err != nil {
		return OfferedCode{}, err
	}
	secret, uri, err := newCodeSecret(f.site, caller.Alias)
	if err != nil {
		return OfferedCode{}, err
	}
	offered := domain.Factor{Kind: domain.CodeFactor, Secret: domain.SecretText(secret), Created: f.moment()}
	err = f.store.Do(ctx, h.w, func(tx FactorTx) error {
		user, all, err := factors(tx, &h, &account)
		if err != nil {
			return err
		}
		if confirmed(all) >= domain.MaxFactors {
			return domain.ErrTooManyFactors
		}
		if err := tx.AddFactor(user.Key(), &offered); err != nil {
			return err
		}
		out = OfferedCode{ID: offered.ID, Secret: offered.Secret, URI: uri}
		domain.Conclude(ctx, out)
		return nil
	})
	return out, err
}

// ConfirmCode is a code of a secret that was offered, and what the factor is to be called.
type ConfirmCode struct {
	ID              domain.UUID
	Code, Name      string
	Address, Client string
}

// AddedFactor is a factor that counts from now on. Recovery are new recovery codes, which are shown once: none unless
// it is the first factor. Session takes the place of the caller's session, if that has a cookie and was proved by less;
// it is nil otherwise.
type AddedFactor struct {
	Factor   domain.Factor
	Recovery []domain.SecretText
	Session  *SignedIn
}

// ConfirmCode makes a secret that was offered to the caller count. With the first factor all other sessions of the
// caller end. It returns domain.ErrBadCode for a wrong code and domain.ErrFactorNotFound for what is not offered.
func (f *Factors) ConfirmCode(ctx context.Context, caller domain.Principal, in ConfirmCode) (out AddedFactor,
	err error) {
	h, account, err := f.own(ctx, &caller)
	if err != nil {
		return out, err
	}
	finishing, err := f.finish(ctx, &account, domain.CodeFactor.Strongest())
	if err != nil {
		return out, err
	}
	code, _ := readCode(in.Code)
	err = f.try(ctx, &account, in.Address, h.w, func(tx FactorTx) error {
		user, all, err := factors(tx, &h, &account)
		if err != nil {
			return err
		}
		now := f.moment()
		i := slices.IndexFunc(all, func(o domain.Factor) bool {
			return o.ID == in.ID && o.Kind == domain.CodeFactor && !o.Confirmed && now.Before(o.Created.Add(domain.OfferedFor))
		})
		if i < 0 {
			return domain.ErrFactorNotFound
		}
		offered := all[i]
		offered.Name, offered.LastUsed = in.Name, now
		if err := offered.Validate(); err != nil {
			return err
		}
		right := false
		if offered.Step, right = stepOf(offered.Secret, code, now, 0); !right {
			return domain.ErrBadCode
		}
		if err := tx.ConfirmFactor(&offered); err != nil {
			return err
		}
		if out, err = f.added(tx, &user, &account, all, &offered, client{in.Address, in.Client}); err != nil {
			return err
		}
		domain.Conclude(ctx, out)
		return nil
	})
	if err == nil {
		err = f.note(ctx, finishing, in.Address)
	}
	if err != nil {
		return AddedFactor{}, err
	}
	return out, nil
}

// client is from where and from what somebody proves a factor.
type client struct{ address, name string }

// added does what goes with a factor that counts from now on, beside all that the user had.
func (f *Factors) added(tx FactorTx, user *domain.User, a *domain.Account, all []domain.Factor, added *domain.Factor,
	from client) (out AddedFactor, err error) {
	out.Factor = *added
	out.Factor.Secret = ""
	if confirmed(all) == 0 {
		if err := tx.EndOtherSessions(user.Key(), a.Session.ID); err != nil {
			return out, err
		}
		out.Recovery = newRecoveryCodes()
		if err := tx.SetRecoveryCodes(user.Key(), out.Recovery); err != nil {
			return out, err
		}
	}
	f.tell(tx, user, domain.Letter{Kind: domain.LetterFactorAdded})
	proved := domain.Proved{Proof: added.Kind.Strongest(), Factor: added.ID, At: f.moment()}
	if a.Session.ID == "" || a.Session.Kind != domain.CookieSession || a.Session.Proved.Proof >= proved.Proof {
		return out, nil
	}
	signedIn, err := f.renew(tx, a, proved, from)
	out.Session = &signedIn
	return out, err
}

// renew puts a new session in the place of the account's, which was begun with less, so that whoever knows something of
// that one has nothing.
func (f *Factors) renew(tx FactorTx, a *domain.Account, proved domain.Proved, from client) (SignedIn, error) {
	session, secret := f.session(a, a.Session.Environment, proved, from)
	err := tx.RenewSession(a.Session.SessionKey, session, int(f.sessions.limits.Most), f.sessions.newDevice(&session))
	if domain.ErrSessionNotFound.Is(err) {
		err = domain.ErrUnauthenticated
	}
	if err != nil {
		return SignedIn{}, err
	}
	return f.sessions.signedIn(*a, session, domain.Environment{ID: session.Environment}, "", secret, nil)
}

// session returns a session with a cookie, and the cookie.
func (f *Factors) session(a *domain.Account, e domain.EnvironmentID, proved domain.Proved,
	from client) (domain.Session, string) {
	s := f.sessions
	session := domain.Session{
		SessionKey: domain.SessionKey{UserKey: a.UserKey(), ID: domain.UUID(uuid.Must(uuid.NewV7()).String())},
		Kind:       domain.CookieSession, TokenEpoch: a.TokenEpoch, Environment: e, Created: proved.At, LastUsed: proved.At,
		Expires: proved.At.Add(s.limits.Cookie), Idle: s.limits.CookieIdle, Client: domain.CleanClient(from.name),
		Network: domain.NetworkOf(from.address), Surface: a.Session.Surface, Proved: proved,
	}
	if session.Unfinished() {
		session.Expires = proved.At.Add(min(s.limits.Unproved, s.limits.Cookie))
	}
	secret, hash := s.tokens.NewSecret(session.Kind, session.SessionKey, 0)
	session.Hash = hash
	return session, secret
}

// RenameFactor is another name for a factor.
type RenameFactor struct {
	ID   domain.UUID
	Name string
}

// Rename gives a factor of the caller's another name. It needs what OfferCode needs, but for the password.
func (f *Factors) Rename(ctx context.Context, caller domain.Principal, in RenameFactor) error {
	h, account, err := f.own(ctx, &caller)
	if err != nil {
		return err
	}
	named := domain.Factor{Name: in.Name}
	if err := named.Validate(); err != nil {
		return err
	}
	return f.store.Do(ctx, h.w, func(tx FactorTx) error {
		user, _, err := factors(tx, &h, &account)
		if err != nil {
			return err
		}
		return tx.RenameFactor(user.Key(), in.ID, in.Name)
	})
}

// Remove takes a factor from a user, zero is the caller: one's own as OfferCode says; those of others under the rules
// of List, with a recent proof, which no API key is. The sessions that were proved by it end, and it counts nowhere
// from then on. It returns domain.ErrFactorNotFound if the user has no such factor, and domain.ErrOnlyWayIn for the
// passkey without which the caller could not sign in any more.
func (f *Factors) Remove(ctx context.Context, caller domain.Principal, in Fresh[OfUser[domain.UUID]]) error {
	h, err := f.over(ctx, &caller, in.In.User)
	if err != nil {
		return err
	}
	var account domain.Account
	if h.own {
		h, account, err = f.freshly(ctx, &caller, in.Password, in.Address)
	} else {
		err = f.sessions.gate.Anew(&caller)
	}
	if err != nil {
		return err
	}
	return f.store.Do(ctx, h.w, func(tx FactorTx) error {
		user, err := h.user(tx)
		if err == nil && h.own {
			user, _, err = factors(tx, &h, &account)
		}
		if err != nil {
			return err
		}
		if _, err = tx.RemoveFactor(user.Key(), in.In.In); err != nil {
			return err
		}
		if h.own {
			if err := keepsAWayIn(tx, &account, false); err != nil {
				return domain.AsError(err).On("factor")
			}
		}
		f.tell(tx, &user, domain.Letter{Kind: domain.LetterFactorRemoved})
		domain.Conclude(ctx, nil)
		return nil
	})
}

// RenewRecoveryCodes returns new recovery codes of the caller's, which are shown once, in place of all from before. It
// needs what OfferCode needs, and returns domain.ErrNoFactor for who has no factor whose place they could take.
func (f *Factors) RenewRecoveryCodes(ctx context.Context, caller domain.Principal,
	in Fresh[struct{}]) (codes []domain.SecretText, err error) {
	h, account, err := f.freshly(ctx, &caller, in.Password, in.Address)
	if err != nil {
		return nil, err
	}
	codes = newRecoveryCodes()
	err = f.store.Do(ctx, h.w, func(tx FactorTx) error {
		user, all, err := factors(tx, &h, &account)
		if err != nil {
			return err
		}
		if confirmed(all) == 0 {
			return domain.ErrNoFactor
		}
		f.tell(tx, &user, domain.Letter{Kind: domain.LetterRecoveryMade})
		domain.Conclude(ctx, codes)
		return tx.SetRecoveryCodes(user.Key(), codes)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// Prove is a one-time code, or a recovery code in its place; or the password of who has no factor.
type Prove struct {
	Code, Password  string
	Address, Client string
}

// Prove begins a new session in the place of the caller's, which has a cookie, by a one-time code of one of their
// factors, or by a recovery code, which is used up; by the password where there is no factor. Each code is good once,
// on all servers together. It returns domain.ErrBadCode for a wrong one, Forbidden (field "password") for a wrong
// password, and domain.ErrTooMany after too many.
func (f *Factors) Prove(ctx context.Context, caller domain.Principal, in Prove) (out SignedIn, err error) {
	h, account, err := f.proving(ctx, &caller)
	if err != nil {
		return out, err
	}
	proof := domain.ByCode
	if account.Factors == 0 {
		proof = domain.ByPassword
	}
	finishing, err := f.finish(ctx, &account, proof)
	if err != nil {
		return out, err
	}
	if proof == domain.ByPassword {
		out, err = f.provePassword(ctx, &h, &account, in)
	} else {
		err = f.try(ctx, &account, in.Address, h.w, func(tx FactorTx) error {
			proved, err := f.useUp(tx, &h, in.Code)
			if err != nil {
				return err
			}
			out, err = f.renew(tx, &account, proved, client{in.Address, in.Client})
			return err
		})
	}
	if err == nil {
		err = f.note(ctx, finishing, in.Address)
	}
	if err != nil {
		return SignedIn{}, err
	}
	return out, nil
}

// useUp uses up a one-time code of the holder's, or a recovery code, and returns what that proves.
func (f *Factors) useUp(tx FactorTx, h *holder, text string) (proved domain.Proved, err error) {
	user, err := h.user(tx)
	if err != nil {
		return proved, err
	}
	proved = domain.Proved{Proof: domain.ByCode, At: f.moment()}
	code, recovery := readCode(text)
	if recovery {
		return proved, f.spend(tx, &user, domain.SecretText(code), proved.At)
	}
	proved.Factor, err = useCode(tx, user.Key(), code, proved.At)
	return proved, err
}

// SignInByCode is SignIn with a one-time code, or a recovery code in its place. NewPassword and Steps are for who sends
// none.
type SignInByCode struct {
	SignIn
	Code string
}

// SignIn is Sessions.SignIn for a client that can send a code with the password, by which its session is proved then.
// A code is good once, on all servers together; it is tried behind the right password only, and where a session that is
// proved by it is enough. It returns domain.ErrBadCode for a wrong one, also of an account that has no factor,
// domain.ErrTooMany after too many, and errors as Sessions.SignIn does beyond that.
func (f *Factors) SignIn(ctx context.Context, in SignInByCode) (out SignedIn, err error) {
	if in.Code == "" {
		return f.sessions.SignIn(ctx, in.SignIn)
	}
	account, err := f.sessions.recognise(ctx, &in.SignIn)
	if err != nil {
		return out, err
	}
	// It is judged as the session that it gets.
	account.Session = sessionToBe(&account, domain.Proved{Proof: domain.ByCode, At: f.moment()})
	return f.sessions.begin(ctx, &account, &in.SignIn, f.sessions.demands.Refuse,
		func() (proved domain.Proved, err error) {
			h, err := oneself(ctx, f.sessions.gate, &account.Principal, domain.PasswordChange)
			if err != nil {
				return proved, err
			}
			err = f.try(ctx, &account, in.Address, h.w, func(tx FactorTx) (err error) {
				proved, err = f.useUp(tx, &h, in.Code)
				return err
			})
			return proved, err
		})
}

func (f *Factors) provePassword(ctx context.Context, h *holder, a *domain.Account, in Prove) (out SignedIn,
	err error) {
	if err := f.sessions.password(ctx, a, in.Password, in.Address); err != nil {
		return out, err
	}
	err = f.store.Do(ctx, h.w, func(tx FactorTx) error {
		if _, _, err := factors(tx, h, a); err != nil { // one may have been added meanwhile
			return err
		}
		out, err = f.renew(tx, a, domain.Proved{At: f.moment()}, client{in.Address, in.Client})
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return out, nil
}

// proving returns the caller's account with the session in whose place another one is to come, whatever is missing.
func (f *Factors) proving(ctx context.Context, caller *domain.Principal) (h holder, a domain.Account, err error) {
	if h, err = f.whatever(ctx, caller); err != nil {
		return h, a, err
	}
	if a, err = f.account(ctx, caller); err != nil {
		return h, a, err
	}
	if a.Session.ID == "" || a.Session.Kind != domain.CookieSession {
		return h, a, domain.ErrForbidden
	}
	return h, a, nil
}

// useCode takes the factor whose code it is on, and returns which that is.
func useCode(tx FactorTx, user domain.UserKey, code string, now time.Time) (domain.UUID, error) {
	all, err := tx.Factors(user)
	if err != nil {
		return "", err
	}
	for i := range all {
		if !all[i].Confirmed || all[i].Kind != domain.CodeFactor {
			continue
		}
		if step, right := stepOf(all[i].Secret, code, now, all[i].Step); right {
			return all[i].ID, tx.UseFactor(&all[i], step, now)
		}
	}
	return "", domain.ErrBadCode
}

// spend uses a recovery code up and tells the user.
func (f *Factors) spend(tx FactorTx, user *domain.User, code domain.SecretText, now time.Time) error {
	left, err := tx.SpendRecoveryCode(user.Key(), code, now)
	if err == nil {
		f.tell(tx, user, domain.Letter{Kind: domain.LetterRecoveryUsed, Number: left})
	}
	return err
}

// try runs work, which tries a code of the account's, in one transaction. Who has the password and guesses codes is
// made to wait, and the user is told once.
func (f *Factors) try(ctx context.Context, a *domain.Account, address string, w tenancy.WriteScope,
	work func(FactorTx) error) error {
	wrong, err := f.verifier.TryCode(ctx, *a, address, func() error { return f.store.Do(ctx, w, work) })
	if wrong != toldAt {
		return err
	}
	told := f.store.Do(ctx, w, func(tx FactorTx) error {
		user, err := tx.User(a.UserKey())
		if err == nil {
			f.tell(tx, &user, domain.Letter{Kind: domain.LetterCodesGuessed})
		}
		return err
	})
	if told != nil {
		return told
	}
	return err
}

// toldAt is after how many wrong codes the user is told.
const toldAt = 5

// tell mails a letter to the user, if they have an address.
func (f *Factors) tell(tx FactorTx, user *domain.User, letter domain.Letter) {
	tell(f.sessions.users, tx, user, letter)
}

// tell mails a letter about their account to the user, if they have an address.
func tell(users *directory.Users, tx interface{ Mail(mails ...domain.Mail) }, user *domain.User,
	letter domain.Letter) {
	if user.Person.Mail == "" {
		return
	}
	letter.Login = user.Alias
	tx.Mail(users.MailTo(user.Person.Mail, user, letter))
}

func (f *Factors) moment() time.Time { return f.sessions.moment() }
