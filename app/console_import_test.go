package app_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"canopy/app"
)

// upload sends a file with the form of the page of imports.
func (g *guest) upload(t *testing.T, text string) page {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	form := formOf(t, g.get(t, "import"), "import")
	require.NoError(t, w.WriteField("csrf", form.Get("csrf")))
	file, err := w.CreateFormFile("file", "people.csv")
	require.NoError(t, err)
	_, err = file.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.base+"/console/import", &body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", w.FormDataContentType())
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := g.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var answer bytes.Buffer
	_, err = answer.ReadFrom(response.Body)
	require.NoError(t, err)
	return page{response.StatusCode, response.Header, answer.String(), request.URL}
}

// TestImportingInTheConsole holds that an admin brings in people of a file after they have seen what it does, that
// nothing happens before, that what is wrong is told by line, and that a plan is carried out only while it holds.
func TestImportingInTheConsole(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		admin := basicCaller(r.Address(), "admin", demoPassword)
		user := func(alias string) (int, answered) { return admin.call(t, "GET", "/rest/users/"+alias, "") }
		g := r.visitAs(t, "grace.hopper")
		const file = "alias,firstname,lastname,mailaddress,environment,role,group,envs\n" +
			"rob.pike,Rob,Pike,rob.pike@acme.example,Acme/Staging,power,Operators,Acme/Dev\n" +
			"new.person,New,Person,new.person@acme.example,Acme/Dev,user,/User,\n"

		plan := g.upload(t, file)
		require.Equal(t, 200, plan.status, plan.text)
		table := rows(t, plan)
		require.Len(t, table, 2)
		require.Equal(t, []string{"2", "rob.pike", "Changed Person"}, table[0][:3])
		require.Contains(t, table[0][3], "Place Acme/Dev Acme/Staging")
		require.Contains(t, table[0][3], "Role User Power user")
		require.Equal(t, []string{"3", "new.person", "New Person"}, table[1][:3])
		status, _ := user("new.person")
		require.Equal(t, 404, status, "nothing is done yet")

		// Somebody else changes one of them: it is not carried out, but shown anew.
		status, answer := admin.call(t, "POST", "/rest/users/rob.pike", `{"role": "power"}`)
		require.Equal(t, 200, status, answer)
		again := g.press(t, plan, "import-run", nil)
		require.Equal(t, 409, again.status)
		require.Contains(t, again.text, `id="problem"`)
		status, _ = user("new.person")
		require.Equal(t, 404, status)
		require.NotContains(t, rows(t, again)[0][3], "Role")

		done := g.press(t, again, "import-run", nil)
		require.Equal(t, 200, done.status, done.text)
		require.Equal(t, "created=1&said=imported&updated=1", done.at.Query().Encode())
		_, made := user("new.person")
		require.Equal(t, "New", made.find(t, "data", "person", "firstname"))
		_, moved := user("rob.pike")
		require.EqualValues(t, 6, moved.find(t, "data", "envId"))
		require.Equal(t, done.at, g.press(t, again, "import-run", nil).at, "pressed twice it is answered alike")
		require.Equal(t, 409, g.press(t, again, "import-run", map[string]string{"once": ""}).status,
			"the same plan does not hold twice")
		require.Contains(t, g.upload(t, file).text, "2 unchanged.")

		// What is wrong is told by line: nobody and nothing outside is found, and nobody gives more than they have.
		wrong := g.upload(t, "alias,firstname,environment,role,group\nzed,Z,Globex,user,User\n"+
			"yan,Y,Acme,superUser,User\nxeno,,Acme,user,User\nwim,W,Acme,user,Nobody\ngrace.hopper,Else,Acme,oadmin,/Admin\n"+
			"alan.turing,Alan,Acme/Prod,king,User\n")
		require.Equal(t, 200, wrong.status)
		require.NotContains(t, wrong.text, "import-run")
		told := rows(t, wrong)
		require.Equal(t, [][]string{{"2", "environment"}, {"3", "role"}, {"4", "firstname"}, {"5", "group"}, {"6", ""},
			{"7", "role"}}, [][]string{told[0][:2], told[1][:2], told[2][:2], told[3][:2], told[4][:2], told[5][:2]})
		stranger := g.upload(t, "alias,firstname,environment\nhomer.simpson,H,Acme\n")
		status, _ = admin.call(t, "GET", "/rest/users/homer.simpson", "")
		require.Equal(t, status == 200, strings.Contains(stranger.text, "already in use"))

		// Who has less gives less, and who may make nobody does not see the page.
		ada := r.visitAs(t, "ada.lovelace")
		climbing := ada.upload(t, "alias,firstname,environment,role,group\nzoe,Zoe,Prod,oadmin,User\n")
		require.NotContains(t, climbing.text, "import-run")
		require.Equal(t, [][]string{{"2", "role", "You cannot give what you do not have."}}, rows(t, climbing))
		require.Contains(t, ada.upload(t, "alias,firstname,environment\nzoe,Zoe,Acme/Dev\n").text, "There is no environment")
		alan := r.visitAs(t, "donald.knuth")
		require.NotContains(t, alan.get(t, "me").text, `href="import"`)
		require.Equal(t, 403, alan.get(t, "import").status)
	})
}

// TestAnImportSaysWhoGainsAndLoses holds that the page says what the preview of rest says: who gains and loses what
// where, which sessions end, and what should be known before.
func TestAnImportSaysWhoGainsAndLoses(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		r.visitAs(t, "alan.turing")
		g := r.visitAs(t, "grace.hopper")
		plan := g.upload(t, "alias,firstname,environment,role,group,active\n"+
			"alan.turing,Alan,,,,false\nnew.person,New,Acme/Dev,power,User,\n")
		require.Equal(t, 200, plan.status, plan.text)
		require.Len(t, elements(t, plan, "tbody"), 3, "lines, places and people")
		text := textOf(elements(t, plan, "main")[0])
		for _, said := range []string{"1 person gains something.", "1 person loses something.", "3 sessions end at once.",
			"2 people concerned", "Line by line"} {
			require.Contains(t, text, said)
		}
		require.Contains(t, text, "Acme/Dev and everything below", "who gains is told with the place")
		require.Less(t, strings.Index(plan.text, "3 sessions end"), strings.Index(plan.text, "import-run"),
			"it is said before the button")

		warned := r.visitAs(t, "admin").upload(t, "alias,role\ngrace.hopper,user\n")
		require.Contains(t, warned.text, "Acme would have no admin any more.")
	})
}

// manyPeople is a table of n people of Acme.
func manyPeople(n int) string {
	var b strings.Builder
	b.WriteString("alias,firstname,lastname,mailaddress,environment,role,group,envs\n")
	for i := range n {
		fmt.Fprintf(&b, "person.%d,Person,Number %d,person.%d@acme.example,Acme/Dev,user,User,Acme/Staging\n", i, i, i)
	}
	return b.String()
}

// TestAnImportSaysHowFarItIs holds that whoever carries an import out can ask how far it is while it runs, that
// nobody else can, and that it is forgotten when it is done.
func TestAnImportSaysHowFarItIs(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		g := r.visitAs(t, "grace.hopper")
		again, other := r.visitAs(t, "grace.hopper"), r.visitAs(t, "ada.lovelace")
		began := time.Now()
		plan := g.upload(t, manyPeople(400))
		t.Logf("tried in %v", time.Since(began))
		address := "import-progress?work=" + formOf(t, plan, "import-run").Get("work")
		nothing := other.get(t, address).text
		require.Contains(t, nothing, `<progress id="done"></progress>`)
		require.Equal(t, nothing, g.get(t, address).text, "it does not run yet")

		done := make(chan page)
		began = time.Now()
		go func() { done <- g.press(t, plan, "import-run", nil) }()
		last := -1
		for ended := false; !ended; {
			select {
			case p := <-done:
				require.Contains(t, p.text, "400 new accounts.")
				ended = true
			default:
				got := g.get(t, address)
				require.Equal(t, 200, got.status)
				if bar := elements(t, got, "progress")[0]; has(bar, "value") {
					require.Equal(t, "400", attr(bar, "max"))
					n, err := strconv.Atoi(attr(bar, "value"))
					require.NoError(t, err)
					require.GreaterOrEqual(t, n, last)
					last = n
				}
				require.Equal(t, nothing, other.get(t, address).text)
				require.Equal(t, nothing, again.get(t, address).text, "of another session of hers")
			}
		}
		t.Logf("carried out in %v", time.Since(began))
		require.Positive(t, last, "nobody was told how far it is")
		require.Equal(t, nothing, g.get(t, address).text)
	})
}

// TestAnImportInABrowser holds that with scripts the page shows how far an import is, that the answer comes by
// itself, and that one which is refused comes with what to do.
func TestAnImportInABrowser(t *testing.T) {
	notShort(t)
	t.Parallel()
	r := openConsole(t, "sqlite", nil)
	b := openBrowser(t)
	b.signIn(t, r.Address(), "grace.hopper")
	file := filepath.Join(t.TempDir(), "people.csv")
	require.NoError(t, os.WriteFile(file, []byte(manyPeople(600)), 0o600))
	b.open(t, r.Address()+"/console/import")
	require.NoError(t, chromedp.Do(b.ctx, chromedp.SetUploadFiles("#file", []string{file})))
	evaluate[bool](t, b, `document.querySelector("main form button").click(); true`)
	ready := ` && document.readyState === "complete" &&
		!document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")`
	b.await(t, `document.querySelector("#run button").textContent.includes("600")`+ready)

	status, answer := basicCaller(r.Address(), "admin", demoPassword).call(t, "POST", "/rest/users",
		`{"alias": "person.7", "envId": 2, "group": "User", "password": "some-pass-1", "person": {"firstname": "Other", "lastname": "Person",
			"mailaddress": "other@acme.example"}}`)
	require.Equal(t, 200, status, answer)
	evaluate[bool](t, b, `document.querySelector("#run button").click(); true`)
	b.await(t, `document.querySelector("#problem") && document.querySelector("main h1")`)
	b.excuse(t, "the server responded with a status of 409 (Conflict)", 1)

	b.await(t, `document.querySelector("#run button") && !document.querySelector("#run button").disabled`+ready)
	evaluate[bool](t, b, `document.querySelector("#run button").click(); true`)
	b.await(t, `document.querySelector("#progress progress")?.max === 600`)
	require.True(t, evaluate[bool](t, b, `document.querySelector("#run button").disabled`))
	b.await(t, `location.search.includes("said=imported")`)
	b.checkQuiet(t, r.Address())
}

// branch is a directory document of a branch to be below Acme/Prod, of changes beside it, and of somebody in it.
const branch = `{"canopy": "directory/1", "organizations": [
{"path": "/Acme", "environments": [
{"path": "Acme/Prod/Asia/Tokyo", "timezone": "Asia/Tokyo"},
{"path": "Acme/Prod/Asia"},
{"path": "Acme/Prod/Labs", "organization": false, "code": "L"},
{"path": "Acme/Dev", "code": "D1"},
{"path": "Acme/Staging"}
], "groups": [
{"alias": "Operators"}
], "users": [
{"alias": "kenji", "firstname": "Kenji", "lastname": "Sato", "environment": "Acme/Prod/Asia/Tokyo", "role": "power",
 "group": "User", "envs": ["Acme/Prod/Labs", "Acme/Dev"]},
{"alias": "rob.pike", "environment": "acme/prod/asia"}
]}
]}`

// TestImportingADirectoryDocument holds that a document's places come with its people in one step, tried before and
// carried out with the same plan, and that they are held to what whoever brings them may do by hand.
func TestImportingADirectoryDocument(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		rest := basicCaller(r.Address(), "grace.hopper", demoPassword)
		place := func(path string) (int, answered) {
			status, answer := rest.call(t, "GET", "/rest/environments?limit=1&env="+url.QueryEscape(path), "")
			if status == 200 {
				answer = answer.each(t, "data")[0]
			}
			return status, answer
		}
		g := r.visitAs(t, "grace.hopper")
		plan := g.upload(t, branch)
		require.Equal(t, 200, plan.status, plan.text)
		said := textOf(elements(t, plan, "main")[0])
		for _, part := range []string{"1 new account. 1 changed account. 0 unchanged. 4 new or changed places.",
			"1 other record is passed over.", "Import 6 lines", "Acme/Prod/Asia/Tokyo"} {
			require.Contains(t, said, part)
		}
		table := rows(t, plan)
		require.Len(t, table, 6, "in the order of the file")
		require.Equal(t, []string{"3", "Tokyo", "New Place"}, table[0][:3])
		require.Contains(t, table[0][3], "Acme/Prod/Asia", "the place above is named, which is new itself")
		require.Equal(t, []string{"6", "Dev", "Changed Place"}, table[3][:3])
		require.Equal(t, []string{"12", "kenji", "New Person"}, table[4][:3])
		require.Contains(t, table[4][3], "Acme/Prod/Labs")
		require.Contains(t, table[5][3], "Place Acme/Dev Acme/Prod/Asia")
		status, _ := place("/Acme/Prod/Asia")
		require.Equal(t, 404, status, "nothing is done yet")

		done := g.press(t, plan, "import-run", nil)
		require.Equal(t, "created=1&places=4&said=imported&updated=1", done.at.Query().Encode(), done.text)
		status, tokyo := place("/Acme/Prod/Asia/Tokyo")
		require.Equal(t, 200, status, tokyo)
		require.Equal(t, "Asia/Tokyo", tokyo.find(t, "timezone"))
		_, dev := place("/Acme/Dev")
		require.Equal(t, "D1", dev.find(t, "code"))
		_, kenji := rest.call(t, "GET", "/rest/users/kenji", "")
		require.Equal(t, tokyo.find(t, "envid"), kenji.find(t, "data", "envId"))
		require.Contains(t, g.upload(t, branch).text, "2 unchanged.", "a second time it does nothing")

		ada := r.visitAs(t, "ada.lovelace")
		for path, by := range map[string]*guest{"Globex/New": g, "New": g, "Acme/Nowhere/New": g, "Acme/New": ada,
			"Acme/Dev/New": ada} {
			got := by.upload(t, placeDocument(path, ""))
			require.Equal(t, 200, got.status, got.text)
			require.Equal(t, []string{"3", "path", "There is no environment above \"" + path + "\"."}, rows(t, got)[0], path)
			require.NotContains(t, got.text, "import-run")
		}
		for extra, field := range map[string]string{`, "alias": "Other"`: "alias"} {
			got := g.upload(t, placeDocument("Acme/New", extra))
			require.Equal(t, []string{"3", field}, rows(t, got)[0][:2], got.text)
		}
		status, byHand := basicCaller(r.Address(), "ada.lovelace", demoPassword).call(t, "POST",
			"/rest/environments?dryRun=true", `{"alias": "Mine", "parent": {"envid": 4}}`)
		require.Equal(t, 403, status, byHand)
		for _, path := range []string{"Prod/Mine", "/Prod/Mine"} {
			require.Equal(t, []string{"3", "", "You may not do this."}, rows(t, ada.upload(t, placeDocument(path, "")))[0], path)
		}
		require.Equal(t, 403, ada.upload(t, strings.Replace(placeDocument("Prod/Mine", ""), `, "users": [
{"alias": "zoe", "firstname": "Zoe", "lastname": "Z"}
]`, "", 1)).status, "there is nothing that she may do")
	})
}

func placeDocument(path, extra string) string {
	return `{"canopy": "directory/1", "organizations": [
{"path": "/Acme", "environments": [
{"path": "` + path + `"` + extra + `}
], "users": [
{"alias": "zoe", "firstname": "Zoe", "lastname": "Z"}
]}
]}`
}

// TestTablesOfSpreadsheets holds that a table is read as spreadsheet programs write it, with every letter of a name,
// on the page and by rest, and that one whose letters can only be guessed is refused.
func TestTablesOfSpreadsheets(t *testing.T) {
	const plain = "alias,firstname,lastname,environment,envs\r\n" +
		"zolc,Żółć,Ñandú,Acme/Dev,\r\nb.example,Zoë,Ørsted 😀,Acme,\"Acme/Dev;Acme/Staging\"\r\n"
	wide := func(order binary.AppendByteOrder, text string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	tabs := strings.ReplaceAll(plain, ",", "\t")
	r := openConsole(t, "sqlite", nil)
	g := r.visitAs(t, "grace.hopper")
	rest := basicCaller(r.Address(), "grace.hopper", demoPassword)
	rest.header["Content-Type"] = "text/csv"
	for name, text := range map[string]string{
		"UTF-8": plain, "CSV UTF-8": "\ufeff" + plain, "semicolons": "\ufeff" + strings.ReplaceAll(plain, ",", ";"),
		"tabs": tabs, "Unicode text": wide(binary.LittleEndian, tabs), "big endian": wide(binary.BigEndian, plain),
		"lines of Unix": strings.ReplaceAll(plain, "\r", ""),
	} {
		plan := g.upload(t, text)
		require.Equal(t, 200, plan.status, "%s: %s", name, plan.text)
		said := textOf(elements(t, plan, "main")[0])
		for _, part := range []string{"Żółć", "Ñandú", "Zoë", "Ørsted 😀", "2 new accounts.", "Acme/Staging"} {
			require.Contains(t, said, part, name)
		}
		status, answer := rest.call(t, "POST", "/rest/import?dryRun=true", text)
		require.Equal(t, 200, status, "%s: %s", name, answer)
		require.EqualValues(t, 2, answer.find(t, "data", "created"), name)
	}
	for name, text := range map[string]string{"Windows-1252": "alias,firstname\r\nann,Ann\r\nnandu,\xd1and\xfa\r\n",
		"Windows-1250": "alias;firstname\r\nann;Ann\r\nzolc;\xafó\xb3\xe6\r\n"} {
		refused := g.upload(t, text)
		require.Equal(t, 400, refused.status, name)
		require.Contains(t, refused.text, "Line 3 is neither in UTF-8 nor in UTF-16.", name)
	}
	done := g.press(t, g.upload(t, wide(binary.LittleEndian, tabs)), "import-run", nil)
	require.Equal(t, "created=2&said=imported&updated=0", done.at.Query().Encode())
	status, made := rest.call(t, "GET", "/rest/users/zolc", "")
	require.Equal(t, 200, status)
	require.Equal(t, "Żółć", made.find(t, "data", "person", "firstname"))
}

// TestWhatAnImportCarriesAlongIsBounded holds that a form's field does not become more than it may, and that what
// nobody packed is refused.
func TestWhatAnImportCarriesAlongIsBounded(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	g := r.visitAs(t, "grace.hopper")
	plan := g.upload(t, "alias,firstname,environment\nzoe,Zoe,Acme\n")
	require.Equal(t, 400, g.press(t, plan, "import-run", map[string]string{"text": "nothing"}).status)
	require.Equal(t, 409, g.press(t, plan, "import-run", map[string]string{"plan": "0"}).status)
	require.Equal(t, 400, g.upload(t, "").status)
}

// TestExportingWhoIsListed holds that the table has the people of the list in its order, of whom an import changes
// nobody, and that rest has the same.
func TestExportingWhoIsListed(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		basicCaller(r.Address(), "grace.hopper", demoPassword).call(t, "POST", "/rest/users/rob.pike",
			`{"person": {"phone": "=1+1"}}`)
		g := r.visitAs(t, "grace.hopper")
		table := g.send(t, "GET", "export?env=Acme&role=user&sort=-alias&q=r", nil)
		require.Equal(t, 200, table.status, table.text)
		require.Equal(t, "text/csv; charset=utf-8", table.header.Get("Content-Type"))
		require.Equal(t, table.text, rawAnswer(t, r, "/rest/users?env=Acme&role=user&sort=-alias&q=~r&format=csv"))
		require.Contains(t, table.text, "'=1+1")
		var listed []string
		for _, u := range basicAnswer(t, r, "/rest/users?env=Acme&role=user&sort=-alias&q=~r") {
			listed = append(listed, u.find(t, "alias").(string))
		}
		lines := strings.Split(strings.TrimSpace(table.text), "\n")
		require.Len(t, lines, 1+len(listed))
		for i, alias := range listed {
			require.True(t, strings.HasPrefix(lines[i+1], alias+","), lines[i+1])
		}
		all := g.send(t, "GET", "export?env=Acme", nil).text
		back := g.upload(t, all)
		require.NotContains(t, back.text, "import-run", "nobody differs")
		require.Empty(t, rows(t, back))
		require.NotContains(t, all, "globex.example")
		require.Equal(t, 404, g.send(t, "GET", "export?env=Globex", nil).status)
	})
}

func basicAnswer(t *testing.T, r *running, path string) []answered {
	t.Helper()
	status, answer := basicCaller(r.Address(), "grace.hopper", demoPassword).call(t, "GET", path, "")
	require.Equal(t, 200, status)
	return answer.each(t, "data")
}

// TestAFileThatComesBackIsNoLargerThanOneThatIsSent holds that little text which becomes much is refused.
func TestAFileThatComesBackIsNoLargerThanOneThatIsSent(t *testing.T) {
	r := openConsole(t, "sqlite", func(c *app.Config) { c.MaxBody = 64 << 10 })
	g := r.visitAs(t, "grace.hopper")
	row := "ann,Ann,Acme/Dev\n"
	for rows, status := range map[int]int{(64<<10)/len(row) - 3: 409, (64<<10)/len(row) + 3: 400} {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := io.WriteString(w, "alias,firstname,environment\n"+strings.Repeat(row, rows))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		form := formOf(t, g.get(t, "import"), "import")
		form.Set("text", base64.RawURLEncoding.EncodeToString(packed.Bytes()))
		form.Set("plan", "x")
		got := g.send(t, "POST", "import-run", form)
		require.Less(t, got.status, 500)
		if status == 400 {
			require.Contains(t, got.text, "Choose the file again.")
		} else {
			require.NotContains(t, got.text, "Choose the file again.")
		}
	}
}
