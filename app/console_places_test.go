package app_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// nodes returns the texts of the rows of a page's tree, in their order.
func nodes(t *testing.T, p page) []string {
	t.Helper()
	var all []string
	for _, n := range elements(t, p, "div") {
		if attr(n, "class") == "node" {
			all = append(all, textOf(n))
		}
	}
	return all
}

// linkTo returns the address of the first link of a page with that text.
func linkTo(t *testing.T, p page, text string) string {
	t.Helper()
	for _, n := range elements(t, p, "a") {
		if textOf(n) == text || attr(n, "aria-label") == text {
			return attr(n, "href")
		}
	}
	require.Fail(t, "there is no such link", "%s on %s", text, p.text)
	return ""
}

// headed returns the text of a page's heading.
func headed(t *testing.T, p page) string {
	t.Helper()
	all := elements(t, p, "h1")
	require.Len(t, all, 1, p.text)
	return textOf(all[0])
}

// TestPlacesWithoutScript goes through the tree as the admin of an organization who has no script.
func TestPlacesWithoutScript(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		g := r.visitAs(t, "grace.hopper")

		tree := g.get(t, "tree")
		require.Equal(t, 200, tree.status)
		shown := nodes(t, tree)
		require.Equal(t, "▾ Acme Organization", shown[0])
		require.Contains(t, tree.text, "Prod")
		for _, other := range []string{"Globex", "Initech", ">root<"} {
			require.NotContains(t, tree.text, other)
		}
		prod := g.get(t, linkTo(t, tree, "Open Prod"))
		require.Equal(t, []string{"▾ Acme Organization", "▾ Prod"}, nodes(t, prod)[:2])
		require.Contains(t, strings.Join(nodes(t, prod), "\n"), "Europe")
		require.Equal(t, nodes(t, tree), nodes(t, g.get(t, linkTo(t, prod, "Close Prod"))))
		closed := g.get(t, "tree?open="+prod.at.Query().Get("open")+"&closed=1")
		require.Equal(t, []string{"▾ Acme Organization", "▸ Prod"}, nodes(t, closed))

		found := g.get(t, "tree?q=eUR")
		require.Equal(t, []string{"Europe", "Acme/Prod/Europe", "Show in the tree"}, rows(t, found)[0])
		require.Contains(t, g.get(t, "tree?q=Glob").text, "No place that you reach has a name that begins like this.")

		place := g.get(t, linkTo(t, found, "Europe"))
		require.Equal(t, "Europe", headed(t, place))
		require.Contains(t, place.text, "Acme/Prod/Europe")
		admins := g.get(t, linkTo(t, place, "Who administers it"))
		require.Equal(t, []string{"Grace Hopper", "grace.hopper", "Administers Acme", "Why?"}, rows(t, admins)[0])
		reaching := g.get(t, linkTo(t, place, "Who reaches it"))
		require.Greater(t, len(rows(t, reaching)), len(rows(t, admins)))
		require.Equal(t, rows(t, admins), rows(t, g.get(t, reaching.at.String()+"&permission=user:update")))
	})
}

// TestPlacesAreMadeAndChanged makes a place and changes it, with mistakes, and with two admins at once.
func TestPlacesAreMadeAndChanged(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		g := r.visitAs(t, "grace.hopper")
		acme := g.get(t, "place?id=Acme")
		form := g.get(t, linkTo(t, acme, "New place"))
		require.Equal(t, "New place in Acme", headed(t, form))
		taken := g.press(t, form, "place-new", map[string]string{"alias": "Prod", "code": "AC-N"})
		require.Equal(t, 409, taken.status)
		require.Contains(t, taken.text, `value="AC-N"`, "what was typed stays")
		require.Contains(t, taken.text, `href="#alias"`)
		made := g.press(t, taken, "place-new", map[string]string{"alias": "North"})
		require.Equal(t, "North", headed(t, made))
		require.Contains(t, made.text, "Created.")
		require.Contains(t, made.text, "AC-N")

		settings := linkTo(t, made, "Settings")
		mine, theirs := g.get(t, settings), g.get(t, settings)
		require.Contains(t, g.press(t, theirs, "place-settings", map[string]string{"time_zone": "Asia/Tokyo"}).text, "Saved.")
		late := g.press(t, mine, "place-settings", map[string]string{"alias": "Northern", "time_zone": "Europe/Rome"})
		require.Equal(t, 409, late.status, "somebody else changed it")
		require.Contains(t, late.text, `value="Northern"`)
		require.Contains(t, late.text, "Asia/Tokyo", "it says what there is now")
		saved := g.press(t, late, "place-settings", nil)
		require.Equal(t, "Northern", headed(t, saved))
		require.Contains(t, saved.text, "Europe/Rome")
	})
}

// TestPlacesOfOthersAreAbsent holds that a place outside the reader's reach is on no page, and that what they may
// not do is neither offered nor done.
func TestPlacesOfOthersAreAbsent(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	root, grace := r.visitAs(t, "admin"), r.visitAs(t, "grace.hopper")
	globex := root.get(t, "place?id=Globex")
	require.Equal(t, "Globex", headed(t, globex))
	u, err := url.Parse(linkTo(t, globex, "Show in the tree"))
	require.NoError(t, err)
	id := u.Query().Get("open")
	for _, name := range []string{"place?id=", "tree?open=", "place-settings?id=", "place-new?parent=", "place?tab=reach&id="} {
		absent, other := grace.get(t, name+id), grace.get(t, name+"999999999999")
		require.Equal(t, 404, absent.status, name)
		require.Equal(t, lasting(strings.ReplaceAll(other.text, "999999999999", id)), lasting(absent.text), name)
	}
	form := formOf(t, grace.get(t, "place-settings?id=Acme"), "place-settings")
	form.Set("id", id)
	form.Set("alias", "Mine")
	require.Equal(t, 404, grace.send(t, "POST", "place-settings", form).status)
	form = formOf(t, grace.get(t, "place-new?parent=Acme"), "place-new")
	form.Set("parent", id)
	form.Set("alias", "Mine")
	require.Equal(t, 404, grace.send(t, "POST", "place-new", form).status)
}

// TestPlacesAreMovedSwitchedAndDeleted holds that a change of a place is shown before it is made, and what each asks for.
func TestPlacesAreMovedSwitchedAndDeleted(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		g := r.visitAs(t, "grace.hopper")

		require.Equal(t, []string{"2", "11", "3", "2"}, factsOf(t, g.get(t, "place-move?id=Prod")),
			"Dennis and Radia come from elsewhere, Alan and Edsger go elsewhere")
		require.Equal(t, []string{"0", "6", "1", "2"}, factsOf(t, g.get(t, "place-move?id=Acme/Staging")),
			"she does not see Bob of another organization, who comes too")
		for login, in := range map[string]int64{"ada.lovelace": 0, "grace.hopper": 1, "admin": 2} {
			at := map[bool]string{true: "Staging", false: "Prod"}[login != "ada.lovelace"]
			status, all := basicCaller(r.Address(), login, demoPassword).call(t, "GET", "/rest/environments/"+at+"/contents", "")
			require.Equal(t, 200, status)
			require.EqualValues(t, in, all.find(t, "data", "grantsIn"), login)
		}

		america := g.get(t, "place?id=Acme/Prod/America")
		form := g.get(t, linkTo(t, america, "Move"))
		require.Equal(t, "Move America", headed(t, form))
		none := g.press(t, form, "place-move", nil)
		require.Equal(t, 400, none.status)
		require.Contains(t, none.text, "Choose a place.")
		below := g.press(t, form, "place-move", map[string]string{"parent": "/Acme/Prod/America"})
		require.Equal(t, 409, below.status)
		require.Contains(t, below.text, `value="/Acme/Prod/America"`)
		require.Equal(t, 404, g.press(t, form, "place-move", map[string]string{"parent": "/Globex"}).status)
		shown := g.press(t, form, "place-move", map[string]string{"parent": "/Acme/Staging"})
		require.Equal(t, 200, shown.status, shown.text)
		require.Contains(t, shown.text, "Ada Lovelace", "she administers Prod, and loses what was moved out of it")
		require.Contains(t, g.get(t, "place?id=Acme/Prod/America").text, "Acme/Prod/America", "nothing was moved yet")
		moved := g.press(t, shown, "place-move", nil)
		require.Contains(t, moved.text, "Saved.")
		require.Contains(t, moved.text, "Acme/Staging/America")
		require.Equal(t, 404, g.get(t, "place?id=Acme/Prod/America").status)

		full := g.press(t, g.get(t, linkTo(t, moved, "Delete")), "place-delete", nil)
		require.Equal(t, 409, full.status)
		require.Contains(t, full.text, "Move or delete first what is still in it.")
		require.NotContains(t, full.text, `action="place-delete"`)
		made := g.press(t, g.get(t, "place-new?parent=Acme/Dev"), "place-new", map[string]string{"alias": "Spare"})
		gone := g.press(t, g.get(t, linkTo(t, made, "Delete")), "place-delete", nil)
		require.Equal(t, "Dev", headed(t, gone))
		require.Contains(t, gone.text, "Deleted.")
		require.NotContains(t, gone.text, "Spare")

		off := g.press(t, g.get(t, linkTo(t, moved, "Switch off")), "place-switch", nil)
		require.Equal(t, "Switch America off", headed(t, off))
		require.Contains(t, off.text, "Margaret Hamilton")
		done := g.press(t, off, "place-switch", nil)
		require.Equal(t, "Staging", headed(t, done), "what is switched off is closed to her")
		require.Equal(t, 404, g.get(t, "place?id=Acme/Staging/America").status)
		root := r.visitAs(t, "admin")
		place := root.get(t, "place?id=Acme/Staging/America")
		require.Contains(t, place.text, "This place is switched off")
		on := root.press(t, root.get(t, linkTo(t, place, "Switch on")), "place-switch", nil)
		require.NotContains(t, root.press(t, on, "place-switch", nil).text, "This place is switched off")
		require.Equal(t, 200, g.get(t, "place?id=Acme/Staging/America").status)
	})
}

// TestOrganizationsAreMadeWithTheirAdmin holds that who makes an organization invites its first admin in the same step.
func TestOrganizationsAreMadeWithTheirAdmin(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	root := r.visitAs(t, "admin")
	form := root.get(t, "place-new?parent=/")
	taken := root.press(t, form, "place-new", map[string]string{"alias": "Umbrella", "admin.alias": "grace.hopper",
		"person.mail": "alice@umbrella.example", "person.first_name": "Alice", "person.last_name": "Abernathy"})
	require.Equal(t, 409, taken.status, textOf(elements(t, taken, "main")[0]))
	require.Contains(t, taken.text, `href="#admin.alias"`)
	require.Equal(t, 404, root.get(t, "place?id=Umbrella").status, "nothing is left of it")
	made := root.press(t, taken, "place-new", map[string]string{"admin.alias": "alice"})
	require.Equal(t, "Umbrella", headed(t, made))
	require.Contains(t, r.mailedLink(t, "alice@umbrella.example"), "/console/accept?")

	grace := r.visitAs(t, "grace.hopper")
	asked := grace.get(t, "place-new?parent=Acme")
	if !strings.Contains(asked.text, `name="organization"`) {
		form := formOf(t, asked, "place-new")
		form.Set("alias", "Inner")
		form.Set("organization", "on")
		require.Equal(t, 403, grace.send(t, "POST", "place-new", form).status)
	}
}

// TestWhatIsNotOfferedIsNotDone holds that who may not change a place is offered nothing of it, and refused.
func TestWhatIsNotOfferedIsNotDone(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	grace, reader := r.visitAs(t, "grace.hopper"), r.visitAs(t, "alan.turing")
	place := reader.get(t, "place?id=Acme/Prod")
	changes := []string{"place-new", "place-move", "place-switch", "place-delete", "place-settings"}
	for _, name := range changes {
		require.NotContains(t, place.text, name)
	}
	for _, name := range changes {
		form := formOf(t, grace.get(t, name+"?id=Acme/Prod/Europe&parent=Acme/Prod"), name)
		form.Set("csrf", formOf(t, reader.get(t, "me"), "me").Get("csrf"))
		if form.Has("alias") {
			form.Set("alias", "Mine")
		}
		require.Contains(t, []int{403, 404}, reader.send(t, "POST", name, form).status, name)
	}
}

// TestOverviewCountsWhatItsLinksList holds that each number of the overview is that of the list it leads to, and whom
// the overview is for.
func TestOverviewCountsWhatItsLinksList(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		for login, titles := range map[string][]string{"grace.hopper": {"Acme", "Acme/Prod"}, "admin": {"/", "Globex"},
			"ada.lovelace": {"Prod"}} {
			g, rest := r.visitAs(t, login), basicCaller(r.Address(), login, demoPassword)
			for _, title := range titles {
				home := g.get(t, "home?env="+title)
				require.Equal(t, "Overview of "+title, headed(t, home))
				checked := 0
				for _, dd := range elements(t, home, "dd") {
					for a := range dd.Descendants() {
						if a.Data != "a" {
							continue
						}
						status, answer := rest.call(t, "GET", "/rest/users?"+strings.TrimPrefix(attr(a, "href"), "people?"), "")
						require.Equal(t, 200, status, answer)
						require.Equal(t, textOf(a), strconv.Itoa(len(answer.each(t, "data"))), attr(a, "href"))
						checked++
					}
				}
				require.Greater(t, checked, 6, home.text)
			}
		}
		none := r.visitAs(t, "alan.turing").get(t, "home")
		require.Equal(t, "/console/me", none.at.Path, "who manages nobody begins at their own account")
		g := r.visitAs(t, "grace.hopper")
		require.Equal(t, 404, g.get(t, "home?env=Globex").status)
		require.Contains(t, g.get(t, "home?env=Acme/Prod/Europe").text, "Nothing looks wrong.")
		require.NotContains(t, g.get(t, "home").text, "Globex")
	})
}
