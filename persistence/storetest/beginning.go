package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
)

// Beginning tests that no session begins by what is taken away at the same moment, whichever of the two is first: by a
// factor, a link, or a provider that is switched off, removed or replaced. The user has other links all the time, at
// the same provider and at one that stays on.
func Beginning(t *testing.T, database *db.DB) {
	overtakeAt := overtaking(database)
	w, ctx := NewWorld(t, database), t.Context()
	all, owner := Everything(domain.UserUpdate), Everything(domain.OrganizationWrite)
	user, acme := w.KeyOf("acme.user"), w.Issuers["Acme"]
	onProvider := func(change func(tx *persistence.Tx, p domain.Provider) error) func() error {
		return func() error {
			return w.Store.Do(ctx, owner, func(tx *persistence.Tx) error {
				p, err := tx.Provider(acme.ProviderKey)
				if err != nil {
					return err
				}
				return change(tx, p)
			})
		}
	}
	enable := func(enabled bool) func() error {
		return onProvider(func(tx *persistence.Tx, p domain.Provider) error {
			after := p
			after.Enabled = enabled
			return tx.SaveProvider(&p, &after)
		})
	}
	remove := onProvider(func(tx *persistence.Tx, p domain.Provider) error { return tx.DeleteProvider(&p) })
	byProvider := func(s *domain.Session) {
		s.Provider = domain.ProviderSession{Provider: acme.ID, Issuer: acme.Issuer, Subject: "theirs", ID: "1"}
	}
	link := func() error {
		w.Issuers["Acme"] = acme
		for _, subject := range []string{"theirs", "another"} {
			if err := w.AddLink(ctx, all, "acme.user", "Acme", subject); err != nil && !domain.ErrLinked.Is(err) {
				return err
			}
		}
		return nil
	}
	again := func() error {
		if err := remove(); err != nil && !domain.ErrProviderNotFound.Is(err) {
			return err
		}
		err := w.Store.Do(ctx, owner, func(tx *persistence.Tx) error { return tx.InsertProvider(&acme) })
		return errors.Join(err, link())
	}
	replaced := acme
	tenants := acme
	tenants.Issuer, tenants.Subject, tenants.Domains = "https://tenants.example", domain.SubjectOID, nil
	require.NoError(t, w.Store.Do(ctx, owner, func(tx *persistence.Tx) error { return tx.InsertProvider(&tenants) }))
	w.Issuers["Tenants"] = domain.Provider{ProviderKey: tenants.ProviderKey, Issuer: tenants.IdentityIssuer()}
	require.NoError(t, w.AddLink(ctx, all, "acme.user", "Tenants", "t/2"))
	require.NoError(t, w.Unlink(ctx, all, "acme.user", "Acme", "theirs"))
	var code domain.Factor
	step := int64(0)
	for _, c := range []struct {
		name   string
		ready  func() error
		by     func(*domain.Session)
		remove func() error
	}{
		{"a factor that is removed", func() (err error) {
			code, err = w.Factors.Add(ctx, all, user, domain.Factor{Kind: domain.CodeFactor, Name: "phone", Secret: "x",
				Created: w.DB.Now(), Confirmed: true})
			return err
		}, func(s *domain.Session) { s.Proved.Factor = code.ID }, func() error {
			return w.Factors.OnUser(ctx, all, user, func(tx *persistence.Tx) error {
				_, err := tx.RemoveFactor(user, code.ID)
				return err
			})
		}},
		{"a link that is taken away", link, byProvider, func() error {
			return w.Unlink(ctx, all, "acme.user", "Acme", "theirs")
		}},
		{"a link of somebody who is known by another claim", func() error {
			return w.AddLink(ctx, all, "acme.user", "Tenants", "t/1")
		}, func(s *domain.Session) {
			s.Provider = domain.ProviderSession{Provider: tenants.ID, Issuer: tenants.IdentityIssuer(), Subject: "t/1"}
		}, func() error { return w.Unlink(ctx, all, "acme.user", "Tenants", "t/1") }},
		{"a provider that is switched off", func() error { return errors.Join(enable(true)(), link()) }, byProvider,
			enable(false)},
		{"a provider that is removed", again, byProvider, remove},
		{"a provider that is replaced by one with its issuer", func() error { acme = replaced; return again() }, byProvider,
			onProvider(func(tx *persistence.Tx, p domain.Provider) error {
				if err := tx.DeleteProvider(&p); err != nil {
					return err
				}
				if err := tx.InsertProvider(&p); err != nil {
					return err
				}
				replaced = p
				if _, err := tx.User(user); err != nil {
					return err
				}
				again := w.link("acme.user", "Acme", "theirs")
				return tx.InsertLink(user, p.ID, &again)
			})},
	} {
		begin := func(s *domain.Session) func() error {
			return func() error {
				_, err := w.Accounts.Begin(ctx, *s, 100, nil)
				return err
			}
		}
		// renew begins a session in the place of one, and calls stop before it commits.
		renew := func(before, after *domain.Session, stop func()) func() error {
			return func() error {
				return w.Factors.OnUser(ctx, all, user, func(tx *persistence.Tx) error {
					if id := after.Proved.Factor; id != "" {
						step++
						if err := tx.UseFactor(&domain.Factor{UserKey: user, ID: id}, step, w.DB.Now()); err != nil {
							return err
						}
					}
					err := tx.RenewSession(before.SessionKey, *after, 100, nil)
					stop()
					return err
				})
			}
		}
		// sessions returns one that was begun, and one that is to be by what is taken away.
		sessions := func(t *testing.T) (before, s *domain.Session) {
			t.Helper()
			require.NoError(t, c.ready())
			old, late := w.NewSession("acme.user", domain.CookieSession), w.NewSession("acme.user", domain.CookieSession)
			c.by(&late)
			old.Provider = late.Provider
			require.NoError(t, begin(&old)())
			return &old, &late
		}
		gone := func(t *testing.T, s *domain.Session) {
			t.Helper()
			_, _, err := w.Accounts.BySession(ctx, s.SessionKey, "")
			require.ErrorIs(t, err, domain.ErrSessionNotFound)
		}
		t.Run(c.name+" first", func(t *testing.T) {
			_, s := sessions(t)
			removed, begun := overtakeAt(t, "stamped", c.remove, begin(s))
			require.NoError(t, removed)
			require.ErrorIs(t, begun, domain.ErrChanged)
			gone(t, s)
		})
		t.Run(c.name+" before a session is renewed", func(t *testing.T) {
			before, s := sessions(t)
			removed, renewed := overtakeAt(t, "stamped", c.remove, renew(before, s, func() {}))
			require.NoError(t, removed)
			require.Error(t, renewed)
			gone(t, s)
		})
		t.Run(c.name+" after a session began", func(t *testing.T) {
			_, s := sessions(t)
			one, two := make(chan error, 1), make(chan error, 1)
			held := w.hold(t, "signing_keys") // which is read before a session is there
			go func() { one <- begin(s)() }()
			w.await(t, func() bool { return len(one) > 0 || waiting(t, database) > 0 })
			go func() { two <- c.remove() }()
			w.await(t, func() bool { return len(two) > 0 || waiting(t, database) > 1 })
			held()
			require.NoError(t, <-one)
			require.NoError(t, <-two)
			gone(t, s)
		})
		t.Run(c.name+" after a session was renewed", func(t *testing.T) {
			before, s := sessions(t)
			stopped, on := make(chan struct{}), make(chan struct{})
			one, two := make(chan error, 1), make(chan error, 1)
			stop := sync.OnceFunc(func() { close(stopped); <-on })
			go func() { one <- renew(before, s, stop)() }()
			<-stopped
			go func() { two <- c.remove() }()
			w.await(t, func() bool { return len(two) > 0 || database.OneWriter() || waiting(t, database) > 0 })
			close(on)
			require.NoError(t, <-one)
			require.NoError(t, <-two)
			gone(t, s)
		})
	}
}

// hold keeps others from a table until it is let go. A transaction that has the database to itself is not kept.
func (w *World) hold(t *testing.T, table string) (release func()) {
	t.Helper()
	if w.DB.OneWriter() {
		return func() {}
	}
	held, on, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- w.DB.InTx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
			if _, err := tx.ExecContext(ctx, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE"); err != nil {
				return err
			}
			close(held)
			<-on
			return nil
		})
	}()
	<-held
	return func() {
		close(on)
		require.NoError(t, <-done)
	}
}

func (w *World) await(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, time.Millisecond)
}
