package app_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOnePersonOnEverySurface is the life of one person who is met on all five surfaces: each
// must see at once what another one did.
func TestOnePersonOnEverySurface(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := serveFixture(t, engine, "tat", newClock(storyBegins))
		with := func(base string, header map[string]string) caller { return caller{r.Address() + base, header} }
		tat := func(login, password string) caller {
			return with("", map[string]string{"Tat_username": login, "Tat_password": password})
		}
		admin := basicCaller(r.Address(), "admin", tatPassword)
		axway := basicCaller(r.Address()+"/api/portal/v1.3", "admin", tatPassword)
		ethersource := func(password string) caller {
			return basicCaller(r.Address()+"/ethersource/rest/v2", "nina", password)
		}

		// Nina registers with Tat, and proves her address by the link.
		status, _ := with("", nil).
			call(t, "POST", "/user", `{"username":"nina","fullname":"Nina Simone","email":"nina@foo.net"}`)
		require.Equal(t, 201, status)
		status, list := axway.call(t, "GET", "/users?field=loginName&op=eq&value=nina&field=state&op=eq&value=pending", "")
		require.Equal(t, 200, status)
		require.Len(t, list.each(t), 1, "axway knows her, as somebody who is not in yet")
		require.NoError(t, r.directory.RunJobs(t.Context()))
		status, proven := with("", nil).call(t, "GET", "/user/verify/nina/"+r.mailedSecret(t, "nina@foo.net"), "")
		require.Equal(t, 200, status)
		password := proven.find(t, "password").(string)

		// She is the same person everywhere.
		status, me := tat("nina", password).call(t, "GET", "/user/me", "")
		require.Equal(t, 200, status)
		require.Equal(t, "nina@foo.net", me.find(t, "user", "email"))
		_, list = axway.call(t, "GET", "/users?field=email&op=like&value=NINA@&field=state&op=eq&value=approved", "")
		require.Len(t, list.each(t), 1)
		uuid := list.each(t)[0].find(t, "id").(string)
		require.Equal(t, "user", list.each(t)[0].find(t, "role"))
		nina := basicCaller(r.Address(), "nina", password)
		status, mine := nina.call(t, "GET", "/rest/me", "")
		require.Equal(t, 200, status)
		require.Equal(t, uuid, mine.find(t, "data", "id"))
		number := fmt.Sprint(mine.find(t, "data", "userid"))
		tellius := func(login, password string) caller {
			status, answer := with("", nil).
				call(t, "POST", "/api/login", fmt.Sprintf(`{"username":%q,"password":%q}`, login, password))
			require.Equal(t, 200, status)
			return with("", map[string]string{"Authorization": "Bearer " + answer.find(t, "token").(string)})
		}
		_, signedIn := with("", nil).call(t, "POST", "/api/login", fmt.Sprintf(`{"username":"nina","password":%q}`, password))
		require.Equal(t, uuid, signedIn.find(t, "id"))
		status, _ = ethersource(password).call(t, "GET", "/users/bookmarks", "")
		require.Equal(t, 200, status)

		// A role given in rest is one of every surface.
		status, _ = tat("nina", password).call(t, "PUT", "/user/setadmin", `{"username":"bob"}`)
		require.Equal(t, 403, status)
		status, _ = basicCaller(r.Address(), "root", tatPassword).
			call(t, "POST", "/rest/users/"+number, `{"role":"oadmin","group":"Admin"}`)
		require.Equal(t, 200, status)
		_, me = tat("nina", password).call(t, "GET", "/user/me", "")
		require.Equal(t, true, me.find(t, "user", "isAdmin"))
		_, shown := axway.call(t, "GET", "/users/"+uuid, "")
		require.Equal(t, "oadmin", shown.find(t, "role"))
		status, _ = tellius("nina", password).call(t, "GET", "/users", "")
		require.Equal(t, 200, status)
		status, _ = ethersource(password).call(t, "GET", "/users/confirm/credentials", "")
		require.Equal(t, 200, status, "she is trusted")

		// Bob's observers become hers in Tellius, and Ethersource counts them as hers.
		bob := basicCaller(r.Address(), "bob", tatPassword)
		status, object := bob.call(t, "POST", "/rest/objects", `{"kind":"observer","name":"Watch"}`)
		require.Equal(t, 200, status)
		observer := fmt.Sprint(object.find(t, "data", "id"))
		_, mine = bob.call(t, "GET", "/rest/me", "")
		status, _ = tellius("nina", password).call(t, "POST", "/assignUserObjects",
			fmt.Sprintf(`{"previousOwnerId":%q,"newOwnerId":%q}`, mine.find(t, "data", "id"), uuid))
		require.Equal(t, 200, status)
		_, object = nina.call(t, "GET", "/rest/objects/"+observer, "")
		require.Equal(t, "nina", object.find(t, "data", "owner", "alias"))
		status, _ = bob.call(t, "GET", "/rest/objects/"+observer, "")
		require.Equal(t, 404, status, "it is private, and not his any more")
		status, _ = nina.call(t, "POST", "/rest/objects/"+observer+"/usage", `{"count":3}`)
		require.Equal(t, 200, status)

		// Deactivated by one, she is nobody for all.
		token := tellius("nina", password)
		status, _ = basicCaller(r.Address()+"/api/portal/v1.3", "root", tatPassword).
			call(t, "PUT", "/users/"+uuid, `{"enabled":false}`)
		require.Equal(t, 200, status)
		_, mine = admin.call(t, "GET", "/rest/users/nina", "")
		require.Equal(t, false, mine.find(t, "data", "active"))
		for surface, c := range map[string]func() int{
			"ethersource": func() int { return statusOf(ethersource(password).call(t, "GET", "/users/bookmarks", "")) },
			"rest":        func() int { return statusOf(nina.call(t, "GET", "/rest/me", "")) },
			"axway": func() int {
				return statusOf(basicCaller(r.Address()+"/api/portal/v1.3", "nina", password).call(t, "GET", "/currentuser", ""))
			},
			"tellius": func() int { return statusOf(token.call(t, "GET", "/users", "")) },
			"tat":     func() int { return statusOf(tat("nina", password).call(t, "GET", "/user/me", "")) },
		} {
			require.Equal(t, 401, c(), surface)
		}
	})
}

func statusOf(status int, _ answered) int { return status }

// tatPassword is that of everybody in Tat's fixture.
const tatPassword = "secret1"
