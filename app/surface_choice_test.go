package app_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
)

func TestSurfacesCanBeChosen(t *testing.T) {
	begin := func(surfaces ...string) *running {
		cfg := settings(t, newClock(storyBegins))
		require.NoError(t, importFile(t.Context(), cfg, fixture("rest")))
		cfg.Surfaces = surfaces
		return serve(t, cfg)
	}
	get := func(r *running, path string) *reply {
		c := &client{address: r.host()}
		defer c.close()
		answer, err := c.send([]byte("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"), http.MethodGet)
		require.NoError(t, err)
		return answer
	}

	one := begin("rest")
	require.Equal(t, "401 Unauthorized", get(one, "/rest/users").status)
	require.Equal(t, "404 Not Found", get(one, "/users").status, "another surface is not there")
	require.Equal(t, "404 Not Found", get(one, "/openapi/tellius.yaml").status)

	moved := begin("rest=/products/ixpath", "tellius")
	require.Equal(t, "404 Not Found", get(moved, "/rest/users").status)
	require.Equal(t, "401 Unauthorized", get(moved, "/products/ixpath/rest/users").status)
	require.Equal(t, "404 Not Found", get(moved, "/products/ixpathrest/users").status)
	require.Equal(t, "404 Not Found", get(moved, "/products/ixpath/users").status, "only its own paths are below it")
	require.Equal(t, "401 Unauthorized", get(moved, "/users").status)
	require.Contains(t, string(get(moved, "/openapi/rest.yaml").body), "\n  - url: /products/ixpath\n")
	require.Contains(t, string(get(moved, "/openapi/tellius.yaml").body), "\n  - url: /\n")
	token := signIn(t, moved.Address()+"/products/ixpath", "admin", "secret1")
	c := &client{address: moved.host()}
	defer c.close()
	page, err := c.send([]byte("GET /products/ixpath/rest/users?limit=1&sort=alias HTTP/1.1\r\nHost: x\r\nAuthorization: "+
		token+"\r\n\r\n"), http.MethodGet)
	require.NoError(t, err)
	require.Equal(t, "200 OK", page.status)
	require.Contains(t, page.header.Get("Link"), "</products/ixpath/rest/users?")

	cfg := settings(t, newClock(storyBegins))
	cfg.Surfaces = app.SurfaceNames
	require.NoError(t, cfg.Validate())
	require.NoError(t, importFile(t.Context(), cfg, fixture("rest")))
	require.Len(t, serve(t, cfg).Surfaces(), len(surfaces(t)), "every surface can be named")

	for _, bad := range [][]string{{"none"}, {"rest", "rest"}, {"rest="}, {"rest=/"}, {"rest=/a/"}, {"rest=a"},
		{"rest=/a//b"}, {"rest=/.."},
		{"rest=/a%20b"}, {"rest=/a", "tellius=/a"}, {"rest=/a/b", "tellius=/a"}} {
		cfg := settings(t, newClock(storyBegins))
		cfg.Surfaces = bad
		require.ErrorContains(t, cfg.Validate(), "--surfaces: ", "%q", bad)
	}
}
