package usecase

import (
	"context"
	"crypto/rand"
	"math/big"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// RegistrationCodePatch says what a registration code is to become. A nil field is left as
// it is.
type RegistrationCodePatch struct {
	Expires  *time.Time // the zero time is never
	MaxUsers *int64     // 0 is any number
	Enabled  *bool
}

func (p *RegistrationCodePatch) apply(c *domain.RegistrationCode) error {
	set(&c.Expires, p.Expires)
	set(&c.MaxUsers, p.MaxUsers)
	set(&c.Enabled, p.Enabled)
	c.Expires = c.Expires.Truncate(time.Millisecond)
	return c.Validate()
}

// OrganizationCode names a registration code of an organization.
type OrganizationCode struct {
	Organization domain.EnvironmentRef
	Code         string
}

// RegistrationCodes returns the registration codes of an organization, oldest first. It
// needs domain.UserCreate there, as whoever has a code can make users.
func (a *Accounts) RegistrationCodes(ctx context.Context, who domain.Principal, organization domain.EnvironmentRef) ([]domain.RegistrationCode, error) {
	w, o, err := a.organization(ctx, &who, organization)
	if err != nil {
		return nil, err
	}
	return a.codes.List(ctx, w.Read(), o)
}

// RegistrationCode returns one code. It needs what RegistrationCodes needs, and is
// NotFound if the organization has no such code.
func (a *Accounts) RegistrationCode(ctx context.Context, who domain.Principal, in OrganizationCode) (domain.RegistrationCode, error) {
	w, o, err := a.organization(ctx, &who, in.Organization)
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	return a.codes.Get(ctx, w.Read(), o, domain.SecretText(in.Code))
}

// CreateRegistrationCode makes a code, which is enabled unless in says otherwise. It needs
// domain.UserCreate, and is Forbidden where a newcomer would have more than who has.
func (a *Accounts) CreateRegistrationCode(ctx context.Context, who domain.Principal, organization domain.EnvironmentRef, in RegistrationCodePatch) (domain.RegistrationCode, error) {
	w, o, err := a.organization(ctx, &who, organization)
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	place, err := a.gate.Environment(ctx, &who, domain.NumberRef(o.Environment()))
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	giver, err := a.gate.Giver(ctx, &who, o)
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	newcomer := domain.User{Organization: o, Home: place.ID, HomePath: place.Path, Role: domain.RoleUser, Groups: []domain.GroupID{domain.UserGroup}}
	if err := giver.MayGive(&newcomer); err != nil {
		return domain.RegistrationCode{}, err
	}
	c := domain.RegistrationCode{Organization: o, Code: newCode(), Created: a.moment(), CreatedBy: who.Alias, Enabled: true}
	if err := in.apply(&c); err != nil {
		return c, err
	}
	return a.codes.Insert(ctx, w, c)
}

// UpdateRegistrationCode changes a code. It needs what CreateRegistrationCode needs.
func (a *Accounts) UpdateRegistrationCode(ctx context.Context, who domain.Principal, of OrganizationCode, in RegistrationCodePatch) (domain.RegistrationCode, error) {
	w, o, err := a.organization(ctx, &who, of.Organization)
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	return a.codes.Update(ctx, w, o, domain.SecretText(of.Code), in.apply)
}

// DeleteRegistrationCode removes a code. It needs what RegistrationCodes needs.
func (a *Accounts) DeleteRegistrationCode(ctx context.Context, who domain.Principal, in OrganizationCode) error {
	w, o, err := a.organization(ctx, &who, in.Organization)
	if err != nil {
		return err
	}
	return a.codes.Delete(ctx, w, o, domain.SecretText(in.Code))
}

// organization returns the proof that who may make users in the organization that ref
// names, an environment that is one.
func (a *Accounts) organization(ctx context.Context, who *domain.Principal, ref domain.EnvironmentRef) (tenancy.WriteScope, domain.OrganizationID, error) {
	e, err := a.gate.Environment(ctx, who, ref)
	if err == nil && !e.IsOrganization {
		err = domain.ErrEnvironmentNotFound
	}
	if err != nil {
		return tenancy.WriteScope{}, 0, domain.AsError(err).On("organization")
	}
	w, err := a.gate.EnterWrite(ctx, who, domain.UserCreate, tenancy.At(e.Path))
	return w, e.Organization, err
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
