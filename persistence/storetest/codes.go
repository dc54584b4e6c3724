package storetest

import (
	"context"

	"canopy/domain"
	"canopy/persistence"
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
