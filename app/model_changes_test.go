package app_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"canopy/app/directory"
	"canopy/domain"
)

// TestModelCarriesOutChanges asks random people what would turn a decision round, and makes the edits: those that are
// said to be theirs go through and turn it round, the others are refused.
func TestModelCarriesOutChanges(t *testing.T) {
	var carried, refused atomic.Int64
	t.Cleanup(func() { // the engines have run; in the one directory of -short there may be neither
		if !t.Failed() && !testing.Short() && (carried.Load() == 0 || refused.Load() == 0) {
			t.Errorf("%d changes were carried out and %d edits refused", carried.Load(), refused.Load())
		}
	})
	onRandomDirectories(t, 8, func(rt *rapid.T, m *machine) {
		actions := m.actions()
		actions["carry out a change"] = func(t *rapid.T) {
			c, r := m.carryOut(t)
			carried.Add(int64(c))
			refused.Add(int64(r))
		}
		rt.Repeat(actions)
	})
}

// carryOut makes one change that is said to turn a decision round, and tries edits that are somebody else's. It
// returns how many changes were made and how many edits refused.
func (m *machine) carryOut(t *rapid.T) (carried, refused int) {
	ctx, who := context.Background(), m.actor(t)
	v, e := m.users[pick(t, "whose", m.users)], pick(t, "where", m.environments)
	in := directory.ExplainDecision{User: domain.UserRef{ID: v.ID}, Environment: domain.NumberRef(e), Changes: true,
		Permission: rapid.SampledFrom(domain.Catalogue).Draw(t, "permission").Permission}
	x, err := m.d.Explain.Decision(ctx, who, in)
	if !done(t, err) {
		return 0, 0
	}
	if x.Allowed != m.may(v, in.Permission, e) {
		t.Fatalf("%s %s at %d is explained as %v", v.Alias, in.Permission, e, x.Allowed)
	}
	var begun []directory.ChangeDocument
	for _, change := range x.Changes {
		if len(change.Edits) == 0 {
			continue
		}
		deactivates := func(e directory.EditDocument) bool { return e.Kind == domain.EditDeactivate }
		if edit := &change.Edits[0]; edit.Mine {
			if !slices.ContainsFunc(change.Edits, deactivates) {
				begun = append(begun, change)
			}
		} else if refused < 3 {
			m.refused(t, who, v, in.Permission, edit)
			refused++
		}
	}
	if len(begun) == 0 {
		return 0, refused
	}
	change := rapid.SampledFrom(begun).Draw(t, "change")
	for i := range change.Edits {
		edit := &change.Edits[i]
		if !edit.Mine {
			m.refused(t, who, m.users[v.ID], in.Permission, edit)
			return 0, refused + 1
		}
		if !m.edit(t, who, m.users[v.ID], in.Permission, edit) {
			return 0, refused // by what only the transaction knows
		}
	}
	after, err := m.d.Explain.Decision(ctx, m.operator(t), in)
	if err != nil {
		t.Fatal(err)
	}
	if !change.Beyond && after.Allowed == x.Allowed {
		t.Fatalf("%s at %d: %+v did not turn it round: %s", v.Alias, e, change, after.Sentence())
	}
	return 1, refused
}

// refused makes an edit that is said to be somebody else's, which must be refused.
func (m *machine) refused(t *rapid.T, who domain.Principal, v *domain.User, p domain.Permission,
	edit *directory.EditDocument) {
	if m.edit(t, who, v, p, edit) {
		t.Fatalf("%s may make the edit %+v of %s, and is told they may not", who.Alias, edit, v.Alias)
	}
}

// edit makes an edit as somebody, by the use case that makes such a change, and reports whether it went through. One
// that is said to be theirs is refused only to keep somebody who runs the directory.
func (m *machine) edit(t *rapid.T, who domain.Principal, v *domain.User, p domain.Permission,
	e *directory.EditDocument) bool {
	ctx := context.Background()
	var err error
	switch subject, _, _ := e.Kind.Field(); subject {
	case "group":
		mask := m.groups[e.Group.ID].Mask ^ p.Mask()
		var g directory.GroupDocument
		g, err = m.d.Groups.Update(ctx, who, directory.UpdateGroup{Group: domain.NumberedGroup(e.Group.ID),
			GroupPatch: directory.GroupPatch{Mask: &mask}})
		if err == nil {
			m.groups[e.Group.ID] = &g.Group
		}
	case "environment":
		active := e.Kind == domain.EditOpen
		_, err = m.d.Environments.Update(ctx, who,
			directory.UpdateEnvironment{Environment: domain.NumberRef(e.Environment.ID),
				EnvironmentPatch: directory.EnvironmentPatch{Active: &active}})
		if err == nil {
			m.environments[e.Environment.ID].active = active
		}
	default:
		var u directory.UserDocument
		u, err = m.d.Users.Update(ctx, who,
			directory.UpdateUser{User: domain.UserRef{ID: v.ID}, UserPatch: m.patchOf(t, who, v, e)})
		if err == nil {
			m.users[v.ID] = &u.User
		}
	}
	if e.Mine && err != nil && !domain.ErrLastSuperUser.Is(err) {
		t.Fatalf("%s is told they may make the edit %+v of %s: %v", who.Alias, e, v.Alias, err)
	}
	return done(t, err)
}

// patchOf returns the patch that makes an edit of a user.
func (m *machine) patchOf(t *rapid.T, who domain.Principal, v *domain.User,
	e *directory.EditDocument) (patch directory.UserPatch) {
	lists := func(shown []directory.EnvironmentShown) *[]domain.EnvironmentRef {
		refs := []domain.EnvironmentRef{}
		for _, s := range shown {
			if s.ID != e.Environment.ID {
				refs = append(refs, domain.NumberRef(s.ID))
			}
		}
		if e.Kind == domain.EditAllow || e.Kind == domain.EditBlock {
			refs = append(refs, domain.NumberRef(e.Environment.ID))
		}
		return &refs
	}
	seen, err := m.d.Users.Get(context.Background(), who, directory.GetUser{User: domain.UserRef{ID: v.ID}})
	if err != nil {
		t.Fatal(err)
	}
	active := false
	switch e.Kind {
	case domain.EditRole:
		patch.Role = &e.Role
	case domain.EditDeactivate:
		patch.Active = &active
	case domain.EditAllow, domain.EditDisallow:
		patch.Allowed = lists(seen.AllowedShown)
	case domain.EditBlock, domain.EditUnblock:
		patch.Blocked = lists(seen.BlockedShown)
	case domain.EditJoin, domain.EditLeave:
		groups := slices.DeleteFunc(slices.Clone(v.Groups), func(id domain.GroupID) bool { return id == e.Group.ID })
		if e.Kind == domain.EditJoin {
			groups = append(groups, e.Group.ID)
		}
		first, rest := domain.NumberedGroup(groups[0]), []domain.GroupRef{}
		for _, id := range groups[1:] {
			rest = append(rest, domain.NumberedGroup(id))
		}
		patch.Group, patch.Groups = &first, &rest
	}
	return patch
}
