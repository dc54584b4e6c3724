package app_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// A way is how somebody uses the console.
type way struct {
	name     string
	hand     hand
	scripted bool
}

// TestBranchAdminWithEveryHand does what the console is for by keyboard alone, and by mouse without script; every night
// also by mouse with script.
func TestBranchAdminWithEveryHand(t *testing.T) {
	doAsBranchAdmin(t, way{"keyboard", keys{}, true}, way{"without script", mouse{}, false})
}

// doAsBranchAdmin does what the console is for as the admin of a branch. What comes of it is looked at in the page, and
// asked for as JSON.
func doAsBranchAdmin(t *testing.T, ways ...way) {
	t.Helper()
	notShort(t)
	t.Parallel()
	b := openBrowser(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			r := openConsole(t, "sqlite", nil)
			h := openHands(t, b, r, way.hand, way.scripted)
			for _, part := range []struct {
				name string
				do   func(*hands)
			}{{"account", ownAccount}, {"places", keepPlaces}, {"people", findPeople}, {"newcomers", letPeopleIn},
				{"leaving", letPeopleGo}, {"groups", keepGroups}, {"why", askWhy}, {"previews", previewChanges},
				{"import", bringPeopleIn}, {"history", readHistory}, {"overview", followFigures}} {
				t.Run(part.name, func(t *testing.T) {
					of := *h
					of.t = t
					part.do(&of)
				})
			}
			if h.scripted {
				h.checkQuiet(t, r.Address())
			}
		})
	}
}

// user is what rest says of somebody in the reach of Grace.
func (h *hands) user(login string, keys ...string) any {
	h.t.Helper()
	answer := h.json("grace.hopper", "GET", "/rest/users/"+login, "")
	return answer.find(h.t, append([]string{"data"}, keys...)...)
}

// json asks rest as somebody, and returns the answer if it is one.
func (h *hands) json(login, method, path, body string) answered {
	h.t.Helper()
	status, answer := basicCaller(h.r.Address(), login, demoPassword).call(h.t, method, path, body)
	require.Equal(h.t, 200, status, "%s %s: %s", method, path, answer)
	return answer
}

// listed returns the login names that rest lists to Grace.
func (h *hands) listed(query string) (names []string) {
	h.t.Helper()
	for _, u := range h.json("grace.hopper", "GET", "/rest/users?"+query, "").each(h.t, "data") {
		names = append(names, u.find(h.t, "alias").(string))
	}
	return names
}

// logins returns the login names in the list of the page.
func (h *hands) logins() (names []string) {
	h.t.Helper()
	for _, row := range h.rows() {
		names = append(names, row[1])
	}
	return names
}

// person finds somebody in the list of people and opens their page, on a tab of it.
func (h *hands) person(login, tab string) {
	h.t.Helper()
	h.link("People")
	h.fill("Search in names", login)
	h.button("Show")
	h.link(login)
	if tab != "" {
		h.link(tab, tab)
	}
}

// confirm carries out what a preview shows.
func (h *hands) confirm(button, said string) {
	h.t.Helper()
	h.says("Nothing has been changed yet.")
	h.button(button)
	h.said(said)
}

func ownAccount(h *hands) {
	h.signIn("grace.hopper")
	h.link("grace.hopper", "Overview")
	h.choose("Language", "Français")
	h.button("Save")
	h.said("Enregistré.")
	h.choose("Langue", "English")
	h.fill("Prénom (facultatif)", "Grace Brewster")
	h.button("Enregistrer")
	h.said("Saved.")
	me := h.json("grace.hopper", "GET", "/rest/me", "")
	require.Equal(h.t, "Grace Brewster", me.find(h.t, "data", "person", "firstname"))

	h.link("API keys")
	h.fill("What it is for", "nightly")
	h.fill("Ends on", "2099-01-31")
	h.pick("Only in this place", "pro", "/Acme/Prod")
	h.tick("See people", true)
	h.button("Make a key")
	h.says("Copy it now. It is not shown again.")
	secret := h.read(`document.querySelector("code.secret").textContent`)
	status, _ := caller{h.r.Address(), map[string]string{"Authorization": "Bearer " + secret}}.
		call(h.t, "GET", "/rest/users?limit=1", "")
	require.Equal(h.t, 200, status)
	h.link("API keys")
	require.Equal(h.t, []string{"nightly", "See people", "Acme/Prod", "31 Jan 2099 00:00"}, h.rows()[0][:4])
	require.NotContains(h.t, h.read("document.documentElement.outerHTML"), secret, "it is shown once")
	h.disclose("Revoke", "nightly")
	h.says("This cannot be undone.")
	h.button("Revoke this key", "nightly")
	h.said("Deleted.")

	elsewhere := h.r.visitAs(h.t, "grace.hopper")
	h.link("Where you are signed in")
	h.button("Sign out all others")
	h.said("Signed out there.")
	require.Equal(h.t, "/console/sign-in", elsewhere.get(h.t, "me").at.Path)

	h.link("People")
	h.fill("Search in names", "alan")
	h.button("Show")
	h.says("alan.turing")
	h.button("Sign out")
	require.Empty(h.t, h.kept(), "nothing is left in the browser")
	h.back()
	h.await(h.t, `document.querySelector("h1").textContent === "Sign in" && document.readyState === "complete"`)
	require.Empty(h.t, h.kept())
	require.NotContains(h.t, h.text(), "alan.turing")
}

func keepPlaces(h *hands) {
	h.signIn("grace.hopper")
	h.link("Places")
	h.link("Open Prod")
	h.says("Europe")
	require.Contains(h.t, h.address(), "open=", "the address says what is opened")
	h.fill("The beginning of its name", "de")
	h.button("Find a place")
	require.Equal(h.t, []string{"Dev", "Acme/Dev", "Show in the tree"}, h.rows()[0])
	h.link("Dev")
	h.link("New place")
	h.fill("Name", "North")
	h.button("Create")
	h.said("Created.")
	h.link("Settings")
	h.fill("Name", "Nord")
	h.button("Save")
	require.Equal(h.t, "Nord", h.heading())
	h.link("Place", "Place")
	h.link("Move")
	h.pick("New place above it", "sta", "/Acme/Staging")
	h.button("Preview")
	h.confirm("Move", "Saved.")
	h.says("Acme/Staging/Nord")
	id := h.json("grace.hopper", "GET", "/rest/environments/byAlias/Nord", "").find(h.t, "data", "envid")
	require.NotZero(h.t, id)
	h.link("Switch off")
	h.says("Nothing is deleted.")
	h.button("Preview")
	h.confirm("Switch off", "Saved.")
	require.Equal(h.t, "Staging", h.heading(), "what is switched off is closed to her")

	h.signIn("admin")
	h.link("Places")
	h.fill("The beginning of its name", "Nord")
	h.button("Find a place")
	h.link("Nord")
	h.says("This place is switched off")
	h.link("Switch on")
	h.button("Preview")
	h.confirm("Switch on", "Saved.")
	h.link("Delete")
	h.says("This cannot be undone.")
	h.button("Delete")
	h.said("Deleted.")
	status, _ := basicCaller(h.r.Address(), "admin", demoPassword).call(h.t, "GET",
		fmt.Sprintf("/rest/environments/%v", id), "")
	require.Equal(h.t, 404, status)

	h.link("Places")
	h.link("root")
	h.link("New place")
	h.fill("Name", "Umbrella")
	h.tick("It is an organization", true)
	h.fill("First name", "Alice")
	h.fill("Last name", "Abernathy")
	h.fill("Mail address", "alice@umbrella.example")
	h.button("Create")
	require.Equal(h.t, "Umbrella", h.heading())
	require.Contains(h.t, h.r.mailedLink(h.t, "alice@umbrella.example"), "/console/accept?")
}

func findPeople(h *hands) {
	for i := range 4 { // so that there is a second page
		h.json("grace.hopper", "POST", "/rest/users", strings.ReplaceAll(`{"alias": "zeta#", "envId": 7, "group": "User",
			"password": "first-pass-1", "person": {"firstname": "Zeta", "lastname": "Number #",
			"mailaddress": "zeta#@acme.example"}}`, "#", strconv.Itoa(i)))
	}
	h.signIn("grace.hopper")
	h.link("People")
	h.disclose("More filters")
	h.choose("Role", "Power user")
	h.fill("Search in names", "ar")
	h.button("Show")
	require.Equal(h.t, h.listed("q=~ar&role=power"), h.logins())
	require.Contains(h.t, h.address(), "role=power", "the address is the filter")
	h.link("Contains “ar” (take this away)")
	require.Equal(h.t, h.listed("role=power"), h.logins())
	h.choose("State", "Waits for approval")
	h.choose("Role", "Any")
	h.button("Show")
	require.Equal(h.t, h.listed("state=pending"), h.logins())

	h.link("People")
	h.link("Login name")
	all := h.listed("sort=alias")
	require.Greater(h.t, len(all), 25)
	require.Equal(h.t, all[:25], h.logins())
	h.link("Next page")
	require.Equal(h.t, all[25:], h.logins())
	h.link("Back to the beginning")

	h.person("zeta1", "")
	h.fill("Phone", "+33 1 23")
	h.button("Save")
	h.said("Saved.")
	require.Equal(h.t, "+33 1 23", h.user("zeta1", "person", "phone"))

	h.link("People")
	h.fill("Search in names", "zeta")
	h.button("Show")
	h.link("Change these 4 people")
	h.choose("What to do", "Switch their accounts off")
	h.button("Preview")
	h.confirm("Change all 4 people", "4 people were changed.")
	require.Len(h.t, h.listed("q=~zeta&active=false"), 4)
}

func letPeopleIn(h *hands) {
	h.signIn("grace.hopper")
	h.link("People")
	h.link("Create an account")
	h.fill("First name", "Karen")
	h.fill("Last name", "Spärck Jones")
	h.fill("Login name", "karen.sparck")
	h.fill("Mail address", "karen@acme.example")
	h.pick("Place", "dev", "/Acme/Dev")
	h.fill("New password", "first-pass-1")
	h.fill("The same password again", "first-pass-1")
	h.button("Create the account")
	h.said("Created.")
	require.Equal(h.t, "Spärck Jones", h.user("karen.sparck", "person", "lastname"))

	h.link("People")
	h.link("Invite people")
	h.fill("Mail addresses", "Hedy Lamarr <hedy@acme.example>\nida@acme.example")
	h.button("Send the invitations")
	require.Equal(h.t, "2 people were invited", h.heading())
	require.Contains(h.t, h.r.mailedLink(h.t, "hedy@acme.example"), "/console/accept?")
	require.Equal(h.t, []string{"hedy@acme.example"}, h.listed("state=invited&q=~hedy"))

	h.person("mary.jackson", "")
	h.button("Let in")
	h.confirm("Let in", "Saved.")
	require.NotContains(h.t, h.listed("state=pending"), "mary.jackson")
	h.person("christine.darden", "")
	h.button("Turn away")
	h.confirm("Turn away", "Deleted.")
	require.Empty(h.t, h.listed("q=christine"))
}

func letPeopleGo(h *hands) {
	h.signIn("grace.hopper")
	h.person("niklaus.wirth", "Password")
	h.button("Send a link for a new password")
	h.said("Sent.")
	require.Contains(h.t, h.r.mailedLink(h.t, "niklaus.wirth@acme.example"), "/console/reset?")
	h.person("niklaus.wirth", "")
	h.button("Switch the account off")
	h.confirm("Switch the account off", "Saved.")
	require.Contains(h.t, h.listed("active=false"), "niklaus.wirth")

	h.person("tony.hoare", "Delete")
	h.pick("To whom", "ada", "ada.lovelace")
	h.button("Hand over what they own")
	h.said("Saved.")
	h.button("Preview")
	h.says("What is deleted cannot be brought back.")
	h.confirm("Delete", "Deleted.")
	require.Empty(h.t, h.listed("q=tony.hoare"))
}

func keepGroups(h *hands) {
	h.signIn("grace.hopper")
	h.link("Groups")
	h.link("Readers")
	h.tick("See groups", false)
	h.button("Save")
	h.says("Alan Turing")
	h.confirm("Change the group", "Saved.")
	h.find("checkbox", "See groups")
	for _, g := range h.json("grace.hopper", "GET", "/rest/groups", "").each(h.t, "data") {
		if g.find(h.t, "alias") == "Readers" {
			mask, err := strconv.ParseUint(g.find(h.t, "permission").(string), 10, 64)
			require.NoError(h.t, err)
			require.Zero(h.t, mask&(1<<40), "it does not give group:read any more")
			return
		}
	}
	require.Fail(h.t, "there is no such group")
}

func askWhy(h *hands) {
	h.signIn("grace.hopper")
	h.link("Why?")
	h.pick("Person", "barb", "barbara.liskov")
	h.choose("May they", "change people")
	h.pick("In", "eur", "/Acme/Prod/Europe")
	h.button("Ask")
	if h.scripted {
		require.Contains(h.t, h.read("document.activeElement.textContent"), "Yes.", "the focus is on the answer")
	}
	h.says("Yes. Barbara Liskov may change people in Acme/Prod/Europe.", "The account can be used.",
		"The role Power user permits it everywhere they reach.", "Operators gives it.",
		"They are at home in Acme/Prod/Europe.")
	allowed := func() any {
		return h.json("grace.hopper", "GET", "/rest/explain?user=barbara.liskov&permission=user:update&"+
			"environment=/Acme/Prod/Europe", "").find(h.t, "data", "allowed")
	}
	require.Equal(h.t, true, allowed())
	h.disclose("Other ways")
	h.button("Preview", "Switch the account of Barbara Liskov off.")
	h.confirm("Do it", "Saved.")
	h.says("No. Barbara Liskov may not change people in Acme/Prod/Europe.", "The account is switched off.")
	require.Equal(h.t, false, allowed())
	h.button("Preview", "Switch the account of Barbara Liskov on.")
	h.confirm("Do it", "Saved.")
	require.Equal(h.t, true, allowed())
}

func previewChanges(h *hands) {
	h.signIn("grace.hopper")
	h.person("donald.knuth", "Access")
	h.choose("Role", "Power user")
	h.pick("Add a group", "oper", "Operators")
	h.pick("Add a place", "dev", "/Acme/Dev", "Also allowed in")
	h.button("Preview")
	h.says("1 person gains something.")
	h.confirm("Make this change", "Saved.")
	require.Equal(h.t, "power", h.user("donald.knuth", "role"))

	h.link("Places")
	h.link("Open Prod")
	h.link("America")
	h.link("Switch off")
	h.button("Preview")
	h.says("Margaret Hamilton")
	h.json("admin", "POST", "/rest/users/margaret.hamilton", `{"role": "user"}`)
	h.button("Switch off")
	h.says("The directory has changed since you looked, so nothing was done.", "Nothing has been changed yet.")
	h.json("grace.hopper", "GET", "/rest/environments/byAlias/America", "")
	h.confirm("Switch off", "Saved.")
	status, _ := basicCaller(h.r.Address(), "grace.hopper", demoPassword).call(h.t, "GET",
		"/rest/environments/byAlias/America", "")
	require.Equal(h.t, 404, status, "what is switched off is closed to her")
}

func bringPeopleIn(h *hands) {
	h.signIn("grace.hopper")
	h.link("Import")
	const head = "alias,firstname,lastname,mailaddress,environment,role,group\n"
	h.attach("File", head+"new.person,New,Person,new.person@acme.example,Acme/Nowhere,user,/User\n")
	h.button("Show what would happen")
	require.Equal(h.t, []string{"2", "environment"}, h.rows()[0][:2])
	h.link("Choose another file")
	h.attach("File", head+"rob.pike,Rob,Pike,rob.pike@acme.example,Acme/Dev,power,Operators\n"+
		"new.person,New,Person,new.person@acme.example,Acme/Dev,user,/User\n")
	h.button("Show what would happen")
	h.says("1 new account.", "1 changed account.")
	require.Empty(h.t, h.listed("q=new.person"), "nothing is done yet")
	h.button("Import 2 people")
	h.said("Imported.")
	h.says("1 new account.", "1 changed account.")
	require.Equal(h.t, []string{"new.person"}, h.listed("q=new.person"))
	require.Equal(h.t, "power", h.user("rob.pike", "role"))

	h.link("People")
	h.pick("Place", "dev", "/Acme/Dev")
	h.fill("Search in names", "r")
	h.button("Show")
	table := rawAnswer(h.t, h.r, "/rest/users?env=Acme%2FDev&q=~r&format=csv")
	require.Equal(h.t, table, h.download("Export this list"))
}

func readHistory(h *hands) {
	h.json("admin", "POST", "/rest/users/brian.kernighan", `{"person": {"phone": "17"}}`)
	h.signIn("grace.hopper")
	h.link("Places")
	h.link("Dev")
	h.link("History", "Show in the tree")
	day := time.Now().UTC().Format(time.DateOnly)
	h.choose("What happened", "Account changed")
	h.fill("From", day)
	h.button("Show")
	h.says("changed the account brian.kernighan")
	query := "env=Acme%2FDev&action=user:update&from=" + day + "T00:00:00Z"
	events := h.json("grace.hopper", "GET", "/rest/audit?limit=25&"+query, "").each(h.t, "data")
	require.Equal(h.t, float64(len(events)), evaluate[float64](h.t, h.browser, count("ol.timeline > li")))
	require.Equal(h.t, rawAnswer(h.t, h.r, "/rest/audit?format=csv&"+query), h.download("Download as a table (CSV)"))
}

func followFigures(h *hands) {
	h.signIn("grace.hopper")
	h.link("Overview")
	for label, query := range map[string]string{"In use": "state=approved&active=true", "Switched off": "active=false",
		"Invited, not there yet": "state=invited"} {
		n := evaluate[string](h.t, h.browser, fmt.Sprintf(`Array.from(document.querySelectorAll("dt")).find((dt) =>
			dt.textContent.trim() === %q).nextElementSibling.querySelector("a").textContent`, label))
		h.link("", label)
		require.Equal(h.t, strconv.Itoa(len(h.rows())), n)
		require.Equal(h.t, h.listed(query), h.logins(), h.address())
		h.link("Overview")
	}
}

// TestPagesWithScript holds what pages do beyond links and forms: parts are swapped, the focus goes on, pickers are
// gone through by keys, and nothing is kept in the browser.
func TestPagesWithScript(t *testing.T) {
	notShort(t)
	t.Parallel()
	r := openConsole(t, "sqlite", nil)
	all := openHands(t, openBrowser(t), r, keys{}, true)
	for _, part := range []struct {
		name string
		do   func(*hands)
	}{{"the tree opens in its place", openInPlace}, {"pickers are gone through", goThroughPicker},
		{"lists go on where they were", goOnInList}, {"of two the second is told", changeTheSame},
		{"a session ended elsewhere leads back", comeBack}} {
		t.Run(part.name, func(t *testing.T) {
			h := *all
			h.t = t
			h.signIn("grace.hopper")
			part.do(&h)
			require.Empty(t, h.kept())
		})
	}
	all.checkQuiet(t, r.Address())
}

// kept returns the names under which the browser keeps something for scripts.
func (h *hands) kept() []string {
	h.t.Helper()
	return evaluate[[]string](h.t, h.browser, "Object.keys({...localStorage, ...sessionStorage})")
}

// openInPlace opens places of the tree without the page being loaded anew.
func openInPlace(h *hands) {
	h.link("Places")
	closed := h.address()
	h.read("window.kept = 'kept'")
	h.link("Open Prod")
	h.says("Europe")
	require.Equal(h.t, "kept", h.read("window.kept"), "the page is the same")
	require.NotEqual(h.t, closed, h.address())
	require.Equal(h.t, "Close Prod", h.read("document.activeElement.ariaLabel"), "the focus stays")
	opened := h.address()
	h.back()
	h.await(h.t, `document.querySelector("[aria-label='Open Prod']")`)
	require.Equal(h.t, closed, h.address())
	h.visit(strings.TrimPrefix(opened, "/console/"))
	h.says("Europe")

	h.link("People")
	h.read("window.kept = 'kept'")
	h.fill("Search in names", "ada")
	h.button("Show")
	require.Equal(h.t, "kept", h.read("window.kept"))
	require.Equal(h.t, "1 person", h.status(), "who does not see the list is told")
	require.Equal(h.t, "Show", h.read("document.activeElement.textContent"))
	h.back()
	h.await(h.t, "document.querySelectorAll('tbody tr').length > 1")
}

// goThroughPicker goes through what a picker offers by the arrow keys.
func goThroughPicker(h *hands) {
	h.link("Why?")
	box := h.find("", "Person")
	write := func(text string) {
		h.hand.enter(h, box)
		h.everything()
		h.hand.write(h, text)
		h.await(h.t, count("#user-found button")+" > 1")
	}
	write("d")
	second := h.read(`document.querySelectorAll("#user-found button")[1].dataset.choose`)
	h.browser.write(h.t, kb.ArrowDown+kb.ArrowDown+kb.ArrowUp+kb.ArrowDown+"\r")
	require.Equal(h.t, second, on[string](h, box, "function() { return this.value }"))
	require.True(h.t, on[bool](h, box, focused))
	write("d")
	h.browser.write(h.t, kb.ArrowDown+kb.Escape)
	require.True(h.t, on[bool](h, box, focused), "the focus is not lost with what had it")
	h.await(h.t, count("#user-found button")+" === 0")
	h.hand = mouse{}
	h.pick("Person", "d", second)
}

// goOnInList goes to the next page of a list, and is in the list there.
func goOnInList(h *hands) {
	h.link("History")
	h.link("Next page")
	require.NotEqual(h.t, "body", h.read("document.activeElement.id"))
	h.browser.write(h.t, "\t")
	require.True(h.t, evaluate[bool](h.t, h.browser, `document.getElementById("list").contains(document.activeElement)`),
		"what comes next is in the list")
}

// changeTheSame changes somebody whom another admin changed meanwhile.
func changeTheSame(h *hands) {
	h.person("ken.thompson", "")
	h.json("admin", "POST", "/rest/users/ken.thompson", `{"person": {"phone": "1"}}`)
	h.fill("Job title", "Gopher")
	h.button("Save")
	require.Equal(h.t, "problem", h.read("document.activeElement.id"), "the focus is on what is wrong")
	title := h.find("", "Job title")
	require.Equal(h.t, "Gopher", on[string](h, title, "function() { return this.value }"), "what was typed is there")
	h.button("Save")
	h.said("Saved.")
	require.Equal(h.t, "Gopher", h.user("ken.thompson", "person", "role"))
	h.excuse(h.t, "409 (Conflict)", 1)
}

// comeBack is signed out by another browser, is told so at the next press, and goes on where that was.
func comeBack(h *hands) {
	for _, press := range []func(){func() { h.link("Login name") }, func() {
		h.fill("Search in names", "ada")
		h.button("Show")
	}} {
		h.link("People")
		elsewhere := h.r.visitAs(h.t, "grace.hopper")
		elsewhere.press(h.t, elsewhere.get(h.t, "my-sessions"), "my-sessions", nil)
		press()
		require.Equal(h.t, "Sign in", h.heading())
		h.says("You are signed out. Sign in again to go on where you were.")
		require.NotContains(h.t, h.read("document.body.textContent"), "ada.lovelace")
		h.fill("Login name", "grace.hopper")
		h.fill("Password", demoPassword)
		h.button("Sign in")
		require.Contains(h.t, h.heading(), "People")
	}
}
