package app_test

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// eventsOf returns the entries of a page of the history, as a reader sees them.
func eventsOf(t *testing.T, p page) []string {
	t.Helper()
	require.Equal(t, 200, p.status, p.text)
	var all []string
	for _, list := range elements(t, p, "ol") {
		if attr(list, "class") != "timeline" {
			continue
		}
		for item := list.FirstChild; item != nil; item = item.NextSibling {
			if item.Type == html.ElementNode {
				all = append(all, textOf(item))
			}
		}
	}
	return all
}

// rawAnswer returns what rest answers grace.hopper, as it is.
func rawAnswer(t *testing.T, r *running, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.Address()+path, nil)
	require.NoError(t, err)
	request.SetBasicAuth("grace.hopper", demoPassword)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, string(text))
	return string(text)
}

// TestTheHistoryInTheConsole holds that an admin finds what happened in words, that the filter is the address, that
// the pages and the table have what the JSON list has, and nothing of other organizations.
func TestTheHistoryInTheConsole(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		grace := basicCaller(r.Address(), "grace.hopper", demoPassword)
		change := func(path, body string) {
			t.Helper()
			status, answer := grace.call(t, "POST", path, body)
			require.Equal(t, 200, status, answer)
		}
		change("/rest/users/alan.turing", `{"envs": ["Acme/Dev"], "role": "power", "group": "Operators", "active": false}`)
		change("/rest/users/rob.pike", `{"person": {"phone": "=1+1", "role": "<b>Writer</b>"}}`)
		basicCaller(r.Address(), "rob.pike", "wrong").call(t, "GET", "/rest/me", "")
		basicCaller(r.Address(), "admin", demoPassword).call(t, "POST", "/rest/users/homer.simpson", `{"active": false}`)

		g := r.visitAs(t, "grace.hopper")
		first := g.get(t, "audit?target=alan.turing&action=user%3Aupdate")
		events := eventsOf(t, first)
		require.Len(t, events, 1)
		for _, part := range []string{"grace.hopper changed the account alan.turing", "Acme/Prod", "by the API rest",
			"Role User Power user", "Groups Readers Operators", "Also allowed in Acme/Staging Acme/Dev", "Active Yes No"} {
			require.Contains(t, events[0], part)
		}
		require.Contains(t, first.text, `href="person?id=`)
		require.Contains(t, g.get(t, "audit?action=signin%3Afailure").text, "Somebody failed to sign in as ")
		require.Contains(t, eventsOf(t, g.get(t, "audit?target=rob.pike&action=user"))[0], "<b>Writer</b>")
		require.NotContains(t, g.get(t, "audit?target=rob.pike").text, "<b>Writer")

		for _, phone := range []string{"1", "2", "3", "4"} {
			change("/rest/users/dennis.ritchie", `{"person": {"phone": "`+phone+`"}}`)
		}
		// The pages together have what the JSON list has, in its order.
		var listed struct {
			Data []struct {
				Action string
				Target struct{ Name string }
			}
		}
		require.NoError(t, json.Unmarshal([]byte(rawAnswer(t, r, "/rest/audit?env=Acme&names=true&action=user")), &listed))
		var paged []string
		for next := "audit?action=user"; next != ""; {
			p := g.get(t, next)
			paged = append(paged, eventsOf(t, p)...)
			next = ""
			for _, a := range elements(t, p, "a") {
				if attr(a, "rel") == "next" {
					next = attr(a, "href")
				}
			}
		}
		require.Len(t, paged, len(listed.Data))
		for i, e := range listed.Data {
			require.Contains(t, paged[i], " the account "+e.Target.Name+" ")
		}
		require.Greater(t, len(paged), 25, "there is more than one page")

		// So does the table, whose cells no program runs.
		table := g.send(t, "GET", "audit-export?target=rob.pike&action=user%3Aupdate", nil)
		require.Equal(t, "text/csv; charset=utf-8", table.header.Get("Content-Type"))
		require.Equal(t, `attachment; filename="history.csv"`, table.header.Get("Content-Disposition"))
		cells, err := csv.NewReader(strings.NewReader(table.text)).ReadAll()
		require.NoError(t, err)
		require.Greater(t, len(cells), 2)
		require.Equal(t, []string{"phone", "", "'=1+1"}, cells[1][6:9])
		require.Equal(t, table.text, rawAnswer(t, r, "/rest/audit?env=Acme&target=rob.pike&action=user:update&format=csv"))

		// A mistake in the address is said beside its field; others' places are not there.
		wrong := g.get(t, "audit?from=yesterday")
		require.Equal(t, 400, wrong.status)
		require.Contains(t, wrong.text, `id="from-wrong"`)
		require.Equal(t, 404, g.get(t, "audit?env=Globex").status)
		require.Equal(t, 404, g.send(t, "GET", "audit-export?env=Globex", nil).status)
		require.Empty(t, eventsOf(t, g.get(t, "audit?target=homer.simpson")))
		require.NotContains(t, g.get(t, "audit?target=homer.simpson").text, "Clear all filters</a></li></ul></div>homer")

		// Who may not read the trail is not led to it, and is refused.
		turing := r.visitAs(t, "ada.lovelace")
		require.NotContains(t, turing.get(t, "me").text, `href="audit"`)
		require.Equal(t, 403, turing.get(t, "audit").status)
		require.Equal(t, 403, turing.send(t, "GET", "audit-export", nil).status)
	})
}

// TestTheHistoryKeepsDaysOfItsReader holds that a day is one where its reader is.
func TestTheHistoryKeepsDaysOfItsReader(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	g := r.visitAs(t, "grace.hopper")
	today := time.Now().UTC().Format("2006-01-02")
	require.NotEmpty(t, eventsOf(t, g.get(t, "audit?day="+today)))
	require.NotEmpty(t, eventsOf(t, g.get(t, "audit?from="+today+"&until="+today)))
	require.Empty(t, eventsOf(t, g.get(t, "audit?until="+url.QueryEscape("2020-01-01"))))
	require.Empty(t, eventsOf(t, g.get(t, "audit?from=2999-01-01")))
}
