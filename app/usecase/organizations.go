package usecase

import (
	"context"

	"canopy/domain"
	"canopy/tenancy"
)

// Organizations lists and keeps organizations: the environments that are the border of one.
type Organizations struct {
	gate         *tenancy.Gate
	store        OrganizationStore
	environments *Environments
}

// NewOrganizations returns the use cases of organizations. What they have in common with other
// environments is done by environments.
func NewOrganizations(gate *tenancy.Gate, store OrganizationStore, environments *Environments) *Organizations {
	return &Organizations{gate: gate, store: store, environments: environments}
}

// List returns the organizations that filter keeps, with their attributes, in tree order, within
// who's reach. It needs domain.OrganizationRead.
func (o *Organizations) List(ctx context.Context, who domain.Principal, filter domain.OrganizationFilter) (EnvironmentList, error) {
	sc, err := o.gate.Enter(ctx, &who, domain.OrganizationRead, tenancy.Anywhere())
	if err != nil {
		return EnvironmentList{}, err
	}
	read := func(after domain.Cursor) ([]EnvironmentDocument, domain.Cursor, error) {
		page, next, err := o.store.Organizations(ctx, sc, filter, domain.Page{After: after})
		return describeEnvironments(sc, page), next, err
	}
	first, next, err := read("")
	return EnvironmentList{Environments: pages(first, next, read)}, err
}

// Get returns the organization with that UUID, with its attributes, in who's reach. It needs
// domain.OrganizationRead and is NotFound for any other.
func (o *Organizations) Get(ctx context.Context, who domain.Principal, id domain.UUID) (EnvironmentDocument, error) {
	sc, err := o.gate.Enter(ctx, &who, domain.OrganizationRead, tenancy.Anywhere())
	if err != nil {
		return EnvironmentDocument{}, err
	}
	return o.get(ctx, sc, id)
}

func (o *Organizations) get(ctx context.Context, sc tenancy.Scope, id domain.UUID) (EnvironmentDocument, error) {
	one := domain.OrganizationFilter{Conditions: domain.Conditions{All: []domain.Condition{
		{Field: domain.OrganizationUUID, Is: domain.Equal, Texts: []string{string(id)}}}}}
	found, _, err := o.store.Organizations(ctx, sc, one, domain.Page{Limit: 1})
	if err != nil {
		return EnvironmentDocument{}, err
	}
	if len(found) == 0 {
		return EnvironmentDocument{}, domain.ErrEnvironmentNotFound
	}
	return describeEnvironment(sc, found[0]), nil
}

// Create adds an organization below in.Parent, who's own organization if that is nil. It needs
// domain.OrganizationWrite there; Alias is required.
func (o *Organizations) Create(ctx context.Context, who domain.Principal, in EnvironmentPatch) (EnvironmentDocument, error) {
	yes := true
	in.IsOrganization = &yes
	if in.Parent == nil {
		own := domain.NumberRef(who.Organization.Environment())
		in.Parent = &own
	}
	return o.environments.Create(ctx, who, in)
}

// Update changes the organization with that UUID as Environments.Update does.
func (o *Organizations) Update(ctx context.Context, who domain.Principal, id domain.UUID, in EnvironmentPatch) (EnvironmentDocument, error) {
	found, err := o.Get(ctx, who, id)
	if err != nil {
		return EnvironmentDocument{}, err
	}
	return o.environments.Update(ctx, who, domain.NumberRef(found.ID), in)
}

// DeleteOrganization says which organization is to go. Confirm is empty, or its name, which
// says that everything in it is to go with it.
type DeleteOrganization struct {
	ID      domain.UUID
	Confirm string
}

// Delete removes an organization. It needs domain.OrganizationWrite and is NotFound outside who's
// reach. Without Confirm it is Conflict, counting what is in it, unless it is empty; with another
// name than the organization's it is Invalid on "confirm". The root's cannot be deleted, nor one
// that who has only in part or below which others lie.
func (o *Organizations) Delete(ctx context.Context, who domain.Principal, in DeleteOrganization) error {
	found, err := o.Get(ctx, who, in.ID)
	if err != nil {
		return err
	}
	if in.Confirm == "" {
		return o.environments.Delete(ctx, who, domain.NumberRef(found.ID))
	}
	w, err := o.gate.EnterWrite(ctx, &who, domain.OrganizationWrite, tenancy.At(found.Path))
	if err != nil {
		return err
	}
	if in.Confirm != found.Alias {
		return domain.InvalidField("confirm", "The name of the organization is expected; everything in it would be deleted.")
	}
	if found.Path.Contains(who.Home) {
		return domain.ErrOwnAccount.Saying("You cannot delete an organization that you belong to.")
	}
	giver, err := o.gate.Giver(ctx, &who, found.Organization)
	if err != nil {
		return err
	}
	if err := giver.MayGivePlaces(found.Path); err != nil {
		return err
	}
	return o.store.Purge(ctx, w, found.Organization)
}
