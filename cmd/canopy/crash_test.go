package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// crashes is how often each of the following tests kills something.
func crashes() int {
	if testing.Short() {
		return 2
	}
	return 3
}

// begin makes what the writers write into, and returns them.
func beginWriting(t testing.TB, admin caller) *writers {
	t.Helper()
	var places []int64
	for _, alias := range []string{"North", "South", "West"} {
		var made struct{ EnvID int64 }
		admin.post(t, "/rest/environments", fields{"alias": alias, "parent": "/"}).ok(t).into(t, &made)
		places = append(places, made.EnvID)
	}
	return newWriters(4, places)
}

// untilSome waits until a random number of further writes was acknowledged.
func (w *writers) untilSome(t testing.TB) {
	t.Helper()
	target := w.acknowledged.Load() + 80 + rand.Int64N(120)
	eventually(t, func() bool { return w.acknowledged.Load() >= target }, "writes")
}

// The server is killed in a stream of writes, on either engine.
func TestCrashOfTheServer(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at)
		token := s.signIn(t, "admin", adminPassword)
		w := beginWriting(t, s.bearing(token))
		for range crashes() {
			w.run(s.bearing(token))
			w.untilSome(t)
			s.kill(t)
			s = serve(t, at)
			w.verify(t, s, s.bearing(token))
		}
		t.Logf("%d writes acknowledged over %d crashes", w.acknowledged.Load(), crashes())
	})
}

// The database is killed in a stream of writes, and the server is not.
func TestCrashOfTheDatabase(t *testing.T) {
	t.Parallel()
	cluster := testdb.Server(t, testdb.WithFsync())
	s := serve(t, place{"--data", t.TempDir(), "--database-url", cluster.URL("postgres")})
	admin := s.bearing(s.signIn(t, "admin", adminPassword))
	w := beginWriting(t, admin)
	for range crashes() {
		w.run(admin)
		w.untilSome(t)
		require.NoError(t, cluster.Kill())
		w.running.Wait()
		require.NoError(t, cluster.Restart(t.Context()))
		eventually(t, func() bool { return s.anonymous().get(t, "/readyz").status == http.StatusOK }, "ready again")
		w.verify(t, s, admin)
	}
	t.Logf("%d writes acknowledged over %d crashes", w.acknowledged.Load(), crashes())
}

// An import that is killed leaves each organization whole or not at all, and can be run again.
func TestCrashOfAnImport(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		const organizations, people = 4, 250
		table, environments := community(organizations, 10, people)
		file := write(t, "community.csv", table)
		canopy("user", "create", "boss", "--generate").in(at).succeeds(t)
		watch := at.open(t)
		count := func(query string) (n int) {
			require.NoError(t, watch.QueryRow(query).Scan(&n))
			return n
		}
		for done := 0; done < organizations-1; {
			i := importFile(at, file, "--create-environments").start(t)
			before := done
			eventually(t, func() bool {
				done = count("SELECT count(*) FROM organizations") - 1
				return done > before
			}, "an organization")
			i.kill(t)
			done = count("SELECT count(*) FROM organizations") - 1
			require.Equal(t, done*people+1, count("SELECT count(*) FROM users"))
			require.Equal(t, done*people+1, count("SELECT count(*) FROM login_names"))
			require.Equal(t, done*people+1, count("SELECT CAST(sum(users) AS bigint) FROM environment_counts"))
			require.Equal(t, done*people+1, count("SELECT count(*) FROM audit WHERE action = 'user:create'"))
			require.Equal(t, 0, count(`SELECT count(*) FROM user_environments g WHERE NOT EXISTS
				(SELECT 1 FROM users u WHERE u.organization_id = g.organization_id AND u.id = g.user_id)`))
		}
		importFile(at, file, "--create-environments").succeeds(t)
		require.Contains(t, importFile(at, file).succeeds(t),
			fmt.Sprintf("users:        0 created, 0 changed, %d unchanged", organizations*people))
		require.Equal(t, environments+1, count("SELECT count(*) FROM environments"))
	})
}
