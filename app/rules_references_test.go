package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/domain"
)

// refers is what a description says of a property of an answer that names somebody or something:
// "user", "group", "environment" or "organization", by number, UUID, login name, alias or path;
// "changes" and "target" are those of the audit trail; "none" is a property that only looks like it. is says the
// same of an object for the properties by which it goes itself, and "other" that it is something else.
const (
	refers = "x-canopy-refers"
	is     = "x-canopy-is"
)

// ownNames are the properties by which an object goes.
var ownNames = []string{"id", "_id", "uuid", "userid", "userId", "envid", "alias", "name", "fullName", "username",
	"fullname", "loginName",
	"firstname", "lastname", "firstName", "lastName", "surname", "path", "topic"}

var kindsOfReferences = []string{"user", "group", "environment", "organization", "changes", "target", "none"}

// A schema with what is said where it is used.
type used struct {
	*openapi3.Schema
	refers string
}

func use(ref *openapi3.SchemaRef) used {
	u := used{Schema: ref.Value}
	for _, extensions := range []map[string]any{ref.Value.Extensions, ref.Extensions} {
		if said, ok := extensions[refers].(string); ok {
			u.refers = said
		}
	}
	return u
}

// property returns the schema of a member, with what the object says of its own names.
func (u used) property(name string) used {
	below := use(u.Properties[name])
	if of, ok := u.Extensions[is].(string); ok && below.refers == "" && slices.Contains(ownNames, name) {
		if below.refers = of; of == "other" {
			below.refers = "none"
		}
	}
	return below
}

// parts are the schemas that a value of s must or may fit as well.
func (u used) parts() (all []used) {
	for _, refs := range []openapi3.SchemaRefs{u.AllOf, u.AnyOf, u.OneOf} {
		for _, ref := range refs {
			part := use(ref)
			if part.refers == "" {
				part.refers = u.refers
			}
			all = append(all, part)
		}
	}
	return all
}

// answersOf returns the schemas of what a GET answers with when all is well.
func answersOf(operation *openapi3.Operation) (all []used) {
	for status, response := range operation.Responses.Map() {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		for _, media := range response.Value.Content {
			if media.Schema != nil {
				all = append(all, use(media.Schema))
			}
		}
	}
	return all
}

// looksLikeReference are the names of properties that hold, as far as the words say, a user, a
// group, an environment or an organization.
var looksLikeReference = regexp.MustCompile(
	`(?i)user|owner|actor|group|env|organi[sz]ation|member|creat.*by|changedby|^by$|^from|^to$|^to[A-Z]|approver|parent|withheld|login|alias|tenant|home|^id$|^_id$|name$|path$|target|changes`)

// describedAsReference is how descriptions speak of them.
var describedAsReference = regexp.MustCompile(
	`(?i)\b(login name|alias|number|uuid|id) of (who|the (user|owner|group|environment|organization))|^(the )?(user|owner|group|environment|organization)\b`)

// TestReferencesAreMarked holds that a property of an answer that looks as if it named somebody or
// something says what it names, so that TestNothingIsNamedThatIsNotReached checks it.
func TestReferencesAreMarked(t *testing.T) {
	for _, offered := range surfaces(t) {
		seen := map[*openapi3.Schema]bool{}
		var walk func(place string, u used)
		walk = func(place string, u used) {
			if u.refers != "" && !slices.Contains(kindsOfReferences, u.refers) {
				t.Errorf("%s: %s: %s is none of %v", offered.Name, place, u.refers, kindsOfReferences)
			}
			if seen[u.Schema] {
				return
			}
			seen[u.Schema] = true
			for _, part := range u.parts() {
				walk(place, part)
			}
			if u.Items != nil {
				walk(place, use(u.Items))
			}
			for _, name := range slices.Sorted(maps.Keys(u.Properties)) {
				property := u.property(name)
				suspect := looksLikeReference.MatchString(name) || describedAsReference.MatchString(property.Description)
				if suspect && property.refers == "" && holdsText(property, map[*openapi3.Schema]bool{}) {
					t.Errorf("%s: %s.%s may name something: say %s", offered.Name, place, name, refers)
				}
				walk(place+"."+name, property)
			}
		}
		for path, item := range describe(t, offered).doc.Paths.Map() {
			if item.Get != nil {
				for _, answer := range answersOf(item.Get) {
					walk("GET "+path, answer)
				}
			}
		}
	}
}

// holdsText reports whether a value of u can be a text or a number, or a list of these.
func holdsText(u used, seen map[*openapi3.Schema]bool) bool {
	if seen[u.Schema] {
		return false
	}
	seen[u.Schema] = true
	if u.Items != nil && holdsText(use(u.Items), seen) {
		return true
	}
	if slices.ContainsFunc(u.parts(), func(part used) bool { return holdsText(part, seen) }) {
		return true
	}
	return u.Type != nil && (u.Type.Includes("string") || u.Type.Includes("integer") || u.Type.Includes("number")) &&
		len(u.Enum) == 0
}

// A reader is somebody who asks everything.
type reader struct {
	*domain.User
	token string
}

// naming knows from a whole directory what a value may name.
type naming struct {
	*oracle
	aliases map[domain.EnvironmentID]string
	uuids   map[string]any // UserID, GroupID or EnvironmentID
}

// newNaming reads the whole directory.
func newNaming(t *testing.T, w *twoTenants) *naming {
	ctx, operator := t.Context(), w.operator(t)
	n := &naming{newOracle(), map[domain.EnvironmentID]string{}, map[string]any{}}
	environments, err := w.directory.Environments.List(ctx, operator, directory.ListEnvironments{Environment: "/"})
	require.NoError(t, err)
	for e, err := range environments.Items {
		require.NoError(t, err)
		n.environments[e.ID] = &oracleEnvironment{parent: e.Environment.Parent, active: e.Active,
			organization: e.IsOrganization}
		n.aliases[e.ID], n.uuids[string(e.UUID)] = e.Alias, e.ID
	}
	groups, err := w.directory.Groups.List(ctx, operator, directory.PageOfGroups{})
	require.NoError(t, err)
	for g, err := range groups.Items {
		require.NoError(t, err)
		n.groups[g.ID], n.uuids[string(g.UUID)] = &g.Group, g.ID
	}
	users, err := w.directory.Users.List(ctx, operator, directory.ListUsers{Everywhere: true})
	require.NoError(t, err)
	for u, err := range users.Items {
		require.NoError(t, err)
		n.users[u.ID], n.uuids[string(u.UUID)] = &u.User, u.ID
	}
	return n
}

// environment, group and user say whether something may be named to r. Their own home and
// organization everybody knows; of groups those of the root and of the own organization.
func (n *naming) environment(r *domain.User, e domain.EnvironmentID) bool {
	return n.environments[e] == nil || n.reaches(r, e) || e == r.Home || e == n.organizationOf(r.Home)
}

func (n *naming) group(r *domain.User, id domain.GroupID) bool {
	g := n.groups[id]
	return g == nil || g.Organization == domain.RootOrganization || n.environment(r, g.Organization.Environment())
}

func (n *naming) user(r *domain.User, id domain.UserID) bool {
	u := n.users[id]
	return u == nil || id == r.ID || n.reaches(r, u.Home)
}

// may says whether value may be told to r as a reference to something of that kind.
func (n *naming) may(r *domain.User, kind string, value any) bool {
	id := int64(0)
	text, isText := value.(string)
	switch v := value.(type) {
	case json.Number:
		id, _ = v.Int64()
	case nil, bool, map[string]any, []any:
		return true
	}
	if known, ok := n.uuids[text]; ok && isText {
		switch known := known.(type) {
		case domain.UserID:
			return n.user(r, known)
		case domain.GroupID:
			return n.group(r, known)
		case domain.EnvironmentID:
			return n.environment(r, known)
		}
	}
	switch kind {
	case "user":
		for _, u := range n.users {
			if isText && (u.Alias == text || u.Person.Name() == text || fmt.Sprintf("%024x", int64(u.ID)) == text) {
				return n.user(r, u.ID)
			}
		}
		return isText || n.user(r, domain.UserID(id))
	case "group":
		for _, g := range n.groups {
			if isText && g.Alias == text && !n.group(r, g.ID) {
				return false
			}
		}
		return isText || n.group(r, domain.GroupID(id))
	case "environment", "organization":
		if !isText {
			return n.environment(r, domain.EnvironmentID(id))
		}
		for step := range strings.SplitSeq(text, "/") { // of several that are called so, one that r reaches
			var called, known bool
			for e, alias := range n.aliases {
				called = called || alias == step
				known = known || alias == step && n.environment(r, e)
			}
			if called && !known {
				return false
			}
		}
	}
	return true
}

// check walks a value along its schema and reports what may not be told. It returns how many
// references it saw.
func (n *naming) check(r *domain.User, u used, value any, place string, report func(string)) (seen int) {
	for _, part := range u.parts() {
		seen += n.check(r, part, value, place, report)
	}
	switch v := value.(type) {
	case []any:
		if u.refers == "changes" {
			return seen // checked with the entry
		}
		if u.Items != nil {
			items := use(u.Items)
			if items.refers == "" {
				items.refers = u.refers
			}
			for _, entry := range v {
				seen += n.check(r, items, entry, place+"[]", report)
			}
		}
	case map[string]any:
		for name := range u.Properties {
			below := u.property(name)
			if below.refers == "changes" {
				seen += n.changes(r, v, place, report)
			}
			if member, there := v[name]; there {
				seen += n.check(r, below, member, place+"."+name, report)
			}
		}
	default:
		if u.refers != "" && u.refers != "none" && u.refers != "target" && value != nil {
			seen++
			if !n.may(r, u.refers, value) {
				report(fmt.Sprintf("%s names the %s %v", place, u.refers, value))
			}
		}
	}
	return seen
}

// changes checks the changes of an entry of the audit trail, which name by numbers.
func (n *naming) changes(r *domain.User, entry map[string]any, place string, report func(string)) (seen int) {
	target, _ := entry["target"].(map[string]any)
	kind, _ := target["kind"].(string)
	if slices.Contains([]string{"user", "group", "environment"}, kind) {
		if seen++; !n.may(r, kind, target["id"]) {
			report(fmt.Sprintf("%s: the target is the %s %v", place, kind, target["id"]))
		}
	}
	for _, c := range entry["changes"].([]any) {
		change := c.(map[string]any)
		field := change["field"].(string)
		refers := ""
		switch {
		case field == "envId" || field == "envs" || field == "envsbloque" || kind == "environment" && field == "parent":
			refers = "environment"
		case kind == "user" && field == "group" || kind == "group" && field == "parent":
			refers = "group"
		case field == "owner":
			refers = "user"
		case field == "access":
			refers = "access"
		default:
			continue
		}
		for _, side := range []string{"before", "after"} {
			text, _ := change[side].(string)
			for part := range strings.SplitSeq(text, ", ") {
				of, words := refers, strings.Fields(part)
				if of == "access" && len(words) == 3 {
					of, words = words[0], words[1:2]
				}
				for _, word := range words {
					seen++
					if !n.may(r, of, json.Number(word)) {
						report(fmt.Sprintf("%s of a %s: %s names the %s %s", place, kind, field, of, word))
					}
				}
			}
		}
	}
	return seen
}

// hide gives the world blocks inside Acme, and people who have to do with what they do not reach.
func (w *twoTenants) hide(t *testing.T) {
	ctx := t.Context()
	w.addEnvironment(t, "Acme/Prod", "East", false)
	w.addEnvironment(t, "Acme/Prod/East", "Dock", false)
	w.addEnvironment(t, "/", "Office", false)
	w.addUser(t, "acme.half", "Acme", domain.RoleOAdmin, "Admin")
	w.block(t, "acme.half", "Acme/Prod")
	w.addUser(t, "acme.east", "Acme/Prod/East", domain.RolePower, "Admin")
	w.addUser(t, "acme.dock", "Acme/Prod/East/Dock", domain.RoleOAdmin, "Admin")
	w.block(t, "acme.dock", "Acme/Prod/East") // their own home too
	w.addUser(t, "bolt.visitor", "Bolt/Test", domain.RolePower, "Admin")
	w.allow(t, "bolt.visitor", "Acme/Prod")
	w.addUser(t, "root.clerk", "/", domain.RoleUser, "User")
	w.addUser(t, "root.office", "Office", domain.RolePower, "Admin")
	w.addUser(t, "acme.guest", "Acme/Test", domain.RoleUser, "User")
	w.allow(t, "acme.guest", "Acme/Prod/East", "Bolt/Prod")
	team := []domain.GroupRef{"Acme team"}
	for _, alias := range []string{"acme.user", "acme.east", "acme.power"} {
		u, err := w.directory.Users.Get(ctx, w.operator(t), directory.GetUser{User: domain.UserRef{Alias: alias}})
		require.NoError(t, err)
		_, err = w.directory.Users.Update(ctx, w.operator(t), directory.UpdateUser{User: domain.UserRef{ID: u.ID},
			UserPatch: directory.UserPatch{Group: &team[0], Groups: &[]domain.GroupRef{"/Admin"}}})
		require.NoError(t, err)
	}
	shared := domain.Shared
	for _, in := range []objects.NewObject{
		{Kind: domain.KindTopic, Name: "Board", Environment: "Acme", Owner: domain.UserRef{Alias: "acme.east"},
			Visibility: &shared},
		{Kind: domain.KindObserver, Name: "Gauge", Environment: "Acme/Test", Owner: domain.UserRef{Alias: "acme.half"},
			Visibility: &shared},
		{Kind: domain.KindAPI, Name: "Tides", Environment: "Acme/Prod/East", Owner: domain.UserRef{Alias: "acme.power"},
			Visibility: &shared},
		{Kind: domain.KindTopic, Name: "Hall", Environment: "/", Owner: domain.UserRef{Alias: "admin"}, Visibility: &shared},
	} {
		o, err := w.directory.Objects.Create(ctx, w.operator(t), in)
		require.NoError(t, err, in.Name)
		ref := domain.NumberedObject(o.ID)
		for _, grant := range []objects.GrantObject{
			{User: domain.UserRef{Alias: "acme.dock"}, Level: domain.LevelAdmin},
			{User: domain.UserRef{Alias: "acme.half"}, Level: domain.LevelAdmin},
			{User: domain.UserRef{Alias: "acme.guest"}, Level: domain.LevelAdmin},
			{User: domain.UserRef{Alias: "bolt.visitor"}, Level: domain.LevelAdmin},
			{User: domain.UserRef{Alias: "root.clerk"}, Level: domain.LevelAdmin}, {Group: "Acme team", Level: domain.LevelRead},
		} {
			grant.Object = ref
			_, _ = w.directory.Objects.Grant(ctx, w.operator(t), grant) // a group of Acme not on what is the root's
		}
		_, _ = w.directory.Objects.HandOver(ctx, w.operator(t),
			objects.ObjectTo{Object: ref, To: domain.UserRef{Alias: "acme.admin"}})
		_, _ = w.directory.Objects.HandOver(ctx, w.operator(t),
			objects.ObjectTo{Object: ref, To: domain.UserRef{Alias: string(in.Owner.Alias)}})
		_, _ = w.directory.Objects.OfferCopy(ctx, w.principal(t, in.Owner.Alias),
			objects.ObjectTo{Object: ref, To: domain.UserRef{Alias: "acme.guest"}})
	}
	for _, alias := range []string{"acme.east", "acme.admin", "acme.guest", "acme.half"} {
		_, err := w.directory.Social.SetPresence(ctx, w.principal(t, alias),
			objects.SetPresence{Topic: "/Board", Status: domain.PresenceOnline})
		require.NoError(t, err, alias)
	}
	for _, alias := range []string{"admin", "acme.admin", "acme.half"} {
		_, err := w.directory.Codes.Create(ctx, w.principal(t, alias), codeOf("Acme", accounts.RegistrationCodePatch{}))
		require.True(t, err == nil || domain.ErrClimbing.Is(err), "%s: %v", alias, err)
	}
	move, back := domain.EnvironmentRef("Acme/Test"), domain.EnvironmentRef("Acme/Prod")
	for _, to := range []*domain.EnvironmentRef{&move, &back} {
		_, err := w.directory.Environments.Update(ctx, w.operator(t),
			directory.UpdateEnvironment{Environment: "East", EnvironmentPatch: directory.EnvironmentPatch{Parent: to}})
		require.NoError(t, err)
	}
	require.NoError(t, w.directory.RunJobs(ctx))
}

// block blocks somebody from exactly these environments.
func (w *twoTenants) block(t *testing.T, alias string, environments ...domain.EnvironmentRef) {
	t.Helper()
	found, err := w.directory.Users.Get(t.Context(), w.operator(t), directory.GetUser{User: domain.UserRef{Alias: alias}})
	require.NoError(t, err)
	_, err = w.directory.Users.Update(t.Context(), w.operator(t),
		directory.UpdateUser{User: domain.UserRef{ID: found.ID}, UserPatch: directory.UserPatch{Blocked: &environments}})
	require.NoError(t, err)
}

// TestNothingIsNamedThatIsNotReached asks every GET of every surface as people who reach this and
// that, and holds every user, group, environment and organization that an answer names against
// the oracle. Which properties name something the descriptions say.
func TestNothingIsNamedThatIsNotReached(t *testing.T) {
	notShort(t)
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		w.hide(t)
		n := newNaming(t, w)
		seen := map[string]int{}
		for _, u := range n.users {
			if u.Alias == "admin" {
				continue
			}
			r := reader{u, signIn(t, w.Address(), u.Alias, testPassword)}
			w.logins[r.token] = u.Alias
			for _, offered := range w.Surfaces() {
				seen[offered.Name] += w.interrogate(t, n, r, describe(t, offered))
			}
		}
		for _, offered := range w.Surfaces() {
			if offered.Name == "oauth" {
				require.Zero(t, seen[offered.Name], "what is published names nobody")
				continue
			}
			require.Greater(t, seen[offered.Name], 20, offered.Name)
		}
	})
}

// everything are values for the parameters of routes.
func (w *twoTenants) everything(n *naming) map[string][]string {
	values := maps.Clone(samples)
	maps.Copy(values, w.known)
	for id := range n.environments {
		values["id"] = append(values["id"], fmt.Sprint(int64(id)))
	}
	for _, u := range n.users {
		values["alias"] = append(values["alias"], u.Alias)
		values["id"] = append(values["id"], fmt.Sprint(int64(u.ID)), string(u.UUID))
	}
	for e, organization := range n.environments {
		if organization.organization {
			for uuid, known := range n.uuids {
				if known == any(e) {
					values["id"] = append(values["id"], uuid)
				}
			}
		}
	}
	values["topic"] = []string{"Board", "Hall", "Talk"}
	values["*"] = values["topic"]
	for name := range values {
		slices.Sort(values[name])
		values[name] = slices.Compact(values[name])
	}
	return values
}

// interrogate asks every GET of a surface as r, and returns how many references were seen.
func (w *twoTenants) interrogate(t *testing.T, n *naming, r reader, d *description) (seen int) {
	values := w.everything(n)
	said := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(d.doc.Paths.Map())) {
		operation := d.doc.Paths.Value(path).Get
		if operation == nil || d.name == "tat" && strings.Contains(path, "logout") {
			continue
		}
		asked := fillIn(regexp.MustCompile(`\{([^}]*)\}`).ReplaceAllString(path, ":$1"), values)
		if !strings.Contains(path, "{") {
			for _, query := range queries {
				asked = append(asked, path+query)
			}
		}
		for _, address := range asked {
			status, body := w.get(t, strings.TrimSuffix(d.doc.Servers[0].URL, "/")+address, d.name, r)
			if status != http.StatusOK || len(body) == 0 {
				continue
			}
			decoder := json.NewDecoder(strings.NewReader(string(body)))
			decoder.UseNumber()
			var value any
			if decoder.Decode(&value) != nil {
				continue // an image
			}
			for _, answer := range answersOf(operation) {
				seen += n.check(r.User, answer, value, "", func(what string) {
					if key := path + what; !said[key] {
						said[key] = true
						t.Errorf("%s, who does not reach it, asks %s GET %s:\n%s\n%.600s", r.Alias, d.name, address, what, body)
					}
				})
			}
		}
	}
	return seen
}

// get asks as a surface's clients do.
func (w *twoTenants) get(t *testing.T, address, surface string, r reader) (int, []byte) {
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI(w.Address() + address)
	switch surface {
	case "tat":
		req.Header.Set("Tat_username", r.Alias)
		req.Header.Set("Tat_password", testPassword)
	case "tellius":
		req.Header.Set("Authorization", "Bearer "+r.token)
	default:
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(r.Alias+":"+testPassword)))
	}
	require.NoError(t, fasthttp.Do(req, res))
	require.Less(t, res.StatusCode(), 500, "%s %s", surface, address)
	return res.StatusCode(), slices.Clone(res.Body())
}
