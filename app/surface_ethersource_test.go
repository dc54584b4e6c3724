package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/objects"
	"canopy/domain"
	"canopy/persistence"
)

// fillEthersource gives the people of the surface's fixture what the document of a directory
// does not hold: objects with bookmarks, offers of copies and usage. The clock is then where
// it was.
func fillEthersource(t *testing.T, r *running, c *clock) {
	t.Helper()
	ctx, things, began := t.Context(), r.directory.Objects, c.now()
	defer c.set(began)
	as := func(alias string) domain.Principal { return principalOf(t, r, alias) }
	create := func(owner string, kind domain.ObjectKind, name string) domain.ObjectRef {
		o, err := things.Create(ctx, as(owner), objects.NewObject{Kind: kind, Name: name,
			Attributes: map[string]string{"language": "EN"}})
		require.NoError(t, err)
		return domain.NumberedObject(o.ID)
	}
	use := func(who string, o domain.ObjectRef, n int64) {
		_, err := things.RecordUsage(ctx, as(who), objects.RecordUsage{Object: o, Count: n})
		require.NoError(t, err)
	}
	c.set(time.Date(2021, 9, 10, 0, 0, 0, 0, time.UTC))
	night, sold := create("acme.user", domain.KindObserver, "Night"), create("acme.user", domain.KindObserver, "Sold")
	energy := create("acme.user", domain.KindSector, "Energy")
	use("acme.user", night, 3)
	use("acme.user", sold, 4)
	use("acme.user", energy, 5)
	c.set(time.Date(2021, 10, 10, 0, 0, 0, 0, time.UTC))
	use("acme.user", night, 6)
	use("acme.user", sold, 7)
	_, err := things.HandOver(ctx, as("acme.user"),
		objects.ObjectTo{Object: sold, To: domain.UserRef{Alias: "acme.power"}})
	require.NoError(t, err)
	use("acme.power", sold, 8)
	for _, o := range []domain.ObjectRef{energy, night} {
		require.NoError(t, things.AddBookmark(ctx, as("acme.user"), o))
	}
	c.set(began)
	for _, name := range []string{"Morning", "Noon"} {
		for _, kind := range []domain.ObjectKind{domain.KindObserver, domain.KindSector} {
			_, err := things.OfferCopy(ctx, as("acme.power"),
				objects.ObjectTo{Object: create("acme.power", kind, name), To: domain.UserRef{Alias: "acme.user"}})
			require.NoError(t, err)
		}
	}
	require.NoError(t, r.directory.RunJobs(ctx))
}

// principalOf returns somebody as a request would find them.
func principalOf(t *testing.T, r *running, alias string) domain.Principal {
	t.Helper()
	a, err := persistence.NewAccountStore(r.directory.DB).ByLogin(t.Context(), alias)
	require.NoError(t, err)
	return a.Principal
}
