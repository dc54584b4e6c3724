package app_test

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/testdb"
)

// A PostgreSQL in which the extension pg_trgm cannot be made is searched by beginnings: rest refuses what is asked for
// inside words and says what to do, and Axway's like finds it without an index. Once the extension is there, the next
// start builds the index.
func TestPostgresWithoutTrigrams(t *testing.T) {
	admin, err := sql.Open("pgx", testdb.Postgres(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close() })
	role := "plain_" + strings.ToLower(rand.Text())
	_, err = admin.Exec("CREATE ROLE " + role + " LOGIN PASSWORD 'plain'")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := admin.Exec("DROP ROLE " + role)
		require.NoError(t, err)
	})
	whole := testdb.Postgres(t)
	owner, err := sql.Open("pgx", whole)
	require.NoError(t, err)
	_, err = owner.Exec("GRANT ALL ON SCHEMA public TO " + role)
	require.NoError(t, err)
	u, err := url.Parse(whole)
	require.NoError(t, err)
	u.User = url.UserPassword(role, "plain")
	cfg := settings(t, newClock(storyBegins))
	cfg.DatabaseURL, cfg.AnswerFloor = u.String(), 0
	require.NoError(t, importFile(t.Context(), cfg, fixture("rest")))
	server := serve(t, cfg)
	ask := func(path string) (int, answered) {
		return basicCaller(server.Address(), "admin", "secret1").call(t, "GET", path, "")
	}
	status, refused := ask("/rest/users?q=~dmi")
	require.Equal(t, 400, status)
	require.Equal(t, domain.ErrNoWords.Code, refused.find(t, "thechnicalError"))
	status, found := ask("/rest/users?q=adm")
	require.Equal(t, 200, status)
	require.Len(t, found.each(t, "data"), 1)
	status, liked := ask("/api/portal/v1.3/users?field=name&op=like&value=dmi")
	require.Equal(t, 200, status, "it is found without an index")
	require.Len(t, liked.each(t), 1)

	_, err = owner.Exec("CREATE EXTENSION pg_trgm")
	require.NoError(t, err)
	require.NoError(t, owner.Close())
	server = serve(t, cfg)
	require.Eventually(t, func() bool {
		status, found = ask("/rest/users?q=~dmi")
		return status == 200
	}, 20*time.Second, 50*time.Millisecond)
	require.Len(t, found.each(t, "data"), 1)
}
