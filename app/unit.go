package app

import (
	"context"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/app/transfer"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// unit is persistence.Store for a part of the directory, which sees of a transaction what its port names.
type unit[Tx any] struct {
	*persistence.Store
	port func(*persistence.Tx) Tx
}

// Do runs work in one transaction within w.
func (u unit[Tx]) Do(ctx context.Context, w tenancy.WriteScope, work func(Tx) error) error {
	return u.Store.Do(ctx, w, func(tx *persistence.Tx) error { return work(u.port(tx)) })
}

// groupStore is what groups are read from and changed in.
type groupStore struct {
	*persistence.GroupStore
	unit[directory.GroupTx]
}

func newGroupStore(d *db.DB) groupStore {
	return groupStore{persistence.NewGroupStore(d),
		unit[directory.GroupTx]{persistence.NewStore(d), func(tx *persistence.Tx) directory.GroupTx { return tx }}}
}

// userStore is what users are read from and changed in.
type userStore struct {
	*persistence.UserStore
	unit[directory.UserTx]
}

func newUserStore(d *db.DB) userStore {
	return userStore{persistence.NewUserStore(d),
		unit[directory.UserTx]{persistence.NewStore(d), func(tx *persistence.Tx) directory.UserTx { return tx }}}
}

// accountStore is the same for accounts.
type accountStore struct {
	*persistence.UserStore
	unit[accounts.Tx]
}

func newAccountStore(d *db.DB) accountStore {
	return accountStore{persistence.NewUserStore(d),
		unit[accounts.Tx]{persistence.NewStore(d), func(tx *persistence.Tx) accounts.Tx { return tx }}}
}

// sessionStore is what sessions are read from and ended in.
type sessionStore struct {
	*persistence.SessionStore
	unit[accounts.SessionTx]
}

func newSessionStore(d *db.DB) sessionStore {
	return sessionStore{persistence.NewSessionStore(d),
		unit[accounts.SessionTx]{persistence.NewStore(d), func(tx *persistence.Tx) accounts.SessionTx { return tx }}}
}

// apiKeyStore is what API keys are read from and changed in.
type apiKeyStore struct {
	*persistence.APIKeyStore
	unit[accounts.APIKeyTx]
}

func newAPIKeyStore(d *db.DB) apiKeyStore {
	return apiKeyStore{persistence.NewAPIKeyStore(d),
		unit[accounts.APIKeyTx]{persistence.NewStore(d), func(tx *persistence.Tx) accounts.APIKeyTx { return tx }}}
}

// codeStore is what registration codes are read from and changed in.
type codeStore struct {
	*persistence.RegistrationCodeStore
	unit[accounts.RegistrationCodeTx]
}

func newCodeStore(d *db.DB) codeStore {
	return codeStore{persistence.NewRegistrationCodeStore(d),
		unit[accounts.RegistrationCodeTx]{persistence.NewStore(d), func(tx *persistence.Tx) accounts.RegistrationCodeTx { return tx }}}
}

// environmentStore is what environments are read from and changed in.
type environmentStore struct {
	*persistence.EnvironmentStore
	unit[directory.EnvironmentTx]
}

func newEnvironmentStore(d *db.DB) environmentStore {
	return environmentStore{persistence.NewEnvironmentStore(d),
		unit[directory.EnvironmentTx]{persistence.NewStore(d), func(tx *persistence.Tx) directory.EnvironmentTx { return tx }}}
}

// objectStore is what objects are read from and changed in.
type objectStore struct {
	*persistence.ObjectStore
	unit[objects.ObjectTx]
}

func newObjectStore(d *db.DB) objectStore {
	return objectStore{persistence.NewObjectStore(d),
		unit[objects.ObjectTx]{persistence.NewStore(d), func(tx *persistence.Tx) objects.ObjectTx { return tx }}}
}

// socialStore is the same for what people keep for themselves.
type socialStore struct {
	*persistence.SocialStore
	unit[objects.SocialTx]
}

func newSocialStore(d *db.DB) socialStore {
	return socialStore{persistence.NewSocialStore(d),
		unit[objects.SocialTx]{persistence.NewStore(d), func(tx *persistence.Tx) objects.SocialTx { return tx }}}
}

// topicStore is the same for the topics of people alone.
type topicStore struct {
	*persistence.ObjectStore
	unit[directory.TopicTx]
}

func newTopicStore(d *db.DB) topicStore {
	return topicStore{persistence.NewObjectStore(d),
		unit[directory.TopicTx]{persistence.NewStore(d), func(tx *persistence.Tx) directory.TopicTx { return tx }}}
}

// directoryStore is what whole organizations are read from and written to.
type directoryStore struct{ *persistence.DirectoryStore }

// Write implements transfer.DirectoryStore.
func (s directoryStore) Write(ctx context.Context, w tenancy.WriteScope, work func(transfer.Tx) error) error {
	return s.DirectoryStore.Write(ctx, w, func(tx *persistence.DirectoryTx) error { return work(tx) })
}
