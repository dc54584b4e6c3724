package app_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/storetest"
)

// twoTenants is a directory of two organizations with one nested in each, and somebody of
// each role.
type twoTenants struct {
	*running
	clock  *clock
	random *rand.Rand
	made   int
	// theirs are the other organization's environments, users and groups.
	environments []domain.EnvironmentID
	users        []domain.UserID
	groups       []domain.GroupID
	objects      []domain.ObjectID
	offers       []domain.CopyRequestID
	// known are the UUIDs of everybody's users and groups, and others those of the other
	// organization, by the parameters of routes that take them.
	known, others map[string][]string
	logins        map[string]string // who a token is of
}

// withTat is behind a question that is asked with Tat's headers.
const withTat = " with Tat's headers"

// note keeps a UUID.
func (w *twoTenants) note(parameter string, id domain.UUID) {
	w.known[parameter] = append(w.known[parameter], string(id))
	w.others[parameter] = append(w.others[parameter], string(id))
}

func newTwoTenants(t *testing.T, engine string, changes ...func(*app.Config)) *twoTenants {
	c := newClock(storyBegins)
	cfg := settings(t, c)
	if engine == "postgres" {
		cfg.DatabaseURL = storetest.PostgresURL(t)
	}
	cfg.AdminPassword = testPassword
	for _, change := range changes {
		change(&cfg)
	}
	db, err := app.OpenDatabase(t.Context(), &cfg)
	require.NoError(t, err)
	_, err = app.Begin(t.Context(), &cfg, db)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	w := &twoTenants{running: serve(t, cfg), clock: c, random: rand.New(rand.NewPCG(1, 2)),
		known: map[string][]string{}, others: map[string][]string{}, logins: map[string]string{}}
	for _, tenant := range []string{"Acme", "Bolt"} {
		w.addEnvironment(t, "/", tenant, true)
		for _, e := range []string{"Prod", "Test"} {
			w.addEnvironment(t, tenant, e, false)
		}
		w.addEnvironment(t, tenant, "Labs", true)
		w.addGroup(t, tenant)
		lower := strings.ToLower(tenant)
		w.addUser(t, lower+".admin", tenant, domain.RoleOAdmin, "Admin")
		w.addUser(t, lower+".power", tenant+"/Prod", domain.RolePower, "Admin")
		w.addUser(t, lower+".user", tenant+"/Prod", domain.RoleUser, "User")
		w.addUser(t, lower+".labs", tenant+"/Labs", domain.RoleOAdmin, "Admin")
		w.addObjects(t, tenant, lower)
		if tenant == "Acme" {
			w.environments, w.users, w.groups, w.objects, w.offers = nil, nil, nil, nil, nil
			clear(w.others)
		}
	}
	return w
}

// operator returns who may do everything, as things are now.
func (w *twoTenants) operator(t *testing.T) domain.Principal {
	who, err := w.directory.Operator(t.Context())
	require.NoError(t, err)
	return who
}

func (w *twoTenants) addEnvironment(t *testing.T, parent, alias string, organization bool) {
	ref := domain.EnvironmentRef(parent)
	e, err := w.directory.Environments.Create(t.Context(), w.operator(t),
		directory.EnvironmentPatch{Parent: &ref, Alias: &alias, IsOrganization: &organization})
	require.NoError(t, err)
	w.environments = append(w.environments, e.ID)
}

func (w *twoTenants) addGroup(t *testing.T, organization string) {
	ref, alias := domain.EnvironmentRef(organization), organization+" team"
	g, err := w.directory.Groups.Create(t.Context(), w.operator(t),
		directory.GroupPatch{Organization: &ref, Alias: &alias})
	require.NoError(t, err)
	w.groups = append(w.groups, g.ID)
	w.note("groupId", g.UUID)
}

func (w *twoTenants) addUser(t *testing.T, alias, home string, role domain.Role, group domain.GroupRef) {
	ref, password, mail := domain.EnvironmentRef(home), testPassword, alias+"@example.org"
	u, err := w.directory.Users.Create(t.Context(), w.operator(t), directory.UserPatch{Alias: &alias, FirstName: &alias,
		Mail: &mail, Home: &ref, Role: &role, Group: &group, Password: &password})
	require.NoError(t, err)
	w.users = append(w.users, u.ID)
	w.note("userId", u.UUID)
}

// allow gives somebody exactly these environments.
func (w *twoTenants) allow(t *testing.T, alias string, environments ...domain.EnvironmentRef) {
	t.Helper()
	found, err := w.directory.Users.Get(t.Context(), w.operator(t), directory.GetUser{User: domain.UserRef{Alias: alias}})
	require.NoError(t, err)
	_, err = w.directory.Users.Update(t.Context(), w.operator(t),
		directory.UpdateUser{User: domain.UserRef{ID: found.ID}, UserPatch: directory.UserPatch{Allowed: &environments}})
	require.NoError(t, err)
}

// addObjects makes something that people of an organization own, have given to one another,
// bookmarked and used.
func (w *twoTenants) addObjects(t *testing.T, tenant, lower string) {
	ctx, user := t.Context(), domain.UserRef{Alias: lower + ".user"}
	for _, in := range []objects.NewObject{
		{Kind: domain.KindObserver, Name: "Watch", Environment: domain.EnvironmentRef(tenant + "/Prod"), Owner: user},
		{Kind: domain.KindTopic, Name: "Talk", Environment: domain.EnvironmentRef(tenant),
			Owner: domain.UserRef{Alias: lower + ".admin"}},
		{Kind: domain.KindAPI, Name: "Prices", Environment: domain.EnvironmentRef(tenant),
			Owner: domain.UserRef{Alias: lower + ".labs"}},
	} {
		o, err := w.directory.Objects.Create(ctx, w.operator(t), in)
		require.NoError(t, err)
		w.objects = append(w.objects, o.ID)
	}
	watch := domain.NumberedObject(w.objects[len(w.objects)-3])
	_, err := w.directory.Objects.Grant(ctx, w.operator(t),
		objects.GrantObject{Object: watch, User: domain.UserRef{Alias: lower + ".power"}, Level: domain.LevelRead})
	require.NoError(t, err)
	owner := w.principal(t, lower+".user")
	require.NoError(t, w.directory.Objects.AddBookmark(ctx, owner, watch))
	_, err = w.directory.Objects.RecordUsage(ctx, owner, objects.RecordUsage{Object: watch, Count: 3})
	require.NoError(t, err)
	c, err := w.directory.Objects.OfferCopy(ctx, w.operator(t),
		objects.ObjectTo{Object: watch, To: domain.UserRef{Alias: lower + ".power"}})
	require.NoError(t, err)
	w.offers = append(w.offers, c.ID)
	require.NoError(t, w.directory.RunJobs(ctx))
}

// principal returns somebody as a request would find them.
func (w *twoTenants) principal(t *testing.T, alias string) domain.Principal {
	a, err := persistence.NewAccountStore(w.directory.DB).ByLogin(t.Context(), alias)
	require.NoError(t, err)
	return a.Principal
}

// disturbObject makes one random change to an object of the other organization.
func (w *twoTenants) disturbObject(t *testing.T, name string, environment domain.EnvironmentRef) {
	ctx, ref := t.Context(), domain.NumberedObject(pickOne(w, w.objects))
	someone := domain.UserRef{ID: pickOne(w, w.users)}
	things := w.directory.Objects
	switch w.random.IntN(7) {
	case 0:
		kind := domain.ObjectKinds[w.random.IntN(len(domain.ObjectKinds))].Kind
		visibility := domain.Visibility(w.random.IntN(2))
		o, err := things.Create(ctx, w.operator(t),
			objects.NewObject{Kind: kind, Name: name, Environment: environment, Owner: someone, Visibility: &visibility})
		if err == nil {
			w.objects = append(w.objects, o.ID)
		}
	case 1:
		_, _ = things.Update(ctx, w.operator(t), objects.UpdateObject{Object: ref, Name: &name})
	case 2:
		_, _ = things.Move(ctx, w.operator(t), objects.MoveObject{Object: ref, To: environment})
	case 3:
		_, _ = things.HandOver(ctx, w.operator(t), objects.ObjectTo{Object: ref, To: someone})
	case 4:
		_, _ = things.Grant(ctx, w.operator(t),
			objects.GrantObject{Object: ref, Group: "User", Level: domain.Level(w.random.IntN(4))})
	case 5:
		_ = things.Delete(ctx, w.operator(t), objects.DeleteObject{Object: ref})
	case 6:
		_, _ = things.OfferCopy(ctx, w.operator(t), objects.ObjectTo{Object: ref, To: someone})
	}
}

// disturb makes one random change to the other organization. It may be refused.
func (w *twoTenants) disturb(t *testing.T) {
	ctx := context.Background()
	w.made++
	name := fmt.Sprintf("made%d", w.made)
	some := func() domain.EnvironmentRef { return domain.NumberRef(pickOne(w, w.environments)) }
	flag := w.random.IntN(3) > 0
	environment, parent := some(), some()
	first, second := []domain.EnvironmentRef{some()}, []domain.EnvironmentRef{some()}
	group := domain.GroupRef(fmt.Sprint(pickOne(w, w.groups)))
	mask := domain.Mask(w.random.Uint64()) & domain.AllPermissions
	switch w.random.IntN(13) {
	case 10, 11, 12:
		w.disturbObject(t, name, environment)
	case 0:
		e, err := w.directory.Environments.Create(ctx, w.operator(t),
			directory.EnvironmentPatch{Parent: &parent, Alias: &name, IsOrganization: &flag})
		if err == nil {
			w.environments = append(w.environments, e.ID)
		}
	case 1:
		_, _ = w.directory.Environments.Update(ctx, w.operator(t), directory.UpdateEnvironment{Environment: environment,
			EnvironmentPatch: directory.EnvironmentPatch{Alias: &name, Active: &flag}})
	case 2:
		_, _ = w.directory.Environments.Update(ctx, w.operator(t),
			directory.UpdateEnvironment{Environment: environment, EnvironmentPatch: directory.EnvironmentPatch{Parent: &parent}})
	case 3:
		_ = w.directory.Environments.Delete(ctx, w.operator(t), directory.DeleteEnvironment{Environment: environment})
	case 4, 5:
		u, err := w.directory.Users.Create(ctx, w.operator(t),
			directory.UserPatch{Alias: &name, FirstName: &name, Home: &environment, Allowed: &first, Blocked: &second})
		if err == nil {
			w.users = append(w.users, u.ID)
		}
	case 6:
		_, _ = w.directory.Users.Update(ctx, w.operator(t),
			directory.UpdateUser{User: domain.UserRef{ID: pickOne(w, w.users)},
				UserPatch: directory.UserPatch{Phone: &name, Allowed: &second, Active: &flag, Home: &environment}})
	case 7:
		_ = w.directory.Users.Delete(ctx, w.operator(t), directory.DeleteUser{User: domain.UserRef{ID: pickOne(w, w.users)}})
	case 8:
		g, err := w.directory.Groups.Create(ctx, w.operator(t),
			directory.GroupPatch{Organization: &environment, Alias: &name, Mask: &mask, Parent: &group})
		if err == nil {
			w.groups = append(w.groups, g.ID)
		}
	case 9:
		_, _ = w.directory.Groups.Update(ctx, w.operator(t), directory.UpdateGroup{
			Group: domain.NumberedGroup(pickOne(w, w.groups)), GroupPatch: directory.GroupPatch{Alias: &name, Mask: &mask}})
	}
}

func pickOne[T any](w *twoTenants, from []T) T { return from[w.random.IntN(len(from))] }

// samples are values for the parameters of routes, of the own organization, of the other
// one, and of none.
var samples = map[string][]string{
	"alias": {"acme.admin", "acme.user", "bolt.admin", "bolt.user", "Acme", "Bolt", "Prod", "Labs", "Acme%2FProd",
		"Bolt%2FProd", "nobody"},
	"id":      {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "999"},
	"object":  {"1", "2", "3", "4", "5", "6", "7", "999"},
	"request": {"1", "2", "3", "999"},
	// Of Tat: contacts, and a number of seconds.
	"username": {"15", "acme.user", "bolt.user", "nobody"},
	"group":    {"Acme%20team", "Bolt%20team", "User", "none"},
	// Of topics.
	"*": {"Talk", "made1", "Private/bolt.user"},
}

// queries are tried on routes without parameters.
var queries = []string{"", "?total=true", "?limit=2", "?q=b", "?env=Prod", "?env=Bolt", "?env=Labs",
	"?sort=alias&limit=3", "?group=User", "?role=power",
	"?user=bolt.user&permission=user:read&environment=Bolt", "?user=acme.user&permission=user:read&environment=Acme/Prod",
	"?user=acme.user&permission=user:update&environment=Acme/Prod&changes=true",
	"?user=acme.admin&permission=user:read&environment=Acme&changes=true", "?permission=organization:write&changes=true",
	"?actor=bolt.admin",
	"?everywhere=true&total=true", "?everywhere=true&sort=name", "?owner=bolt.user", "?owner=acme.user&level=write",
	"?kind=observer", "?personal=true&everywhere=true",
	"?getForTatAdmin=true", "?getNbMsgUnread=true&topicPath=/", "?nameRegex=."}

// questions are requests on every route of every surface that change nothing: whatever a
// new route answers is thereby part of the test.
func (w *twoTenants) questions(t *testing.T) []string {
	var all []string
	samples := maps.Clone(samples)
	maps.Copy(samples, w.known)
	for _, surface := range w.Surfaces() {
		asked := len(all)
		for _, route := range surface.App.GetRoutes(true) {
			switch {
			case route.Method == "GET" || route.Method == "HEAD":
				for _, path := range fillIn(route.Path, samples) {
					all = append(all, route.Method+" "+path)
				}
				if !strings.ContainsAny(route.Path, ":*") {
					for _, query := range queries {
						all = append(all, route.Method+" "+route.Path+query)
					}
				}
			case route.Method == "POST" || route.Method == "DELETE" || route.Method == "PUT":
				// On what is theirs, which must be refused alike whether it is there or not.
				if strings.ContainsAny(route.Path, ":*") {
					for _, path := range fillIn(route.Path, w.theirs(route.Path)) {
						all = append(all, route.Method+" "+path)
					}
				}
			}
		}
		for i := asked; i < len(all) && surface.Name == "tat"; i++ {
			all[i] += withTat
		}
	}
	require.Greater(t, len(all), 100)
	require.Contains(t, all, "GET /users?limit=2"+withTat)
	slices.Sort(all)
	return slices.Compact(all)
}

// theirs are values for the parameters of a route that name what the other organization
// has.
func (w *twoTenants) theirs(path string) map[string][]string {
	values := map[string][]string{"alias": {"bolt.user", "Bolt"}, "id": {"999999"},
		"object": numbersOf(w.objects), "request": numbersOf(w.offers), "username": {"bolt.user", "bolt.admin"},
		"group": {"Bolt%20team", "none"}, "*": {"made1", "made2", "Private/bolt.user"}}
	maps.Copy(values, w.others)
	if strings.Contains(path, "notifications") {
		values["*"] = nil // one can want no news of what is not there
	}
	switch {
	case strings.Contains(path, "/users/"):
		values["id"] = numbersOf(w.users)
	case strings.Contains(path, "/environments/"):
		values["id"] = numbersOf(w.environments)
	case strings.Contains(path, "/groups/"):
		values["id"] = numbersOf(w.groups)
	}
	return values
}

func numbersOf[T ~int64](ids []T) []string {
	var all []string
	for _, id := range ids {
		all = append(all, fmt.Sprint(int64(id)))
	}
	return all
}

// fillIn returns the path with every combination of values for its parameters.
func fillIn(path string, values map[string][]string) []string {
	if before, wild := strings.CutSuffix(path, "*"); wild {
		var all []string
		for _, value := range values["*"] {
			all = append(all, fillIn(before+value, values)...)
		}
		return all
	}
	before, after, found := strings.Cut(path, ":")
	if !found {
		return []string{path}
	}
	name, rest, _ := strings.Cut(after, "/")
	if rest != "" {
		rest = "/" + rest
	}
	var all []string
	for _, value := range values[name] {
		all = append(all, fillIn(before+value+rest, values)...)
	}
	return all
}

// ask returns the whole answer to a question, but for the headers that differ each time.
func (w *twoTenants) ask(t *testing.T, question, token string) string {
	question, tat := strings.CutSuffix(question, withTat)
	method, path, _ := strings.Cut(question, " ")
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI(w.Address() + path)
	req.Header.SetMethod(method)
	if tat {
		req.Header.Set("Tat_username", w.logins[token])
		req.Header.Set("Tat_password", testPassword)
	} else {
		req.Header.Set("Authorization", token)
	}
	if method == "POST" || method == "PUT" {
		req.Header.SetContentType("application/json")
		req.SetBodyString("{}")
	}
	require.NoError(t, fasthttp.Do(req, res))
	require.NotEqual(t, 500, res.StatusCode(), question)
	return fmt.Sprint(res.StatusCode(), " ", string(res.Header.Peek("Link")), " ",
		string(res.Header.Peek("X-Total-Count")), " ", string(res.Header.Peek("ETag")), " ", string(res.Body()))
}

// TestNonInterference changes another organization at random: every answer to the people
// of this one stays as it was, byte for byte.
func TestNonInterference(t *testing.T) { interfere(t, 1) }

func interfere(t *testing.T, rounds int) {
	t.Helper()
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		questions := w.questions(t)
		tokens, before := map[string]string{}, map[string]string{}
		for _, who := range []string{"acme.admin", "acme.power", "acme.user", "acme.labs"} {
			tokens[who] = signIn(t, w.Address(), who, testPassword)
			w.logins[tokens[who]] = who
		}
		for who, token := range tokens {
			for _, q := range questions {
				before[who+" "+q] = w.ask(t, q, token)
			}
		}
		for range rounds {
			for range 15 {
				w.disturb(t)
			}
			for who, token := range tokens {
				for _, q := range questions {
					if after := w.ask(t, q, token); after != before[who+" "+q] {
						t.Fatalf("%s asks %s\nbefore: %s\nafter:  %s", who, q, before[who+" "+q], after)
					}
				}
			}
		}
	})
}
