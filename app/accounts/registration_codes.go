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

// RegistrationCodeStore keeps registration codes, under the rules of UserStore.
type RegistrationCodeStore interface {
	// List returns the codes of an organization, oldest first.
	List(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID) ([]domain.RegistrationCode, error)
	// Get returns the code, or domain.ErrRegistrationCodeNotFound.
	Get(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID, code domain.SecretText) (domain.RegistrationCode, error)
	// Insert adds a code to its organization.
	Insert(ctx context.Context, w tenancy.WriteScope, c domain.RegistrationCode) (domain.RegistrationCode, error)
	// Update loads the code, runs change and saves.
	Update(ctx context.Context, w tenancy.WriteScope, o domain.OrganizationID, code domain.SecretText,
		change func(*domain.RegistrationCode) error) (domain.RegistrationCode, error)
	// Delete removes the code.
	Delete(ctx context.Context, w tenancy.WriteScope, o domain.OrganizationID, code domain.SecretText) error
}

// RegistrationCodePatch says what a registration code is to become. A nil field is left as
// it is.
type RegistrationCodePatch struct {
	Expires  *time.Time // the zero time is never
	MaxUsers *int64     // 0 is any number
	// Left is how many it is to let in from now on, in place of MaxUsers; both must agree.
	Left    *int64
	Enabled *bool
	// If, where it is not nil, is asked about the code as it is just before the change, and its
	// error refuses that.
	If func(*domain.RegistrationCode) error
}

func (p *RegistrationCodePatch) apply(c *domain.RegistrationCode) error {
	if p.If != nil {
		if err := p.If(c); err != nil {
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

// OrganizationCode names a registration code of an organization.
type OrganizationCode struct {
	Organization domain.EnvironmentRef
	Code         string
}

// RegistrationCodes returns the registration codes of an organization, oldest first. It
// needs domain.UserCreate there, as whoever has a code can make users. Who made one is named to
// who reaches them.
func (a *Accounts) RegistrationCodes(ctx context.Context, caller domain.Principal, organization domain.EnvironmentRef) ([]domain.RegistrationCode, error) {
	w, o, err := a.organization(ctx, &caller, organization)
	if err != nil {
		return nil, err
	}
	codes, err := a.codes.List(ctx, w.Read(), o)
	if err != nil {
		return nil, err
	}
	return codes, a.nameMakers(ctx, &caller, codes)
}

// nameMakers takes out of codes who made them where the caller does not reach them.
func (a *Accounts) nameMakers(ctx context.Context, caller *domain.Principal, codes []domain.RegistrationCode) error {
	sight, err := a.gate.Sight(ctx, caller)
	if err != nil {
		return err
	}
	named := map[string]bool{domain.Fold(caller.Alias): true, "": true}
	var asked []string
	for i := range codes {
		if key := domain.Fold(codes[i].CreatedBy); !named[key] && !slices.Contains(asked, codes[i].CreatedBy) {
			asked = append(asked, codes[i].CreatedBy)
		}
	}
	for part := range slices.Chunk(asked, domain.MaxLimit) {
		makers, _, err := a.store.Newest(ctx, sight, domain.PeopleFilter{Aliases: part}, 0, domain.Page{Limit: len(part)})
		if err != nil {
			return err
		}
		for i := range makers {
			named[domain.Fold(makers[i].Alias)] = true
		}
	}
	for i := range codes {
		if !named[domain.Fold(codes[i].CreatedBy)] {
			codes[i].CreatedBy = ""
		}
	}
	return nil
}

// nameMaker is nameMakers of one code.
func (a *Accounts) nameMaker(ctx context.Context, caller *domain.Principal, code domain.RegistrationCode) (domain.RegistrationCode, error) {
	one := []domain.RegistrationCode{code}
	err := a.nameMakers(ctx, caller, one)
	return one[0], err
}

// RegistrationCode returns one code. It needs what RegistrationCodes needs, and is
// NotFound if the organization has no such code.
func (a *Accounts) RegistrationCode(ctx context.Context, caller domain.Principal, in OrganizationCode) (domain.RegistrationCode, error) {
	w, o, err := a.organization(ctx, &caller, in.Organization)
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	code, err := a.codes.Get(ctx, w.Read(), o, domain.SecretText(in.Code))
	if err != nil {
		return code, err
	}
	return a.nameMaker(ctx, &caller, code)
}

// CreateRegistrationCode makes a code, which is enabled unless in says otherwise. It needs
// domain.UserCreate, and is Forbidden where a newcomer would have more than the caller has.
func (a *Accounts) CreateRegistrationCode(ctx context.Context, caller domain.Principal, organization domain.EnvironmentRef, in RegistrationCodePatch) (domain.RegistrationCode, error) {
	w, o, err := a.inviting(ctx, &caller, organization)
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	c := domain.RegistrationCode{Organization: o, Code: newCode(), Created: a.moment(), CreatedBy: caller.Alias, Enabled: true}
	if err := in.apply(&c); err != nil {
		return c, err
	}
	return a.codes.Insert(ctx, w, c)
}

// UpdateRegistrationCode changes a code. It needs what CreateRegistrationCode needs.
func (a *Accounts) UpdateRegistrationCode(ctx context.Context, caller domain.Principal, of OrganizationCode, in RegistrationCodePatch) (domain.RegistrationCode, error) {
	w, o, err := a.inviting(ctx, &caller, of.Organization)
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	code, err := a.codes.Update(ctx, w, o, domain.SecretText(of.Code), in.apply)
	if err != nil {
		return code, err
	}
	return a.nameMaker(ctx, &caller, code)
}

// DeleteRegistrationCode removes a code. It needs what RegistrationCodes needs.
func (a *Accounts) DeleteRegistrationCode(ctx context.Context, caller domain.Principal, in OrganizationCode) error {
	w, o, err := a.organization(ctx, &caller, in.Organization)
	if err != nil {
		return err
	}
	return a.codes.Delete(ctx, w, o, domain.SecretText(in.Code))
}

// organization returns the proof that the caller may make users in the organization that ref
// names, an environment that is one.
func (a *Accounts) organization(ctx context.Context, caller *domain.Principal, ref domain.EnvironmentRef) (tenancy.WriteScope, domain.OrganizationID, error) {
	w, e, err := a.border(ctx, caller, ref)
	return w, e.Organization, err
}

// inviting is organization for who lets newcomers in, and Forbidden where these would have more
// than the caller has.
func (a *Accounts) inviting(ctx context.Context, caller *domain.Principal, ref domain.EnvironmentRef) (tenancy.WriteScope, domain.OrganizationID, error) {
	w, e, err := a.border(ctx, caller, ref)
	if err != nil {
		return w, 0, err
	}
	giver, err := a.gate.Giver(ctx, caller, e.Organization)
	if err != nil {
		return w, 0, err
	}
	newcomer := domain.User{Organization: e.Organization, Home: e.ID, HomePath: e.Path, Role: domain.RoleUser, Groups: []domain.GroupID{domain.UserGroup}}
	return w, e.Organization, giver.MayGive(&newcomer)
}

func (a *Accounts) border(ctx context.Context, caller *domain.Principal, ref domain.EnvironmentRef) (w tenancy.WriteScope, e domain.Environment, err error) {
	e, err = a.gate.Environment(ctx, caller, ref)
	if err == nil && !e.IsOrganization {
		err = domain.ErrEnvironmentNotFound
	}
	if err != nil {
		return w, e, domain.AsError(err).On("organization")
	}
	w, err = a.gate.EnterWrite(ctx, caller, domain.UserCreate, tenancy.At(e.Path))
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
