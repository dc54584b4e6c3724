package sharddb_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/sharddb"
	"canopy/persistence/storetest"
	"canopy/persistence/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// A plan names the shards that a statement asks. That the schema can be split at all is part of this: a key or a
// foreign key without the column that its table is split by is refused.
func TestPlansNameShards(t *testing.T) {
	double, err := sharddb.Split(t.Context(), storetest.PostgresURL(t))
	require.NoError(t, err)
	defer double.Close(t.Context())
	for text, one := range map[string]bool{
		"SELECT alias FROM users WHERE organization_id = 2 AND id = 3":                            true,
		"SELECT alias FROM users WHERE id = 3":                                                    false,
		"SELECT alias FROM users WHERE organization_id IN (1, 2, 3, 4) AND id = 3":                false,
		"UPDATE users SET alias = '' WHERE organization_id = 2":                                   true,
		"UPDATE users SET alias = '' WHERE environment_path = '/1/'":                              false,
		"SELECT 1 FROM users WHERE organization_id = 2 AND id = 3 FOR UPDATE":                     true,
		"SELECT user_id FROM login_names WHERE name = 'a'":                                        true,
		"SELECT user_id FROM login_names WHERE organization_id = 2":                               false,
		"INSERT INTO settings (name, value) VALUES ('a', 'b')":                                    true,
		"SELECT 1 FROM settings s, users u WHERE u.organization_id = 2 AND s.name = ''":           true,
		"SELECT 1 FROM users u JOIN groups g USING (organization_id) WHERE u.organization_id = 2": true,
		"SELECT 1 FROM users u JOIN groups g ON g.id = u.id WHERE u.organization_id = 2":          false,
		// Of two tables that are not split alike each is elsewhere.
		"SELECT 1 FROM users u, login_names n WHERE u.organization_id = 2 AND n.name = 'a'": false,
		// What a subselect finds is not known to the plan, and what it repeats is.
		"SELECT 1 FROM users WHERE organization_id = (SELECT organization_id FROM login_names WHERE name = 'a')": false,
		`SELECT (SELECT count(*) FROM groups g WHERE g.organization_id = u.organization_id)
			FROM users u WHERE u.organization_id = 2`: false,
		`SELECT (SELECT count(*) FROM groups g WHERE g.organization_id = 2)
			FROM users u WHERE u.organization_id = 2`: true,
	} {
		asked, err := double.Explain(t.Context(), sharddb.Statement{Text: text})
		require.NoError(t, err, text)
		require.Equal(t, one, asked.One(), "%s: %v", text, asked)
	}
	asked, err := double.Explain(t.Context(), sharddb.Statement{
		Text: "SELECT alias FROM users WHERE organization_id = $1 AND alias = $2", Args: []any{int64(2), "a"}})
	require.NoError(t, err)
	require.True(t, asked.One(), "values beside the text")
}
