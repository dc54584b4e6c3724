package sharddb_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/db"
	"canopy/persistence/sharddb"
	"canopy/persistence/storetest"
)

var locking = regexp.MustCompile(`\bFOR (UPDATE|NO KEY UPDATE|SHARE|KEY SHARE)\b`)

// Whatever locks rows goes to one shard, for those whose reach is of several organizations, too: a database that is
// split refuses anything else.
func TestLocksAskOneShard(t *testing.T) {
	var watch sharddb.Watch
	t.Run("suites", func(t *testing.T) {
		for name, suite := range map[string]func(*testing.T, *db.DB){
			"users": storetest.Users, "objects": storetest.Objects, "groups": storetest.Groups,
			"environments": storetest.Environments, "copies": storetest.Copies, "social": storetest.Social,
			"keys": storetest.APIKeys, "codes": storetest.Codes, "purge": storetest.Purge,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				database, err := db.OpenPostgres(t.Context(), storetest.PostgresURL(t), db.Traced(&watch))
				require.NoError(t, err)
				defer database.Close()
				suite(t, database)
			})
		}
	})
	double, err := sharddb.Split(t.Context(), storetest.PostgresURL(t))
	require.NoError(t, err)
	defer double.Close(t.Context())
	looked := make(map[string]bool)
	for _, s := range watch.Statements() {
		if looked[s.Shape] || !locking.MatchString(s.Text) {
			continue
		}
		asked, err := double.Explain(t.Context(), s)
		require.NoError(t, err, s.Text)
		if looked[s.Shape] = true; !asked.One() {
			t.Errorf("%s goes to several shards: %v\n%s", s.Place, asked, s.Text)
		}
	}
	require.Greater(t, len(looked), 20)
}
