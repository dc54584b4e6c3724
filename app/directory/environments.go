package directory

import (
	"cmp"
	"context"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// Environments lists and keeps environments.
type Environments struct {
	gate   *tenancy.Gate
	store  EnvironmentStore
	rules  *tenancy.SignInRules
	people *Users
	now    func() time.Time
}

// NewEnvironments returns the use cases of environments.
func NewEnvironments(gate *tenancy.Gate, store EnvironmentStore, rules *tenancy.SignInRules,
	people *Users, now func() time.Time) *Environments {
	return &Environments{gate: gate, store: store, rules: rules, people: people, now: now}
}

// EnvironmentStore keeps environments, under the same rule.
type EnvironmentStore interface {
	// List returns one page in tree order and the cursor of the next page.
	List(ctx context.Context, sc tenancy.Scope, p domain.Page) ([]domain.Environment, domain.Cursor, error)
	// Children returns one page of the environments directly below parent, in tree order, and the cursor of
	// the next page. CountedChildren says of each what lies below it, of people those in the scope beside sc.
	Children(ctx context.Context, sc tenancy.Scope, parent domain.EnvironmentID,
		p domain.Page) ([]domain.Environment, domain.Cursor, error)
	CountedChildren(ctx context.Context, sc tenancy.Scope, parent domain.EnvironmentID,
		p domain.Page) ([]domain.CountedEnvironment, domain.Cursor, error)
	// Search returns up to n environments whose alias begins with prefix, compared by domain.Fold, by alias
	// and then in tree order.
	Search(ctx context.Context, sc tenancy.Scope, prefix string, n int) ([]domain.Environment, error)
	// SignInRulesOf returns what an environment itself asks of sign-ins, zero where that is nothing.
	SignInRulesOf(ctx context.Context, sc tenancy.Scope, key tenancy.EnvironmentKey) (domain.SignInRules, error)
	// NextEnvironment returns the number of an environment to be. It is called before the transaction that
	// inserts it.
	NextEnvironment(ctx context.Context) (domain.EnvironmentID, error)
	// Do runs work in one transaction within w. The whole of work is run again on a conflict, so it does
	// nothing but what tx offers.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx EnvironmentTx) error) error
}

// EnvironmentTx is one transaction on environments, within the scope it was opened with. Whatever goes with
// a change, such as its audit entry, is part of it.
type EnvironmentTx interface {
	// Environment returns the environment with that key, locked and with what only organizations have, or
	// domain.ErrEnvironmentNotFound.
	Environment(key tenancy.EnvironmentKey) (domain.Environment, error)
	// InsertEnvironment adds e, with a number of NextEnvironment, below e.Parent, which is of
	// e.Organization, and completes it: it belongs to that organization, or is one if it says so. It returns
	// domain.ErrEnvironmentNotFound on "parent" without such a parent, domain.ErrQuota, and
	// domain.ErrEnvironmentAliasTaken if a sibling has the alias.
	InsertEnvironment(e *domain.Environment) error
	// SaveEnvironment makes before, as it was read, after; another Parent moves the subtree, with its users and
	// everything that names a place in it. It returns domain.ErrEnvironmentNotFound on "parent" without such a
	// parent, domain.ErrEnvironmentCycle, ErrEnvironmentBorder or ErrTooDeep for a move that cannot be made,
	// domain.ErrRootFixed, and domain.ErrEnvironmentAliasTaken.
	SaveEnvironment(before, after *domain.Environment) error
	// SignInRulesOf is that of EnvironmentStore.
	SignInRulesOf(key tenancy.EnvironmentKey) (domain.SignInRules, error)
	// RulesOnWay is that of UserTx.
	RulesOnWay(p domain.EnvironmentPath) ([]domain.PlacedRules, error)
	// SaveSignInRules has an environment ask of sign-ins what the rules say, nothing where they are zero. It returns
	// domain.ErrEnvironmentNotFound outside of the scope.
	SaveSignInRules(key tenancy.EnvironmentKey, rules domain.SignInRules) error
	// LetIn reports whether one of the users at home in or below an environment of their organization can sign in by a
	// password or a passkey.
	LetIn(key tenancy.EnvironmentKey, users []domain.UserID) (bool, error)
	// DeleteEnvironment removes the environment with every mention on users' lists, or returns
	// domain.ErrRootFixed or domain.ErrEnvironmentNotEmpty, which counts what the caller can see of it.
	DeleteEnvironment(e *domain.Environment) error
	// PurgeOrganization puts an organization with everything in it out of everybody's reach, for Depart to take it
	// away, or returns domain.ErrEnvironmentNotEmpty while others lie below it.
	PurgeOrganization(e *domain.Environment) error
}

// ListEnvironments asks for an environment and everything below it.
type ListEnvironments struct {
	Environment domain.EnvironmentRef // empty is the current one
	Page        domain.Page           // without a limit the whole list is returned
}

// List returns an environment with everything below it, in tree order, within the caller's
// reach. It needs domain.EnvironmentRead there.
func (e *Environments) List(ctx context.Context, caller domain.Principal,
	in ListEnvironments) (list Listed[EnvironmentDocument], err error) {
	sc, err := e.gate.Enter(ctx, &caller, domain.EnvironmentRead, tenancy.In(in.Environment))
	if err != nil {
		return list, err
	}
	return ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]EnvironmentDocument, domain.Cursor, error) {
		page, next, err := e.store.List(ctx, sc, p)
		if err != nil {
			return nil, "", err
		}
		return describeEnvironments(sc, page), next, nil
	})
}

// Get returns the environment that ref names, in the caller's reach. It needs
// domain.EnvironmentRead; it returns NotFound, or Conflict for a name that several have.
func (e *Environments) Get(ctx context.Context, caller domain.Principal,
	ref domain.EnvironmentRef) (EnvironmentDocument, error) {
	found, sc, err := e.enter(ctx, &caller, ref)
	if err != nil {
		return EnvironmentDocument{}, err
	}
	return DescribeEnvironment(sc, found), nil
}

// enter returns the environment that ref names with the scope of domain.EnvironmentRead.
func (e *Environments) enter(ctx context.Context, caller *domain.Principal,
	ref domain.EnvironmentRef) (domain.Environment, tenancy.Scope, error) {
	found, err := e.gate.Environment(ctx, caller, ref)
	if err != nil {
		return found, tenancy.Scope{}, err
	}
	sc, err := e.gate.Enter(ctx, caller, domain.EnvironmentRead, tenancy.At(found.Path))
	return found, sc, err
}

// ListChildren asks for what lies directly below an environment.
type ListChildren struct {
	Parent domain.EnvironmentRef
	Counts bool        // asks for Counts of each
	Page   domain.Page // without a limit the whole list is returned
}

// Children returns the environments directly below the one that in names, in tree order, within the caller's
// reach. It needs domain.EnvironmentRead there. Of people those count whom the caller may list.
func (e *Environments) Children(ctx context.Context, caller domain.Principal,
	in ListChildren) (list Listed[EnvironmentDocument], err error) {
	parent, sc, err := e.enter(ctx, &caller, in.Parent)
	if err != nil {
		return list, err
	}
	if !in.Counts {
		return ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]EnvironmentDocument, domain.Cursor, error) {
			page, next, err := e.store.Children(ctx, sc, parent.ID, p)
			if err != nil {
				return nil, "", err
			}
			return describeEnvironments(sc, page), next, nil
		})
	}
	people, err := e.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil && !domain.ErrForbidden.Is(err) {
		return list, err
	}
	sc = sc.Choosing(people)
	return ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]EnvironmentDocument, domain.Cursor, error) {
		page, next, err := e.store.CountedChildren(ctx, sc, parent.ID, p)
		if err != nil {
			return nil, "", err
		}
		described := make([]EnvironmentDocument, len(page))
		for i := range page {
			described[i] = DescribeEnvironment(sc, page[i].Environment)
			described[i].Counts = &page[i].Counts
		}
		return described, next, nil
	})
}

// SearchEnvironments asks for environments whose alias begins with Prefix, in any case.
type SearchEnvironments struct {
	Environment domain.EnvironmentRef // narrows to it and everything below; empty is all of the reach
	Prefix      string
	Limit       int // 0 is domain.MaxFound, which is also the most
}

// Search returns the environments in the caller's reach whose alias begins with in.Prefix, by alias and then in tree
// order. It needs domain.EnvironmentRead there.
func (e *Environments) Search(ctx context.Context, caller domain.Principal,
	in SearchEnvironments) ([]EnvironmentDocument, error) {
	where := tenancy.Anywhere()
	if in.Environment != "" {
		where = tenancy.In(in.Environment)
	}
	sc, err := e.gate.Enter(ctx, &caller, domain.EnvironmentRead, where)
	if err != nil {
		return nil, err
	}
	n := domain.MaxFound
	if in.Limit > 0 {
		n = min(n, in.Limit)
	}
	found, err := e.store.Search(ctx, sc, in.Prefix, n)
	if err != nil {
		return nil, err
	}
	return describeEnvironments(sc, found), nil
}

// EnvironmentPatch says what an environment is to become. A nil field is left as it is.
type EnvironmentPatch struct {
	Parent         *domain.EnvironmentRef
	Alias          *string
	Code           *string
	SendURL        *bool
	Active         *bool
	TimeZone       *string
	GitRepository  *string
	IsOrganization *bool
	// Attributes are those of an organization, changed by name; an empty value takes one away.
	Attributes domain.Attributes

	// Revise is that of UserPatch.
	Revise func(*domain.Environment) error

	// picture is the image that an organization is to have; its zero value is none.
	picture *domain.Picture
}

// Apply makes e what the patch says, but for its parent.
func (p *EnvironmentPatch) Apply(e *domain.Environment) {
	Set(&e.Alias, p.Alias)
	Set(&e.Code, p.Code)
	Set(&e.SendURL, p.SendURL)
	Set(&e.Active, p.Active)
	Set(&e.TimeZone, p.TimeZone)
	Set(&e.GitRepository, p.GitRepository)
	Set(&e.Picture, p.picture)
	e.Attributes = e.Attributes.With(p.Attributes)
}

// UpdateEnvironment says which environment is to be changed, and to what.
type UpdateEnvironment struct {
	Environment domain.EnvironmentRef
	Version     domain.Version // of the document the change was made for
	EnvironmentPatch
}

// Create adds an environment below in.Parent, the current one if that is nil. It needs
// domain.EnvironmentWrite there, and domain.OrganizationWrite for an organization. Alias
// is required; an environment is otherwise active, of the zone GMT, and an organization where it
// lies directly below the root.
func (e *Environments) Create(ctx context.Context, caller domain.Principal,
	in EnvironmentPatch) (EnvironmentDocument, error) {
	var ref domain.EnvironmentRef
	Set(&ref, in.Parent)
	parent, err := e.gate.Environment(ctx, &caller, ref)
	if err != nil {
		return EnvironmentDocument{}, domain.AsError(err).On("parent")
	}
	created := domain.NewEnvironment(parent.ID)
	in.Apply(&created)
	Set(&created.IsOrganization, in.IsOrganization)
	w, err := e.gate.EnterWrite(ctx, &caller, writes(&created), tenancy.At(parent.Path))
	if domain.ErrForbidden.Is(err) && created.IsOrganization && in.IsOrganization == nil {
		err = e.refuseTenant(ctx, &caller, &parent, err)
	}
	if err != nil {
		return EnvironmentDocument{}, err
	}
	if created.ID, err = e.store.NextEnvironment(ctx); err != nil {
		return EnvironmentDocument{}, err
	}
	created.Organization = parent.Organization
	var saved domain.Environment
	err = e.store.Do(ctx, w, func(tx EnvironmentTx) error {
		saved = created
		if err := tx.InsertEnvironment(&saved); err != nil {
			return err
		}
		domain.Conclude(ctx, DescribeEnvironment(w.Read(), saved))
		return nil
	})
	if err != nil {
		return EnvironmentDocument{}, err
	}
	return DescribeEnvironment(w.Read(), saved), nil
}

// refuseTenant returns the error of somebody who may not make an organization and did not say
// that they want none: what to say instead, if they may make that.
func (e *Environments) refuseTenant(ctx context.Context, caller *domain.Principal, parent *domain.Environment,
	refused error) error {
	if _, err := e.gate.EnterWrite(ctx, caller, domain.EnvironmentWrite, tenancy.At(parent.Path)); err != nil {
		return refused
	}
	return domain.ErrForbidden.On("organization").Saying(
		"Directly below the root an environment is an organization, which you may not make. Say that it is none.")
}

// writes returns the permission to create, move and delete e.
func writes(e *domain.Environment) domain.Permission {
	if e.IsOrganization {
		return domain.OrganizationWrite
	}
	return domain.EnvironmentWrite
}

// Update changes the environment that in names; another parent moves it with everything below. It needs
// domain.EnvironmentWrite, and domain.OrganizationWrite to move an organization, deactivate it or take it
// back. It returns NotFound outside the caller's reach, Forbidden to move or switch what the caller does not have
// whole, Conflict where the tree forbids it, and domain.ErrStale if it has another version than in says.
func (e *Environments) Update(ctx context.Context, caller domain.Principal,
	in UpdateEnvironment) (EnvironmentDocument, error) {
	target, _, err := e.enter(ctx, &caller, in.Environment)
	if err != nil {
		return EnvironmentDocument{}, err
	}
	if in.IsOrganization != nil && *in.IsOrganization != target.IsOrganization {
		return EnvironmentDocument{},
			domain.InvalidField("organization", "This can be chosen only when the environment is created.")
	}
	parent, to := target.Parent, domain.Environment{}
	if in.Parent != nil {
		if to, err = e.gate.Environment(ctx, &caller, *in.Parent); err != nil {
			return EnvironmentDocument{}, domain.AsError(err).On("parent")
		}
		parent = to.ID
	}
	w, err := e.mayChange(ctx, &caller, &target, parent != target.Parent, in.Active != nil && *in.Active != target.Active)
	if err != nil {
		return EnvironmentDocument{}, err
	}
	giver, err := e.gate.Giver(ctx, &caller, target.Organization)
	if err != nil {
		return EnvironmentDocument{}, err
	}
	var saved domain.Environment
	err = e.store.Do(ctx, w, func(tx EnvironmentTx) error {
		before, err := tx.Environment(tenancy.KeyOf(&target))
		if err != nil {
			return err
		}
		if err := checkEnvironment(in.Version, w, before); err != nil {
			return err
		}
		saved = before
		if in.Revise != nil {
			if err := in.Revise(&saved); err != nil {
				return err
			}
		}
		if before.Path != target.Path || before.Active != target.Active { // what the permission was decided on
			return domain.ErrChanged
		}
		in.Apply(&saved)
		saved.Parent = parent
		if parent != before.Parent {
			if err := mayMove(tx, e.gate, giver, &caller, &before, to.Path, e.now()); err != nil {
				return onField(err, "parent")
			}
		}
		if err := tx.SaveEnvironment(&before, &saved); err != nil {
			return err
		}
		domain.Conclude(ctx, DescribeEnvironment(w.Read(), saved))
		return nil
	})
	if err != nil {
		return EnvironmentDocument{}, err
	}
	return DescribeEnvironment(w.Read(), saved), nil
}

// mayChange returns the proof that the caller may change target, and move it or switch it if that is said.
func (e *Environments) mayChange(ctx context.Context, caller *domain.Principal, target *domain.Environment, moved,
	switched bool) (tenancy.WriteScope, error) {
	permission := domain.EnvironmentWrite
	if moved || switched {
		permission = writes(target)
	}
	w, err := e.gate.EnterWrite(ctx, caller, permission, tenancy.Anywhere())
	if err != nil || !moved && !switched {
		return w, err
	}
	if switched && target.Path.Contains(caller.Home) {
		if err := e.gate.Above(ctx, caller, permission); domain.ErrForbidden.Is(err) {
			return w, domain.ErrOwnAccount.On("active").Saying("You cannot deactivate an environment that you belong to.")
		} else if err != nil {
			return w, err
		}
	}
	return w, e.hasWhole(ctx, caller, target)
}

// hasWhole returns ErrClimbing unless the caller has all of target, active or not.
func (e *Environments) hasWhole(ctx context.Context, caller *domain.Principal, target *domain.Environment) error {
	giver, err := e.gate.Giver(ctx, caller, target.Organization)
	if err != nil {
		return err
	}
	return giver.MayGivePlaces(target.Path)
}

// DeleteEnvironment says which environment is to go.
type DeleteEnvironment struct {
	Environment domain.EnvironmentRef
	Version     domain.Version // of the document the deletion was decided on
}

// Delete removes the environment that in names. It needs domain.EnvironmentWrite, and
// domain.OrganizationWrite for an organization. It returns Conflict unless it is empty.
func (e *Environments) Delete(ctx context.Context, caller domain.Principal, in DeleteEnvironment) error {
	target, _, err := e.enter(ctx, &caller, in.Environment)
	if err != nil {
		return err
	}
	w, err := e.gate.EnterWrite(ctx, &caller, writes(&target), tenancy.At(target.Path))
	if err = cmp.Or(err, e.gate.Recent(&caller)); err != nil {
		return err
	}
	return e.remove(ctx, w, &target, in.Version, EnvironmentTx.DeleteEnvironment)
}

// checkEnvironment returns domain.ErrStale if e, as it is stored, has not the version that whoever w was given to
// expects.
func checkEnvironment(expected domain.Version, w tenancy.WriteScope, e domain.Environment) error {
	d := DescribeEnvironment(w.Read(), e)
	return expected.Check(d.Version())
}

// remove has target removed in one transaction.
func (e *Environments) remove(ctx context.Context, w tenancy.WriteScope, target *domain.Environment,
	expected domain.Version, remove func(EnvironmentTx, *domain.Environment) error) error {
	return e.store.Do(ctx, w, func(tx EnvironmentTx) error {
		found, err := tx.Environment(tenancy.KeyOf(target))
		if err != nil {
			return err
		}
		if err := checkEnvironment(expected, w, found); err != nil {
			return err
		}
		return remove(tx, &found)
	})
}
