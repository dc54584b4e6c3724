package app_test

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// atOnce runs two pieces of work at once and returns their errors.
func atOnce(one, other func() error) (a, b error) {
	var both sync.WaitGroup
	both.Go(func() { a = one() })
	both.Go(func() { b = other() })
	both.Wait()
	return a, b
}

// TestNobodyLocksThemselvesOut holds that who has no password keeps a link or a passkey, also if they take two away at
// once.
func TestNobodyLocksThemselvesOut(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, private)
		h := newRogue(t)
		p := r.setUp(t, "Acme", h.URL, "canopy", "", nil)
		alan := domain.UserRef{Alias: "alan.turing"}
		unlink := func(subject string) error {
			return r.directory.Providers.Unlink(t.Context(), r.asOwner(t, "alan.turing"), accounts.OfUser[domain.Identity]{
				User: alan, In: domain.Identity{Issuer: p.Issuer, Subject: subject}})
		}
		links := func() int {
			all, err := r.directory.Providers.Links(t.Context(), mustOperator(t, r), alan)
			require.NoError(t, err)
			return len(all)
		}
		link := func() string {
			subject := rand.Text()
			r.linkTo(t, "alan.turing", p, subject)
			return subject
		}
		only := link()
		require.NoError(t, unlink(only), "they have a password")
		r.exec(t, "UPDATE users SET password_hash = '' WHERE alias = 'alan.turing'")
		for range 8 {
			one, other := link(), link()
			a, b := atOnce(func() error { return unlink(one) }, func() error { return unlink(other) })
			require.Equal(t, 1, links(), "%v, %v", a, b)
			if a == nil {
				a, only = b, other
			} else {
				require.NoError(t, b)
				only = one
			}
			require.ErrorIs(t, a, domain.ErrOnlyWayIn)
			require.ErrorIs(t, unlink("nobody"), domain.ErrLinkNotFound)
			link()
			require.NoError(t, unlink(only), "there is another")
			r.exec(t, fmt.Sprintf("DELETE FROM provider_links WHERE organization_id = %d", p.Organization))
		}
		only = link()

		h.person = jwt.MapClaims{"sub": only}
		g := r.visit(t)
		require.Equal(t, 303, g.signsIn(t, h, p).status)
		for range 4 {
			key, _ := g.addPasskey(t)
			// Their session is begun by the passkey alone, so that unlinking does not end it.
			_, holder, factor := r.byPasskeyAlone(t, "alan.turing", key)
			remove := func() error {
				return r.directory.Factors.Remove(t.Context(), holder, accounts.Fresh[accounts.OfUser[domain.UUID]]{
					In: accounts.OfUser[domain.UUID]{In: factor}})
			}
			unlinked, removed := atOnce(func() error { return unlink(only) }, remove)
			if unlinked == nil {
				require.ErrorIs(t, removed, domain.ErrOnlyWayIn)
				require.Equal(t, "factor", domain.AsError(removed).Field)
				require.ErrorIs(t, remove(), domain.ErrOnlyWayIn)
				only = link()
				require.NoError(t, remove(), "there is a link again")
			} else {
				require.ErrorIs(t, unlinked, domain.ErrOnlyWayIn)
				require.NoError(t, removed)
				require.ErrorIs(t, unlink(only), domain.ErrOnlyWayIn)
			}
			h.person = jwt.MapClaims{"sub": only}
			g = r.visit(t)
			require.Equal(t, 303, g.signsIn(t, h, p).status)
		}
		factors, err := r.directory.Factors.List(t.Context(), mustOperator(t, r), alan)
		require.NoError(t, err)
		require.Empty(t, factors.Factors)
	})
}

// TestNobodyUnlinksWhatOnlyLetsThemIn holds that who has to come by a provider keeps a link, whatever else they have; who
// is left out does not need one, and an administrator takes it away.
func TestNobodyUnlinksWhatOnlyLetsThemIn(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, private)
		p := r.setUp(t, "Acme", newRogue(t).URL, "canopy", "", nil)
		alan := domain.UserRef{Alias: "alan.turing"}
		unlink := func(by domain.Principal, subject string) error {
			return r.directory.Providers.Unlink(t.Context(), by, accounts.OfUser[domain.Identity]{
				User: alan, In: domain.Identity{Issuer: p.Issuer, Subject: subject}})
		}
		only := func(on bool, out ...domain.UserRef) {
			t.Helper()
			_, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r),
				directory.SignInRulesPatch{Environment: "Acme", OnlyProvider: &on, BreakGlass: &out})
			require.NoError(t, err)
		}
		r.visitAs(t, "alan.turing").addPasskey(t)
		r.linkTo(t, "alan.turing", p, "one")
		r.linkTo(t, "alan.turing", p, "two")
		only(true)
		require.NoError(t, unlink(r.asOwner(t, "alan.turing"), "one"))
		require.ErrorIs(t, unlink(r.asOwner(t, "alan.turing"), "two"), domain.ErrOnlyWayIn)
		require.Len(t, linksOf(t, r, "alan.turing"), 1)
		only(true, alan)
		require.NoError(t, unlink(r.asOwner(t, "alan.turing"), "two"), "an emergency account")
		r.linkTo(t, "alan.turing", p, "two")
		only(true)
		require.NoError(t, unlink(mustOperator(t, r), "two"))
		r.linkTo(t, "alan.turing", p, "two")
		only(false)
		require.NoError(t, unlink(r.asOwner(t, "alan.turing"), "two"), "who has a password")
	})
}
