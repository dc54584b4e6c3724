package app_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/app/surface/axway"
	"canopy/domain"
)

// TestAxwayAdminsStayInTheirOrganization holds that on every route that names something, an admin
// of one organization finds nothing of another, and changes nothing: the same answer as for what
// is nowhere.
func TestAxwayAdminsStayInTheirOrganization(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		operator := w.operator(t)
		victim, err := w.directory.Users.Get(t.Context(), operator,
			directory.GetUser{User: domain.UserRef{Alias: "bolt.user"}})
		require.NoError(t, err)
		organization, err := w.directory.Environments.Get(t.Context(), operator, "Bolt")
		require.NoError(t, err)
		code, err := w.directory.Codes.Create(t.Context(), operator, codeOf("Bolt", accounts.RegistrationCodePatch{}))
		require.NoError(t, err)
		bodies := map[string][2]string{
			"changepassword": {"application/x-www-form-urlencoded", "newPassword=secret-2"},
			"image": {"multipart/form-data; boundary=x",
				"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\xff\xd8\xff\r\n--x--\r\n"},
		}
		tried := 0
		for _, route := range routesOf(w, "axway") {
			if !strings.Contains(route.Path, ":id") || route.Method == "HEAD" || !strings.HasPrefix(route.Path, axway.Bases[0]) {
				continue
			}
			there, nowhere := string(victim.UUID), "00000000-0000-7000-8000-000000000000"
			if strings.Contains(route.Path, "/organizations/") {
				there = string(organization.UUID)
			}
			body := [2]string{"application/json", "{}"}
			for part, given := range bodies {
				if strings.Contains(route.Path, part) {
					body = given
				}
			}
			ask := func(id, token string) (int, string) {
				path := strings.NewReplacer(":id", id, ":token", token).Replace(route.Path)
				return w.axway(t, "acme.admin", route.Method, path, body[0], body[1])
			}
			status, answer := ask(there, string(code.Code))
			absent, same := ask(nowhere, "1")
			require.Equal(t, 404, status, "%s %s: %s", route.Method, route.Path, answer)
			require.Equal(t, absent, status, "%s %s", route.Method, route.Path)
			require.Equal(t, same, answer, "%s %s", route.Method, route.Path)
			tried++
		}
		require.Greater(t, tried, 12)
		status, _ := w.axway(t, "acme.admin", "DELETE", axway.Bases[0]+"/organizations/"+string(organization.UUID)+
			"?confirm=Bolt", "", "")
		require.Equal(t, 404, status)
		after, err := w.directory.Users.Get(t.Context(), operator,
			directory.GetUser{User: domain.UserRef{Alias: "bolt.user"}})
		require.NoError(t, err)
		require.Equal(t, victim.User, after.User)
		status, _ = w.axway(t, "bolt.user", "GET", axway.Bases[0]+"/currentuser", "", "")
		require.Equal(t, 200, status, "the password is as it was")
	})
}

// TestAxwayFindsNothingByWhatIsBehindAFilter holds that no filter makes a list longer than what one
// reaches.
func TestAxwayFindsNothingByWhatIsBehindAFilter(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	for _, query := range []string{
		"field=email&op=like&value=", "field=name&op=ne&value=x&field=name&op=eq&value=x&lop=OR",
		"field=loginName&op=like&value=bolt",
		"field=loginName&op=eq&value=x%27%20OR%20%271%27%3D%271", "field=loginName&op=like&value=%25%27)%20OR%201%3D1%20--",
		"field=createdOn&op=ge&value=0", "field=role&op=ne&value=admin", "field=appid&op=ne&value=x",
		"field=orgid&op=ne&value=x",
	} {
		status, answer := w.axway(t, "acme.admin", "GET", axway.Bases[0]+"/users?"+query, "", "")
		require.Equal(t, 200, status, "%s: %s", query, answer)
		require.NotContains(t, answer, "bolt.", query)
		require.NotContains(t, answer, `"admin"`, query)
	}
}

// TestAxwayTellsNobodyWhoHasAPrivateApplication holds that a filter by an application or an API
// finds people only for those who may read it.
func TestAxwayTellsNobodyWhoHasAPrivateApplication(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		add := func(in objects.NewObject) domain.UUID {
			in.Environment, in.Owner = "Acme/Prod", domain.UserRef{Alias: "acme.user"}
			o, err := w.directory.Objects.Create(t.Context(), w.operator(t), in)
			require.NoError(t, err)
			return o.UUID
		}
		api := add(objects.NewObject{Kind: domain.KindAPI, Name: "Diary"})
		application := add(objects.NewObject{Kind: domain.KindApplication, Name: "Diary reader",
			Uses: []domain.ObjectRef{domain.ObjectRef(api)}})
		for _, field := range []string{"field=appid&op=eq&value=" + string(application), "field=apiid&op=eq&value=" +
			string(api)} {
			status, answer := w.axway(t, "acme.power", "GET", axway.Bases[0]+"/users?"+field, "", "")
			require.Equal(t, 200, status, answer)
			require.Equal(t, "[]", answer, field)
			for _, who := range []string{"acme.admin", "acme.user"} {
				_, answer = w.axway(t, who, "GET", axway.Bases[0]+"/users?"+field, "", "")
				require.Contains(t, answer, "acme.user", "%s: %s", who, field)
			}
		}
	})
}

// fillAxway adds two APIs to the fixture, of which the second is private.
func fillAxway(t *testing.T, r *running, _ *clock) {
	t.Helper()
	for name, visibility := range map[string]domain.Visibility{"Prices": domain.Shared, "Drafts": domain.Private} {
		_, err := r.directory.Objects.Create(t.Context(), principalOf(t, r, "acme.admin"),
			objects.NewObject{Kind: domain.KindAPI, Name: name, Visibility: &visibility})
		require.NoError(t, err)
	}
}

// TestAxwaySignsInAsClientsLookForIt holds what clients compare letter by letter: the name of the
// header with the CSRF token, and that something is where the sign-in sends a browser.
func TestAxwaySignsInAsClientsLookForIt(t *testing.T) {
	r := serveFixture(t, "sqlite", "axway", newClock(storyBegins))
	ask := func(request string) string {
		conn, err := net.Dial("tcp", r.host())
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.Write([]byte(request))
		require.NoError(t, err)
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		return string(answer)
	}
	const form = "username=acme.admin&password=secret1"
	answer := ask(fmt.Sprintf("POST /api/portal/v1.3/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form))
	require.Contains(t, answer, "\r\nCSRF-Token: ")
	require.NotContains(t, answer, "Csrf-Token")
	require.Contains(t, answer, "\r\nLocation: "+axway.Home+"\r\n")
	cookie := regexp.MustCompile(axway.SessionCookie + "=[^;]+").FindString(answer)
	require.NotEmpty(t, cookie)
	answer = ask("GET /api/portal/v1.3/currentuser HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: " + cookie +
		"\r\n\r\n")
	require.Contains(t, answer, "HTTP/1.1 200 ")
	require.Contains(t, answer, "\r\nCSRF-Token: ")
	require.Contains(t, ask("GET "+axway.Home+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "HTTP/1.1 200 ")
}

// routesOf returns the routes of a surface.
func routesOf(w *twoTenants, surface string) []fiber.Route {
	for _, offered := range w.Surfaces() {
		if offered.Name == surface {
			return offered.App.GetRoutes(true)
		}
	}
	return nil
}

// axway sends a request as somebody and returns the status and body of the answer.
func (w *twoTenants) axway(t *testing.T, who, method, path, kind, body string) (int, string) {
	t.Helper()
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI(w.Address() + path)
	req.Header.SetMethod(method)
	req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(who+":"+testPassword)))
	if body != "" && method != "GET" {
		req.Header.SetContentType(kind)
		req.SetBodyString(body)
	}
	require.NoError(t, fasthttp.Do(req, res))
	return res.StatusCode(), string(res.Body())
}
