package main_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// Behind pgbouncer in transaction mode everything works, by the address alone: a connection of the
// server's is another one in each transaction, and others use it meanwhile.
func TestPooler(t *testing.T) {
	t.Parallel()
	at := place{"--data", t.TempDir(), "--database-url", testdb.Pooler(t, testdb.Postgres(t))}
	s := serve(t, at, "--write-rate", "100000")
	token := s.signIn(t, "admin", adminPassword)
	second := serve(t, at, "--write-rate", "100000")
	var clients sync.WaitGroup
	began := time.Now()
	for n := range 8 {
		admin := s.bearing(token)
		if n%2 == 1 {
			admin = second.bearing(token)
		}
		clients.Go(func() {
			for i := 0; i < 3 || time.Since(began) < 2*time.Second; i++ {
				if !tour(t, admin, fmt.Sprintf("pooled-%d-%d", n, i)) {
					return
				}
			}
		})
	}
	clients.Wait()
	for _, server := range []*server{s, second} {
		server.stop(t)
		require.NotContains(t, server.err.String(), `"level":"ERROR"`)
	}
}

// tour sends the main requests, and reports whether all were served.
func tour(t *testing.T, admin caller, alias string) bool {
	t.Helper()
	password := "password of " + alias
	steps := []struct {
		from         caller
		method, path string
		body         any
	}{
		{admin, "POST", "/rest/environments", fields{"alias": alias, "parent": "/"}},
		{admin, "POST", "/rest/groups", fields{"alias": alias, "organization": "/", "parent": "Admin", "permission": "1"}},
		{admin, "POST", "/rest/users", newUser(alias, password)},
		{admin, "POST", "/rest/users/" + alias, fields{"person": fields{"phone": "1"}}},
		{admin.server.anonymous(), "POST", "/auth", fields{"user": alias, "password": password}},
		{admin.server.as(alias, password), "GET", "/rest/me", nil},
		{admin, "GET", "/rest/users/" + alias, nil},
		{admin, "GET", "/rest/users?limit=20&total=true", nil},
		{admin, "GET", "/rest/users?sort=alias", nil},
		{admin, "GET", "/rest/environments", nil},
		{admin, "GET", "/rest/groups", nil},
		{admin, "GET", "/rest/audit?limit=5", nil},
		{admin, "GET", "/users", nil},
		{admin, "DELETE", "/rest/users/" + alias, nil},
	}
	for _, step := range steps {
		a, err := step.from.send(step.method, step.path, step.body)
		if !assert.NoError(t, err) ||
			!assert.Equal(t, http.StatusOK, a.status, "%s %s: %s", step.method, step.path, a.body) {
			return false
		}
	}
	return true
}
