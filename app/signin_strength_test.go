package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
)

// having makes somebody of the demo one who has these kinds of factors.
func (r *running) having(t *testing.T, alias string, f domain.Factors) {
	t.Helper()
	r.exec(t, fmt.Sprintf("UPDATE users SET factors = %d WHERE alias = '%s'", f, alias))
}

func (r *running) exec(t *testing.T, statement string) {
	t.Helper()
	done, err := r.directory.DB.Writer().ExecContext(t.Context(), statement)
	require.NoError(t, err)
	n, err := done.RowsAffected()
	require.NoError(t, err)
	require.Positive(t, n, statement)
}

// numberIn returns the number of somebody whom the caller sees.
func numberIn(t *testing.T, c caller, login string) string {
	t.Helper()
	status, all := c.call(t, "GET", "/rest/users/"+login, "")
	require.Equal(t, 200, status)
	return fmt.Sprint(all.find(t, "data", "userid"))
}

// logins returns the login names that a page of the list of people shows.
func logins(t *testing.T, p page) []string {
	t.Helper()
	require.Equal(t, 200, p.status, p.text)
	var all []string
	for _, row := range rows(t, p) {
		all = append(all, row[1])
	}
	slices.Sort(all)
	return all
}

// TestPeopleAreFoundByTheirFactors holds that lists, of programs and of people, are narrowed by who has which factors,
// and say which.
func TestPeopleAreFoundByTheirFactors(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		r.having(t, "ada.lovelace", domain.PasskeyFactor)
		r.having(t, "alan.turing", domain.CodeFactor)
		r.having(t, "radia.perlman", domain.CodeFactor|domain.PasskeyFactor)
		r.having(t, "admin", domain.PasskeyFactor) // who is elsewhere
		g, caller := r.visitAs(t, "grace.hopper"), basicCaller(r.Address(), "grace.hopper", demoPassword)
		for _, login := range []string{"rob.pike", "ken.thompson"} {
			r.exec(t, "UPDATE users SET system = TRUE WHERE alias = '"+login+"'")
			_, made := caller.call(t, "POST", "/rest/users/"+numberIn(t, caller, login)+"/keys",
				`{"name":"nightly","expires":"2099-01-31T00:00:00Z"}`)
			require.NotEmpty(t, made.find(t, "data", "id"))
			r.exec(t, fmt.Sprintf("UPDATE api_keys SET created_at = created_at - %d WHERE id = '%s'",
				100*24*time.Hour.Milliseconds(), made.find(t, "data", "id")))
		}
		r.exec(t, "UPDATE api_keys SET last_at = created_at + 8640000000 WHERE user_id = "+
			numberIn(t, caller, "ken.thompson"))
		everybody := logins(t, g.get(t, "people"))
		but := func(but ...string) []string {
			return slices.DeleteFunc(slices.Clone(everybody), func(login string) bool { return slices.Contains(but, login) })
		}
		for query, want := range map[string][]string{
			"factor=passkey": {"ada.lovelace", "radia.perlman"}, "factor=otp": {"alan.turing"},
			"weakerThan=none": everybody, "factor=none": but("ada.lovelace", "alan.turing", "radia.perlman"),
			"weakerThan=passkey": but("ada.lovelace", "radia.perlman"), "factor=passkey&weakerThan=otp": nil,
			"programs=true": {"ken.thompson", "rob.pike"}, "programs=false": but("ken.thompson", "rob.pike"),
			"oldKeys=true": {"rob.pike"}, "oldKeys=true&programs=false": nil,
		} {
			require.Equal(t, want, logins(t, g.get(t, "people?"+query)), query)
			status, all := caller.call(t, "GET", "/rest/users?"+query, "")
			require.Equal(t, 200, status)
			require.Len(t, all.find(t, "data"), len(want), query)
		}
		_, ada := caller.call(t, "GET", "/rest/users/ada.lovelace", "")
		require.Equal(t, []any{"passkey"}, ada.find(t, "data", "factors"))
		_, grace := caller.call(t, "GET", "/rest/users/grace.hopper", "")
		require.NotContains(t, grace.find(t, "data"), "factors", "an old client sees what it knows")
		page := g.get(t, linkTo(t, g.get(t, "people?factor=otp"), "alan.turing"))
		require.Contains(t, strings.Join(factsOf(t, page), "\n"), "One-time code")
	})
}

// TestRulesAreShownBeforeTheyAreMade holds that a place's demands are changed by who may, that it is said first whom they
// would keep out, by role and with the list of them, and that mistakes stand at their fields.
func TestRulesAreShownBeforeTheyAreMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		r.having(t, "ada.lovelace", domain.PasskeyFactor)
		r.having(t, "radia.perlman", domain.CodeFactor)
		g := r.visitAs(t, "grace.hopper")
		tab := g.get(t, linkTo(t, g.get(t, "place?id=Acme"), "Sign-in"))
		wrong := g.press(t, tab, "place-signin", map[string]string{"min_password": "many"})
		require.Equal(t, 400, wrong.status)
		require.Contains(t, wrong.text, `id="min_password-wrong"`)
		require.Contains(t, wrong.text, `value="many"`)
		out := g.press(t, tab, "place-signin", map[string]string{"people": "passkey"})
		require.Equal(t, 400, out.status, "she would shut herself out")
		require.Contains(t, out.text, `id="people-wrong"`)

		preview := g.press(t, tab, "place-signin",
			map[string]string{"people": "passkey", "grace": "2099-01-31", "min_password": "20", "password_days": "90"})
		require.Contains(t, preview.text, "counts from 31 Jan 2099 on")
		total := 0
		for _, n := range elements(t, preview, "dd") {
			for link := range n.Descendants() {
				if href := attr(link, "href"); strings.HasPrefix(href, "people?") {
					all := logins(t, g.get(t, href))
					require.Equal(t, fmt.Sprint(len(all)), textOf(link), href)
					require.NotContains(t, all, "ada.lovelace")
					total += len(all)
				}
			}
		}
		active := logins(t, g.get(t, "people?usable=true&env=Acme"))
		require.Equal(t, len(active)-1, total, "everybody but Ada")
		require.Contains(t, strings.Join(rows(t, g.get(t, tab.at.String()))[0], " "), "Nothing", "nothing was changed")
		edit := g.press(t, preview, "place-signin", map[string]string{"plan": "", "step": "edit"})
		require.Contains(t, edit.text, `value="2099-01-31"`)
		saved := g.press(t, preview, "place-signin", nil)
		require.Contains(t, saved.text, "Saved.")
		require.Equal(t, "20 characters", rows(t, saved)[0][1])
		require.Equal(t, []string{"90 days", "90 days"}, rows(t, saved)[2][1:])
		days := g.press(t, saved, "place-signin", map[string]string{"password_days": "3651"})
		require.Equal(t, 400, days.status)
		require.Contains(t, days.text, `id="password_days-wrong"`)

		below := g.get(t, "place?id=Prod&tab=signin")
		require.Equal(t, []string{"Nothing", "20 characters"}, rows(t, below)[0][1:])
		ada := g.send(t, "GET", "place?id=Globex&tab=signin", nil)
		require.Equal(t, 404, ada.status)

		shut := g.press(t, saved, "place-signin", map[string]string{"only_provider": "on", "people": "none",
			"grace": ""})
		require.Equal(t, 400, shut.status)
		require.Contains(t, shut.text, `id="only_provider-wrong"`, "she would shut herself out")
		unknown := g.press(t, saved, "place-signin", map[string]string{"only_provider": "on", "break_glass": "nobody",
			"people": "none", "grace": ""})
		require.Contains(t, unknown.text, `id="break_glass-wrong"`)
		only := g.press(t, saved, "place-signin",
			map[string]string{"only_provider": "on", "break_glass": "grace.hopper, radia.perlman", "people": "none", "grace": ""})
		require.Contains(t, only.text, "go on by their organization’s identity provider only")
		kept := g.press(t, only, "place-signin", nil)
		require.Contains(t, kept.text, "Saved.")
		require.Equal(t, []string{"Yes", "Yes"}, rows(t, kept)[8][1:])
		named := strings.Fields(formOf(t, kept, "place-signin").Get("break_glass"))
		require.ElementsMatch(t, []string{"grace.hopper", "radia.perlman"}, named)
		again := g.press(t, kept, "place-signin", map[string]string{"min_password": "21"})
		require.Contains(t, g.press(t, again, "place-signin", nil).text, "Saved.", "nothing was taken back")
	})
}

// TestStrengthOfABranchIsCounted holds that each number of the page is that of the list behind it.
func TestStrengthOfABranchIsCounted(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		r.having(t, "ada.lovelace", domain.PasskeyFactor)
		r.having(t, "radia.perlman", domain.CodeFactor)
		r.having(t, "admin", domain.PasskeyFactor)
		r.exec(t, "UPDATE users SET system = TRUE WHERE alias IN ('rob.pike', 'ken.thompson')")
		g := r.visitAs(t, "grace.hopper")
		keys := basicCaller(r.Address(), "grace.hopper", demoPassword)
		for _, login := range []string{"ken.thompson", "rob.pike"} {
			_, made := keys.call(t, "POST", "/rest/users/"+numberIn(t, keys, login)+"/keys",
				`{"name":"nightly","expires":"2099-01-31T00:00:00Z"}`)
			if login == "rob.pike" {
				r.exec(t, fmt.Sprintf("UPDATE api_keys SET created_at = created_at - %d WHERE id = '%s'",
					100*24*time.Hour.Milliseconds(), made.find(t, "data", "id")))
			}
		}
		page := g.get(t, linkTo(t, g.get(t, "home"), "How strongly people sign in"))
		require.Equal(t, 200, page.status)
		require.Equal(t, []string{"1", "1"}, factsOf(t, page)[:2])
		links := 0
		for _, n := range elements(t, page, "dd") {
			for link := range n.Descendants() {
				if href := attr(link, "href"); href != "" {
					links++
					require.Equal(t, textOf(link), fmt.Sprint(len(logins(t, g.get(t, href)))), href)
				}
			}
		}
		require.Equal(t, 7, links)
		require.Equal(t, []string{"2", "1"}, factsOf(t, page)[4:6], "Rob and Ken are programs, and Rob's key is old")
	})
}

// TestProgramsPreviewDemands holds that programs see whom a demand would keep out as pages show it, that they are told
// no numbers of people whom they may not list.
func TestProgramsPreviewDemands(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		admin := basicCaller(w.Address(), "acme.admin", testPassword)
		w.having(t, "acme.power", domain.CodeFactor)
		const path, demand = "/rest/environments/Prod/signin/preview", `{"people":"otp"}`
		lockedOut := func() any {
			t.Helper()
			status, d := admin.call(t, "POST", path, demand)
			require.Equal(t, 200, status)
			return d.find(t, "data", "lockedOut")
		}
		listed := lockedOut().([]any)
		require.Len(t, listed, len(domain.Roles))
		for i, of := range listed {
			role := of.(map[string]any)["role"].(string)
			require.Equal(t, domain.Roles[i].String(), role)
			status, all := admin.call(t, "GET",
				"/rest/users?env=Prod&usable=true&programs=false&weakerThan=otp&actsAs="+role, "")
			require.Equal(t, 200, status)
			require.EqualValues(t, len(all.find(t, "data").([]any)), of.(map[string]any)["people"].(map[string]any)["count"])
		}
		root := basicCaller(w.Address(), "admin", testPassword)
		status, made := root.call(t, "POST", "/rest/groups",
			`{"alias":"Blind","organization":"Acme","parent":"Admin","permission":"562881233944575"}`)
		require.Equal(t, 200, status, made)
		blind := domain.GroupRef("Blind")
		_, err := w.directory.Users.Update(t.Context(), w.operator(t), directory.UpdateUser{
			User: domain.UserRef{Alias: "acme.admin"}, UserPatch: directory.UserPatch{Group: &blind}})
		require.NoError(t, err)
		require.Nil(t, lockedOut())
	})
}
