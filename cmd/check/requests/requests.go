// Package requests has the requests that are measured, and whose plans are looked at: those for every list, filter,
// order and single answer of every surface. They are asked of a skewed.Directory.
package requests

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A Reach is what one of the people who ask may see.
type Reach struct{ Name, Login string }

// Reaches are those that are of different size.
var Reaches = []Reach{
	{"root", "admin"},
	{"1,000 blocks", "root.blocked"},
	{"org of 200 k", "big.admin"},
	{"90 % blocked", "big.blocked"},
	{"middle", "big.middle"},
	{"leaf", "big.leaf"},
	{"org of 80", "small.admin"},
}

// credential is how a request says who asks.
type credential int

const (
	token credential = iota
	basic
	tat
	cookie
)

// A Request is one that everybody sends. Its address has the names of facts in braces, which are those of whoever
// asks.
type Request struct {
	Name    string
	with    credential
	address string
}

// All are the requests.
var All = []Request{
	{"users", token, "/rest/users?limit=50"},
	{"users, second page", token, "/rest/users?limit=50&after={after}"},
	{"users of one place", token, "/rest/users?limit=50&children=false"},
	{"users below a place named", token, "/rest/users?limit=50&env={place}"},
	{"users, total", token, "/rest/users?limit=50&total=true"},
	{"users, sort alias", token, "/rest/users?limit=50&sort=alias"},
	{"users, sort -alias", token, "/rest/users?limit=50&sort=-alias"},
	{"users, sort userid", token, "/rest/users?limit=50&sort=userid"},
	{"users, sort -userid", token, "/rest/users?limit=50&sort=-userid"},
	{"users, sort name", token, "/rest/users?limit=50&sort=name"},
	{"users, sort -name", token, "/rest/users?limit=50&sort=-name"},
	{"users, sort created", token, "/rest/users?limit=50&sort=created"},
	{"users, sort -created", token, "/rest/users?limit=50&sort=-created"},
	{"users, sort lastconnected", token, "/rest/users?limit=50&sort=lastconnected"},
	{"users, sort -lastconnected", token, "/rest/users?limit=50&sort=-lastconnected"},
	{"users, sort mail", token, "/rest/users?limit=50&sort=mail"},
	{"users, sort -mail", token, "/rest/users?limit=50&sort=-mail"},
	{"users, sort alias, second page", token, "/rest/users?limit=50&sort=alias&after={afteralias}"},
	{"users, q, many", token, "/rest/users?limit=50&q=anna"},
	{"users, q, one", token, "/rest/users?limit=50&q={alias}"},
	{"users, q, none", token, "/rest/users?limit=50&q=zzzz"},
	{"users, q, total", token, "/rest/users?limit=50&q=anna&total=true"},
	{"users, q, sort alias", token, "/rest/users?limit=50&q=anna&sort=alias"},
	{"users, q=~, many", token, "/rest/users?limit=50&q=~elle"},
	{"users, q=~, few", token, "/rest/users?limit=50&q=~7777"},
	{"users, q=~, none", token, "/rest/users?limit=50&q=~qqzz"},
	{"users, q=~, total", token, "/rest/users?limit=50&q=~elle&total=true"},
	{"users, q=~ of two letters", token, "/rest/users?limit=50&q=~zx"},
	{"users, role power", token, "/rest/users?limit=50&role=power"},
	{"users, role superUser", token, "/rest/users?limit=50&role=superUser"},
	{"users, role oadmin, total", token, "/rest/users?limit=50&role=oadmin&total=true"},
	{"users, role power, sort alias", token, "/rest/users?limit=50&role=power&sort=alias"},
	{"users, group of most", token, "/rest/users?limit=50&group=2"},
	{"users, group of few", token, "/rest/users?limit=50&group=3"},
	{"users, group of most, total", token, "/rest/users?limit=50&group=2&total=true"},
	{"users, inactive", token, "/rest/users?limit=50&active=false"},
	{"users, inactive, total", token, "/rest/users?limit=50&active=false&total=true"},
	{"users, state invited", token, "/rest/users?limit=50&state=invited"},
	{"users, state unverified (none)", token, "/rest/users?limit=50&state=unverified"},
	{"users, state invited, total", token, "/rest/users?limit=50&state=invited&total=true"},
	{"users, never connected", token, "/rest/users?limit=50&connected=false"},
	{"users, never connected, total", token, "/rest/users?limit=50&connected=false&total=true"},
	{"users, not connected since", token, "/rest/users?limit=50&notConnectedSince=2022-01-01"},
	{"users, connected since", token, "/rest/users?limit=50&connectedSince=2022-01-01"},
	{"users, mail", token, "/rest/users?limit=50&mail={mail}"},
	{"users, mail of nobody", token, "/rest/users?limit=50&mail=nobody@at.all"},
	{"users, blocked anywhere", token, "/rest/users?limit=50&blockedAnywhere=true"},
	{"users, blocked at home", token, "/rest/users?limit=50&blockedHome=true"},
	{"users, allowed elsewhere (none)", token, "/rest/users?limit=50&allowedOutside=true"},
	{"users, acts as power", token, "/rest/users?limit=50&actsAs=power"},
	{"users, acts as superUser", token, "/rest/users?limit=50&actsAs=superUser"},
	{"users, acts as oadmin, total", token, "/rest/users?limit=50&actsAs=oadmin&total=true"},
	{"users, usable", token, "/rest/users?limit=50&usable=true"},
	{"users, usable, total", token, "/rest/users?limit=50&usable=true&total=true"},
	{"users, linked", token, "/rest/users?limit=50&linked=true"},
	{"users, not linked", token, "/rest/users?limit=50&linked=false"},
	{"users, emergency", token, "/rest/users?limit=50&emergency=true"},
	{"users, no emergency", token, "/rest/users?limit=50&emergency=false"},
	{"users, except one", token, "/rest/users?limit=50&except={id}"},
	{"users, kept out by a demand", token,
		"/rest/users?limit=50&usable=true&programs=false&actsAs=power&weakerThan=otp&total=true"},
	{"users, kept out by a provider", token,
		"/rest/users?limit=50&usable=true&programs=false&linked=false&except={id}&total=true"},
	{"user by alias", token, "/rest/users/{alias}"},
	{"user by number", token, "/rest/users/{id}/rights"},
	{"user that is not there", token, "/rest/users/nobody.at.all"},
	{"user outside", token, "/rest/users/admin"},
	{"access of a user", token, "/rest/users/{id}/access"},
	{"me", token, "/rest/me"},
	{"environments", token, "/rest/environments?limit=50"},
	{"environments, second page", token, "/rest/environments?limit=50&after={afterplace}"},
	{"environments, q, many", token, "/rest/environments?q=store"},
	{"environments, q, none", token, "/rest/environments?q=zzzz"},
	{"children", token, "/rest/environments/childs/{env}?limit=50"},
	{"children with counts", token, "/rest/environments/childs/{env}?limit=50&counts=true"},
	{"environment by alias", token, "/rest/environments/byAlias/{place}"},
	{"environment", token, "/rest/environments/{env}"},
	{"branch", token, "/rest/environments/{deep}/branch"},
	{"contents", token, "/rest/environments/{env}/contents"},
	{"who reaches a place", token, "/rest/environments/{deep}/access?limit=50"},
	{"groups", token, "/rest/groups"},
	{"groups, second page", token, "/rest/groups?limit=50&after={aftergroup}"},
	{"groups with counts", token, "/rest/groups?counts=true"},
	{"groups usable", token, "/rest/groups?env={env}&limit=50"},
	{"groups, q", token, "/rest/groups?q=op"},
	{"group", token, "/rest/groups/2"},
	{"members of most", token, "/rest/groups/2/members?limit=50"},
	{"members of few", token, "/rest/groups/3/members?limit=50"},
	{"uses of a group", token, "/rest/groups/2/uses"},
	{"overview", token, "/rest/overview"},
	{"explain", token, "/rest/explain?user={id}&permission=user:read"},
	{"audit", token, "/rest/audit?limit=50"},
	{"audit, actor", token, "/rest/audit?limit=50&actor=admin"},
	{"audit, actor, none", token, "/rest/audit?limit=50&actor=nobody.at.all"},
	{"audit, target", token, "/rest/audit?limit=50&target={alias}"},
	{"audit, action", token, "/rest/audit?limit=50&action=user:delete"},
	{"audit, from until", token, "/rest/audit?limit=50&from=1794500000000&until=1794500100000"},
	{"objects", token, "/rest/objects?limit=50"},
	{"objects, sort name", token, "/rest/objects?limit=50&sort=name"},
	{"objects, q", token, "/rest/objects?limit=50&q=777"},
	{"objects, q, none", token, "/rest/objects?limit=50&q=zzzz"},
	{"objects, kind without any", token, "/rest/objects?limit=50&kind=observer"},
	{"objects, owner", token, "/rest/objects?limit=50&owner={id}"},
	{"objects, total", token, "/rest/objects?limit=50&total=true"},
	{"objects, personal", token, "/rest/objects?limit=50&personal=true"},
	{"objects everywhere", token, "/rest/objects?limit=50&everywhere=true"},
	{"object", token, "/rest/objects/{object}"},
	{"axway like loginName, few", basic, "/api/portal/v1.3/users?field=loginName&op=like&value={digits}"},
	{"axway like loginName, none", basic, "/api/portal/v1.3/users?field=loginName&op=like&value=qqzz"},
	{"axway like email, none", basic, "/api/portal/v1.3/users?field=email&op=like&value=qqzz"},
	{"axway like name, none", basic, "/api/portal/v1.3/users?field=name&op=like&value=qqzz"},
	{"axway like phone, none", basic, "/api/portal/v1.3/users?field=phone&op=like&value=99999"},
	{"axway eq loginName", basic, "/api/portal/v1.3/users?field=loginName&op=eq&value={alias}"},
	{"axway eq email", basic, "/api/portal/v1.3/users?field=email&op=eq&value={mail}"},
	{"axway role admin", basic, "/api/portal/v1.3/users?field=role&op=eq&value=admin"},
	{"axway createdOn", basic, "/api/portal/v1.3/users?field=createdOn&op=gt&value=1794999990000"},
	{"axway like mobile, none", basic, "/api/portal/v1.3/users?field=mobile&op=like&value=99999"},
	{"axway like description, none", basic, "/api/portal/v1.3/users?field=description&op=like&value=qqzz"},
	{"axway ne description, none", basic, "/api/portal/v1.3/users?field=description&op=ne&value="},
	{"axway gt loginName, none", basic, "/api/portal/v1.3/users?field=loginName&op=gt&value=zzzz"},
	{"axway gt email, none", basic, "/api/portal/v1.3/users?field=email&op=gt&value=zzzz"},
	{"axway gt surname, none", basic, "/api/portal/v1.3/users?field=surname&op=gt&value=zzzz"},
	{"axway gt phone, none", basic, "/api/portal/v1.3/users?field=phone&op=gt&value=zzzz"},
	{"axway between phones, none", basic, "/api/portal/v1.3/users?field=phone&op=gete&value=1,2"},
	{"axway gt createdOn, none", basic, "/api/portal/v1.3/users?field=createdOn&op=gt&value=1999999990000"},
	{"axway ne role", basic, "/api/portal/v1.3/users?field=role&op=ne&value=user"},
	{"axway ne role and state", basic,
		"/api/portal/v1.3/users?field=role&op=ne&value=user&field=state&op=ne&value=approved"},
	{"axway orgid, none", basic, "/api/portal/v1.3/users?field=orgid&op=eq&value=01670000-0000-7000-8000-000000000000"},
	{"axway appid, none", basic, "/api/portal/v1.3/users?field=appid&op=eq&value=01670000-0000-7000-8000-000000000000"},
	{"axway apiid, none", basic, "/api/portal/v1.3/users?field=apiid&op=eq&value=01670000-0000-7000-8000-000000000000"},
	{"axway like phone or email, none", basic,
		"/api/portal/v1.3/users?field=phone&op=like&value=99999&field=email&op=like&value=qqzz&lop=OR"},
	{"axway user", basic, "/api/portal/v1.3/users/{uuid}"},
	{"axway currentuser", basic, "/api/portal/v1.3/currentuser"},
	{"axway organizations, like, few", basic, "/api/portal/v1.3/organizations?field=name&op=like&value=777"},
	{"axway organizations, like, none", basic, "/api/portal/v1.3/organizations?field=name&op=like&value=qqzz"},
	{"tellius users", token, "/users?limit=50"},
	{"tellius user", token, "/users/{uuid}"},
	{"tat users", tat, "/users?skip=0&limit=50"},
	{"tat users, skip", tat, "/users?skip=1000&limit=50"},
	{"tat users, username", tat, "/users?skip=0&limit=50&username={alias}"},
	{"tat users, fullname, none", tat, "/users?skip=0&limit=50&fullname=Nobody%20At%20All"},
	{"tat me", tat, "/user/me"},
	{"tat groups", tat, "/groups?skip=0&limit=50"},
	{"tat groups, nameRegex, none", tat, "/groups?skip=0&limit=50&nameRegex=qqzz"},
	{"tat group of few", tat, "/groups?skip=0&limit=50&idGroup=3"},
	{"tat topics", tat, "/topics?skip=0&limit=50"},
	{"ethersource bookmarks", basic, "/ethersource/rest/v2/users/bookmarks"},
	{"ethersource statistics", basic,
		"/ethersource/rest/v2/users/usagestatistics?timestampBegin=1790000000000&timestampEnd=1796000000000"},
	{"console home", cookie, "/console/home"},
	{"console people", cookie, "/console/people"},
	{"console people, search, many", cookie, "/console/people?q=elle"},
	{"console people, search, none", cookie, "/console/people?q=qqzz"},
	{"console people by name", cookie, "/console/people?sort=name"},
	{"console tree", cookie, "/console/tree"},
	{"console tree, search", cookie, "/console/tree?q=store"},
	{"console place", cookie, "/console/place?id={env}"},
	{"console person", cookie, "/console/person?id={id}"},
	{"console groups", cookie, "/console/groups"},
	{"console audit", cookie, "/console/audit"},
	{"console find person", cookie, "/console/find?kind=person&q=ann"},
	{"console why", cookie, "/console/why?user={id}&permission=user:read"},
}

// Named returns the request of a name.
func Named(name string) *Request {
	return &All[slices.IndexFunc(All, func(r Request) bool { return r.Name == name })]
}

// A Visitor asks a server as one of the people.
type Visitor struct {
	Server          string
	Client          *http.Client
	login, password string
	token, cookie   string
	// Facts are what addresses name: somebody and some place in the reach, and the cursors of second pages.
	Facts map[string]string
}

// Visit signs somebody in at the server at an address, and learns what the requests name.
func Visit(server, login, password string) (*Visitor, error) {
	v := &Visitor{Server: server, login: login, password: password, Facts: map[string]string{},
		Client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	res, err := v.Client.Post(server+"/auth", "application/json",
		strings.NewReader(fmt.Sprintf(`{"user":%q,"password":%q}`, login, password)))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var answer struct {
		Data struct{ Token string }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Data.Token == "" {
		return nil, fmt.Errorf("%s cannot sign in: %w", login, err)
	}
	v.token = answer.Data.Token
	form := url.Values{"login": {login}, "password": {password}}
	req, err := http.NewRequest(http.MethodPost, server+"/console/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	in, err := v.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer in.Body.Close()
	for _, c := range in.Cookies() {
		v.cookie = c.Name + "=" + c.Value
	}
	if v.cookie == "" {
		return nil, errors.New(login + " cannot sign in at the console")
	}
	return v, v.learn()
}

// request returns a request as it is sent.
func (v *Visitor) request(r *Request) (*http.Request, error) {
	address := r.address
	for name, value := range v.Facts {
		address = strings.ReplaceAll(address, "{"+name+"}", url.QueryEscape(value))
	}
	req, err := http.NewRequest(http.MethodGet, v.Server+address, nil)
	if err != nil {
		return nil, err
	}
	switch r.with {
	case token:
		req.Header.Set("Authorization", "Bearer "+v.token)
	case basic:
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(v.login+":"+v.password)))
	case tat:
		req.Header.Set("Tat_username", v.login)
		req.Header.Set("Tat_password", v.password)
	case cookie:
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Cookie", v.cookie)
	}
	return req, nil
}

// Ask sends a request, and returns the status and length of its answer.
func (v *Visitor) Ask(r *Request) (status, size int, err error) {
	req, err := v.request(r)
	if err != nil {
		return 0, 0, err
	}
	res, err := v.Client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	return res.StatusCode, int(n), err
}

// read returns what a request of the API answers, and the cursor of the next page.
func (v *Visitor) read(address string) (items []map[string]any, next string, err error) {
	req, err := v.request(&Request{with: token, address: address})
	if err != nil {
		return nil, "", err
	}
	res, err := v.Client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	var answer struct{ Data json.RawMessage }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, "", fmt.Errorf("%s: %w", address, err)
	}
	if json.Unmarshal(answer.Data, &items) != nil {
		var one map[string]any
		if err := json.Unmarshal(answer.Data, &one); err != nil {
			return nil, "", fmt.Errorf("%s: %d %.200s", address, res.StatusCode, answer.Data)
		}
		items = []map[string]any{one}
	}
	return items, cursorOf(res.Header.Get("Link")), nil
}

// cursorOf returns the cursor of the next page that a link leads to.
func cursorOf(link string) string {
	address, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get("after")
}

// learn finds out what the rows name: somebody and some place in the reach.
func (v *Visitor) learn() error {
	me, _, err := v.read("/rest/me")
	if err != nil {
		return err
	}
	v.fact("env", me[0]["envId"])
	users, after, err := v.read("/rest/users?limit=50")
	if err != nil {
		return err
	}
	last := users[len(users)-1]
	v.fact("alias", last["alias"])
	v.fact("digits", strings.TrimLeft(fmt.Sprint(last["alias"]), "abcdefghijklmnopqrstuvwxyz.-"))
	if v.Facts["digits"] == "" {
		v.fact("digits", "4711")
	}
	v.fact("id", last["userid"])
	v.fact("uuid", last["id"])
	if person, ok := last["person"].(map[string]any); ok {
		v.fact("mail", person["mailaddress"])
	}
	v.fact("after", after)
	if _, after, err = v.read("/rest/users?limit=50&sort=alias"); err == nil { // which may have taken too long
		v.fact("afteralias", after)
	}
	places, after, err := v.read("/rest/environments?limit=50")
	if err != nil {
		return err
	}
	v.fact("afterplace", after)
	if _, after, err = v.read("/rest/groups?limit=50"); err == nil { // of which programs from before have no pages
		v.fact("aftergroup", after)
	}
	v.fact("place", places[len(places)/2]["alias"])
	v.fact("deep", places[len(places)-1]["envid"])
	objects, _, err := v.read("/rest/objects?limit=50")
	if err != nil {
		return err
	}
	v.fact("object", 1)
	if len(objects) > 0 {
		v.fact("object", objects[len(objects)-1]["id"])
	}
	return nil
}

func (v *Visitor) fact(name string, value any) {
	if n, ok := value.(float64); ok {
		value = int64(n)
	}
	v.Facts[name] = fmt.Sprint(value)
}
