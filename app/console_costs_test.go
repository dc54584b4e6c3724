package app_test

import (
	"log/slog"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
)

// costlyPages are those whose cost is held, by what is on them: those that show lists, or one thing of many.
var costlyPages = []string{"home", "strength", "place?id=12&tab=signin", "tree", "tree?open=12", "place?id=12", "place?id=2", "people", "people?q=user",
	"people?role=power", "people?sort=alias", "people?env=12", "person?id=12", "person?id=12&tab=access", "groups", "group?id=2", "audit",
	"me", "why?user=12&permission=user:read&environment=12"}

// narrowedPage is a page of people who are filtered or put in order.
var narrowedPage = regexp.MustCompile(`\?(q|role|sort)=`)

// mostAsked is how many statements a page may take, besides who asks for it. People who are filtered or put in order
// are found by their keys first, as entries of the audit trail are, and an overview counts each kind of people up to
// some thousand; strength reads besides which places let in by a provider only.
func mostAsked(page string) int {
	switch {
	case page == "home":
		return 8
	case page == "strength":
		return 10
	case page == "place?id=12&tab=signin":
		return 3
	case page == "audit" || narrowedPage.MatchString(page):
		return 5
	}
	return 2
}

// TestPagesCostTheSame compares a hundred people and environments with some thousands; every night with many more.
func TestPagesCostTheSame(t *testing.T) {
	t.Parallel()
	comparePages(t, 100, 5_000)
}

// comparePages holds that a page asks the database no more, and is no longer, in a directory of the second size than in
// one of the first.
func comparePages(t *testing.T, sizes ...int) {
	t.Helper()
	type cost struct{ statements, bytes int }
	costs := map[int]map[string]cost{}
	for _, size := range sizes {
		faults, err := faultdb.New(false)
		require.NoError(t, err)
		cfg := settings(t, newClock(time.Now()))
		cfg.AdminPassword, cfg.Log = demoPassword, slog.New(slog.DiscardHandler)
		database, err := db.OpenSQLite(filepath.Join(t.TempDir(), "canopy.db"), db.Through(faults.Connector, faults.Hot))
		require.NoError(t, err)
		_, err = app.Migrate(t.Context(), database)
		require.NoError(t, err)
		_, err = app.Begin(t.Context(), &cfg, database)
		require.NoError(t, err)
		admin, err := persistence.NewAccountStore(database).ByLogin(t.Context(), "admin")
		require.NoError(t, err)
		many{organizations: 1, environments: size, users: size, hash: admin.Hash}.fill(t, database)
		g := serveOver(t, cfg, database).visitAs(t, "user0.0")
		costs[size] = map[string]cost{}
		for _, name := range costlyPages {
			require.Equal(t, 200, g.get(t, name).status, name)
			done := faults.Follow(faultdb.Plan{})
			got := g.get(t, name)
			asked := done().Statements
			require.LessOrEqual(t, len(asked)-1, mostAsked(name), "%s at %d asks %v", name, size, asked)
			require.Less(t, len(got.text), 60_000, name)
			costs[size][name] = cost{len(asked), len(got.text)}
		}
	}
	for _, name := range costlyPages {
		few, many := costs[sizes[0]][name], costs[sizes[1]][name]
		t.Logf("%-50s %d statements, %6d bytes; %d statements, %6d bytes", name, few.statements, few.bytes,
			many.statements, many.bytes)
		require.True(t, few.statements == many.statements || mostAsked(name) > 2, name)
	}
}
