package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// CodeStore is the store of registration codes together with the changes that use cases make in its
// transactions.
type CodeStore struct {
	*persistence.RegistrationCodeStore
	*persistence.Store
}

// Insert adds a code to its organization.
func (s CodeStore) Insert(ctx context.Context, w tenancy.WriteScope, c domain.RegistrationCode) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.InsertRegistrationCode(&c) })
}

// Change reads a code and does something with it.
func (s CodeStore) Change(ctx context.Context, w tenancy.WriteScope, o domain.OrganizationID, code domain.SecretText,
	change func(*persistence.Tx, domain.RegistrationCode) error) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error {
		c, err := tx.RegistrationCode(o, code)
		if err != nil {
			return err
		}
		return change(tx, c)
	})
}

// Codes tests registration codes.
func Codes(t *testing.T, db *db.DB) {
	w, ctx := NewWorld(t, db), t.Context()
	mine := w.Scope(t, "acme.admin", domain.UserCreate)
	o, code := w.Places["Acme"].Organization, domain.SecretText("code of Acme")
	use := func(code domain.SecretText) (place domain.Environment, err error) {
		err = w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			place, err = tx.UseCode(code)
			return err
		})
		return place, err
	}
	uses := func() int64 {
		c, err := w.Codes.Get(ctx, mine.Read(), o, code)
		require.NoError(t, err)
		return c.Used
	}

	t.Run("the place of a code is asked for before its text", func(t *testing.T) {
		bolts := domain.RegistrationCode{Organization: w.Places["Bolt"].Organization, Code: code}
		require.ErrorIs(t, w.Codes.Insert(ctx, mine, bolts), domain.ErrEnvironmentNotFound)
		bolts.Code = "code of nobody"
		require.ErrorIs(t, w.Codes.Insert(ctx, mine, bolts), domain.ErrEnvironmentNotFound)
		require.ErrorIs(t, w.Codes.Insert(ctx, mine, domain.RegistrationCode{Organization: o, Code: "code of Bolt"}),
			domain.ErrRegistrationCodeTaken)
	})

	t.Run("a code is used in its place", func(t *testing.T) {
		place, err := use(code)
		require.NoError(t, err)
		require.Equal(t, w.Places["Acme"].ID, place.ID)
		require.EqualValues(t, 1, uses())
		for _, other := range []domain.SecretText{"code of Bolt", "code of nobody"} {
			_, err = use(other)
			require.ErrorIs(t, err, domain.ErrRegistrationCode, other)
		}
		bolts, err := w.Codes.Get(ctx, Everything(domain.UserCreate).Read(), w.Places["Bolt"].Organization, "code of Bolt")
		require.NoError(t, err)
		require.Zero(t, bolts.Used)
	})

	t.Run("saving a code leaves its uses", func(t *testing.T) {
		require.NoError(t, w.Codes.Change(ctx, mine, o, code, func(tx *persistence.Tx, before domain.RegistrationCode) error {
			if _, err := tx.UseCode(code); err != nil {
				return err
			}
			after := before
			after.MaxUsers = 2
			return tx.SaveRegistrationCode(&before, &after)
		}))
		require.EqualValues(t, 2, uses())
		_, err := use(code)
		require.ErrorIs(t, err, domain.ErrRegistrationCode, "it has let in two")
	})

	t.Run("a code that is not enabled is not open", func(t *testing.T) {
		opens, err := w.Accounts.CodeOpen(ctx, "code of Bolt")
		require.NoError(t, err)
		require.Equal(t, w.Places["Bolt"].Organization, opens)
		require.NoError(t, w.Codes.Insert(ctx, mine, domain.RegistrationCode{Organization: o, Code: "closed"}))
		for _, closed := range []domain.SecretText{"closed", "code of nobody"} {
			_, err := w.Accounts.CodeOpen(ctx, closed)
			require.ErrorIs(t, err, domain.ErrRegistrationCode)
		}
	})
}
