package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
)

// A driver speaks one surface as its clients do, as one person. What it returns besides an answer's
// kind is read from answers, never from the directory. What a product has no request for, its
// people do in rest.
type driver interface {
	// create makes a user of the driver's organization and returns what the surface names them by.
	create(t *testing.T, login, mail string) (id string, outcome outcome)
	// read returns the login name and first name of a user.
	read(t *testing.T, id string) (login, name string, outcome outcome)
	// list returns the login names of the users there are.
	list(t *testing.T) ([]string, outcome)
	// rename, promote and remove change a user: rename their first name; promote makes them one who
	// manages people.
	rename(t *testing.T, id, name string) outcome
	promote(t *testing.T, id string) outcome
	remove(t *testing.T, id string) outcome
	// idOf returns what the surface names the user by.
	idOf(u *domain.User) string
}

// outcome is what a surface answered, in words of all of them.
type outcome string

const (
	outcomeDone     outcome = "done"
	outcomeInvalid  outcome = "invalid"
	outcomeStrange  outcome = "who are you"
	outcomeRefused  outcome = "refused"
	outcomeMissing  outcome = "missing"
	outcomeConflict outcome = "conflict"
)

// outcomeOf returns what the status of an answer means.
func outcomeOf(t *testing.T, status int) outcome {
	t.Helper()
	switch {
	case status >= 200 && status < 300:
		return outcomeDone
	case status == 400:
		return outcomeInvalid
	case status == 401:
		return outcomeStrange
	case status == 403:
		return outcomeRefused
	case status == 404:
		return outcomeMissing
	case status == 409:
		return outcomeConflict
	}
	t.Fatalf("the status %d means nothing here", status)
	return ""
}

// drivers makes the driver of each surface for the person with that name and password; a surface
// is added here.
var drivers = map[string]func(t *testing.T, w *twoTenants, login, password string) driver{
	"rest":        newRestDriver,
	"axway":       newAxwayDriver,
	"tellius":     newTelliusDriver,
	"tat":         newTatDriver,
	"ethersource": newEthersourceDriver,
}

// TestEverySurfaceDoesTheSame goes through one list of scenarios on every surface.
func TestEverySurfaceDoesTheSame(t *testing.T) {
	for _, engine := range engines() {
		for name, start := range drivers {
			t.Run(name+"/"+engine, func(t *testing.T) {
				t.Parallel()
				w := newTwoTenants(t, engine)
				as := func(login string) driver { return start(t, w, login, testPassword) }
				userScenario(t, w, as)
			})
		}
	}
}

// userScenario is the life of a user as an admin of their organization makes it, with everything
// that must not be on the way.
func userScenario(t *testing.T, w *twoTenants, as func(string) driver) {
	admin, other, user := as("acme.admin"), as("bolt.admin"), as("acme.user")
	named := func(alias string) *domain.User {
		found, err := w.directory.Users.Get(t.Context(), w.operator(t), directory.GetUser{User: domain.UserRef{Alias: alias}})
		require.NoError(t, err)
		return &found.User
	}
	expect := func(want, got outcome, what string) {
		t.Helper()
		require.Equal(t, want, got, what)
	}

	before, got := admin.list(t)
	expect(outcomeDone, got, "list")
	require.Contains(t, before, "acme.user")
	require.NotContains(t, before, "bolt.user", "others do not exist")

	id, got := admin.create(t, "fresh.user", "fresh.user@example.org")
	expect(outcomeDone, got, "create")
	login, _, got := admin.read(t, id)
	expect(outcomeDone, got, "read")
	require.Equal(t, "fresh.user", login)
	require.Equal(t, named("acme.admin").Organization, named("fresh.user").Organization)
	after, _ := admin.list(t)
	require.ElementsMatch(t, append(slices.Clone(before), "fresh.user"), after)

	expect(outcomeDone, admin.rename(t, id, "Renamed"), "update")
	_, name, _ := admin.read(t, id)
	require.Equal(t, "Renamed", name)

	_, got = admin.create(t, "Fresh.User", "another@example.org")
	expect(outcomeConflict, got, "a name that is taken, in other letters")
	_, got = admin.create(t, "another", "FRESH.USER@example.org")
	expect(outcomeConflict, got, "an address that is taken")
	_, got = admin.create(t, "another", "no address")
	expect(outcomeInvalid, got, "an address that is none")

	_, got = user.create(t, "another", "another@example.org")
	require.NotEqual(t, outcomeDone, got, "users create nobody")
	mine, got := user.list(t)
	if got == outcomeDone {
		require.Equal(t, []string{"acme.user"}, mine, "users see themselves")
	} else {
		expect(outcomeRefused, got, "or nobody, where lists are for admins")
	}
	_, _, got = user.read(t, id)
	require.Contains(t, []outcome{outcomeMissing, outcomeRefused}, got, "and never somebody else")

	for _, theirs := range []string{id, admin.idOf(named("acme.power"))} {
		_, _, got = other.read(t, theirs)
		expect(outcomeMissing, got, "out of reach: read")
		expect(outcomeMissing, other.rename(t, theirs, "Taken"), "out of reach: update")
		expect(outcomeMissing, other.promote(t, theirs), "out of reach: promote")
		expect(outcomeMissing, other.remove(t, theirs), "out of reach: delete")
	}
	_, name, _ = admin.read(t, id)
	require.Equal(t, "Renamed", name, "nothing of it happened")

	expect(outcomeDone, admin.promote(t, id), "promote")
	require.Equal(t, domain.RoleOAdmin, named("fresh.user").Role)
	expect(outcomeDone, admin.rename(t, id, "Again"), "what one could give one may change")
	w.allow(t, "fresh.user", "Bolt/Test")
	expect(outcomeRefused, admin.rename(t, id, "Third"), "who has more")
	expect(outcomeRefused, admin.remove(t, id), "who has more: delete")
	w.allow(t, "fresh.user")
	expect(outcomeRefused, admin.remove(t, admin.idOf(named("acme.admin"))), "oneself")
	expect(outcomeDone, admin.remove(t, id), "and delete")
	_, _, got = admin.read(t, id)
	expect(outcomeMissing, got, "they are gone")
	expect(outcomeMissing, admin.remove(t, id), "twice")
	expect(outcomeStrange, as("fresh.user").rename(t, id, "Back"), "they cannot sign in")
	left, _ := admin.list(t)
	require.ElementsMatch(t, before, left)
}

// restDriver speaks rest.
type restDriver struct {
	caller
	w *twoTenants
}

func newRestDriver(_ *testing.T, w *twoTenants, login, password string) driver {
	return restDriver{basicCaller(w.Address(), login, password), w}
}

func (d restDriver) idOf(u *domain.User) string { return fmt.Sprint(int64(u.ID)) }

func (d restDriver) create(t *testing.T, login, mail string) (string, outcome) {
	status, _ := d.call(t, "POST", "/rest/users",
		fmt.Sprintf(`{"alias":%q,"password":"secret-1","group":"User","envId":"Acme",
		"person":{"firstname":%q,"lastname":"","mailaddress":%q}}`, login, login, mail))
	if status != 200 {
		return "", outcomeOf(t, status)
	}
	_, answer := d.call(t, "GET", "/rest/users/"+login, "")
	return fmt.Sprint(answer.find(t, "data", "userid")), outcomeDone
}

// login returns the alias that rest reads users by.
func (d restDriver) login(t *testing.T, id string) string {
	for _, entry := range (restDriver{basicCaller(d.w.Address(), "admin", testPassword), d.w}).entries(t) {
		if fmt.Sprint(entry.find(t, "userid")) == id {
			return entry.find(t, "alias").(string)
		}
	}
	return "nobody"
}

func (d restDriver) read(t *testing.T, id string) (string, string, outcome) {
	status, answer := d.call(t, "GET", "/rest/users/"+d.login(t, id), "")
	if status != 200 {
		return "", "", outcomeOf(t, status)
	}
	return answer.find(t, "data", "alias").(string), answer.find(t, "data", "person", "firstname").(string), outcomeDone
}

func (d restDriver) entries(t *testing.T) []answered {
	status, answer := d.call(t, "GET", "/rest/users", "")
	require.Equal(t, 200, status)
	return answer.each(t, "data")
}

func (d restDriver) list(t *testing.T) (logins []string, _ outcome) {
	for _, entry := range d.entries(t) {
		logins = append(logins, entry.find(t, "alias").(string))
	}
	return logins, outcomeDone
}

func (d restDriver) change(t *testing.T, id, body string) outcome {
	status, _ := d.call(t, "POST", "/rest/users/"+id, body)
	return outcomeOf(t, status)
}

func (d restDriver) rename(t *testing.T, id, name string) outcome {
	return d.change(t, id, fmt.Sprintf(`{"person":{"firstname":%q}}`, name))
}

func (d restDriver) promote(t *testing.T, id string) outcome {
	return d.change(t, id, `{"role":"oadmin","group":"Admin"}`)
}

func (d restDriver) remove(t *testing.T, id string) outcome {
	status, _ := d.call(t, "DELETE", "/rest/users/"+id, "")
	return outcomeOf(t, status)
}

// pathDriver speaks a surface where each user is at a path with their UUID, and is JSON there.
type pathDriver struct {
	caller
	login, name string   // the keys of a login name and a first name
	entries     []string // the keys behind which a list is
	promoted    string   // what makes somebody one who manages people
	// fresh returns the body that makes a user.
	fresh func(t *testing.T, login, mail string) string
}

func newAxwayDriver(_ *testing.T, w *twoTenants, login, password string) driver {
	return pathDriver{
		caller: basicCaller(w.Address()+"/api/portal/v1.3", login, password),
		login:  "loginName", name: "name", promoted: `{"role":"oadmin"}`,
		fresh: func(t *testing.T, login, mail string) string {
			acme, err := w.directory.Environments.Get(t.Context(), w.operator(t), "Acme")
			require.NoError(t, err)
			return fmt.Sprintf(`{"organizationId":%q,"name":%q,"loginName":%q,"email":%q,"enabled":true}`, acme.UUID, login,
				login, mail)
		},
	}
}

func newTelliusDriver(t *testing.T, w *twoTenants, login, password string) driver {
	c := caller{base: w.Address()}
	token := "none"
	if status, answer := c.call(t, "POST", "/api/login",
		fmt.Sprintf(`{"username":%q,"password":%q}`, login, password)); status == 200 {
		token = answer.find(t, "token").(string)
	}
	c.header = map[string]string{"Authorization": "Bearer " + token}
	return pathDriver{
		caller: c,
		login:  "username", name: "firstName", entries: []string{"users"}, promoted: `{"role":"admin"}`,
		fresh: func(_ *testing.T, login, mail string) string {
			return fmt.Sprintf(`{"username":%q,"firstName":%q,"lastName":"","password":"secret-1","email":%q,
				"groupsIds":[],"role":"user","assignDefaultGroup":true}`, login, login, mail)
		},
	}
}

func (d pathDriver) idOf(u *domain.User) string { return string(u.UUID) }

func (d pathDriver) create(t *testing.T, login, mail string) (string, outcome) {
	status, answer := d.call(t, "POST", "/users", d.fresh(t, login, mail))
	if got := outcomeOf(t, status); got != outcomeDone {
		return "", got
	}
	return answer.find(t, "id").(string), outcomeDone
}

func (d pathDriver) read(t *testing.T, id string) (string, string, outcome) {
	status, answer := d.call(t, "GET", "/users/"+id, "")
	if got := outcomeOf(t, status); got != outcomeDone {
		return "", "", got
	}
	return answer.find(t, d.login).(string), answer.find(t, d.name).(string), outcomeDone
}

func (d pathDriver) list(t *testing.T) (logins []string, _ outcome) {
	status, answer := d.call(t, "GET", "/users", "")
	if got := outcomeOf(t, status); got != outcomeDone {
		return nil, got
	}
	for _, entry := range answer.each(t, d.entries...) {
		logins = append(logins, entry.find(t, d.login).(string))
	}
	return logins, outcomeDone
}

func (d pathDriver) change(t *testing.T, id, body string) outcome {
	status, _ := d.call(t, "PUT", "/users/"+id, body)
	return outcomeOf(t, status)
}

func (d pathDriver) rename(t *testing.T, id, name string) outcome {
	return d.change(t, id, fmt.Sprintf(`{%q:%q}`, d.name, name))
}

func (d pathDriver) promote(t *testing.T, id string) outcome { return d.change(t, id, d.promoted) }

func (d pathDriver) remove(t *testing.T, id string) outcome {
	status, _ := d.call(t, "DELETE", "/users/"+id, "")
	return outcomeOf(t, status)
}

// byNumber is rest for a surface that names users by their login names.
type byNumber struct {
	restDriver
	w *twoTenants
}

func newByNumber(w *twoTenants, login, password string) byNumber {
	return byNumber{restDriver{basicCaller(w.Address(), login, password), w}, w}
}

func (d byNumber) number(t *testing.T, alias string) string {
	found, err := d.w.directory.Users.Get(t.Context(), d.w.operator(t),
		directory.GetUser{User: domain.UserRef{Alias: alias}})
	if err != nil {
		return "999999"
	}
	return d.restDriver.idOf(&found.User)
}

func (d byNumber) idOf(u *domain.User) string { return u.Alias }

func (d byNumber) create(t *testing.T, login, mail string) (string, outcome) {
	_, got := d.restDriver.create(t, login, mail)
	return login, got
}

func (d byNumber) read(t *testing.T, id string) (string, string, outcome) {
	return d.restDriver.read(t, d.number(t, id))
}

func (d byNumber) promote(t *testing.T, id string) outcome {
	return d.restDriver.promote(t, d.number(t, id))
}

func (d byNumber) remove(t *testing.T, id string) outcome {
	return d.restDriver.remove(t, d.number(t, id))
}

// tatDriver speaks tat, where nobody makes users for others, and whoever goes is archived.
type tatDriver struct {
	byNumber
	tat caller
}

func newTatDriver(_ *testing.T, w *twoTenants, login, password string) driver {
	return tatDriver{newByNumber(w, login, password),
		caller{w.Address(), map[string]string{"Tat_username": login, "Tat_password": password}}}
}

// said returns what an answer means: the product has one status for many mistakes.
func (d tatDriver) said(t *testing.T, status int, answer answered) outcome {
	if status == 400 {
		text := fmt.Sprint(answer.value)
		switch {
		case strings.Contains(text, "does not exist"):
			return outcomeMissing
		case strings.Contains(text, "already exists"):
			return outcomeConflict
		}
	}
	return outcomeOf(t, status)
}

func (d tatDriver) read(t *testing.T, id string) (string, string, outcome) {
	status, answer := d.tat.call(t, "GET", "/users?username="+id, "")
	if status != 200 {
		return "", "", outcomeOf(t, status)
	}
	if answer.find(t, "users") == nil {
		return "", "", outcomeMissing
	}
	found := answer.each(t, "users")[0]
	return found.find(t, "username").(string), found.find(t, "fullname").(string), outcomeDone
}

func (d tatDriver) list(t *testing.T) (logins []string, _ outcome) {
	status, answer := d.tat.call(t, "GET", "/users", "")
	if status != 200 {
		return nil, outcomeOf(t, status)
	}
	for _, entry := range answer.each(t, "users") {
		logins = append(logins, entry.find(t, "username").(string))
	}
	return logins, outcomeDone
}

func (d tatDriver) rename(t *testing.T, id, name string) outcome {
	status, answer := d.tat.call(t, "PUT", "/user/update",
		fmt.Sprintf(`{"username":%q,"newFullname":%q,"newEmail":"%s@example.org"}`, id, name, id))
	return d.said(t, status, answer)
}

func (d tatDriver) promote(t *testing.T, id string) outcome {
	status, answer := d.tat.call(t, "PUT", "/user/setadmin", fmt.Sprintf(`{"username":%q}`, id))
	return d.said(t, status, answer)
}

func (d tatDriver) remove(t *testing.T, id string) outcome {
	status, answer := d.tat.call(t, "PUT", "/user/archive", fmt.Sprintf(`{"username":%q}`, id))
	return d.said(t, status, answer)
}

// ethersourceDriver speaks ethersource, which makes and changes users and has no more of them.
type ethersourceDriver struct {
	byNumber
	ethersource caller
}

func newEthersourceDriver(_ *testing.T, w *twoTenants, login, password string) driver {
	return ethersourceDriver{newByNumber(w, login, password),
		basicCaller(w.Address()+"/ethersource/rest/v2", login, password)}
}

func (d ethersourceDriver) create(t *testing.T, login, mail string) (string, outcome) {
	status, answer := d.ethersource.call(t, "POST", "/users",
		fmt.Sprintf(`{"userId":%q,"firstName":%q,"lastName":"","email":%q,"password":"secret-1",
		"company":"","country":"","language":"EN"}`, login, login, mail))
	if status == 400 && strings.Contains(fmt.Sprint(answer.value), "already in use") {
		return "", outcomeConflict // the product knows no 409
	}
	return login, outcomeOf(t, status)
}

func (d ethersourceDriver) rename(t *testing.T, id, name string) outcome {
	status, _ := d.ethersource.call(t, "PUT", "/users/"+id,
		fmt.Sprintf(`{"firstName":%q,"lastName":"","email":"%s@example.org","company":"","country":"","language":"EN"}`, name,
			id))
	return outcomeOf(t, status)
}
