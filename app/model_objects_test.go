package app_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"canopy/app/objects"
	"canopy/domain"
)

// oracleObject is an object as the oracle knows it.
type oracleObject struct {
	kind        *domain.ObjectKindInfo
	environment domain.EnvironmentID
	owner       domain.UserID // 0 is nobody
	shared      bool
	users       map[domain.UserID]domain.Level
	groups      map[domain.GroupID]domain.Level
}

// objectMachine is a machine with objects.
type objectMachine struct {
	*machine
	objects map[domain.ObjectID]*oracleObject
}

// level is what u may do with o.
func (m *objectMachine) level(u *domain.User, o *oracleObject) domain.Level {
	mask, border := m.mask(u), m.organizationOf(u.Home)
	may := func(p domain.Permission) bool { return m.policy.Decide(m.role(u), mask, domain.Within, p).Allowed }
	reaches := m.reaches(u, o.environment)
	switch {
	case !may(o.kind.Read), !reaches && (o.environment != border || m.shut(u, border)):
		return domain.NoLevel
	case reaches && may(domain.ObjectManage), o.owner == u.ID:
		return domain.LevelAdmin
	}
	level := o.users[u.ID]
	if o.shared {
		level = max(level, domain.LevelRead)
	}
	for _, g := range u.Groups {
		level = max(level, o.groups[g])
	}
	return level
}

// shut says whether e is closed to u whatever they were given: blocked, or inactive.
func (m *objectMachine) shut(u *domain.User, e domain.EnvironmentID) (shut bool) {
	m.up(e, func(at domain.EnvironmentID) bool {
		shut = slices.ContainsFunc(u.Blocked, func(g domain.Grant) bool { return g.Environment == at }) ||
			!m.environments[at].active && m.role(u) != domain.RoleSuperUser
		return shut
	})
	return shut
}

// maySet reports whether u may change o with that level.
func (m *objectMachine) maySet(u *domain.User, o *oracleObject, least domain.Level) bool {
	return m.level(u, o) >= least && m.policy.Decide(m.role(u), m.mask(u), domain.Within, o.kind.Write).Allowed
}

// actorOf draws who acts, as a request would find them.
func (m *objectMachine) actorOf(t *rapid.T) (*domain.User, domain.Principal) {
	u := m.users[pick(t, "actor", m.users)]
	return u, m.as(t, u.Alias)
}

// expect compares whether a change went through with what the oracle says of who made it. A
// change that the oracle permits may still be refused, but not for want of rights on the object.
func (m *objectMachine) expect(t *rapid.T, what string, permitted bool, err error) bool {
	if err != nil && domain.AsError(err).Kind == domain.Internal {
		t.Fatalf("%s: internal error: %v", what, errors.Unwrap(domain.AsError(err)))
	}
	if err == nil && !permitted {
		t.Fatalf("%s went through", what)
	}
	if permitted && (domain.ErrObjectNotFound.Is(err) || domain.ErrForbidden.Is(err) && domain.AsError(err).Field == "") {
		t.Fatalf("%s: %v", what, err)
	}
	return err == nil
}

func (m *objectMachine) addObject(t *rapid.T) {
	u, who := m.actorOf(t)
	kind := &domain.ObjectKinds[rapid.IntRange(0, len(domain.ObjectKinds)-1).Draw(t, "kind")]
	visibility := domain.Visibility(rapid.IntRange(0, 1).Draw(t, "visibility"))
	e := pick(t, "environment", m.environments)
	o, err := m.d.Objects.Create(context.Background(), who, objects.NewObject{Kind: kind.Kind, Name: *m.next("o"),
		Environment: domain.NumberRef(e), Visibility: &visibility})
	if m.expect(t, "create", m.may(u, kind.Read, e) && m.may(u, kind.Write, e), err) {
		m.objects[o.ID] = &oracleObject{kind: kind, environment: e, owner: u.ID, shared: visibility == domain.Shared,
			users: map[domain.UserID]domain.Level{}, groups: map[domain.GroupID]domain.Level{}}
	}
}

// change draws an object and somebody who changes it.
func (m *objectMachine) change(t *rapid.T, what string, least domain.Level,
	change func(domain.Principal, domain.ObjectRef, *oracleObject) (func(), error)) {
	if len(m.objects) == 0 {
		return
	}
	id := pick(t, "object", m.objects)
	u, who := m.actorOf(t)
	o := m.objects[id]
	permitted := m.maySet(u, o, least)
	then, err := change(who, domain.NumberedObject(id), o)
	if m.expect(t, fmt.Sprintf("%s %d by %s", what, id, u.Alias), permitted, err) {
		then()
	}
}

func (m *objectMachine) objectActions() map[string]func(*rapid.T) {
	ctx := context.Background()
	actions := m.actions()
	actions["add an object"] = m.addObject
	actions["add another object"] = m.addObject
	actions["change an object"] = func(t *rapid.T) {
		m.change(t, "change", domain.LevelWrite,
			func(who domain.Principal, ref domain.ObjectRef, _ *oracleObject) (func(), error) {
				_, err := m.d.Objects.Update(ctx, who, objects.UpdateObject{Object: ref, Name: m.next("n")})
				return func() {}, err
			})
	}
	actions["share an object"] = func(t *rapid.T) {
		visibility := domain.Visibility(rapid.IntRange(0, 1).Draw(t, "visibility"))
		m.change(t, "share", domain.LevelWrite,
			func(who domain.Principal, ref domain.ObjectRef, o *oracleObject) (func(), error) {
				if m.level(m.users[who.User], o) < domain.LevelAdmin {
					visibility = domain.Visibility(0)
					if o.shared {
						visibility = domain.Shared
					}
				}
				_, err := m.d.Objects.Update(ctx, who, objects.UpdateObject{Object: ref, Visibility: &visibility})
				return func() { o.shared = visibility == domain.Shared }, err
			})
	}
	actions["grant to a user"] = func(t *rapid.T) {
		subject, level := pick(t, "subject", m.users), domain.Level(rapid.IntRange(0, 3).Draw(t, "level"))
		m.change(t, "grant", domain.LevelAdmin,
			func(who domain.Principal, ref domain.ObjectRef, o *oracleObject) (func(), error) {
				_, err := m.d.Objects.Grant(ctx, who,
					objects.GrantObject{Object: ref, User: domain.UserRef{ID: subject}, Level: level})
				if err == nil && o.users[subject] == domain.NoLevel && !m.reaches(m.users[who.User], m.users[subject].Home) {
					t.Fatalf("%s gave something to %s, whom they do not reach", who.Alias, m.users[subject].Alias)
				}
				return func() { o.users[subject] = level }, err
			})
	}
	actions["grant to a group"] = func(t *rapid.T) {
		subject, level := pick(t, "group", m.groups), domain.Level(rapid.IntRange(0, 3).Draw(t, "level"))
		m.change(t, "grant", domain.LevelAdmin,
			func(who domain.Principal, ref domain.ObjectRef, o *oracleObject) (func(), error) {
				_, err := m.d.Objects.Grant(ctx, who,
					objects.GrantObject{Object: ref, Group: domain.GroupRef(fmt.Sprint(subject)), Level: level})
				return func() { o.groups[subject] = level }, err
			})
	}
	actions["hand an object over"] = func(t *rapid.T) {
		to := pick(t, "to", m.users)
		m.change(t, "hand over", domain.LevelAdmin,
			func(who domain.Principal, ref domain.ObjectRef, o *oracleObject) (func(), error) {
				_, err := m.d.Objects.HandOver(ctx, who, objects.ObjectTo{Object: ref, To: domain.UserRef{ID: to}})
				if err == nil && !m.reaches(m.users[who.User], m.users[to].Home) {
					t.Fatalf("%s gave something to %s, whom they do not reach", who.Alias, m.users[to].Alias)
				}
				return func() { o.owner = to }, err
			})
	}
	actions["move an object"] = func(t *rapid.T) {
		e := pick(t, "environment", m.environments)
		m.change(t, "move", domain.LevelAdmin,
			func(who domain.Principal, ref domain.ObjectRef, o *oracleObject) (func(), error) {
				_, err := m.d.Objects.Move(ctx, who, objects.MoveObject{Object: ref, To: domain.NumberRef(e)})
				if err == nil && (!m.reaches(m.users[who.User], e) || m.organizationOf(e) != m.organizationOf(o.environment)) {
					t.Fatalf("%s moved an object to %d", who.Alias, e)
				}
				return func() { o.environment = e }, err
			})
	}
	actions["delete an object"] = func(t *rapid.T) {
		m.change(t, "delete", domain.LevelAdmin,
			func(who domain.Principal, ref domain.ObjectRef, _ *oracleObject) (func(), error) {
				id, _ := ref.Number()
				return func() { delete(m.objects, id) }, m.d.Objects.Delete(ctx, who, objects.DeleteObject{Object: ref})
			})
	}
	actions["delete a user"] = func(t *rapid.T) {
		m.deleteUser(t)
		m.depart()
	}
	actions[""] = m.agreeOnObjects
	return actions
}

// depart does what becomes of the objects of users who are gone.
func (m *objectMachine) depart() {
	for id, o := range m.objects {
		for u := range o.users {
			if m.users[u] == nil {
				delete(o.users, u)
			}
		}
		if o.owner == 0 || m.users[o.owner] != nil {
			continue
		}
		given := func(l domain.Level) bool { return l > domain.NoLevel }
		shared := o.shared
		for _, l := range o.users {
			shared = shared || given(l)
		}
		for _, l := range o.groups {
			shared = shared || given(l)
		}
		if o.kind.Departure == domain.GoesWithOwner || o.kind.Departure == domain.StaysIfShared && !shared {
			delete(m.objects, id)
		}
		o.owner = 0
	}
}

// agreeOnObjects compares what the directory shows somebody with what the oracle says.
func (m *objectMachine) agreeOnObjects(t *rapid.T) {
	ctx := context.Background()
	for range 2 {
		u, who := m.actorOf(t)
		var want []domain.ObjectID
		for id, o := range m.objects {
			level := m.level(u, o)
			if level >= domain.LevelRead {
				want = append(want, id)
			}
			read, err := m.d.Objects.Get(ctx, who, domain.NumberedObject(id))
			if (err == nil) != (level >= domain.LevelRead) || err == nil && read.Level != level {
				t.Fatalf("%s reads object %d: level %s (%v), the oracle says %s", u.Alias, id, read.Level, err, level)
			}
			if err == nil && level < domain.LevelAdmin && read.Access != nil {
				t.Fatalf("%s is shown who may do what with object %d", u.Alias, id)
			}
		}
		list, err := m.d.Objects.List(ctx, who, objects.ListObjects{Everywhere: true, Total: true})
		if err != nil {
			if len(want) > 0 || domain.AsError(err).Kind != domain.Forbidden {
				t.Fatalf("%s lists objects: %v, the oracle says %v", u.Alias, err, want)
			}
			continue
		}
		var got []domain.ObjectID
		for o, err := range list.Items {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.ID)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || list.Total != int64(len(want)) {
			t.Fatalf("%s lists the objects %v and is told of %d, the oracle says %v", u.Alias, got, list.Total, want)
		}
	}
}

// TestObjectModel makes random changes to objects, and to the people and places around them,
// as random people. What goes through and what is then seen must be what the oracle says.
func TestObjectModel(t *testing.T) {
	onRandomDirectories(t, 8, func(rt *rapid.T, founded *machine) {
		m := &objectMachine{founded, map[domain.ObjectID]*oracleObject{}}
		m.actors = []domain.UserID{slices.Min(slices.Collect(maps.Keys(m.users)))}
		for range 4 {
			m.addEnvironment(rt)
			m.addUser(rt)
		}
		m.actors = nil
		rt.Repeat(m.objectActions())
	})
}
