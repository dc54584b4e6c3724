package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// formWith returns the form of a page that has this action and this value in a field.
func formWith(t *testing.T, on page, action, name, value string) url.Values {
	t.Helper()
	for _, found := range elements(t, on, "form") {
		if attr(found, "action") == action && fieldsOf(found).Get(name) == value {
			return fieldsOf(found)
		}
	}
	require.Fail(t, "there is no such form", "%s with %s=%s on %s", action, name, value, on.text)
	return nil
}

// forms returns the actions of the forms of a page's content.
func forms(t *testing.T, on page) []string {
	t.Helper()
	var actions []string
	for n := range elements(t, on, "main")[0].Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" {
			actions = append(actions, attr(n, "action"))
		}
	}
	return actions
}

// leads reports whether a page has a link.
func leads(t *testing.T, on page, to string) bool {
	t.Helper()
	return slices.ContainsFunc(elements(t, on, "a"), func(n *html.Node) bool { return attr(n, "href") == to })
}

// submit sends a form to a page and goes on to where the answer leads.
func (g *guest) submit(t *testing.T, action string, form url.Values) page {
	t.Helper()
	return g.follow(t, g.send(t, http.MethodPost, action, form))
}

// into reads an answer into a value.
func (a answered) into(t *testing.T, value any) {
	t.Helper()
	text, err := json.Marshal(a.value)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, value), "%s", text)
}

// jsonGroup is a group as rest has it.
type jsonGroup struct {
	ID      int    `json:"id"`
	Alias   string `json:"alias"`
	Members struct {
		Count int `json:"count"`
	} `json:"members"`
}

// groupsOfJSON returns the groups that rest lists to somebody, by alias.
func groupsOfJSON(t *testing.T, r *running, login string) map[string]jsonGroup {
	t.Helper()
	status, answer := basicCaller(r.Address(), login, demoPassword).call(t, "GET", "/rest/groups?counts=true", "")
	require.Equal(t, 200, status, answer)
	var list struct {
		Data []jsonGroup `json:"data"`
	}
	answer.into(t, &list)
	all := map[string]jsonGroup{}
	for _, g := range list.Data {
		all[g.Alias] = g
	}
	return all
}

// TestGroupsAreKeptInWords goes the ways of a branch admin with groups, without script: made, looked at, changed with a
// preview, refused to somebody who looked earlier, and deleted once nobody is in it.
func TestGroupsAreKeptInWords(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		grace := r.visitAs(t, "grace.hopper")

		list := grace.get(t, "groups")
		want := groupsOfJSON(t, r, "grace.hopper")
		require.Len(t, rows(t, list), len(want))
		for _, row := range rows(t, list) {
			name := row[0]
			for alias, g := range want {
				if name == alias || name == alias+" Everywhere" {
					require.Equal(t, strconv.Itoa(g.Members.Count), row[3], alias)
					name = ""
				}
			}
			require.Empty(t, name, "the JSON list has no such group")
		}
		require.Contains(t, list.text, "Everything except: create people")
		require.Contains(t, list.text, "User withholds: read the history")
		require.NotContains(t, list.text, "Researchers", "it is Globex's")
		require.Equal(t, 404, grace.get(t, "groups?env=/Globex").status)

		asked := grace.get(t, "group-new?parent=3")
		wrong := grace.press(t, asked, "group-new", map[string]string{"alias": "12", "description": "who tests"})
		require.Equal(t, 400, wrong.status)
		require.Contains(t, wrong.text, "Give an alias that has no slash and is no number.")
		require.Contains(t, wrong.text, ">who tests</textarea>", "what was typed stays")
		form := formOf(t, wrong, "group-new")
		for name := range form {
			if len(name) > 11 && name[:11] == "permission." && name != "permission.group:read" {
				form.Del(name)
			}
		}
		form.Set("alias", "Testers")
		made := grace.submit(t, "group-new", form)
		require.Equal(t, 200, made.status, made.text)
		require.Contains(t, made.text, "Created.")
		require.Contains(t, made.text, "<dd>See groups</dd>")
		id := made.at.Query().Get("id")

		status, answer := basicCaller(r.Address(), "grace.hopper", demoPassword).call(t, "POST", "/rest/users/alan.turing",
			`{"groups": ["Testers"]}`)
		require.Equal(t, 200, status, answer)
		at := "group?id=" + id
		preview := grace.press(t, grace.get(t, at), "group", map[string]string{"permission.audit:read": "on",
			"description": "who tests it"})
		require.Equal(t, 200, preview.status)
		require.Contains(t, preview.text, "Nothing has been changed yet.")
		require.NotContains(t, grace.get(t, at).text, "who tests it", "a preview changes nothing")
		back := grace.press(t, preview, "group", map[string]string{"step": "edit", "plan": ""})
		require.Contains(t, back.text, ">who tests it</textarea>", "what was typed comes along")
		older := grace.get(t, at)
		done := grace.press(t, preview, "group", nil)
		require.Contains(t, done.text, "Saved.")
		require.Contains(t, done.text, "<dd>See groups, read the history</dd>")

		stale := grace.press(t, older, "group", map[string]string{"description": "mine"})
		require.Equal(t, 409, stale.status)
		require.Contains(t, stale.text, "Somebody else changed this group meanwhile.")
		require.Contains(t, stale.text, ">mine</textarea>")
		require.Contains(t, grace.get(t, at).text, ">who tests it</textarea>")

		used := grace.get(t, "group-delete?id="+id)
		require.Contains(t, used.text, "1 person is in it")
		require.Empty(t, forms(t, used), "there is no button that would not work")
		people := grace.get(t, at+"&tab=people")
		require.Equal(t, []string{"Alan Turing", "alan.turing", "User"}, rows(t, people)[0])
		status, answer = basicCaller(r.Address(), "grace.hopper", demoPassword).call(t, "POST", "/rest/users/alan.turing",
			`{"groups": []}`)
		require.Equal(t, 200, status, answer)
		gone := grace.press(t, grace.get(t, "group-delete?id="+id), "group-delete", nil)
		require.Contains(t, gone.text, "Deleted.")
		require.Equal(t, 404, grace.get(t, at).status)
	})
}

// TestGroupsOfOthersAreLeftAlone holds what is not offered to whom, and that it is refused when it is sent anyway.
func TestGroupsOfOthersAreLeftAlone(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	grace, ada := r.visitAs(t, "grace.hopper"), r.visitAs(t, "ada.lovelace")
	operators := "group?id=" + strconv.Itoa(groupsOfJSON(t, r, "grace.hopper")["Operators"].ID)
	research := strconv.Itoa(groupsOfJSON(t, r, "claude.shannon")["Researchers"].ID)
	form := formOf(t, grace.get(t, operators), "group")
	send := func(by *guest, action string, change map[string]string) int {
		sent := url.Values{}
		for name := range form {
			sent.Set(name, form.Get(name))
		}
		sent.Set("csrf", formOf(t, by.get(t, "me"), "me").Get("csrf"))
		for name, value := range change {
			sent.Set(name, value)
		}
		return by.send(t, "POST", action, sent).status
	}

	shared := grace.get(t, "group?id=2")
	require.Empty(t, forms(t, shared), "the root's groups are not hers")
	require.False(t, leads(t, shared, "group-delete?id=2"))
	require.Equal(t, 403, send(grace, "group", map[string]string{"id": "2", "version": "", "permission.user:delete": "on"}))
	require.Equal(t, 403, send(grace, "group-delete", map[string]string{"id": "2", "version": ""}))
	require.Equal(t, 403, grace.get(t, "group-delete?id=2").status)

	require.Equal(t, 404, grace.get(t, "group?id="+research).status)
	require.Equal(t, 404, grace.get(t, "group-delete?id="+research).status)
	require.Equal(t, 404, send(grace, "group", map[string]string{"id": research}))
	require.Equal(t, 404, send(grace, "group-delete", map[string]string{"id": research}))

	status, answer := basicCaller(r.Address(), "admin", demoPassword).call(t, "POST", "/rest/users/ada.lovelace",
		`{"envs": ["Globex/Research"]}`)
	require.Equal(t, 200, status, answer)
	guest := ada.get(t, "groups?env=Research")
	require.Equal(t, 200, guest.status, "she is let into a place of Globex")
	require.NotContains(t, guest.text, "Researchers", "but not to its organization")

	seen := ada.get(t, operators)
	require.Equal(t, 200, seen.status)
	require.Empty(t, forms(t, seen), "a power user changes no groups")
	require.NotContains(t, ada.get(t, "groups").text, "group-new")
	require.Equal(t, 403, send(ada, "group", map[string]string{"permission.user:delete": ""}))
	require.Equal(t, 404, send(ada, "group-new", map[string]string{"alias": "Hers", "parent": "/User"}),
		"she does not reach where the organization's groups belong")
}

// TestRolesAreSaidAsThePolicyHasThem compares the page with the catalogue that rest shows.
func TestRolesAreSaidAsThePolicyHasThem(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	status, answer := basicCaller(r.Address(), "grace.hopper", demoPassword).call(t, "GET", "/rest/permissions", "")
	require.Equal(t, 200, status, answer)
	var list struct {
		Data []struct {
			Roles struct{ Self, Reach []string }
		} `json:"data"`
	}
	answer.into(t, &list)
	own, reach := 0, 0
	for _, p := range list.Data {
		own += len(p.Roles.Self)
		reach += len(p.Roles.Reach)
	}
	require.NotZero(t, own)
	shownOwn, shownReach := 0, 0
	for _, n := range elements(t, r.visitAs(t, "grace.hopper").get(t, "roles"), "span") {
		switch textOf(n) {
		case "Own account":
			shownOwn++
		case "In reach":
			shownReach++
		case "Own account and in reach":
			shownOwn++
			shownReach++
		}
	}
	require.Equal(t, []int{own, reach}, []int{shownOwn, shownReach})
}
