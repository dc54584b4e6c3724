package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// FactorStore is the store of factors together with the changes that use cases make in its transactions.
type FactorStore struct {
	*persistence.FactorStore
	*persistence.Store
}

// OnUser changes the factors of a user.
func (s FactorStore) OnUser(ctx context.Context, w tenancy.WriteScope, user domain.UserKey,
	change func(tx *persistence.Tx) error) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error {
		return onUser(tx, user, nobodyMinds, func() error { return change(tx) })
	})
}

// Add gives a user a factor.
func (s FactorStore) Add(ctx context.Context, w tenancy.WriteScope, user domain.UserKey,
	f domain.Factor) (domain.Factor, error) {
	err := s.OnUser(ctx, w, user, func(tx *persistence.Tx) error { return tx.AddFactor(user, &f) })
	return f, err
}

// Factors tests what the ports of factors promise.
func Factors(t *testing.T, db *db.DB) {
	w, ctx := NewWorld(t, db), t.Context()
	all := Everything(domain.UserUpdate)
	user, at := w.KeyOf("acme.user"), time.UnixMilli(1_000_000).UTC()
	list := func(t *testing.T, u domain.UserKey) []domain.Factor {
		t.Helper()
		factors, err := w.Factors.List(ctx, all.Read(), u)
		require.NoError(t, err)
		return factors
	}
	account := func(t *testing.T) domain.Account {
		t.Helper()
		a, err := w.Accounts.ByID(ctx, user.Organization, user.User)
		require.NoError(t, err)
		return a
	}
	on := func(change func(tx *persistence.Tx) error) error { return w.Factors.OnUser(ctx, all, user, change) }
	use := func(f domain.Factor, step int64) error {
		return on(func(tx *persistence.Tx) error { return tx.UseFactor(&f, step, at) })
	}
	sealed := "SEALED-SECRET"

	code, err := w.Factors.Add(ctx, all, user, domain.Factor{Kind: domain.CodeFactor, Secret: "first", Created: at})
	require.NoError(t, err)
	t.Run("what is not confirmed does not count, and the next one takes its place", func(t *testing.T) {
		before := account(t)
		code, err = w.Factors.Add(ctx, all, user,
			domain.Factor{Kind: domain.CodeFactor, Secret: domain.SecretText(sealed), Created: at})
		require.NoError(t, err)
		require.Empty(t, list(t, user))
		held, err := w.Accounts.Held(ctx, user)
		require.NoError(t, err)
		require.Empty(t, held)
		require.Equal(t, before, account(t))
		require.NoError(t, on(func(tx *persistence.Tx) error {
			factors, err := tx.Factors(user)
			require.NoError(t, err)
			require.Equal(t, []domain.Factor{code}, factors)
			return nil
		}))
		require.ErrorIs(t, use(code, 1), domain.ErrChanged)
		require.ErrorIs(t, on(func(tx *persistence.Tx) error { _, err := tx.RemoveFactor(user, code.ID); return err }),
			domain.ErrFactorNotFound)
		require.NotContains(t, w.Dump(t), sealed)
	})
	t.Run("one that is confirmed counts, once", func(t *testing.T) {
		before := account(t)
		code.Name, code.Step, code.LastUsed = "phone", 7, at
		confirm := func(f domain.Factor) error {
			return on(func(tx *persistence.Tx) error { return tx.ConfirmFactor(&f) })
		}
		require.NoError(t, confirm(code))
		require.ErrorIs(t, confirm(code), domain.ErrFactorNotFound)
		code.Confirmed = true
		held, err := w.Accounts.Held(ctx, user)
		require.NoError(t, err)
		require.Equal(t, []domain.Factor{code}, held)
		code.Secret = ""
		require.Equal(t, []domain.Factor{code}, list(t, user))
		after := account(t)
		require.Equal(t, domain.CodeFactor, after.Factors)
		require.Equal(t, before.Epoch+1, after.Epoch, "what is remembered of the account ends")
		require.Empty(t, list(t, w.KeyOf("bolt.user")))
	})
	t.Run("a step is taken once, also by many at once", func(t *testing.T) {
		require.ErrorIs(t, use(code, 7), domain.ErrChanged)
		require.ErrorIs(t, use(code, 6), domain.ErrChanged)
		var tried sync.WaitGroup
		failed := make(chan error, 8)
		for range 8 {
			tried.Go(func() {
				failed <- w.Factors.OnUser(context.WithoutCancel(ctx), all, user,
					func(tx *persistence.Tx) error { return tx.UseFactor(&code, 8, at) })
			})
		}
		tried.Wait()
		close(failed)
		taken := 0
		for err := range failed {
			if err == nil {
				taken++
				continue
			}
			require.ErrorIs(t, err, domain.ErrChanged)
		}
		require.Equal(t, 1, taken)
		require.Equal(t, int64(8), list(t, user)[0].Step)
	})
	t.Run("a passkey may not count, but one that counts goes on", func(t *testing.T) {
		key, err := w.Factors.Add(ctx, all, user, domain.Factor{Kind: domain.PasskeyFactor, Name: "key", Secret: "credential",
			Created: at.Add(time.Second), Confirmed: true})
		require.NoError(t, err)
		require.Equal(t, domain.CodeFactor|domain.PasskeyFactor, account(t).Factors)
		require.NoError(t, use(key, 0))
		require.NoError(t, use(key, 0))
		require.NoError(t, use(key, 3))
		require.ErrorIs(t, use(key, 3), domain.ErrChanged)
		require.ErrorIs(t, use(key, 0), domain.ErrChanged)
		require.NoError(t, on(func(tx *persistence.Tx) error { return tx.RenameFactor(user, key.ID, "ring") }))
		require.Equal(t, "ring", list(t, user)[1].Name)
		require.ErrorIs(t, on(func(tx *persistence.Tx) error { return tx.RenameFactor(user, domain.UUID("x"), "ring") }),
			domain.ErrFactorNotFound)
	})
	t.Run("a recovery code is good once, and until there are others", func(t *testing.T) {
		left := func() int64 {
			n, err := w.Factors.RecoveryCodes(ctx, all.Read(), user)
			require.NoError(t, err)
			return n
		}
		set := func(codes ...domain.SecretText) {
			require.NoError(t, on(func(tx *persistence.Tx) error { return tx.SetRecoveryCodes(user, codes) }))
		}
		spend := func(code domain.SecretText) (n int64, err error) {
			err = on(func(tx *persistence.Tx) error { n, err = tx.SpendRecoveryCode(user, code, at); return err })
			return n, err
		}
		set("code one", "code two", "code three")
		require.NotContains(t, w.Dump(t), "code one")
		n, err := spend("code one")
		require.NoError(t, err)
		require.Equal(t, int64(2), n)
		for _, wrong := range []domain.SecretText{"code one", "code four", ""} {
			_, err = spend(wrong)
			require.ErrorIs(t, err, domain.ErrBadCode, wrong)
		}
		require.Equal(t, int64(2), left())
		theirs := w.KeyOf("bolt.user")
		require.ErrorIs(t, w.Factors.OnUser(ctx, all, theirs, func(tx *persistence.Tx) error {
			_, err := tx.SpendRecoveryCode(theirs, "code two", at)
			return err
		}), domain.ErrBadCode, "a code is one user's")
		set("code five")
		_, err = spend("code two")
		require.ErrorIs(t, err, domain.ErrBadCode)
		require.Equal(t, int64(1), left())
	})
	t.Run("a session takes the place of one that lives", func(t *testing.T) {
		weak, strong := w.NewSession("acme.user", domain.CookieSession), w.NewSession("acme.user", domain.CookieSession)
		_, err := w.Accounts.Begin(ctx, weak, 100, nil)
		require.NoError(t, err)
		strong.Proved = domain.Proved{Proof: domain.ByCode, Factor: code.ID, At: at}
		renew := func(before domain.Session, after domain.Session) error {
			return on(func(tx *persistence.Tx) error { return tx.RenewSession(before.SessionKey, after, 100, nil) })
		}
		require.ErrorIs(t, renew(weak, w.NewSession("acme.power", domain.CookieSession)), domain.ErrSessionNotFound)
		require.NoError(t, renew(weak, strong))
		require.ErrorIs(t, renew(weak, w.NewSession("acme.user", domain.CookieSession)), domain.ErrSessionNotFound)
		found, _, err := w.Accounts.BySession(ctx, strong.SessionKey, "")
		require.NoError(t, err)
		require.Equal(t, strong.Proved, found.Session.Proved)
		_, _, err = w.Accounts.BySession(ctx, weak.SessionKey, "")
		require.ErrorIs(t, err, domain.ErrSessionNotFound)

		t.Run("which ends with the factor it was proved by", func(t *testing.T) {
			other := w.NewSession("acme.user", domain.CookieSession)
			_, err := w.Accounts.Begin(ctx, other, 100, nil)
			require.NoError(t, err)
			before := account(t)
			require.NoError(t, on(func(tx *persistence.Tx) error {
				f, err := tx.RemoveFactor(user, code.ID)
				require.NoError(t, err)
				require.Equal(t, "phone", f.Name)
				return nil
			}))
			_, _, err = w.Accounts.BySession(ctx, strong.SessionKey, "")
			require.ErrorIs(t, err, domain.ErrSessionNotFound)
			_, _, err = w.Accounts.BySession(ctx, other.SessionKey, "")
			require.NoError(t, err)
			late := w.NewSession("acme.user", domain.TokenSession)
			late.Proved = strong.Proved
			_, err = w.Accounts.Begin(ctx, late, 100, nil)
			require.ErrorIs(t, err, domain.ErrChanged, "none begins by it any more")
			after := account(t)
			require.Equal(t, domain.PasskeyFactor, after.Factors)
			require.Equal(t, before.Epoch+1, after.Epoch)
			n, err := w.Factors.RecoveryCodes(ctx, all.Read(), user)
			require.NoError(t, err)
			require.NotZero(t, n, "there is a passkey left")

			require.NoError(t, on(func(tx *persistence.Tx) error { return tx.EndOtherSessions(user, other.ID) }))
			sessions, err := w.Sessions.List(ctx, all.Read(), user)
			require.NoError(t, err)
			require.Len(t, sessions, 1)
			require.Equal(t, other.ID, sessions[0].ID)
		})
	})
	t.Run("with the last factor go the recovery codes", func(t *testing.T) {
		require.NoError(t, on(func(tx *persistence.Tx) error {
			_, err := tx.RemoveFactor(user, list(t, user)[0].ID)
			return err
		}))
		n, err := w.Factors.RecoveryCodes(ctx, all.Read(), user)
		require.NoError(t, err)
		require.Zero(t, n)
		require.Zero(t, account(t).Factors)
	})
	t.Run("all of it is in the audit trail without a secret", func(t *testing.T) {
		entries, _, err := w.Audit.List(ctx, all.Read(), domain.AuditFilter{Action: "factor"}, domain.Page{Limit: 20})
		require.NoError(t, err)
		var actions []string
		for _, e := range entries {
			actions = append(actions, e.Action)
		}
		require.Equal(t, []string{"factor:remove", "factor:remove", "factor:codes", "factor:recover", "factor:codes",
			"factor:rename", "factor:add", "factor:add"}, actions)
		require.NotContains(t, fmt.Sprintf("%+v", entries), sealed)
		require.NotContains(t, fmt.Sprintf("%+v", entries), "code t")
	})
	t.Run("what was sealed for one place is not opened at another", func(t *testing.T) {
		f, err := w.Factors.Add(ctx, all, user, domain.Factor{Kind: domain.CodeFactor, Name: "x", Secret: "secret",
			Created: at, Confirmed: true})
		require.NoError(t, err)
		_, err = w.DB.Writer().NewUpdate().Table("factors").Set("user_id = ?", int64(w.KeyOf("acme.power").User)).
			Where("organization_id = ? AND id = ?", int64(user.Organization), string(f.ID)).Exec(ctx)
		require.NoError(t, err)
		_, err = w.Accounts.Held(ctx, w.KeyOf("acme.power"))
		require.Error(t, err)
	})
}
