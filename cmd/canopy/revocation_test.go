package main_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// A member is a user whose rights are taken away and given back, with what those are about.
type member struct {
	servers [2]*server
	admins  [2]caller
	token   string

	id                           int64
	group, base                  int64  // the user's group, and the one above it
	home, probe, away, elsewhere int64  // environments; probe lies in home
	colleague                    string // lives in probe
}

// A right is something that one change takes away and another one gives back.
type right struct {
	name       string
	ask        func(m *member) string                       // what is refused without it
	take, give func(m *member) (path string, change fields) // what an admin sends
}

const everything, nothing, withoutUserRead = "562949953421311", "0", "562881233944575"

func onUser(change fields) func(*member) (string, fields) {
	return func(m *member) (string, fields) { return fmt.Sprintf("/rest/users/%d", m.id), change }
}

func onUserAt(key string, place func(*member) any) func(*member) (string, fields) {
	return func(m *member) (string, fields) { return fmt.Sprintf("/rest/users/%d", m.id), fields{key: place(m)} }
}

func onProbe(key string, value func(*member) any) func(*member) (string, fields) {
	return func(m *member) (string, fields) {
		return fmt.Sprintf("/rest/environments/%d", m.probe), fields{key: value(m)}
	}
}

func onGroup(group func(*member) int64, mask string) func(*member) (string, fields) {
	return func(m *member) (string, fields) {
		return fmt.Sprintf("/rest/groups/%d", group(m)), fields{"permission": mask}
	}
}

func constant(v any) func(*member) any { return func(*member) any { return v } }

func askProbe(m *member) string     { return fmt.Sprintf("/rest/environments/%d", m.probe) }
func askAway(m *member) string      { return fmt.Sprintf("/rest/environments/%d", m.away) }
func askColleague(m *member) string { return "/rest/users/" + m.colleague }
func askMe(*member) string          { return "/rest/me" }

func groupOf(m *member) int64 { return m.group }
func baseOf(m *member) int64  { return m.base }

// rights are the ways to lose one.
var rights = []*right{
	{"an environment is blocked", askProbe,
		onUserAt("envsbloque", func(m *member) any { return []int64{m.probe} }), onUser(fields{"envsbloque": []int64{}})},
	{"an environment above is blocked", askColleague,
		onUserAt("envsbloque", func(m *member) any { return []int64{m.home} }), onUser(fields{"envsbloque": []int64{}})},
	{"an environment is no longer allowed", askAway,
		onUser(fields{"envs": []int64{}}), onUserAt("envs", func(m *member) any { return []int64{m.away} })},
	{"the role", askColleague, onUser(fields{"role": "user"}), onUser(fields{"role": "power"})},
	{"the account is deactivated", askMe, onUser(fields{"active": false}), onUser(fields{"active": true})},
	{"the account is pending", askMe, onUser(fields{"state": "pending"}), onUser(fields{"state": "approved"})},
	{"the home", askProbe, onUserAt("envId", func(m *member) any { return m.elsewhere }),
		onUserAt("envId", func(m *member) any { return m.home })},
	{"the group", askColleague, onUser(fields{"group": "Nobodies"}),
		onUserAt("group", func(m *member) any { return m.group })},
	{"the group's mask", askColleague, onGroup(groupOf, withoutUserRead), onGroup(groupOf, everything)},
	{"the mask of the group above", askColleague, onGroup(baseOf, nothing), onGroup(baseOf, everything)},
	{"the environment is moved", askProbe,
		onProbe("parent", func(m *member) any { return m.elsewhere }),
		onProbe("parent", func(m *member) any { return m.home })},
	{"the environment is deactivated", askColleague, onProbe("active", constant(false)),
		onProbe("active", constant(true))},
}

// twoServers runs two servers of one PostgreSQL, with members of two organizations.
func twoServers(t *testing.T, n int) []*member {
	t.Helper()
	at := inPostgres(t)
	return teams(t, [2]*server{serve(t, at, "--log-level", "warn"), serve(t, at, "--log-level", "warn")}, n)
}

// teams makes two organizations with members, who are to be asked about on these servers.
func teams(t *testing.T, s [2]*server, n int) []*member {
	t.Helper()
	admin := s[0].signIn(t, "admin", adminPassword)
	admins := [2]caller{s[0].bearing(admin), s[1].bearing(admin)}
	environment := func(body fields) int64 {
		var made struct{ EnvID int64 }
		admins[0].post(t, "/rest/environments", body).ok(t).into(t, &made)
		return made.EnvID
	}
	group := func(body fields) int64 {
		var made struct{ ID int64 }
		admins[0].post(t, "/rest/groups", body).ok(t).into(t, &made)
		return made.ID
	}
	for o := range 2 {
		organization := environment(fields{"alias": fmt.Sprintf("Org%d", o), "parent": "/", "organization": true})
		group(fields{"alias": "Nobodies", "organization": organization, "permission": nothing})
	}
	members := make([]*member, n)
	for i := range members {
		m := &member{servers: s, admins: admins, colleague: fmt.Sprintf("colleague%d", i)}
		organization := fmt.Sprintf("/Org%d", i%2)
		top := environment(fields{"alias": fmt.Sprintf("team%d", i), "parent": organization})
		below := func(alias string, parent int64) int64 {
			return environment(fields{"alias": alias, "parent": parent})
		}
		m.home, m.away, m.elsewhere = below("home", top), below("away", top), below("elsewhere", top)
		m.probe = below("probe", m.home)
		m.base = group(fields{"alias": fmt.Sprintf("base%d", i), "organization": organization, "parent": "Admin",
			"permission": everything})
		m.group = group(fields{"alias": fmt.Sprintf("group%d", i), "organization": organization, "parent": m.base,
			"permission": everything})
		person := newUser(fmt.Sprintf("member%d", i), "long enough")
		person["envId"], person["role"], person["group"], person["envs"] = m.home, "power", m.group, []int64{m.away}
		admins[0].post(t, "/rest/users", person).ok(t)
		colleague := newUser(m.colleague, "long enough")
		colleague["envId"] = m.probe
		admins[0].post(t, "/rest/users", colleague).ok(t)
		var made user
		admins[0].get(t, fmt.Sprintf("/rest/users/member%d", i)).ok(t).into(t, &made)
		m.id, m.token = made.UserID, s[i%2].signIn(t, made.Alias, "long enough")
		members[i] = m
	}
	return members
}

// asks sends what needs the right to one server and requires the answer that fits.
func (m *member) asks(t *testing.T, on int, r *right, granted bool) bool {
	a, err := m.servers[on].bearing(m.token).send("GET", r.ask(m), nil)
	return assert.NoError(t, err) && fits(t, r, a, granted)
}

func fits(t *testing.T, r *right, a answer, granted bool) bool {
	if granted {
		return assert.Equal(t, http.StatusOK, a.status, "%s was given back: %s", r.name, a.body)
	}
	return assert.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, a.status,
		"%s was taken away: %s", r.name, a.body)
}

// A password that was changed on one server is void on the other, with everything it opened; so is
// an account that was deleted.
func TestRevocationOfPasswords(t *testing.T) {
	t.Parallel()
	m := twoServers(t, 1)[0]
	rounds := 8
	if testing.Short() || testdb.Race {
		rounds = 4
	}
	password := "long enough"
	for n := range rounds {
		here, there := m.servers[n%2], m.servers[1-n%2]
		token := here.signIn(t, "member0", password)
		for _, c := range []caller{there.bearing(token), there.as("member0", password), here.as("member0", password)} {
			c.get(t, "/rest/me").ok(t)
		}
		old := password
		password = fmt.Sprintf("a password of theirs, %d", n)
		if n%3 == 0 {
			here.as("member0", old).post(t, "/rest/me/password", fields{"oldPassword": old, "newPassword": password}).ok(t)
		} else {
			m.admins[n%2].post(t, fmt.Sprintf("/rest/users/%d", m.id), fields{"password": password}).ok(t)
		}
		there.bearing(token).get(t, "/rest/me").is(t, http.StatusUnauthorized)
		here.bearing(token).get(t, "/rest/me").is(t, http.StatusUnauthorized)
		there.as("member0", old).get(t, "/rest/me").is(t, http.StatusUnauthorized)
		there.as("member0", password).get(t, "/rest/me").ok(t)
		here.as("member0", password).get(t, "/rest/me").ok(t)

		// Remembered passwords and tokens are of an account as it is.
		token = there.signIn(t, "member0", password)
		path := fmt.Sprintf("/rest/users/%d", m.id)
		m.admins[n%2].post(t, path, fields{"active": false}).ok(t)
		for _, c := range []caller{there.bearing(token), there.as("member0", password), here.as("member0", password)} {
			c.get(t, "/rest/me").is(t, http.StatusUnauthorized)
		}
		there.anonymous().post(t, "/auth", fields{"user": "member0", "password": password}).is(t, http.StatusUnauthorized)
		m.admins[1-n%2].post(t, path, fields{"active": true}).ok(t)
		here.as("member0", password).get(t, "/rest/me").ok(t)
	}
	token := m.servers[0].signIn(t, "member0", password)
	m.admins[1].delete(t, fmt.Sprintf("/rest/users/%d", m.id)).ok(t)
	for _, s := range m.servers {
		s.bearing(token).get(t, "/rest/me").is(t, http.StatusUnauthorized)
		s.as("member0", password).get(t, "/rest/me").is(t, http.StatusUnauthorized)
	}
	// Who comes after under the same name is somebody else.
	m.admins[0].post(t, "/rest/users", newUser("member0", password)).ok(t)
	for _, s := range m.servers {
		s.bearing(token).get(t, "/rest/me").is(t, http.StatusUnauthorized)
	}
}

// A change that concerns many is seen by all: a group of the root, an organization as a whole.
func TestRevocationOfMany(t *testing.T) {
	t.Parallel()
	members := twoServers(t, 4)
	admins := members[0].admins
	rounds := 16
	if testing.Short() || testdb.Race {
		rounds = 4
	}
	var shared struct{ ID int64 }
	admins[0].post(t, "/rest/groups",
		fields{"alias": "Shared", "organization": "/", "parent": "Admin", "permission": everything}).ok(t).into(t, &shared)
	var organizations [2]int64
	for o := range organizations {
		var found struct{ EnvID int64 }
		admins[0].get(t, fmt.Sprintf("/rest/environments/byAlias/%%2FOrg%d", o)).ok(t).into(t, &found)
		organizations[o] = found.EnvID
	}
	for _, m := range members {
		admins[0].post(t, fmt.Sprintf("/rest/users/%d", m.id), fields{"group": "/Shared"}).ok(t)
	}
	ask := &right{name: "the right of many", ask: askColleague}
	for n := range rounds {
		path, take, give := fmt.Sprintf("/rest/groups/%d", shared.ID), fields{"permission": nothing},
			fields{"permission": everything}
		concerned := func(*member) bool { return true }
		if n%2 == 1 {
			o := n / 2 % 2
			path, take, give = fmt.Sprintf("/rest/environments/%d", organizations[o]), fields{"active": false},
				fields{"active": true}
			concerned = func(m *member) bool { return m == members[o] || m == members[o+2] }
		}
		for _, step := range []struct {
			change  fields
			granted bool
		}{{take, false}, {give, true}} {
			admins[n%2].post(t, path, step.change).ok(t)
			for _, m := range members {
				require.True(t, m.asks(t, 1-n%2, ask, step.granted || !concerned(m)))
			}
		}
	}
}
