package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// Explain says why a decision is made.
type Explain struct {
	gate      *tenancy.Gate
	documents *tenancy.Documents
	users     UserStore
	accounts  AccountStore
	reaches   ReachStore
	now       func() time.Time
}

// NewExplain returns the use case of explaining decisions.
func NewExplain(gate *tenancy.Gate, documents *tenancy.Documents, users UserStore, accounts AccountStore,
	reaches ReachStore, now func() time.Time) *Explain {
	return &Explain{gate: gate, documents: documents, users: users, accounts: accounts, reaches: reaches, now: now}
}

// ExplainDecision asks whether a user may use a permission. Without an environment the
// question is about the user's own account.
type ExplainDecision struct {
	User        domain.UserRef // zero is the caller
	Permission  domain.Permission
	Environment domain.EnvironmentRef
	Changes     bool // asks for Changes
}

// ExplanationDocument is an explanation as far as the reader may see it.
type ExplanationDocument struct {
	domain.Explanation
	User        domain.User
	Environment *EnvironmentDocument // nil for the user's own account
	// Usable is false if the account cannot be used at all, whatever the rest says; Expired says
	// that it cannot be used before the password is changed.
	Usable, Expired bool
	// Chains are the groups of Explanation.Groups; one is empty if it is not to be named to the
	// reader.
	Chains [][]domain.Group
	// IncludedBy and ExcludedBy are the environments of the causes; nil if there is no cause
	// or the reader does not reach it.
	IncludedBy, ExcludedBy *EnvironmentDocument
	// Changes are the smallest that would turn the verdict round, if Asked says that they were asked for;
	// MoreChanges says that there are as small ones besides.
	Asked       bool
	Changes     []ChangeDocument
	MoreChanges bool
}

// Decision returns the verdict and what led to it. It needs domain.UserRead on the user and
// domain.EnvironmentRead in the environment, which must be in the caller's reach, and is NotFound
// otherwise. Environments who may not read are not named.
func (x *Explain) Decision(ctx context.Context, caller domain.Principal,
	in ExplainDecision) (ExplanationDocument, error) {
	v, err := x.view(ctx, &caller, in.User)
	if err != nil {
		return ExplanationDocument{}, err
	}
	if v.forbidden != nil && in.Environment != "" {
		return ExplanationDocument{}, v.forbidden
	}
	sc, user := v.sc, &v.user
	known := tenancy.Generations{user.Organization: user.Generation}
	d := ExplanationDocument{User: *user}
	var path domain.EnvironmentPath
	if in.Environment != "" {
		e, err := x.gate.KnownEnvironment(ctx, &caller, known, in.Environment)
		if err != nil {
			return ExplanationDocument{}, err
		}
		described := DescribeEnvironment(sc, e)
		d.Environment, path = &described, e.Path
	}
	groups, err := x.documents.Groups(ctx, sc, known, user.Organization)
	if err != nil {
		return ExplanationDocument{}, err
	}
	now := x.now()
	judge, err := x.gate.JudgeAt(ctx, sc, known, path, now, user.HomePath)
	if err != nil {
		return ExplanationDocument{}, err
	}
	c := judge.Case(user, groups, in.Permission)
	d.Explanation = c.Explain()
	d.Usable = user.Usable(now)
	d.Expired = user.PasswordExpired(now) && in.Permission != domain.PasswordChange
	d.Allowed = d.Allowed && d.Usable && !d.Expired
	for i, reason := range d.Groups {
		chain := groups.Chain(user.Organization, reason.Chain[0])
		if len(chain) > 0 && !sc.ShowsGroup(chain[0].Organization, user.HomePath) {
			chain = nil
		}
		if held, ok := groups.Get(user.Organization, reason.WithheldBy); ok &&
			!sc.ShowsGroup(held.Organization, user.HomePath) {
			d.Groups[i].WithheldBy = 0
		}
		d.Chains = append(d.Chains, chain)
	}
	m := &makers{Explain: x, judge: judge, view: v, permission: in.Permission, now: now}
	d.IncludedBy, d.ExcludedBy = onTheWay(&judge, v.places, d.Included.Path), onTheWay(&judge, v.places, d.Excluded.Path)
	if d.Asked = in.Changes; !d.Asked {
		return d, nil
	}
	return d, m.addChanges(ctx, &caller, &c, &d)
}

// userView is a user as a reader sees them.
type userView struct {
	user domain.User
	sc   tenancy.Scope // of domain.UserRead
	// places is the scope of domain.EnvironmentRead; forbidden is why it covers nothing, if that is so.
	places    tenancy.Scope
	forbidden error
}

// showsGroup reports whether a group of the user may be named to the reader.
func (v *userView) showsGroup(g *domain.Group) bool {
	return v.sc.ShowsGroup(g.Organization, v.user.HomePath)
}

// view returns the user that ref names, the caller if it is zero, as the caller sees them.
func (x *Explain) view(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (v *userView, err error) {
	v = &userView{}
	if v.sc, err = x.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere()); err != nil {
		return nil, err
	}
	v.places, v.forbidden = x.gate.Enter(ctx, caller, domain.EnvironmentRead, tenancy.Anywhere())
	if v.forbidden != nil && !domain.ErrForbidden.Is(v.forbidden) {
		return nil, v.forbidden
	}
	if ref == (domain.UserRef{}) {
		ref = caller.Ref()
	}
	v.user, err = x.users.Get(ctx, v.sc, ref)
	return v, err
}

// Sentence says the verdict and the reason that decided it, in words.
func (d *ExplanationDocument) Sentence() string {
	where := "on the own account"
	if d.Environment != nil {
		where = "in " + d.Environment.ShownPath
	}
	switch {
	case !d.Usable:
		return "Denied: the account is inactive, pending or revoked."
	case d.Expired:
		return "Denied: the password must be changed first."
	case d.Environment != nil && d.Excluded.Kind == domain.CauseBlocked:
		return "Denied: the user is blocked from " + placeName(d.ExcludedBy) + "."
	case d.Environment != nil && d.Excluded.Kind == domain.CauseInactive:
		return "Denied: " + placeName(d.ExcludedBy) + " is inactive."
	case d.Environment != nil && d.Included.Kind == domain.CauseNone:
		return "Denied: the environment is not within the user's reach."
	case !d.Held && d.withheld() != "":
		return "Denied: none of the user's groups gives the permission: " + d.withheld() + "."
	case !d.Held:
		return "Denied: the user has no group that gives the permission."
	case !d.Allowed:
		return "Denied: no policy permits it to the role " + d.Role.String() + " " + where + "."
	}
	return "Allowed " + where + " by the policy \"" + d.Policy + "\"."
}

// Reason is one of the four things that a verdict needs.
type Reason struct {
	// Factor is usable, policy, held or place, and Holds whether it is there.
	Factor  string
	Holds   bool
	Because string // in words
	// Group and Environment are what decided it, nil if nothing did or it is not to be named to the reader.
	Group       *domain.Group
	Environment *EnvironmentDocument
}

// Reasons returns the four things that a verdict needs: an account that can be used, a role that the policy permits it
// to, a group that gives the permission, and a place in the user's reach.
func (d *ExplanationDocument) Reasons() []Reason {
	return []Reason{d.usableReason(), d.policyReason(), d.heldReason(), d.placeReason()}
}

func (d *ExplanationDocument) usableReason() Reason {
	r := Reason{Factor: "usable", Holds: d.Usable && !d.Expired, Because: "The account can be used."}
	switch {
	case !d.Usable:
		r.Because = "The account is inactive, pending or revoked."
	case d.Expired:
		r.Because = "The password must be changed first."
	}
	return r
}

func (d *ExplanationDocument) policyReason() Reason {
	where := "within the reach"
	if d.Environment == nil {
		where = "on the own account"
	}
	r := Reason{Factor: "policy", Holds: slices.Contains(d.Roles, d.Role)}
	r.Because = "The policy permits it to the role " + d.Role.String() + " " + where + "."
	if !r.Holds {
		r.Because = "The policy does not permit it to the role " + d.Role.String() + " " + where + "."
	}
	return r
}

func (d *ExplanationDocument) heldReason() Reason {
	r := Reason{Factor: "held", Holds: d.Held, Because: "No group of the user gives the permission."}
	if d.Held {
		r.Because = "A group of the user gives the permission."
	}
	for i, reason := range d.Groups {
		if reason.Gives != d.Held {
			continue
		}
		for n := range d.Chains[i] {
			if g := &d.Chains[i][n]; g.ID == reason.WithheldBy || reason.Gives && n == 0 {
				r.Group = g
				if r.Because = g.Alias + " gives the permission."; !d.Held {
					r.Because = g.Alias + " does not give the permission."
				}
				return r
			}
		}
	}
	return r
}

func (d *ExplanationDocument) placeReason() Reason {
	r := Reason{Factor: "place", Holds: d.Position != domain.Outside, Because: "It is the user's own account."}
	if d.Environment == nil {
		return r
	}
	switch r.Environment = d.ExcludedBy; {
	case d.Excluded.Kind == domain.CauseBlocked:
		r.Because = "The user is blocked from " + placeName(d.ExcludedBy) + "."
	case d.Excluded.Kind == domain.CauseInactive:
		r.Because = placeName(d.ExcludedBy) + " is inactive."
	case d.Included.Kind == domain.CauseNone:
		r.Because = "The environment is not within the user's reach."
	default:
		r.Environment = d.IncludedBy
		r.Because = placeName(d.IncludedBy) + " is in the user's reach: " + d.Included.Kind.String() + "."
	}
	return r
}

// withheld says of each group that does not give the permission which group of its chain withholds it.
func (d *ExplanationDocument) withheld() string {
	var parts []string
	for i, chain := range d.Chains {
		if name := WithheldBy(&d.Groups[i], chain); name != "" && name != chain[0].Alias {
			parts = append(parts, name+" withholds it from "+chain[0].Alias)
		} else if name != "" {
			parts = append(parts, name+" does not have it")
		}
	}
	return strings.Join(parts, ", ")
}

// WithheldBy returns the alias of the first group of the chain without the permission, empty if all
// have it.
func WithheldBy(reason *domain.GroupReason, chain []domain.Group) string {
	for i := range chain {
		if chain[i].ID == reason.WithheldBy {
			return chain[i].Alias
		}
	}
	return ""
}

// Instead says in sentences what would have to be there for the verdict to be another one: all of them
// together for a denial; empty for what is allowed.
func (d *ExplanationDocument) Instead() []string {
	if d.Allowed {
		return nil
	}
	var all []string
	add := func(missing bool, format string, args ...any) {
		if missing {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(!d.Usable, "The account would have to be active, approved and not revoked.")
	add(d.Expired, "The password would have to be changed.")
	if d.Environment != nil {
		add(d.Excluded.Kind == domain.CauseBlocked, "The user would have to be let into %s.", placeName(d.ExcludedBy))
		add(d.Excluded.Kind == domain.CauseInactive, "%s would have to be active.", placeName(d.ExcludedBy))
		add(d.Included.Kind == domain.CauseNone, "%s, or an environment above it, would have to be allowed to the user.",
			d.Environment.ShownPath)
	}
	add(!d.Held, "A group of the user would have to give %s.", d.Permission)
	if !slices.Contains(d.Roles, d.Role) {
		names := make([]string, len(d.Roles))
		for i, role := range d.Roles {
			names[i] = role.String()
		}
		add(len(names) > 0, "The role would have to be %s.", strings.Join(names, " or "))
		add(len(names) == 0, "The policy would have to permit it: it does so to no role.")
	}
	return all
}

func placeName(e *EnvironmentDocument) string {
	if e == nil {
		return "an environment above it"
	}
	return e.ShownPath
}
