package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A database that a newer program has migrated is served as long as that is possible, and whoever
// looks is told; a step that needs the newer program keeps an older one out, with one line.
func TestDatabaseOfANewerProgram(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		const later = "20990101000000_users_split.sql"
		s := serve(t, at)
		require.Equal(t, "ready\n", string(s.anonymous().get(t, "/readyz").ok(t).body))
		s.stop(t)
		db := at.open(t)
		for _, change := range []string{
			"INSERT INTO goose_db_version (version_id, is_applied) VALUES (20990101000000, true)",
			"INSERT INTO schema_steps (version, name, needs) VALUES (20990101000000, '" + later + "', '')",
		} {
			_, err := db.Exec(change)
			require.NoError(t, err)
		}

		s = serve(t, at)
		s.logs(t, `"level":"WARN","msg":"the database has steps that this program does not have[^"]*","steps":\["`+later+
			`"\]`)
		require.Equal(t, "ready; the database has steps that this program does not have: "+later+"\n",
			string(s.anonymous().get(t, "/readyz").ok(t).body))
		s.admin().post(t, "/rest/users", newUser("ada", "long enough")).ok(t)
		status := canopy("migrate", "status").in(at).succeeds(t)
		require.Regexp(t, `(?m)^[0-9-]{10} [0-9:]{8}  +`+later+`  +this program does not have it: a newer one ran it$`,
			status)
		require.Equal(t, 1, strings.Count(status, "does not have"))
		canopy("export").in(at).succeeds(t)
		s.stop(t)

		_, err := db.Exec("UPDATE schema_steps SET needs = '99.1' WHERE version = 20990101000000")
		require.NoError(t, err)
		want := `\Athe database was migrated by a newer program: ` + later + ` needs canopy 99\.1 or newer, and this is \S+\z`
		for _, command := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"export"}, {"migrate", "up"},
			{"user", "create", "bob", "--generate"}} {
			require.Regexp(t, want, canopy(command...).in(at).fails(t), "%v", command)
		}
		status = canopy("migrate", "status").in(at).succeeds(t)
		require.Contains(t, status, "and it needs canopy 99.1 or newer")

		// A step of which nothing is written down is known by its number.
		_, err = db.Exec("DELETE FROM schema_steps WHERE version = 20990101000000")
		require.NoError(t, err)
		s = serve(t, at)
		require.Contains(t, string(s.anonymous().get(t, "/readyz").is(t, http.StatusOK).body), ": 20990101000000\n")
		s.stop(t)
	})
}

// A database that was made by other steps than this program's is left alone, with one line.
func TestDatabaseOfAnotherProgram(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		serve(t, at).stop(t)
		_, err := at.open(t).Exec("UPDATE goose_db_version SET version_id = version_id - 7000000 WHERE version_id > 0")
		require.NoError(t, err)
		for _, command := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"export"}, {"migrate", "up"}} {
			require.Regexp(t,
				`\Athe database has the schema of another program: it has the step 20261122\d+, which this program does not `+
					`know, and lacks 20261129080000_directory_create\.sql; [^\n]+\z`, canopy(command...).in(at).fails(t), "%v",
				command)
		}
		require.Regexp(t, `(?m)^pending `, canopy("migrate", "status").in(at).succeeds(t), "nothing was migrated")
	})
}

// A database that cannot be spread over machines stays as it is, and whoever asks is told why.
func TestDistributeWhatCannotBe(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		canopy("migrate", "up").in(at).succeeds(t)
		before := canopy("migrate", "status").in(at).succeeds(t)
		require.Regexp(t, `\Aa directory in a file is on one machine; only one on PostgreSQL can be distributed\z|`+
			`\Athis PostgreSQL does not have the extension citus, so nothing was changed; .*\z`,
			canopy("migrate", "distribute").in(at).fails(t))
		require.Equal(t, before, canopy("migrate", "status").in(at).succeeds(t))
	})
}
