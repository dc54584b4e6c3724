package directory

import (
	"context"
	"errors"

	"canopy/domain"
	"canopy/tenancy"
)

// ReachStore finds users by what they reach, under the rule of UserStore.
type ReachStore interface {
	// Reaching returns a page of users whose home, role, groups or allowed environments may let them reach the
	// environment at p, by number: all who do, and some who do not. Whoever is blocked on the way up from p or has no
	// open account is not among them.
	Reaching(ctx context.Context, sc tenancy.Scope, p domain.EnvironmentPath,
		page domain.Page) ([]domain.User, domain.Cursor, error)
	// Administrators returns users with an open account who act with more than domain.RoleUser in home or at, the
	// nearest first, at most limit by their home, by their organization and of the superUsers. at may be empty.
	Administrators(ctx context.Context, sc tenancy.Scope, home, at domain.EnvironmentPath,
		limit int) ([]domain.User, error)
}

// ListReaching asks who reaches an environment, or may use a permission there.
type ListReaching struct {
	Environment domain.EnvironmentRef
	Permission  *domain.Permission // nil asks for the reach alone
	Page        domain.Page        // without a limit the whole list is returned
}

// ReachingDocument is a user who reaches an environment, and by what.
type ReachingDocument struct {
	UserDocument
	Acts domain.Role // the role they act with
	By   domain.CauseKind
	// ByEnvironment is the environment of the cause; nil if the reader may not read it.
	ByEnvironment *EnvironmentDocument
}

// Reaching returns the users whom the caller sees and who reach an environment, by number: with an account that can be
// used, and with a permission that they may use there if one is asked for. It needs domain.UserRead, and
// domain.EnvironmentRead in the environment, which is NotFound outside the caller's reach. A page may be shorter than
// its limit although another one follows.
func (x *Explain) Reaching(ctx context.Context, caller domain.Principal,
	in ListReaching) (list Listed[ReachingDocument], err error) {
	sc, err := x.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return list, err
	}
	places, err := x.gate.Enter(ctx, &caller, domain.EnvironmentRead, tenancy.Anywhere())
	if err != nil {
		return list, err
	}
	e, err := x.gate.Environment(ctx, &caller, in.Environment)
	if err != nil {
		return list, err
	}
	judge, err := x.gate.JudgeAt(ctx, sc, nil, e.Path, x.now())
	if err != nil {
		return list, err
	}
	l := &reachingList{Explain: x, sc: sc, places: places, judge: judge, permission: in.Permission}
	return ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]ReachingDocument, domain.Cursor, error) {
		return l.page(ctx, e.Path, p)
	})
}

// reachingList is a list of who reaches an environment while it is read.
type reachingList struct {
	*Explain
	sc, places tenancy.Scope
	judge      tenancy.Judge
	permission *domain.Permission
}

// page reads on until the page is full or what was read for it is enough.
func (l *reachingList) page(ctx context.Context, at domain.EnvironmentPath,
	p domain.Page) ([]ReachingDocument, domain.Cursor, error) {
	var kept []ReachingDocument
	for {
		users, next, err := l.reaches.Reaching(ctx, l.sc, at, p)
		if errors.Is(err, domain.ErrHeavy) && len(kept) > 0 {
			return kept, p.After, nil
		}
		if err != nil {
			return nil, "", err
		}
		some, err := l.judged(ctx, users)
		if err != nil {
			return nil, "", err
		}
		kept, p.Limit, p.After = append(kept, some...), p.Limit-len(some), next
		if next == "" || p.Limit <= 0 {
			return kept, next, nil
		}
	}
}

// judged returns those of users who reach the place.
func (l *reachingList) judged(ctx context.Context, users []domain.User) ([]ReachingDocument, error) {
	described, err := describeListed(ctx, l.documents, l.sc, users)
	if err != nil {
		return nil, err
	}
	var kept []ReachingDocument
	for i := range described {
		p := domain.ProfileRead
		Set(&p, l.permission)
		c := l.judge.Case(&described[i].User, described[i].groups, p)
		cause, reached := c.Reached()
		if !reached || !described[i].Usable(l.now()) || l.permission != nil && !c.Allowed() {
			continue
		}
		kept = append(kept, ReachingDocument{UserDocument: described[i], Acts: c.Role(), By: cause.Kind,
			ByEnvironment: onTheWay(&l.judge, l.places, cause.Path)})
	}
	return kept, nil
}
