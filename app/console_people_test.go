package app_test

import (
	"maps"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// chosen returns what the buttons of a picker's answer would put into its field.
func chosen(t *testing.T, p page) []string {
	t.Helper()
	var values []string
	for _, n := range elements(t, p, "button") {
		if has(n, "data-choose") {
			values = append(values, attr(n, "data-choose"))
		}
	}
	return values
}

// TestPickersOfferWhatIsInReach holds what a picker finds, and that it finds nothing of others.
func TestPickersOfferWhatIsInReach(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		grace, user := r.visitAs(t, "grace.hopper"), r.visitAs(t, "alan.turing")
		admin := r.visitAs(t, "admin")
		for _, c := range []struct {
			by    *guest
			query string
			want  []string
		}{
			{grace, "kind=place&q=pro", []string{"/Acme/Prod"}},
			{grace, "kind=place&q=/Acme/pr", []string{"/Acme/Prod"}},
			{grace, "kind=place&q=glo", nil},
			{admin, "kind=place&q=glo", []string{"/Globex"}},
			{grace, "kind=person&q=hop", []string{"grace.hopper"}},
			{grace, "kind=person&q=", nil},
			{grace, "kind=group&q=us", []string{"/User"}},
			{grace, "kind=permission&q=user:del", []string{"user:delete"}},
			{user, "kind=person&q=grace", nil},
		} {
			p := c.by.get(t, "find?"+c.query)
			require.Equal(t, 200, p.status, p.text)
			require.Equal(t, c.want, chosen(t, p), c.query)
		}
		require.Equal(t, 404, grace.get(t, "find?kind=secret&q=a").status)
	})
}

// TestPeopleOfTheBranch goes the ways of an organization admin with people, by forms alone.
func TestPeopleOfTheBranch(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		g := r.visitAs(t, "grace.hopper")
		rest := basicCaller(r.Address(), "grace.hopper", demoPassword)
		logins := func(p page) (names []string) {
			for _, row := range rows(t, p) {
				names = append(names, row[1])
			}
			return names
		}

		t.Run("the list is that of programs", func(t *testing.T) {
			for query, asked := range map[string]string{"": "", "q=an": "q=~an", "state=pending": "state=pending",
				"env=Prod&sort=-name": "env=Prod&sort=-name", "env=Prod&children=false": "env=Prod&children=false",
				"role=power&sort=alias": "role=power&sort=alias", "connected=false&active=true": "connected=false&active=true",
				"group=Operators": "group=Operators", "notConnectedSince=2026-01-01": "notConnectedSince=2026-01-01"} {
				status, answer := rest.call(t, "GET", "/rest/users?limit=25&total=true&"+asked, "")
				require.Equal(t, 200, status, answer)
				var want []string
				for _, u := range answer.each(t, "data") {
					want = append(want, u.find(t, "alias").(string))
				}
				shown := g.get(t, "people?"+query)
				require.Equal(t, want, logins(shown), query)
				require.NotContains(t, shown.text, "globex", query)
			}
			refused := g.get(t, "people?role=king")
			require.Equal(t, 400, refused.status)
			require.Equal(t, 404, g.get(t, "people?env=Globex").status)
		})
		t.Run("a mistake stays, and a profile is changed", func(t *testing.T) {
			wrong := g.do(t, g.get(t, "person?id=ken.thompson"), "profile",
				map[string]string{"person.mail": "x", "person.phone": "17"})
			require.Equal(t, 400, wrong.status)
			require.Contains(t, wrong.text, `value="17"`, "what was typed stays")
			done := g.do(t, wrong, "profile", map[string]string{"person.mail": "ken@acme.example"})
			require.Contains(t, done.text, "Saved.")
			require.Contains(t, done.text, `value="ken@acme.example"`)
		})
		t.Run("two who change the same are told", func(t *testing.T) {
			first, second := g.get(t, "person?id=rob.pike"), g.get(t, "person?id=rob.pike")
			require.Contains(t, g.do(t, first, "profile", map[string]string{"person.phone": "1"}).text, "Saved.")
			told := g.do(t, second, "profile", map[string]string{"person.job_title": "Gopher"})
			require.Equal(t, 409, told.status)
			require.Contains(t, told.text, `value="Gopher"`)
			require.Contains(t, g.do(t, told, "profile", nil).text, `value="Gopher"`, "who was told may go on")
		})
		t.Run("access is previewed, and changed as previewed", func(t *testing.T) {
			before := g.get(t, "person?id=donald.knuth&tab=access")
			preview := g.do(t, before, "access", map[string]string{"role": "power", "groups": "Operators",
				"allowed": "/Acme/Dev", "blocked": "/Acme/Prod/America"})
			require.Equal(t, 200, preview.status, preview.text)
			require.Contains(t, preview.text, "1 person gains something.")
			require.Contains(t, g.get(t, "people?role=power&q=donald").text, "Nobody fits.", "nothing is done yet")
			back := g.step(t, preview, "step")
			require.Contains(t, back.text, `value="/Acme/Dev"`, "what was typed is there")
			done := g.step(t, preview, "plan")
			require.Contains(t, done.text, "Saved.")
			require.Contains(t, done.text, "Take away: Acme/Dev")
			require.Contains(t, done.text, "Take away: Operators")

			stale := g.do(t, done, "access", map[string]string{"role": "user"})
			g.do(t, g.get(t, "person?id=donald.knuth"), "profile", map[string]string{"person.phone": "3"})
			told := g.step(t, stale, "plan")
			require.Equal(t, 409, told.status, "somebody changed it after the preview")
			require.Contains(t, g.get(t, "people?role=power&q=donald").text, "donald.knuth")
			for _, c := range []struct{ role, place string }{{"superUser", ""}, {"power", "/Globex"}} {
				refused := g.do(t, done, "access", map[string]string{"role": c.role, "allowed": c.place})
				require.GreaterOrEqual(t, refused.status, 400, "nobody gives what they do not have")
			}
		})
		t.Run("reach, sessions, password, reset", func(t *testing.T) {
			reach := g.get(t, "person?id=dennis.ritchie&tab=reach")
			require.Contains(t, reach.text, "Acme/Prod/Europe")
			require.Contains(t, reach.text, "blocked")
			alan, other := r.visitAs(t, "alan.turing"), r.visitAs(t, "alan.turing")
			first := g.do(t, g.get(t, "person?id=alan.turing&tab=sessions"), "session", nil)
			require.Contains(t, first.text, "Signed out there.")
			require.Equal(t, "/console/sign-in", other.get(t, "me").at.Path, "the session used last stands first")
			require.Equal(t, 200, alan.get(t, "me").status)
			require.Contains(t, g.get(t, "person?id=alan.turing&tab=sessions").text, "Sign them out everywhere")
			g.do(t, g.get(t, "person?id=alan.turing&tab=sessions"), "sessions", nil)
			require.Equal(t, "/console/sign-in", alan.get(t, "me").at.Path)
			page := g.get(t, "person?id=alan.turing&tab=password")
			require.Contains(t, g.do(t, page, "reset", nil).text, "Sent.")
			require.Contains(t, r.mailedLink(t, "alan.turing@acme.example"), "/console/reset?")
			unlike := g.do(t, page, "password", map[string]string{"password": "first-secret-1", "again": "x"})
			require.Equal(t, 400, unlike.status)
			require.NotContains(t, unlike.text, "first-secret-1")
			g.do(t, page, "password", map[string]string{"password": "first-secret-1", "again": "first-secret-1"})
			require.False(t, r.signsIn(t, "alan.turing", demoPassword))
		})
		t.Run("newcomers", func(t *testing.T) {
			preview := g.do(t, g.get(t, "person?id=mary.jackson"), "approve", nil)
			require.Contains(t, g.step(t, preview, "plan").text, "Active")
			preview = g.do(t, g.get(t, "person?id=christine.darden"), "reject", nil)
			require.Contains(t, preview.text, "What is deleted cannot be brought back.")
			require.Contains(t, g.step(t, preview, "plan").text, "Deleted.")
			require.Equal(t, 404, g.get(t, "person?id=christine.darden").status)
			require.Contains(t, g.do(t, g.get(t, "person?id=annie.easley"), "invite", nil).text, "Sent.")
			require.Contains(t, r.mailedLink(t, "annie.easley@acme.example"), "/console/accept?")

			form := g.get(t, "invite?home=/Acme/Dev")
			done := g.press(t, form, "invite", map[string]string{"addresses": "Hedy Lamarr <hedy@acme.example>\nnobody\n"})
			require.Contains(t, done.text, "1 person was invited")
			require.Equal(t, "Not invited", rows(t, done)[1][2][:11])
			require.Contains(t, done.text, ">nobody</textarea>", "what was not is there to be mended")
			require.Contains(t, g.get(t, "people?env=/Acme/Dev&q=hedy").text, "Hedy Lamarr")
			made := g.press(t, g.get(t, "person-new"), "person-new", map[string]string{"alias": "karen.sparck",
				"person.first_name": "Karen", "password": "first-secret-1", "again": "first-secret-1", "home": "/Acme/Dev"})
			require.Contains(t, made.text, "Created.")
			require.Equal(t, "/console/person", made.at.Path)
		})
		t.Run("everybody on a list", func(t *testing.T) {
			list := g.get(t, "people?env=/Acme/Staging&active=true")
			require.Contains(t, list.text, "people-bulk?")
			at := "people-bulk?active=true&env=%2FAcme%2FStaging"
			preview := g.press(t, g.get(t, at), at, map[string]string{"op": "deactivate"})
			require.Equal(t, 200, preview.status, preview.text)
			require.Contains(t, preview.text, "people lose something.")
			done := g.step(t, preview, "plan")
			require.Regexp(t, `\d people were changed\.`, done.text)
			require.Contains(t, done.text, "Nobody fits.")
			at = "people-bulk?env=%2FAcme"
			refused := g.press(t, g.get(t, at), at, map[string]string{"op": "role", "role": "superUser"})
			require.Equal(t, 403, refused.status)
			require.Regexp(t, `\d+ people cannot be changed, so nobody is`, refused.text)
			require.Contains(t, refused.text, `<td>barbara.liskov</td><td>You cannot give what you do not have.</td>`)
			none := g.press(t, g.get(t, at), at, map[string]string{"op": "join"})
			require.Contains(t, none.text, "Choose a group.")
		})
		t.Run("deleting and handing over", func(t *testing.T) {
			page := g.get(t, "person?id=tony.hoare&tab=delete")
			require.Contains(t, g.do(t, page, "handover", map[string]string{"to": "ada.lovelace"}).text, "Saved.")
			unknown := g.do(t, page, "handover", map[string]string{"to": "globex.admin"})
			require.GreaterOrEqual(t, unknown.status, 400)
			preview := g.do(t, page, "delete", nil)
			require.Equal(t, 200, g.get(t, "person?id=tony.hoare").status)
			require.Contains(t, g.step(t, preview, "plan").text, "Deleted.")
			require.Equal(t, 404, g.get(t, "person?id=tony.hoare").status)
		})
		t.Run("what one may not do is not there", func(t *testing.T) {
			user := r.visitAs(t, "edsger.dijkstra")
			require.NotContains(t, user.get(t, "me").text, "people")
			own := user.get(t, "person?id=edsger.dijkstra")
			require.NotContains(t, own.text, `name="do"`)
			require.Equal(t, 404, user.get(t, "person?id=grace.hopper").status)
			require.Equal(t, 403, user.get(t, "invite").status)
			csrf := formOf(t, user.get(t, "me"), "me").Get("csrf")
			for _, do := range []string{"profile", "access", "deactivate", "delete", "password", "session", "sessions", "reset",
				"approve"} {
				got := user.send(t, "POST", "person?id=ada.lovelace", url.Values{"csrf": {csrf}, "do": {do}, "password": {"x"}, "again": {"x"}})
				require.Equal(t, 404, got.status, do)
			}
			power := r.visitAs(t, "barbara.liskov")
			csrf = formOf(t, power.get(t, "me"), "me").Get("csrf")
			for _, do := range []string{"deactivate", "delete", "session", "sessions", "reset"} {
				got := power.send(t, "POST", "person?id=grace.hopper", url.Values{"csrf": {csrf}, "do": {do}})
				require.Equal(t, 404, got.status, do)
			}
			require.NotContains(t, power.get(t, "people").text, "grace.hopper</a></td>")
		})
	})
}

// TestProgramsAreMadeInTheConsole makes the account of a program by forms alone: its key is shown once and opens what the
// account may, each mistake is told at its field, and whoever may make nobody gets neither link nor page.
func TestProgramsAreMadeInTheConsole(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		g := r.visitAs(t, "grace.hopper")
		require.Contains(t, g.get(t, "people?env=Prod").text, `href="program-new?home=Prod"`)
		require.Contains(t, g.get(t, "person-new?home=Prod").text, `href="program-new?home=Prod"`)
		form := g.get(t, "program-new?home=Prod")
		right := map[string]string{"alias": "nightly-report", "home": "/Acme/Prod", "role": "power", "key.name": "Report",
			"key.expires": "2099-01-31", "permission.user:read": "on"}
		for _, c := range []struct {
			field, value string
			status       int
			says         string
		}{
			{"alias", "", 400, "A value is required."},
			{"alias", "alan.turing", 409, "This alias is already in use."},
			{"home", "/Globex", 404, "This environment does not exist."},
			{"key.name", "", 400, "A value is required."},
			{"key.expires", "", 400, "Say until when the key is good."},
			{"key.expires", "tomorrow", 400, "Give a day, such as 2027-01-31."},
			{"key.expires", "2001-01-31", 400, "Give a time in the future."},
			{"key.environment", "/Globex", 404, "This environment does not exist."},
		} {
			values := maps.Clone(right)
			values[c.field] = c.value
			wrong := g.press(t, form, "program-new", values)
			require.Equal(t, c.status, wrong.status, "%s=%s", c.field, c.value)
			require.Contains(t, wrong.text, `<p class="wrong" id="`+c.field+`-wrong">`+c.says+`</p>`, "%s=%s", c.field, c.value)
			kept := formOf(t, wrong, "program-new")
			for name, value := range values {
				require.Equal(t, value, kept.Get(name), "what was typed stays")
			}
		}
		power, above := r.visitAs(t, "barbara.liskov"), maps.Clone(right)
		above["role"], above["home"] = "oadmin", ""
		climbing := power.press(t, power.get(t, "program-new"), "program-new", above)
		require.Equal(t, 403, climbing.status, "nobody gives a program more than they have")

		made := g.press(t, form, "program-new", right)
		require.Equal(t, 200, made.status, made.text)
		key := textOf(elements(t, made, "code")[0])
		require.Contains(t, made.text, `data-copy="`+key+`"`)
		require.Contains(t, made.text, "Its first key")
		program := caller{r.Address(), map[string]string{"apiKey": key}}
		status, answer := program.call(t, "GET", "/rest/users/nightly-report", "")
		require.Equal(t, 200, status, answer)
		require.Equal(t, "nightly-report", answer.find(t, "data", "person", "firstname"))
		status, _ = program.call(t, "DELETE", "/rest/users/alan.turing", "")
		require.Equal(t, 403, status, "the key is narrowed to what was ticked")
		for _, name := range []string{"person?id=nightly-report", "person?id=nightly-report&tab=keys",
			"people?env=Prod&programs=true"} {
			shown := g.get(t, name)
			require.Contains(t, shown.text, "nightly-report", name)
			require.NotContains(t, shown.text, key, "it is shown once")
		}
		require.False(t, r.signsIn(t, "nightly-report", demoPassword))

		user := r.visitAs(t, "alan.turing")
		require.NotContains(t, user.get(t, "people").text, "program-new")
		require.Equal(t, 403, user.get(t, "program-new").status)
		csrf := formOf(t, user.get(t, "me"), "me").Get("csrf")
		sent := url.Values{"csrf": {csrf}}
		for name, value := range right {
			sent.Set(name, value)
		}
		sent.Set("alias", "climber")
		refused := user.send(t, "POST", "program-new", sent)
		require.Equal(t, 403, refused.status)
		require.NotContains(t, refused.text, `action="program-new"`)
		require.NotContains(t, g.get(t, "people?q=climber").text, "climber</a>")
	})
}

// TestKeysOfProgramsChangeInTheConsole gives a program another key and takes the first one away, on its page, which has
// nothing of what people sign in by.
func TestKeysOfProgramsChangeInTheConsole(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		g := r.visitAs(t, "grace.hopper")
		made := g.press(t, g.get(t, "program-new?home=Prod"), "program-new", map[string]string{"alias": "nightly-report",
			"home": "/Acme/Prod", "role": "power", "key.name": "First", "key.expires": "2099-01-31",
			"key.environment": "/Acme/Prod/Europe"})
		require.Equal(t, 200, made.status, made.text)
		opens := func(shown page) func(alias string) int {
			program := caller{r.Address(), map[string]string{"apiKey": textOf(elements(t, shown, "code")[0])}}
			return func(alias string) int {
				status, _ := program.call(t, "GET", "/rest/users/"+alias, "")
				return status
			}
		}
		first := opens(made)
		require.Equal(t, []int{200, 404}, []int{first("tony.hoare"), first("nightly-report")}, "it is narrowed to a place")

		page := g.get(t, "person?id=nightly-report")
		require.NotContains(t, page.text, "tab=sessions")
		require.NotContains(t, page.text, "tab=password")
		require.NotContains(t, fieldsOf(formDoing(t, page, "profile")), "person.mail")
		for _, tab := range []string{"sessions", "password"} {
			require.Equal(t, 404, g.get(t, "person?id=nightly-report&tab="+tab).status, tab)
		}
		keys := g.get(t, "person?id=nightly-report&tab=keys")
		require.Contains(t, keys.text, "Acme/Prod/Europe")
		csrf := fieldsOf(formDoing(t, keys, "key")).Get("csrf")
		for _, do := range []string{"password", "reset", "invite", "factor", "unlink"} {
			got := g.send(t, "POST", "person?id=nightly-report", url.Values{"csrf": {csrf}, "do": {do}, "password": {"x"}, "again": {"x"}})
			require.Equal(t, 404, got.status, do)
		}
		person := g.send(t, "POST", "person?id=alan.turing&tab=keys", url.Values{"csrf": {csrf}, "do": {"key"},
			"name": {"Mine"}, "expires": {"2099-01-31"}})
		require.Equal(t, 404, person.status, "people make their own")
		require.NotContains(t, g.get(t, "person?id=alan.turing&tab=keys").text, `value="key"`)

		right := map[string]string{"name": "Second", "expires": "2098-01-31", "environment": "/Acme/Prod",
			"permission.user:read": "on"}
		for _, c := range []struct {
			field, value string
			status       int
			says         string
		}{
			{"name", "", 400, "A value is required."},
			{"expires", "", 400, "Say until when the key is good."},
			{"environment", "/Globex", 404, "This environment does not exist."},
		} {
			values := maps.Clone(right)
			values[c.field] = c.value
			wrong := g.do(t, keys, "key", values)
			require.Equal(t, c.status, wrong.status, "%s=%s", c.field, c.value)
			require.Contains(t, wrong.text, `<p class="wrong" id="`+c.field+`-wrong">`+c.says+`</p>`)
			require.Contains(t, wrong.text, `<th scope="row">First</th>`, "the page has what it had")
		}
		shown := g.do(t, keys, "key", right)
		require.Equal(t, 200, shown.status, shown.text)
		second := opens(shown)
		require.Equal(t, 200, second("nightly-report"))
		keys = g.get(t, "person?id=nightly-report&tab=keys")
		require.Len(t, elements(t, keys, "tbody"), 1)
		require.NotContains(t, keys.text, textOf(elements(t, shown, "code")[0]), "it is shown once")
		g.do(t, keys, "revoke", nil)
		require.Equal(t, []int{401, 200}, []int{first("tony.hoare"), second("nightly-report")})

		require.NotContains(t, g.get(t, "person?id=nightly-report&tab=keys").text, `<th scope="row">First</th>`)
		admin := caller{r.Address(), map[string]string{"Authorization": basic("grace.hopper", demoPassword)}}
		status, answer := admin.call(t, "POST", "/rest/users/nightly-report/keys", `{"name": "Forever"}`)
		require.Equal(t, 400, status, answer)
		require.Equal(t, "Say until when the key is good : expires", answer.find(t, "error"))
	})
}

// do sends the form of a page that says it does this, with these values besides those it has.
func (g *guest) do(t *testing.T, on page, do string, values map[string]string) page {
	t.Helper()
	return g.sendForm(t, on, formDoing(t, on, do), values)
}

// formDoing returns the form of a page that says it does this.
func formDoing(t *testing.T, on page, do string) *html.Node {
	t.Helper()
	for _, form := range elements(t, on, "form") {
		if fieldsOf(form).Get("do") == do && !fieldsOf(form).Has("plan") && !fieldsOf(form).Has("step") {
			return form
		}
	}
	require.Fail(t, "there is no form that does it", "%s on %s", do, on.text)
	return nil
}

// step sends the form of a preview that has this field: plan makes the change, step goes back.
func (g *guest) step(t *testing.T, on page, field string) page {
	t.Helper()
	for _, form := range elements(t, on, "form") {
		if fieldsOf(form).Has(field) {
			return g.sendForm(t, on, form, nil)
		}
	}
	require.Fail(t, "this is no preview", on.text)
	return page{}
}

func (g *guest) sendForm(t *testing.T, on page, form *html.Node, values map[string]string) page {
	t.Helper()
	sent := fieldsOf(form)
	for name, value := range values {
		sent.Set(name, value)
	}
	to, err := on.at.Parse(attr(form, "action"))
	require.NoError(t, err)
	return g.follow(t, g.send(t, http.MethodPost, to.String(), sent))
}
