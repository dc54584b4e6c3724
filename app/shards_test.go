package app_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/cmd/check/requests"
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/sharddb"
	"canopy/persistence/storetest"
)

// A tourist sends requests that carry their name, by which the statements of each are told apart.
type tourist struct {
	t      *testing.T
	server string
	header map[string]string
	facts  map[string]string
	name   string
	login  string
	key    string // the API key that was shown last
}

// RoundTrip implements http.RoundTripper.
func (v *tourist) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Request-Id", unnamed.ReplaceAllString(v.name, "-"))
	return http.DefaultTransport.RoundTrip(r)
}

var (
	unnamed = regexp.MustCompile(`[^A-Za-z0-9]+`) // which an id of a request has not
	apiKey  = regexp.MustCompile(`"text": ?"([^"]+)"`)
	digits  = regexp.MustCompile(`\d+`)
	fact    = regexp.MustCompile(`"(?:userid|envid|id|key)": ?(\d+|"[^"]*")`)
)

// asks sends a request as somebody. What number its answer tells first is the fact called keep.
func (v *tourist) asks(status int, method, address, body, keep string) {
	v.t.Helper()
	for name, value := range v.facts {
		address, body = strings.ReplaceAll(address, "{"+name+"}", value), strings.ReplaceAll(body, "{"+name+"}", value)
	}
	v.name = method + " " + digits.ReplaceAllString(strings.Split(address, "?")[0], "n")
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.server+address, strings.NewReader(body))
	require.NoError(v.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range v.header {
		req.Header.Set(name, value)
	}
	res, err := v.RoundTrip(req)
	require.NoError(v.t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(v.t, err)
	require.Equal(v.t, status, res.StatusCode, "%s %s %s: %s", method, address, body, answer)
	if shown := apiKey.FindStringSubmatch(string(answer)); shown != nil {
		v.key = shown[1]
	}
	if keep != "" {
		found := fact.FindStringSubmatch(string(answer))
		require.NotNil(v.t, found, "%s", answer)
		v.facts[keep] = strings.Trim(found[1], `"`)
		if id := res.Header.Get("X-User-Id"); id != "" {
			v.facts[keep] = id
		}
	}
}

// as returns who signs in with each request by name and password.
func as(t *testing.T, server, login string) *tourist {
	return &tourist{t: t, server: server, login: login,
		header: basicCaller("", login, testPassword).header, facts: map[string]string{}}
}

// wide are the places whose statements go to several shards for somebody of one organization, too, with the reason.
var wide = map[string]string{
	// Whoever is deleted, moved or switched off may be named by anybody anywhere. Nobody does this often.
	"Tx.DeleteEnvironment": "people of other organizations are allowed the place, or blocked from it",
	"Tx.SaveEnvironment":   "people of other organizations are allowed the place, or blocked from it",
	"Tx.DeleteUser":        "objects, contacts and offers of other organizations name the user",
	"Tx.DeleteGroup":       "objects of other organizations are open to the group",
	"Tx.DeleteObject":      "people of other organizations have bookmarked the object",
	"Tx.InsertObject":      "somebody may own objects in other organizations, and the quota is for all of them",
	// What is counted before anybody knows who it is has no organization.
	"AccountStore.Failures": "each subject is counted by itself",
	// Counts and searches that are an index over everything where an organization is no bound.
	"OverviewStore.Contents":   "the organization is not a constant of each part yet",
	"OverviewStore.People":     "the organization is not a constant of each part yet",
	"UserStore.Administrators": "the organization is not a constant of each part yet",
	"UserStore.Reaching":       "the organization is not a constant of each part yet",
	"UserStore.Totals":         "the organization is not a constant of each part yet",
}

// withRoot are the places whose statements go to the shard of the root's organization besides, with the reason.
var withRoot = map[string]string{
	"AccountStore.ByID":      "each request asks for the root's generation, by a subselect that is planned for itself",
	"AccountStore.ByLogin":   "each request asks for the root's generation, by a subselect that is planned for itself",
	"AccountStore.ByAPIKey":  "each request asks for the root's generation, by a subselect that is planned for itself",
	"AccountStore.BySession": "each request asks for the root's generation, by a subselect that is planned for itself",
	"GroupStore.Get":         "the root's groups are everybody's",
	"GroupStore.Page":        "the root's groups are everybody's",
	"GroupStore.ByAlias":     "the root's groups are everybody's",
	"GroupStore.Search":      "the root's groups are everybody's",
	"OverviewStore.Place":    "the root's groups are everybody's",
	"UserStore.List":         "the root's groups are everybody's, and give roles",
}

// Each statement of a request by somebody whose reach lies in one organization goes to one shard of a database that is
// split by organization.
func TestRequestsOfOneOrganizationAskOneShard(t *testing.T) {
	t.Parallel()
	watch := sharddb.Watch{Whose: func(ctx context.Context) string {
		r := domain.RequestFrom(ctx)
		return cmp.Or(r.ClientID, r.ID)
	}}
	open := storetest.Fresh(t, "postgres")
	_, server := serveFor(t, open(db.Traced(&watch)), nil)
	twoOrganizations(t, server)
	watch.Forget()
	tour(t, server)

	double, err := sharddb.Split(t.Context(), storetest.PostgresURL(t))
	require.NoError(t, err)
	defer double.Close(t.Context())
	whole, err := double.Explain(t.Context(),
		sharddb.Statement{Text: "SELECT 1 FROM organizations WHERE organization_id = 1"})
	require.NoError(t, err)
	looked, allowed := make(map[string]bool), make(map[string]bool)
	for _, s := range watch.Statements() {
		key := fmt.Sprint(s.Place, s.Shape, s.Organizations())
		if s.Whose == "" || looked[key] {
			continue
		}
		looked[key] = true
		asked, err := double.Explain(t.Context(), s)
		require.NoError(t, err, s.Text)
		besides := asked.Without(whole)
		switch {
		case asked.One():
		case wide[s.Place] != "" || withRoot[s.Place] != "" && besides.One():
			allowed[s.Place] = true
		default:
			t.Errorf("%s by %s goes to several shards: %v\n%s", s.Whose, s.Place, asked, s.Text)
		}
	}
	require.Greater(t, len(looked), 300)
	for _, places := range []map[string]string{wide, withRoot} {
		for place := range places {
			require.True(t, allowed[place], "%s needs no exception any more", place)
		}
	}
}

// twoOrganizations makes the organizations Acme and Bolt of the same shape, with somebody of each role.
func twoOrganizations(t *testing.T, server string) {
	root := as(t, server, "admin")
	for _, organization := range []string{"Acme", "Bolt"} {
		lower := strings.ToLower(organization)
		root.asks(200, "POST", "/rest/environments", fmt.Sprintf(`{"alias":%q,"organization":true}`, organization), "")
		root.asks(200, "POST", "/rest/environments", fmt.Sprintf(`{"alias":"Prod","parent":%q}`, organization), "")
		for _, who := range [][3]string{
			{".admin", "oadmin", "Admin"}, {".power", "power", "Admin"}, {".user", "user", "User"}} {
			root.asks(200, "POST", "/rest/users", fmt.Sprintf(`{"alias":%q,"role":%q,"group":%q,"password":%q,"envId":%q,
				"person":{"firstname":"A","lastname":"B","mailaddress":%q}}`, lower+who[0], who[1], who[2], testPassword,
				organization, lower+who[0]+"@example.org"), "")
		}
	}
}

// Whoever is of an organization whose shard is down is told to come back, and nobody else notices whose reach the server
// remembers.
func TestAShardThatIsDownIsMissedByItsOwn(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresURL(t)
	plain, err := db.OpenPostgres(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { plain.Close() })
	_, server := serveFor(t, plain, nil)
	twoOrganizations(t, server)
	double, err := sharddb.Split(t.Context(), url)
	require.NoError(t, err)
	defer double.Close(t.Context())
	require.NoError(t, double.Fill(t.Context()))
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	split, err := db.OpenPostgres(t.Context(), url+separator+sharddb.Parameters+"&lock_timeout=200")
	require.NoError(t, err)
	t.Cleanup(func() { split.Close() })
	_, server = serveFor(t, split, nil)
	acme, bolt := as(t, server, "acme.admin"), as(t, server, "bolt.admin")
	works := func(v *tourist, status int) {
		t.Helper()
		for _, address := range []string{"/rest/me", "/rest/users?limit=50", "/rest/users/" + v.login,
			"/rest/environments", "/rest/groups", "/rest/audit?limit=10", "/rest/objects"} {
			v.asks(status, "GET", address, "", "")
		}
		v.asks(status, "POST", "/auth", fmt.Sprintf(`{"user":%q,"password":%q}`, v.login, testPassword), "")
	}
	works(acme, 200)
	works(bolt, 200)
	up, err := double.Down(t.Context(), 4)
	require.NoError(t, err)
	bolt.asks(503, "GET", "/rest/me", "", "")
	works(acme, 200)
	acme.asks(200, "POST", "/rest/users/acme.user", `{"person":{"firstname":"Other"}}`, "")
	require.NoError(t, up())
	works(bolt, 200)
}

// tour sends requests of every kind as people of the organization Acme.
func tour(t *testing.T, server string) {
	admin, user := as(t, server, "acme.admin"), as(t, server, "acme.user")
	for _, login := range []string{"acme.admin", "acme.user"} {
		v, err := requests.Visit(server, login, testPassword)
		require.NoError(t, err, login)
		named := &tourist{t: t}
		v.Client.Transport = named
		for i := range requests.All {
			named.name = requests.All[i].Name
			_, _, err := v.Ask(&requests.All[i])
			require.NoError(t, err)
		}
	}
	admin.asks(200, "POST", "/auth", fmt.Sprintf(`{"user":"acme.admin","password":%q}`, testPassword), "")
	admin.asks(200, "GET", "/rest/me", "", "me")
	admin.asks(200, "POST", "/rest/environments", `{"alias":"New","parent":"Acme"}`, "new")
	admin.asks(200, "POST", "/rest/environments", `{"alias":"Below","parent":"Acme/New"}`, "below")
	admin.asks(200, "POST", "/rest/environments/{below}", `{"alias":"Renamed"}`, "")
	admin.asks(200, "POST", "/rest/environments/{below}", `{"parent":"Acme/Prod"}`, "")
	admin.asks(200, "POST", "/rest/groups", `{"alias":"Team","organization":"Acme","parent":2}`, "group")
	admin.asks(200, "POST", "/rest/groups/{group}", `{"alias":"Crew"}`, "")
	admin.asks(200, "POST", "/rest/users", `{"alias":"ann","password":"long enough 1","group":"Crew","envId":"Acme/New",
		"person":{"firstname":"A","lastname":"B","mailaddress":"ann@example.org"}}`, "")
	admin.asks(200, "GET", "/rest/users/ann", "", "ann")
	admin.asks(200, "POST", "/rest/users/{ann}", `{"person":{"firstname":"Anna"}}`, "")
	admin.asks(200, "POST", "/rest/users/{ann}", `{"envsbloque":["Acme/Prod"]}`, "")
	admin.asks(200, "POST", "/rest/users/{ann}", `{"envId":"Acme/Prod"}`, "")
	admin.asks(200, "POST", "/rest/users/{ann}", `{"active":false}`, "")
	admin.asks(200, "POST", "/rest/users/{ann}", `{"active":true,"envsbloque":[]}`, "")
	admin.asks(200, "PUT", "/rest/groups/3/members/{ann}", "", "")
	admin.asks(200, "DELETE", "/rest/groups/3/members/{ann}", "", "")
	admin.asks(200, "GET", "/rest/users/{ann}/sessions", "", "")
	admin.asks(200, "POST", "/rest/users/{ann}/keys", `{"name":"key"}`, "key")
	admin.asks(200, "GET", "/rest/users/{ann}/keys", "", "")
	admin.asks(200, "DELETE", "/rest/users/{ann}/keys/{key}", "", "")
	admin.asks(200, "POST", "/rest/objects",
		`{"kind":"observer","name":"Watch","envId":"Acme/Prod","owner":{ann}}`, "thing")
	admin.asks(200, "GET", "/rest/objects/{thing}", "", "")
	admin.asks(200, "POST", "/rest/objects/{thing}", `{"name":"Look"}`, "")
	admin.asks(200, "POST", "/rest/objects/{thing}/bookmark", "", "")
	admin.asks(200, "POST", "/rest/objects/{thing}/usage", `{"count":3}`, "")
	admin.asks(200, "GET", "/rest/objects/{thing}/usage", "", "")
	admin.asks(200, "GET", "/rest/objects/{thing}/owners", "", "")
	admin.asks(200, "POST", "/rest/objects/{thing}/owner", `{"owner":"acme.power"}`, "")
	admin.asks(200, "POST", "/rest/objects/{thing}/move", `{"envId":"Acme/New"}`, "")
	admin.asks(200, "POST", "/rest/objects/assign", `{"from":"acme.power","to":"ann"}`, "")
	admin.asks(200, "GET", "/rest/me/bookmarks", "", "")
	admin.asks(200, "GET", "/rest/me/usage", "", "")
	admin.asks(200, "GET", "/rest/me/copyrequests", "", "")
	admin.asks(200, "DELETE", "/rest/objects/{thing}", "", "")
	admin.asks(200, "DELETE", "/rest/users/{ann}", "", "")
	admin.asks(200, "DELETE", "/rest/groups/{group}", "", "")
	admin.asks(200, "DELETE", "/rest/environments/{below}", "", "")
	admin.asks(200, "DELETE", "/rest/environments/{new}", "", "")
	topics := tourist{t: t, server: server, facts: map[string]string{},
		header: map[string]string{"Tat_username": "acme.admin", "Tat_password": testPassword}}
	topics.asks(201, "POST", "/topic", `{"topic":"/talk"}`, "")
	topics.asks(201, "POST", "/user/me/contacts/acme.user", "", "")
	topics.asks(200, "GET", "/user/me/contacts/60", "", "")
	topics.asks(200, "POST", "/presenceget/talk", `{"status":"online"}`, "")
	topics.asks(200, "GET", "/presences/talk", "", "")
	topics.asks(200, "DELETE", "/user/me/contacts/acme.user", "", "")
	user.asks(200, "POST", "/rest/me/keys", `{"name":"mine"}`, "key")
	user.asks(200, "GET", "/rest/me/keys/{key}", "", "")
	keyed := *user
	keyed.header = map[string]string{"Authorization": "Bearer " + user.key}
	keyed.asks(200, "GET", "/rest/me", "", "")
	user.asks(200, "GET", "/rest/me/sessions", "", "")
	user.asks(200, "POST", "/rest/me/password",
		fmt.Sprintf(`{"oldPassword":%q,"newPassword":%q}`, testPassword, testPassword+"2"), "")
}
