package accounts

import (
	"context"
	"crypto/rand"
	"math/big"
	"slices"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// RegistrationCodes keeps the codes with which newcomers register in an organization.
type RegistrationCodes struct {
	gate  *tenancy.Gate
	users directory.UserStore
	store RegistrationCodeStore
	now   func() time.Time
}

// NewRegistrationCodes returns the use cases of registration codes.
func NewRegistrationCodes(gate *tenancy.Gate, users directory.UserStore, store RegistrationCodeStore,
	now func() time.Time) *RegistrationCodes {
	return &RegistrationCodes{gate: gate, users: users, store: store, now: now}
}

// RegistrationCodeStore reads registration codes, and changes them in transactions. What a method takes of a
// scope is all there is for it.
type RegistrationCodeStore interface {
	// List returns the codes of an organization, oldest first.
	List(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID) ([]domain.RegistrationCode, error)
	// Get returns the code, or domain.ErrRegistrationCodeNotFound.
	Get(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID,
		code domain.SecretText) (domain.RegistrationCode, error)
	// Do runs work in one transaction within w. The whole of work is run again on a conflict.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx RegistrationCodeTx) error) error
}

// RegistrationCodeTx changes registration codes in one transaction.
type RegistrationCodeTx interface {
	// RegistrationCode is RegistrationCodeStore.Get, locked.
	RegistrationCode(o domain.OrganizationID, code domain.SecretText) (domain.RegistrationCode, error)
	// InsertRegistrationCode adds a code to its organization.
	InsertRegistrationCode(c *domain.RegistrationCode) error
	// SaveRegistrationCode makes before, as it was read, after, but for its uses.
	SaveRegistrationCode(before, after *domain.RegistrationCode) error
	// DeleteRegistrationCode removes a code as it was read.
	DeleteRegistrationCode(c *domain.RegistrationCode) error
}

// RegistrationCodePatch says what a registration code is to become. A nil field is left as
// it is.
type RegistrationCodePatch struct {
	Expires  *time.Time // the zero time is never
	MaxUsers *int64     // 0 is any number
	// Left is how many it is to let in from now on, in place of MaxUsers; both must agree.
	Left    *int64
	Enabled *bool
	// Tenant is the UUID of the organization's environment, which does not change: another one is refused.
	Tenant *domain.UUID
	// Revise is that of directory.UserPatch.
	Revise func(*domain.RegistrationCode) error
}

// CreateRegistrationCode says what the new code of an organization is to be.
type CreateRegistrationCode struct {
	Organization domain.EnvironmentRef
	RegistrationCodePatch
}

// UpdateRegistrationCode says which code is to be changed, and to what.
type UpdateRegistrationCode struct {
	OrganizationCode
	RegistrationCodePatch
}

func (p *RegistrationCodePatch) apply(e *domain.Environment, c *domain.RegistrationCode) error {
	if p.Tenant != nil && *p.Tenant != e.UUID {
		return domain.InvalidField("organization", "This must be the organization in the address, or be left out.")
	}
	if p.Revise != nil {
		if err := p.Revise(c); err != nil {
			return err
		}
	}
	directory.Set(&c.Expires, p.Expires)
	directory.Set(&c.MaxUsers, p.MaxUsers) // of which Left says more
	if p.Left != nil {
		if err := c.SetLeft(*p.Left); err != nil {
			return err
		}
	}
	directory.Set(&c.Enabled, p.Enabled)
	c.Expires = c.Expires.Truncate(time.Millisecond)
	return c.Validate()
}

// CodeDocument is a registration code with the UUID of its organization's environment.
type CodeDocument struct {
	domain.RegistrationCode
	Tenant domain.UUID
}

// OrganizationCode names a registration code of an organization.
type OrganizationCode struct {
	Organization domain.EnvironmentRef
	Code         domain.SecretText
}

// List returns the registration codes of an organization, oldest first. It
// needs domain.UserCreate there, as whoever has a code can make users. Who made one is named to
// who reaches them.
func (r *RegistrationCodes) List(ctx context.Context, caller domain.Principal,
	organization domain.EnvironmentRef) ([]CodeDocument, error) {
	w, e, err := r.enter(ctx, &caller, organization)
	if err != nil {
		return nil, err
	}
	codes, err := r.store.List(ctx, w.Read(), e.Organization)
	if err != nil {
		return nil, err
	}
	return r.describe(ctx, &caller, &e, codes...)
}

// describe says of codes of an organization who made them, as far as the caller reaches these.
func (r *RegistrationCodes) describe(ctx context.Context, caller *domain.Principal, e *domain.Environment,
	codes ...domain.RegistrationCode) ([]CodeDocument, error) {
	sight, err := r.gate.Sight(ctx, caller)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{domain.Fold(caller.Alias): true, "": true}
	var asked []string
	for i := range codes {
		if key := domain.Fold(codes[i].CreatedBy); !named[key] && !slices.Contains(asked, codes[i].CreatedBy) {
			asked = append(asked, codes[i].CreatedBy)
		}
	}
	for part := range slices.Chunk(asked, domain.MaxLimit) {
		makers, _, err := r.users.Newest(ctx, sight, domain.PeopleFilter{Aliases: part}, 0, domain.Page{Limit: len(part)})
		if err != nil {
			return nil, err
		}
		for i := range makers {
			named[domain.Fold(makers[i].Alias)] = true
		}
	}
	described := make([]CodeDocument, len(codes))
	for i, code := range codes {
		if !named[domain.Fold(code.CreatedBy)] {
			code.CreatedBy = ""
		}
		described[i] = CodeDocument{code, e.UUID}
	}
	return described, nil
}

func (r *RegistrationCodes) describeOne(ctx context.Context, caller *domain.Principal, e *domain.Environment,
	code domain.RegistrationCode, err error) (CodeDocument, error) {
	if err != nil {
		return CodeDocument{}, err
	}
	described, err := r.describe(ctx, caller, e, code)
	if err != nil {
		return CodeDocument{}, err
	}
	return described[0], nil
}

// Get returns one code. It needs what List needs, and is NotFound if the organization has no such code.
func (r *RegistrationCodes) Get(ctx context.Context, caller domain.Principal,
	in OrganizationCode) (CodeDocument, error) {
	w, e, err := r.enter(ctx, &caller, in.Organization)
	if err != nil {
		return CodeDocument{}, err
	}
	code, err := r.store.Get(ctx, w.Read(), e.Organization, in.Code)
	return r.describeOne(ctx, &caller, &e, code, err)
}

// Create makes a code, which is enabled unless in says otherwise. It needs
// domain.UserCreate, and is Forbidden where a newcomer would have more than the caller has.
func (r *RegistrationCodes) Create(ctx context.Context, caller domain.Principal,
	in CreateRegistrationCode) (CodeDocument, error) {
	w, e, err := r.inviting(ctx, &caller, in.Organization)
	if err != nil {
		return CodeDocument{}, err
	}
	c := domain.RegistrationCode{Organization: e.Organization, Code: newCode(), Created: r.now().UTC().
		Truncate(time.Millisecond), CreatedBy: caller.Alias, Enabled: true}
	if err := in.apply(&e, &c); err != nil {
		return CodeDocument{}, err
	}
	err = r.store.Do(ctx, w, func(tx RegistrationCodeTx) error { return tx.InsertRegistrationCode(&c) })
	return CodeDocument{c, e.UUID}, err
}

// Update changes a code. It needs what Create needs.
func (r *RegistrationCodes) Update(ctx context.Context, caller domain.Principal,
	in UpdateRegistrationCode) (CodeDocument, error) {
	w, e, err := r.inviting(ctx, &caller, in.Organization)
	if err != nil {
		return CodeDocument{}, err
	}
	var code domain.RegistrationCode
	err = r.store.Do(ctx, w, func(tx RegistrationCodeTx) error {
		before, err := tx.RegistrationCode(e.Organization, in.Code)
		if err != nil {
			return err
		}
		code = before
		if err := in.apply(&e, &code); err != nil {
			return err
		}
		return tx.SaveRegistrationCode(&before, &code)
	})
	return r.describeOne(ctx, &caller, &e, code, err)
}

// Delete removes a code. It needs what List needs.
func (r *RegistrationCodes) Delete(ctx context.Context, caller domain.Principal, in OrganizationCode) error {
	w, e, err := r.enter(ctx, &caller, in.Organization)
	if err != nil {
		return err
	}
	return r.store.Do(ctx, w, func(tx RegistrationCodeTx) error {
		code, err := tx.RegistrationCode(e.Organization, in.Code)
		if err != nil {
			return err
		}
		return tx.DeleteRegistrationCode(&code)
	})
}

// inviting is enter for who lets newcomers in, and Forbidden where these would have more
// than the caller has.
func (r *RegistrationCodes) inviting(ctx context.Context, caller *domain.Principal,
	ref domain.EnvironmentRef) (tenancy.WriteScope, domain.Environment, error) {
	w, e, err := r.enter(ctx, caller, ref)
	if err != nil {
		return w, e, err
	}
	giver, err := r.gate.Giver(ctx, caller, e.Organization)
	if err != nil {
		return w, e, err
	}
	newcomer := domain.User{Organization: e.Organization, Home: e.ID, HomePath: e.Path, Role: domain.RoleUser,
		Groups: []domain.GroupID{domain.UserGroup}}
	return w, e, giver.MayGive(&newcomer)
}

// enter returns the proof that the caller may make users in the organization that ref
// names, an environment that is one.
func (r *RegistrationCodes) enter(ctx context.Context, caller *domain.Principal,
	ref domain.EnvironmentRef) (w tenancy.WriteScope, e domain.Environment, err error) {
	e, err = r.gate.Environment(ctx, caller, ref)
	if err == nil && !e.IsOrganization {
		err = domain.ErrEnvironmentNotFound
	}
	if err != nil {
		return w, e, domain.AsError(err).On("organization")
	}
	w, err = r.gate.EnterWrite(ctx, caller, domain.UserCreate, tenancy.At(e.Path))
	return w, e, err
}

// codeDigits is how long a registration code is: the published ones are digits.
const codeDigits = 12

func newCode() domain.SecretText {
	digits := make([]byte, codeDigits)
	for i := range digits {
		n, err := rand.Int(rand.Reader, big.NewInt(10))
		if err != nil {
			panic(err) // the reader never fails
		}
		digits[i] = '0' + byte(n.Int64())
	}
	return domain.SecretText(digits)
}
