package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/db"
)

// What is wrong with a URL is said without the URL: it may hold a password, which the
// driver does not find in every way of writing it.
func TestDatabaseURLIsNotQuoted(t *testing.T) {
	for _, url := range []string{"postgres://canopy:hidden@db:port/x", "host=db password=hidden port=x",
		"host=db password = 'hidden' port=x"} {
		_, err := db.OpenPostgres(t.Context(), url)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hidden")
	}
}
