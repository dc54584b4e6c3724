package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// APIKeyStore is the store of API keys together with the changes that use cases make in its transactions.
type APIKeyStore struct {
	*persistence.APIKeyStore
	*persistence.Store
}

// Insert gives a user a key, unless check, which gets their keys too, returns an error.
func (s APIKeyStore) Insert(ctx context.Context, w tenancy.WriteScope, user domain.UserKey, k domain.APIKey,
	check func(domain.User, []domain.APIKey) error) (domain.APIKey, error) {
	err := s.Do(ctx, w, func(tx *persistence.Tx) error {
		u, err := tx.User(user)
		if err != nil {
			return err
		}
		present, err := tx.APIKeys(user)
		if err != nil {
			return err
		}
		if err := check(u, present); err != nil {
			return err
		}
		return tx.InsertAPIKey(user, &k)
	})
	return k, err
}

// Show returns a key of a user and notes that, unless check returns an error.
func (s APIKeyStore) Show(ctx context.Context, w tenancy.WriteScope, user domain.UserKey, id domain.UUID,
	check func(domain.User) error) (shown domain.APIKey, err error) {
	err = s.Do(ctx, w, func(tx *persistence.Tx) error {
		return onUser(tx, user, check, func() error {
			all, err := tx.APIKeys(user)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(all, func(k domain.APIKey) bool { return k.ID == id })
			if i < 0 {
				return domain.ErrAPIKeyNotFound
			}
			shown = all[i]
			return tx.NoteAPIKeyShown(&shown)
		})
	})
	return shown, err
}

// Delete revokes a key of a user, unless check returns an error.
func (s APIKeyStore) Delete(ctx context.Context, w tenancy.WriteScope, user domain.UserKey, id domain.UUID,
	check func(domain.User) error) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error {
		return onUser(tx, user, check, func() error { return tx.DeleteAPIKey(user, id) })
	})
}

// APIKeys tests the store of API keys, and finding whose a key is.
func APIKeys(t *testing.T, db *db.DB) {
	w, ctx := NewWorld(t, db), t.Context()
	all := Everything(domain.UserUpdate)
	list := func(t *testing.T, alias string) []domain.APIKey {
		t.Helper()
		keys, err := w.APIKeys.List(ctx, all.Read(), w.KeyOf(alias))
		require.NoError(t, err)
		return keys
	}
	acme := w.Keys["acme.user"]
	user := w.People["acme.user"]

	t.Run("a key is shown with its text, and finds its user", func(t *testing.T) {
		require.Equal(t, []domain.APIKey{acme}, list(t, "acme.user"))
		require.Equal(t, domain.SecretText("key of acme"), acme.Text)
		found, err := w.Accounts.ByAPIKey(ctx, acme.Text)
		require.NoError(t, err)
		plain, err := w.Accounts.ByID(ctx, user.Organization, user.ID)
		require.NoError(t, err)
		require.Equal(t, acme.APIKeyRef, found.Key.APIKeyRef)
		found.Key = domain.APIKey{}
		require.Equal(t, plain, found)
		for _, text := range []string{"", "key of acm", "KEY OF ACME", "key of acme ", "key of nobody"} {
			_, err := w.Accounts.ByAPIKey(ctx, domain.SecretText(text))
			require.ErrorIs(t, err, domain.ErrAPIKeyNotFound, text)
		}
	})

	t.Run("the database does not know the text", func(t *testing.T) {
		require.NotContains(t, w.Dump(t), "key of acme")
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", acme, acme, acme), "key of acme")
	})

	t.Run("no two keys are the same", func(t *testing.T) {
		_, err := w.APIKeys.Insert(ctx, all, w.KeyOf("bolt.user"), domain.APIKey{Name: "same", Text: acme.Text},
			func(domain.User, []domain.APIKey) error { return nil })
		require.Error(t, err)
		require.Len(t, list(t, "bolt.user"), 1)
	})

	t.Run("a check sees the keys there are, also of those who are quicker", func(t *testing.T) {
		full := errors.New("full")
		var made sync.WaitGroup
		failed := make(chan error, 16)
		for i := range 16 {
			made.Go(func() {
				_, err := w.APIKeys.Insert(context.WithoutCancel(ctx), all, w.KeyOf("acme.labs"),
					domain.APIKey{Name: "key", Text: domain.SecretText(fmt.Sprintf("many %d", i)), Created: acme.Created},
					func(u domain.User, present []domain.APIKey) error {
						if u.Alias != "acme.labs" || len(present) >= 3 {
							return full
						}
						return nil
					})
				failed <- err
			})
		}
		made.Wait()
		close(failed)
		refused := 0
		for err := range failed {
			if err != nil {
				require.ErrorIs(t, err, full)
				refused++
			}
		}
		require.Equal(t, 13, refused)
		require.Len(t, list(t, "acme.labs"), 3)
	})

	t.Run("that a key was shown is noted", func(t *testing.T) {
		denied := errors.New("denied")
		_, err := w.APIKeys.Show(ctx, all, user.Key(), acme.ID, func(domain.User) error { return denied })
		require.ErrorIs(t, err, denied)
		for range 2 {
			shown, err := w.APIKeys.Show(ctx, all, user.Key(), acme.ID, nobodyMinds)
			require.NoError(t, err)
			require.Equal(t, acme, shown)
		}
		_, err = w.APIKeys.Show(ctx, all, user.Key(), w.Keys["bolt.user"].ID, nobodyMinds)
		require.ErrorIs(t, err, domain.ErrAPIKeyNotFound)
		entries, _, err := w.Audit.List(ctx, all.Read(), domain.AuditFilter{Action: "apikey:show"}, domain.Page{Limit: 9})
		require.NoError(t, err)
		require.Len(t, entries, 2)
		require.NotContains(t, fmt.Sprint(entries), "key of acme")
	})

	t.Run("the use of a key is noted, and never goes back", func(t *testing.T) {
		at := w.DB.Now().UTC().Truncate(time.Millisecond)
		require.NoError(t, w.Accounts.APIKeysSeen(ctx, map[domain.APIKeyRef]time.Time{acme.APIKeyRef: at}))
		require.NoError(t, w.Accounts.APIKeysSeen(ctx, map[domain.APIKeyRef]time.Time{acme.APIKeyRef: at.Add(-time.Hour)}))
		require.NoError(t, w.Accounts.APIKeysSeen(ctx, nil))
		require.Equal(t, at, list(t, "acme.user")[0].LastUsed)
		require.Zero(t, list(t, "bolt.user")[0].LastUsed)
	})

	t.Run("a revoked key finds nobody", func(t *testing.T) {
		second := w.AddAPIKey(t, "acme.user", "second")
		denied := errors.New("denied")
		require.ErrorIs(t, w.APIKeys.Delete(ctx, all, user.Key(), second.ID, func(domain.User) error { return denied }),
			denied)
		require.Len(t, list(t, "acme.user"), 2)
		require.NoError(t, w.APIKeys.Delete(ctx, all, user.Key(), second.ID, nobodyMinds))
		require.ErrorIs(t, w.APIKeys.Delete(ctx, all, user.Key(), second.ID, nobodyMinds), domain.ErrAPIKeyNotFound)
		require.ErrorIs(t, w.APIKeys.Delete(ctx, all, user.Key(), w.Keys["bolt.user"].ID, nobodyMinds),
			domain.ErrAPIKeyNotFound)
		_, err := w.Accounts.ByAPIKey(ctx, second.Text)
		require.ErrorIs(t, err, domain.ErrAPIKeyNotFound)
		require.Len(t, list(t, "acme.user"), 1)
		entries, _, err := w.Audit.List(ctx, all.Read(), domain.AuditFilter{Action: "apikey"}, domain.Page{Limit: 1})
		require.NoError(t, err)
		require.Equal(t, "apikey:revoke", entries[0].Action)
		require.Equal(t, []domain.Change{{Field: "key", Before: "key"}}, entries[0].Changes)
	})

	t.Run("the keys of who is deleted go with them", func(t *testing.T) {
		require.NoError(t, w.Users.Delete(ctx, Everything(domain.UserDelete), user.Key()))
		_, err := w.Accounts.ByAPIKey(ctx, acme.Text)
		require.ErrorIs(t, err, domain.ErrAPIKeyNotFound)
		require.NotContains(t, w.Dump(t), string(acme.ID))
		require.NotEmpty(t, list(t, "bolt.user"))
		w.AddAPIKey(t, "bolt.user", string(acme.Text)) // the text is free again
	})
}
