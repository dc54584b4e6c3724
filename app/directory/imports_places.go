package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"canopy/domain"
	"canopy/tenancy"
)

// ImportEnvironment is a line of a file: what the environment with its path is to be. Wrong is what could not be read
// of it.
type ImportEnvironment struct {
	Line  int
	Wrong []*domain.Error
	Path  string
	EnvironmentPatch
}

// plannedPlace is a line that makes or changes an environment.
type plannedPlace struct {
	line   int
	patch  EnvironmentPatch
	before *domain.Environment // nil for a new one
	after  domain.Environment
	above  domain.OrganizationID // of a new one: of the environment above
}

// namesOf returns what a path of a file can be found by: complete, or as whoever sees nothing above it writes it.
func namesOf(path string) []domain.EnvironmentRef {
	complete := domain.EnvironmentRef("/" + strings.Trim(path, "/"))
	if complete == "/" || strings.HasPrefix(path, "/") {
		return []domain.EnvironmentRef{complete}
	}
	return []domain.EnvironmentRef{complete, domain.EnvironmentRef(path)}
}

// split returns the path of what is above a place, and the end of its own.
func split(path string) (above, alias string) {
	path = strings.Trim(path, "/")
	at := strings.LastIndexByte(path, '/')
	return cmp.Or(path[:max(at, 0)], "/"), path[at+1:]
}

// placeAt returns the environment with a path of the file: one that it makes, or one that is there.
func (r *importRun) placeAt(path string) (domain.Environment, bool) {
	if p := r.made[domain.PathKey(path)]; p != nil {
		return p.after, true
	}
	for _, ref := range namesOf(path) {
		e := r.places[ref]
		if e.Err == nil && (domain.PathKey(e.AliasPath) == domain.PathKey(path) ||
			domain.PathKey(e.ShownPath(r.w.Read().Shows)) == domain.PathKey(path)) {
			return e.Environment, true
		}
	}
	return domain.Environment{}, false
}

// planPlaces finds out what the lines of environments do, those above before those below.
func (r *importRun) planPlaces(ctx context.Context) error {
	rows := slices.Clone(r.in.Environments)
	slices.SortStableFunc(rows, func(a, b ImportEnvironment) int {
		return strings.Count(strings.Trim(a.Path, "/"), "/") - strings.Count(strings.Trim(b.Path, "/"), "/")
	})
	seen := make(map[string]int)
	for i := range rows {
		row := &rows[i]
		r.wrong(row.Line, row.Wrong)
		key := domain.PathKey(row.Path)
		err := once("path", &key, row.Line, seen)
		if err == nil && len(row.Wrong) == 0 {
			err = r.planPlace(ctx, row)
		}
		if err := r.note(row.Line, err); err != nil {
			return err
		}
	}
	return nil
}

func (r *importRun) planPlace(ctx context.Context, row *ImportEnvironment) error {
	above, alias := split(row.Path)
	p := plannedPlace{line: row.Line, patch: row.EnvironmentPatch}
	if found, there := r.placeAt(row.Path); there {
		p.before, p.after, alias = &found, found, found.Alias
	} else {
		parent, there := r.placeAt(above)
		if !there {
			return domain.ErrEnvironmentNotFound.On("path").Saying("There is no environment above %q.", row.Path)
		}
		p.after, p.above = domain.NewEnvironment(parent.ID), parent.Organization
		p.after.Alias = alias
		Set(&p.after.IsOrganization, row.IsOrganization)
		if err := r.mayMake(ctx, row, &p.after, &parent); err != nil {
			return err
		}
		var err error
		if p.after.ID, err = r.store.NextEnvironment(ctx); err != nil {
			return err
		}
		p.after.Hang(&parent)
	}
	row.Apply(&p.after)
	switch {
	case p.before != nil && row.IsOrganization != nil && *row.IsOrganization != p.before.IsOrganization:
		return domain.InvalidField("organization", "This can be chosen only when the environment is created.")
	case domain.Fold(p.after.Alias) != domain.Fold(alias):
		return domain.InvalidField("alias", "The alias must be the end of the path %q.", row.Path)
	case p.before == nil:
		r.made[domain.PathKey(row.Path)] = &p
	case len(domain.Diff(p.before.Fields(), p.after.Fields())) == 0:
		r.report.Environments.Unchanged++
		return nil
	default:
		if err := r.mayChange(ctx, &p); err != nil {
			return err
		}
	}
	if err := p.after.Validate(); err != nil {
		return err
	}
	r.report.Environments.count(p.before == nil)
	r.order = append(r.order, &p)
	return nil
}

// mayMake returns an error unless the caller may make an environment below parent by hand.
func (r *importRun) mayMake(ctx context.Context, row *ImportEnvironment, made, parent *domain.Environment) error {
	_, err := r.users.gate.EnterWrite(ctx, r.caller, writes(made), tenancy.At(parent.Path))
	if domain.ErrForbidden.Is(err) && made.IsOrganization && row.IsOrganization == nil {
		return r.environments.refuseTenant(ctx, r.caller, parent, err)
	}
	return err
}

// mayChange returns an error unless the caller may make the change by hand.
func (r *importRun) mayChange(ctx context.Context, p *plannedPlace) error {
	_, err := r.environments.mayChange(ctx, r.caller, p.before, false, p.after.Active != p.before.Active)
	if err != nil {
		return err
	}
	_, err = r.users.gate.EnterWrite(ctx, r.caller, domain.EnvironmentWrite, tenancy.At(p.before.Path))
	return err
}

// save makes the environment, or changes it unless what was decided on is another by now.
func (p *plannedPlace) save(tx EnvironmentTx) error {
	if p.before == nil {
		made := p.after
		made.Organization = p.above
		return tx.InsertEnvironment(&made)
	}
	now, err := tx.Environment(tenancy.KeyOf(p.before))
	if err != nil {
		return err
	}
	if now.Path != p.before.Path || now.Active != p.before.Active {
		return domain.ErrChanged
	}
	saved := now
	p.patch.Apply(&saved)
	return tx.SaveEnvironment(&now, &saved)
}

// entry is what the audit trail will have of it.
func (p *plannedPlace) entry() domain.AuditEntry {
	var before domain.Fields
	action := "environment:create"
	if p.before != nil {
		before, action = p.before.Fields(), "environment:update"
	}
	e := &p.after
	return domain.AuditEntry{Action: action,
		Target:       domain.Target{Kind: targetEnvironment, ID: int64(e.ID), Name: e.Alias},
		Organization: e.Organization, Place: e.ID, Path: e.Path, Changes: domain.Diff(before, e.Fields())}
}

// ImportTally counts lines by what becomes of what they are about.
type ImportTally struct{ Created, Updated, Unchanged int }

func (t *ImportTally) count(created bool) {
	if created {
		t.Created++
	} else {
		t.Updated++
	}
}

// ImportStore carries imports out.
type ImportStore interface {
	// NextEnvironment is that of EnvironmentStore.
	NextEnvironment(ctx context.Context) (domain.EnvironmentID, error)
	// Do is that of UserStore.
	Do(ctx context.Context, w tenancy.WriteScope, change func(ImportTx) error) error
}

// ImportTx changes all that files have in one transaction.
type ImportTx interface {
	UserTx
	EnvironmentTx
}
