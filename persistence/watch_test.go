package persistence_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/db"
	"canopy/persistence/sharddb"
	"canopy/persistence/storetest"
)

// watch has the statements that the tests of this package send to PostgreSQL.
var watch sharddb.Watch

var (
	locking = regexp.MustCompile(`\bFOR (UPDATE|NO KEY UPDATE|SHARE|KEY SHARE)\b`)
	moving  = regexp.MustCompile(`^UPDATE .* SET (?:.*, )?"?organization_id"? = `)
)

// Whatever locks rows goes to one shard, for those whose reach is of several organizations, too, and no row changes its
// organization: a database that is split refuses anything else. The statements are those of the tests before this one,
// or of some suites if it runs without them.
func TestLocksAskOneShard(t *testing.T) {
	if len(watch.Statements()) < 1000 {
		t.Run("suites", func(t *testing.T) {
			for name, suite := range map[string]func(*testing.T, *db.DB){
				"users": storetest.Users, "objects": storetest.Objects, "groups": storetest.Groups,
				"environments": storetest.Environments, "copies": storetest.Copies, "social": storetest.Social,
				"keys": storetest.APIKeys, "codes": storetest.Codes, "purge": storetest.Purge,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					suite(t, storetest.Postgres(t))
				})
			}
		})
	}
	double, err := sharddb.Split(t.Context(), storetest.PostgresURL(t))
	require.NoError(t, err)
	defer double.Close(t.Context())
	locks := make(map[string]bool)
	for _, s := range watch.Statements() {
		require.NotRegexp(t, moving, s.Text, s.Place)
		if locks[s.Shape] || !locking.MatchString(s.Text) {
			continue
		}
		asked, err := double.Explain(t.Context(), s)
		require.NoError(t, err, s.Text)
		if locks[s.Shape] = true; !asked.One() {
			t.Errorf("%s goes to several shards: %v\n%s", s.Place, asked, s.Text)
		}
	}
	require.Greater(t, len(locks), 20)
}
