package directory

import (
	"context"
	"log/slog"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// Overviews says how things stand in a place.
type Overviews struct {
	gate      *tenancy.Gate
	documents *tenancy.Documents
	store     OverviewStore
	signIns   Flusher
	now       func() time.Time
}

// NewOverviews returns the use case of looking over a place. Sign-ins are written into the audit trail by signIns.
func NewOverviews(gate *tenancy.Gate, documents *tenancy.Documents, store OverviewStore, signIns Flusher,
	now func() time.Time) *Overviews {
	return &Overviews{gate: gate, documents: documents, store: store, signIns: signIns, now: now}
}

// OverviewStore counts what is in a place. What a scope does not reach is not counted.
type OverviewStore interface {
	// People counts the people in sc by what they are, and those who have not signed in since a time.
	People(ctx context.Context, sc tenancy.Scope, since time.Time) (domain.PeopleOverview, error)
	// Place counts the rest of what is in the environment at, in one statement: environments in sc, people in the
	// scope beside it, groups, and sign-ins since a time.
	Place(ctx context.Context, sc, groups, signIns tenancy.Scope, at *domain.Environment,
		since time.Time) (domain.PlaceOverview, error)
	// Tally counts the people in sc whom f keeps, up to domain.MaxTold.
	Tally(ctx context.Context, sc tenancy.Scope, f domain.UserFilter) (domain.Tally, error)
	// Unguarded returns the first of the environments in sc that let in by a provider only and leave out nobody who gets
	// in where none answers, at most so many, in tree order, and whether there may be more.
	Unguarded(ctx context.Context, sc tenancy.Scope, most int) (places []domain.Environment, more bool, err error)
	// Contents counts what the environment at a path holds, in one statement: environments in sc, and people in the
	// scope beside it, which may reach further.
	Contents(ctx context.Context, sc tenancy.Scope, at domain.EnvironmentPath) (domain.Contents, error)
}

// The times of an overview, in days.
const (
	overviewIdle = 90
	OverviewDays = 30
)

// OverviewDocument says how things stand in an environment and everything below it, as far as the reader may list
// it.
type OverviewDocument struct {
	Environment EnvironmentDocument
	People      domain.PeopleOverview
	// NotConnectedSince is what People.NotConnected was asked for.
	NotConnectedSince time.Time
	// Here are the people at home in the environment itself, Below those in it and below it.
	Here, Below int64
	// Largest are the environments directly below it with most people, and Others all people in the other ones.
	Largest []PeopledDocument
	Others  int64
	// Lonely is how many organizations have one admin or none, and FirstLonely the first of them.
	Lonely      int64
	FirstLonely []PeopledDocument
	// Groups are those that give nothing, nil where the reader may not read groups; AllGroups is false where
	// there were too many to look at each.
	Groups    []domain.Group
	AllGroups bool
	// SignIns are those that went through, by day, the last one last; nil where the reader may not read the audit
	// trail. AllSignIns is false where there were too many to count.
	SignIns    []DaySignIns
	AllSignIns bool
}

// PeopledDocument is an environment with how many people of some kind it has.
type PeopledDocument struct {
	EnvironmentDocument
	People int64
}

// DaySignIns are the sign-ins of the day that begins at Day, in UTC.
type DaySignIns struct {
	Day time.Time
	N   int64
}

// Get returns how things stand in the environment that ref names, the current one if that is empty, and below it. It
// needs domain.UserRead there, on others than oneself, and domain.EnvironmentRead; groups are part of it with
// domain.GroupRead, and sign-ins with domain.AuditRead.
func (o *Overviews) Get(ctx context.Context, caller domain.Principal,
	ref domain.EnvironmentRef) (d OverviewDocument, err error) {
	at, err := o.gate.Environment(ctx, &caller, ref)
	if err != nil {
		return d, err
	}
	sc, err := o.gate.Enter(ctx, &caller, domain.EnvironmentRead, tenancy.At(at.Path))
	if err != nil {
		return d, err
	}
	people, err := o.gate.Enter(ctx, &caller, domain.UserRead, tenancy.At(at.Path))
	if err != nil {
		return d, err
	}
	if len(people.Ranges()) == 0 {
		return d, domain.ErrForbidden
	}
	groups, mayGroups, err := o.enterIf(ctx, &caller, domain.GroupRead, at.Path)
	if err != nil {
		return d, err
	}
	trail, mayTrail, err := o.enterIf(ctx, &caller, domain.AuditRead, at.Path)
	if err != nil {
		return d, err
	}
	if mayTrail {
		if err := o.signIns.Flush(ctx); err != nil { // what is read can still be told
			slog.WarnContext(ctx, "sign-ins could not be written into the audit trail", "error", err)
		}
	}
	today := o.now().UTC().Truncate(24 * time.Hour)
	d.Environment, d.NotConnectedSince = DescribeEnvironment(sc, at), today.AddDate(0, 0, -overviewIdle)
	if d.People, err = o.store.People(ctx, people, d.NotConnectedSince); err != nil {
		return d, err
	}
	first := today.AddDate(0, 0, 1-OverviewDays)
	place, err := o.store.Place(ctx, sc.Choosing(people), groups.Below(at.Path), trail, &at, first)
	if err != nil {
		return d, err
	}
	d.Here, d.Below, d.Others = place.Here, place.Below, place.Below-place.Here
	d.Largest = describePeopled(sc, place.Largest)
	for i := range d.Largest {
		d.Others -= d.Largest[i].People
	}
	d.Lonely, d.FirstLonely = place.Lonely, describePeopled(sc, place.FirstLonely)
	if mayTrail {
		d.AllSignIns = place.AllSignIns
		for day := first; !day.After(today); day = day.AddDate(0, 0, 1) {
			d.SignIns = append(d.SignIns, DaySignIns{day, place.SignIns[day.Unix()/(24*60*60)]})
		}
	}
	if mayGroups {
		d.Groups, d.AllGroups, err = o.idle(ctx, groups, place.Groups)
	}
	return d, err
}

// Contents returns what the environment that ref names holds, as far as the caller may list it, and would take along
// where it is moved. It needs domain.UserRead there, on others than oneself, and domain.EnvironmentRead.
func (o *Overviews) Contents(ctx context.Context, caller domain.Principal,
	ref domain.EnvironmentRef) (c domain.Contents, err error) {
	at, err := o.gate.Environment(ctx, &caller, ref)
	if err != nil {
		return c, err
	}
	sc, err := o.gate.Enter(ctx, &caller, domain.EnvironmentRead, tenancy.At(at.Path))
	if err != nil {
		return c, err
	}
	people, err := o.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return c, err
	}
	if len(people.Below(at.Path).Ranges()) == 0 {
		return c, domain.ErrForbidden
	}
	return o.store.Contents(ctx, sc.Choosing(people), at.Path)
}

// enterIf returns the scope of a permission at a place, and whether the caller has it there.
func (o *Overviews) enterIf(ctx context.Context, caller *domain.Principal, p domain.Permission,
	at domain.EnvironmentPath) (tenancy.Scope, bool, error) {
	sc, err := o.gate.Enter(ctx, caller, p, tenancy.At(at))
	if domain.ErrForbidden.Is(err) {
		return tenancy.Scope{}, false, nil
	}
	return sc, err == nil, err
}

// idle returns those of the groups that give no permission, and whether each was looked at.
func (o *Overviews) idle(ctx context.Context, sc tenancy.Scope,
	keys []domain.GroupKey) (idle []domain.Group, all bool, err error) {
	all = len(keys) <= domain.MaxGroupsSeen
	keys = keys[:min(len(keys), domain.MaxGroupsSeen)]
	organizations := make([]domain.OrganizationID, len(keys))
	for i, k := range keys {
		organizations[i] = k.Organization
	}
	groups, err := o.documents.Groups(ctx, sc, nil, distinct(organizations)...)
	if err != nil {
		return nil, false, err
	}
	idle = []domain.Group{}
	for _, k := range keys {
		if g, found := groups.Get(k.Organization, k.Group); found && groups.Effective(k.Organization, k.Group).Named() == 0 {
			idle = append(idle, g)
		}
	}
	return idle, all, nil
}

func describePeopled(sc tenancy.Scope, es []domain.PeopledEnvironment) []PeopledDocument {
	described := make([]PeopledDocument, len(es))
	for i, e := range es {
		described[i] = PeopledDocument{DescribeEnvironment(sc, e.Environment), e.People}
	}
	return described
}
