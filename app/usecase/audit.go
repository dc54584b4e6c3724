package usecase

import (
	"context"
	"iter"
	"log/slog"
	"strings"

	"canopy/domain"
	"canopy/tenancy"
)

// Audit reads the audit trail.
type Audit struct {
	gate     *tenancy.Gate
	store    AuditStore
	signIns  Flusher
	declared domain.Declared
}

// Flusher writes down what was only noted so far.
type Flusher interface {
	Flush(ctx context.Context) error
}

// NewAudit returns the use case of reading the audit trail of users who have the declared
// properties. Sign-ins are written into it by signIns.
func NewAudit(gate *tenancy.Gate, store AuditStore, signIns Flusher, declared domain.Declared) *Audit {
	return &Audit{gate: gate, store: store, signIns: signIns, declared: declared}
}

// ListAudit asks for entries of an environment and everything below it.
type ListAudit struct {
	Environment domain.EnvironmentRef // empty is the current one
	Filter      domain.AuditFilter
	Page        domain.Page // without a limit the whole trail is returned
}

// AuditList is a list of entries that is read while it is written.
type AuditList struct {
	Entries iter.Seq2[domain.AuditEntry, error]
	Next    domain.Cursor
}

// List returns the entries of an environment and everything below it, newest first,
// within who's reach. It needs domain.AuditRead there. Who acted is named, and found by the
// filter, where who has domain.UserRead on them; of listed environments only those in reach are,
// and of properties that are not who's to read is told only that they changed.
func (a *Audit) List(ctx context.Context, who domain.Principal, in ListAudit) (AuditList, error) {
	sc, err := a.gate.Enter(ctx, &who, domain.AuditRead, tenancy.In(in.Environment))
	if err != nil {
		return AuditList{}, err
	}
	people, err := a.gate.Enter(ctx, &who, domain.UserRead, tenancy.Anywhere())
	if err != nil && !domain.ErrForbidden.Is(err) {
		return AuditList{}, err
	}
	sc = sc.Choosing(people)
	role, err := a.gate.Role(ctx, &who)
	if err != nil {
		return AuditList{}, err
	}
	if err := a.signIns.Flush(ctx); err != nil { // what is read can still be told
		slog.WarnContext(ctx, "sign-ins could not be written into the audit trail", "error", err)
	}
	read := lightly(ctx, in.Page.Limit, func(ctx context.Context, p domain.Page) ([]domain.AuditEntry, domain.Cursor, error) {
		page, next, err := a.store.List(ctx, sc, in.Filter, p)
		if err != nil {
			return nil, "", err
		}
		for i := range page {
			a.redact(role, sc, &page[i])
		}
		return page, next, nil
	})
	first, next, err := read(in.Page.After)
	if err != nil {
		return AuditList{}, err
	}
	var list AuditList
	if in.Page.Limit > 0 {
		list.Next, next = next, ""
	}
	list.Entries = pages(first, next, read)
	return list, nil
}

// redact takes out of an entry what lies outside the reach of its reader, who acts with role,
// and what is not theirs to read.
func (a *Audit) redact(role domain.Role, sc tenancy.Scope, e *domain.AuditEntry) {
	properties := a.declared.Users
	if e.Target.Kind == "environment" {
		properties = a.declared.Organizations
	}
	for i := range e.Changes {
		c := &e.Changes[i]
		switch {
		case c.Field == "envs" || c.Field == "envsbloque":
			c.Before, c.After = shownPlaces(sc, c.Before), shownPlaces(sc, c.After)
		case properties.Hides(role, c.Field):
			c.Before, c.After = "", ""
		}
	}
}

// shownPlaces turns a list of paths into the numbers of those that may be shown.
func shownPlaces(sc tenancy.Scope, paths string) string {
	var numbers []string
	for p := range strings.FieldsSeq(paths) {
		if path := domain.EnvironmentPath(p); sc.Shows(path) {
			numbers = append(numbers, string(domain.NumberRef(path.ID())))
		}
	}
	return strings.Join(numbers, " ")
}
