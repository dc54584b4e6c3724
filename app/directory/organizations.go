package directory

import (
	"cmp"
	"context"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// Organizations lists and keeps organizations: the environments that are the border of one.
type Organizations struct {
	gate         *tenancy.Gate
	store        OrganizationStore
	environments *Environments
	pictures     Pictures
	// properties are what was declared of organizations.
	properties domain.Properties
}

// NewOrganizations returns the use cases of organizations, which have the declared properties. What
// they have in common with other environments is done by environments.
func NewOrganizations(gate *tenancy.Gate, store OrganizationStore, environments *Environments, pictures Pictures,
	properties domain.Properties) *Organizations {
	return &Organizations{gate: gate, store: store, environments: environments, pictures: pictures, properties: properties}
}

// OrganizationStore keeps organizations, under the same rule.
type OrganizationStore interface {
	// Organizations returns one page of the organizations f keeps, with their attributes and the
	// tags of their pictures, in tree order, and the cursor of the next page.
	Organizations(ctx context.Context, sc tenancy.Scope, f domain.OrganizationFilter,
		p domain.Page) ([]domain.Environment, domain.Cursor, error)
	// Complete adds to organizations in sc their attributes and the tags of their pictures. It returns
	// domain.ErrEnvironmentNotFound if one of them is not in sc.
	Complete(ctx context.Context, sc tenancy.Scope, organizations []domain.Environment) error
	// Picture returns the picture of the organization with that key. It returns
	// domain.ErrEnvironmentNotFound, or domain.ErrPictureNotFound if it has none.
	Picture(ctx context.Context, sc tenancy.Scope, key tenancy.EnvironmentKey) (domain.Picture, error)
	DepartureStore
}

// DepartureStore takes away what organizations have that are being deleted.
type DepartureStore interface {
	// Depart takes away a part of what is left of the organization o, 0 for any, that was put out of reach, in the
	// name of who asked for it. It returns how far that is, nil if there is nothing to do here.
	Depart(ctx context.Context, w tenancy.WriteScope, o domain.OrganizationID) (*domain.Departing, error)
}

// Depart takes away what is left of the organization o, 0 for any, that is being deleted, until there is nothing more
// or ctx ends. After each part it lets others write for as long as that took. tell is told of each part.
func Depart(ctx context.Context, store DepartureStore, w tenancy.WriteScope, o domain.OrganizationID,
	tell func(domain.Departing)) error {
	for {
		began := time.Now()
		d, err := store.Depart(ctx, w, o)
		if err != nil || d == nil {
			return err
		}
		tell(*d)
		if d.Ended && o != 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Since(began)):
		}
	}
}

// atOnce is for how long who deletes an organization waits for it to be gone. What is left then goes later.
const atOnce = time.Second

// OrganizationDocument is an organization with what a surface shows beside it, as far as the reader
// may see it.
type OrganizationDocument struct {
	EnvironmentDocument
	// Properties are what was declared of organizations, as far as the reader may read it.
	Properties []domain.PropertyValue
}

// describe adds to organizations of sc what a surface shows beside them.
func (o *Organizations) describe(ctx context.Context, caller *domain.Principal, sc tenancy.Scope,
	es []domain.Environment) ([]OrganizationDocument, error) {
	role, err := o.gate.Role(ctx, caller)
	if err != nil {
		return nil, err
	}
	described := make([]OrganizationDocument, len(es))
	for i, e := range es {
		described[i] = OrganizationDocument{DescribeEnvironment(sc, e), o.properties.Shown(role, e.Attributes)}
	}
	return described, nil
}

// List returns the organizations that filter keeps, with their attributes, in tree order, within
// the caller's reach. It needs domain.OrganizationRead.
func (o *Organizations) List(ctx context.Context, caller domain.Principal,
	filter domain.OrganizationFilter) (Listed[OrganizationDocument], error) {
	sc, err := o.gate.Enter(ctx, &caller, domain.OrganizationRead, tenancy.Anywhere())
	if err != nil {
		return Listed[OrganizationDocument]{}, err
	}
	return ReadList(ctx, domain.Page{},
		func(ctx context.Context, p domain.Page) ([]OrganizationDocument, domain.Cursor, error) {
			page, next, err := o.store.Organizations(ctx, sc, filter, p)
			if err != nil {
				return nil, "", err
			}
			described, err := o.describe(ctx, &caller, sc, page)
			return described, next, err
		})
}

// Get returns the organization that ref names, with its attributes, in the caller's reach. It needs
// domain.OrganizationRead and is NotFound for any other environment.
func (o *Organizations) Get(ctx context.Context, caller domain.Principal,
	ref domain.EnvironmentRef) (OrganizationDocument, error) {
	sc, found, err := o.enter(ctx, &caller, ref)
	if err != nil {
		return OrganizationDocument{}, err
	}
	one := []domain.Environment{found}
	if err := o.store.Complete(ctx, sc, one); err != nil {
		return OrganizationDocument{}, err
	}
	described, err := o.describe(ctx, &caller, sc, one)
	if err != nil {
		return OrganizationDocument{}, err
	}
	return described[0], nil
}

// enter returns the organization that ref names with the scope of domain.OrganizationRead.
func (o *Organizations) enter(ctx context.Context, caller *domain.Principal,
	ref domain.EnvironmentRef) (tenancy.Scope, domain.Environment, error) {
	sc, err := o.gate.Enter(ctx, caller, domain.OrganizationRead, tenancy.Anywhere())
	if err != nil {
		return sc, domain.Environment{}, err
	}
	found, err := o.gate.Environment(ctx, caller, ref)
	if err == nil && (!found.IsOrganization || !sc.Covers(found.Path)) {
		err = domain.ErrEnvironmentNotFound
	}
	return sc, found, err
}

// Picture returns the picture of the organization that ref names, as Get finds it. It returns
// domain.ErrPictureNotFound if it has none.
func (o *Organizations) Picture(ctx context.Context, caller domain.Principal,
	ref domain.EnvironmentRef) (domain.Picture, error) {
	sc, found, err := o.enter(ctx, &caller, ref)
	if err != nil {
		return domain.Picture{}, err
	}
	return o.store.Picture(ctx, sc, tenancy.KeyOf(&found))
}

// UpdateOrganization says which organization is to be changed, and to what.
type UpdateOrganization struct {
	Organization domain.EnvironmentRef
	OrganizationPatch
}

// OrganizationPatch says what an organization is to become. A nil field is left as it is.
type OrganizationPatch struct {
	EnvironmentPatch
	// Properties are changed by key; an empty value takes one away.
	Properties map[string]string
	// Image is a JPEG or PNG; without a byte it takes the picture away.
	Image *[]byte
}

// resolve returns the patch of the environment that the organization is. It checks the properties
// and decodes the image.
func (o *Organizations) resolve(ctx context.Context, caller *domain.Principal,
	in OrganizationPatch) (EnvironmentPatch, error) {
	patch := in.EnvironmentPatch
	role, err := o.gate.Role(ctx, caller)
	if err != nil {
		return patch, err
	}
	properties, err := o.properties.Attributes(role, in.Properties)
	if err != nil {
		return patch, err
	}
	patch.Attributes = MergeAttributes(in.Attributes, properties)
	if in.Image == nil {
		return patch, nil
	}
	patch.picture = &domain.Picture{}
	if len(*in.Image) > 0 {
		*patch.picture, err = o.pictures.Picture(ctx, *in.Image)
	}
	return patch, err
}

// Create adds an organization below in.Parent, the caller's own organization if that is nil. It needs
// domain.OrganizationWrite there; Alias is required, and so is each declared property that is.
func (o *Organizations) Create(ctx context.Context, caller domain.Principal,
	in OrganizationPatch) (OrganizationDocument, error) {
	yes := true
	in.IsOrganization = &yes
	if in.Parent == nil {
		own := domain.NumberRef(caller.Organization.Environment())
		in.Parent = &own
	}
	patch, err := o.resolve(ctx, &caller, in)
	if err != nil {
		return OrganizationDocument{}, err
	}
	if err := o.properties.Missing(patch.Attributes); err != nil {
		return OrganizationDocument{}, err
	}
	created, err := o.environments.Create(ctx, caller, patch)
	return o.changed(ctx, &caller, created, err)
}

// Update changes the organization that in names as Environments.Update does.
func (o *Organizations) Update(ctx context.Context, caller domain.Principal,
	in UpdateOrganization) (OrganizationDocument, error) {
	_, found, err := o.enter(ctx, &caller, in.Organization)
	if err != nil {
		return OrganizationDocument{}, err
	}
	patch, err := o.resolve(ctx, &caller, in.OrganizationPatch)
	if err != nil {
		return OrganizationDocument{}, err
	}
	saved, err := o.environments.Update(ctx, caller, UpdateEnvironment{
		Environment: domain.NumberRef(found.ID), EnvironmentPatch: patch})
	return o.changed(ctx, &caller, saved, err)
}

// changed describes an organization that was just changed, unless err is an error.
func (o *Organizations) changed(ctx context.Context, caller *domain.Principal, e EnvironmentDocument,
	err error) (OrganizationDocument, error) {
	if err != nil {
		return OrganizationDocument{}, err
	}
	role, err := o.gate.Role(ctx, caller)
	if err != nil {
		return OrganizationDocument{}, err
	}
	return OrganizationDocument{e, o.properties.Shown(role, e.Attributes)}, nil
}

// DeleteOrganization says which organization is to go. Confirm is empty, or its name, which
// says that everything in it is to go with it.
type DeleteOrganization struct {
	Organization domain.EnvironmentRef
	Confirm      string
}

// Delete removes an organization. It needs domain.OrganizationWrite and is NotFound outside the caller's
// reach. Without Confirm it returns Conflict, counting what is in it, unless it is empty; with another
// name than the organization's it returns Invalid on "confirm". The root's cannot be deleted, nor one
// that the caller has only in part or below which others lie. From its answer on nobody reaches the organization; a
// large one goes a part at a time, and its names are free once all is gone.
func (o *Organizations) Delete(ctx context.Context, caller domain.Principal, in DeleteOrganization) error {
	_, found, err := o.enter(ctx, &caller, in.Organization)
	if err != nil {
		return err
	}
	if in.Confirm == "" {
		return o.environments.Delete(ctx, caller, DeleteEnvironment{Environment: domain.NumberRef(found.ID)})
	}
	w, err := o.gate.EnterWrite(ctx, &caller, domain.OrganizationWrite, tenancy.At(found.Path))
	if err = cmp.Or(err, o.gate.Recent(&caller)); err != nil {
		return err
	}
	if in.Confirm != found.Alias {
		return domain.InvalidField("confirm", "Repeat the name of the organization; everything in it will be deleted.")
	}
	if found.Path.Contains(caller.Home) {
		return domain.ErrOwnAccount.Saying("You cannot delete an organization that you belong to.")
	}
	if err := o.environments.hasWhole(ctx, &caller, &found); err != nil {
		return err
	}
	if err := o.environments.remove(ctx, w, &found, "", EnvironmentTx.PurgeOrganization); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, atOnce)
	defer cancel()
	_ = Depart(waiting, o.store, w, found.Organization, func(domain.Departing) {}) // the job goes on
	return nil
}
