package app

import (
	"context"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/app/transfer"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// watched is persistence.Store whose transactions tell at their end of the accounts for emergencies that they lost.
type watched struct {
	*persistence.Store
	tellLost func(accounts.BreakGlassTx) error
}

// unit is watched for a part of the directory, which sees of a transaction what its port Tx names.
type unit[Tx any] struct{ watched }

// Do runs work in one transaction within w.
func (u unit[Tx]) Do(ctx context.Context, w tenancy.WriteScope, work func(Tx) error) error {
	return u.Store.Do(ctx, w, func(tx *persistence.Tx) error {
		if err := work(any(tx).(Tx)); err != nil {
			return err
		}
		return u.tellLost(tx)
	})
}

// A transaction is whatever the ports of units name.
var _ interface {
	accounts.APIKeyTx
	accounts.BreakGlassTx
	accounts.FactorTx
	accounts.RegistrationCodeTx
	accounts.ProviderTx
	accounts.SessionTx
	accounts.Tx
	directory.EnvironmentTx
	directory.GroupTx
	directory.ImportTx
	directory.TopicTx
	directory.UserTx
	objects.ObjectTx
	objects.SocialTx
} = (*persistence.Tx)(nil)

// userNumbers gives new users their numbers.
type userNumbers struct{ users *persistence.UserStore }

// Number is that of persistence.UserStore.
func (n userNumbers) Number(ctx context.Context, u *domain.User) error { return n.users.Number(ctx, u) }

// What the parts of the directory read from, each with its unit of work.
type (
	groupStore struct {
		*persistence.GroupStore
		unit[directory.GroupTx]
	}
	userStore struct {
		*persistence.UserStore
		unit[directory.UserTx]
	}
	accountStore struct {
		*persistence.UserStore
		unit[accounts.Tx]
	}
	sessionStore struct {
		*persistence.SessionStore
		unit[accounts.SessionTx]
	}
	apiKeyStore struct {
		*persistence.APIKeyStore
		unit[accounts.APIKeyTx]
	}
	factorStore struct {
		*persistence.FactorStore
		unit[accounts.FactorTx]
	}
	codeStore struct {
		*persistence.RegistrationCodeStore
		unit[accounts.RegistrationCodeTx]
	}
	providerStore struct {
		*persistence.ProviderStore
		userNumbers
		unit[accounts.ProviderTx]
	}
	environmentStore struct {
		*persistence.EnvironmentStore
		unit[directory.EnvironmentTx]
	}
	objectStore struct {
		*persistence.ObjectStore
		unit[objects.ObjectTx]
	}
	socialStore struct {
		*persistence.SocialStore
		unit[objects.SocialTx]
	}
	topicStore struct {
		*persistence.ObjectStore
		unit[directory.TopicTx]
	}
)

// stores are one of each.
type stores struct {
	groups       groupStore
	users        userStore
	accounts     accountStore
	sessions     sessionStore
	apiKeys      apiKeyStore
	factors      factorStore
	codes        codeStore
	watch        unit[accounts.BreakGlassTx]
	providers    providerStore
	environments environmentStore
	objects      objectStore
	social       socialStore
	topics       topicStore
	imports      unit[directory.ImportTx]
}

func newStores(d *db.DB, post *directory.Post) stores {
	s := watched{persistence.NewStore(d), accounts.TellLost(post)}
	return stores{
		groups:   groupStore{persistence.NewGroupStore(d), unit[directory.GroupTx]{s}},
		users:    userStore{persistence.NewUserStore(d), unit[directory.UserTx]{s}},
		accounts: accountStore{persistence.NewUserStore(d), unit[accounts.Tx]{s}},
		sessions: sessionStore{persistence.NewSessionStore(d), unit[accounts.SessionTx]{s}},
		apiKeys:  apiKeyStore{persistence.NewAPIKeyStore(d), unit[accounts.APIKeyTx]{s}},
		factors:  factorStore{persistence.NewFactorStore(d), unit[accounts.FactorTx]{s}},
		codes:    codeStore{persistence.NewRegistrationCodeStore(d), unit[accounts.RegistrationCodeTx]{s}},
		watch:    unit[accounts.BreakGlassTx]{s},
		providers: providerStore{persistence.NewProviderStore(d), userNumbers{persistence.NewUserStore(d)},
			unit[accounts.ProviderTx]{s}},
		environments: environmentStore{persistence.NewEnvironmentStore(d), unit[directory.EnvironmentTx]{s}},
		objects:      objectStore{persistence.NewObjectStore(d), unit[objects.ObjectTx]{s}},
		social:       socialStore{persistence.NewSocialStore(d), unit[objects.SocialTx]{s}},
		topics:       topicStore{persistence.NewObjectStore(d), unit[directory.TopicTx]{s}},
		imports:      unit[directory.ImportTx]{s},
	}
}

// directoryStore is what whole organizations are read from and written to.
type directoryStore struct{ *persistence.DirectoryStore }

// Write implements transfer.DirectoryStore.
func (s directoryStore) Write(ctx context.Context, w tenancy.WriteScope, work func(transfer.Tx) error) error {
	return s.DirectoryStore.Write(ctx, w, func(tx *persistence.DirectoryTx) error { return work(tx) })
}
