package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/app/dns"
	"canopy/app/loginname"
	"canopy/app/mail"
	"canopy/app/objects"
	"canopy/app/openid"
	"canopy/app/passkey"
	"canopy/app/picture"
	"canopy/app/transfer"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/rbac"
	"canopy/tenancy"
)

// UseCases are what can be done with a directory, whoever asks.
type UseCases struct {
	Users         *directory.Users
	Environments  *directory.Environments
	Organizations *directory.Organizations
	Groups        *directory.Groups
	Me            *directory.Me
	Sessions      *accounts.Sessions
	Factors       *accounts.Factors
	SigningKeys   *accounts.SigningKeys
	Admins        *directory.Admins
	APIKeys       *accounts.APIKeys
	Explain       *directory.Explain
	Audit         *directory.Audit
	Overviews     *directory.Overviews
	Accounts      *accounts.Accounts
	Codes         *accounts.RegistrationCodes
	Providers     *accounts.Providers
	Objects       *objects.Objects
	Topics        *objects.Topics
	Social        *objects.Social
	People        *directory.People
	Previews      *directory.Previews
	Imports       *directory.Imports
}

// Directory is an open directory: what can be done with it, and what belongs to serving it.
type Directory struct {
	DB   *db.DB
	Gate *tenancy.Gate
	UseCases

	config     Config
	access     access
	background background
	watch      *watch
	redirects  domain.Redirects
	declared   domain.Declared
	answers    *persistence.AnswerStore
	breached   *authn.Breached // may be nil
	hasher     *authn.Hasher
}

// Wire puts the use cases together over an open database.
func Wire(ctx context.Context, cfg Config, database *db.DB) (*Directory, error) {
	secret, err := loadKeys(ctx, &cfg, persistence.NewSettingStore(database))
	if err != nil {
		return nil, err
	}
	signingKeys := persistence.NewSigningKeyStore(database)
	if err := signingKeys.Ensure(ctx); err != nil {
		return nil, err
	}
	policy, err := rbac.Shipped()
	if err != nil {
		return nil, err
	}
	watch := newWatch(database, cfg.Log)
	cfg.Log = slog.New(outage{cfg.Log.Handler(), watch.health})
	d := &Directory{DB: database, config: cfg, watch: watch, answers: persistence.NewAnswerStore(database)}
	if d.declared, err = loadProperties(cfg.CustomProperties); err != nil {
		return nil, err
	}
	if d.redirects, err = domain.ParseRedirects(cfg.Redirects); err != nil {
		return nil, fmt.Errorf("--redirects: %w", err)
	}
	source := persistence.NewSource(database)
	letters, err := mail.NewLetters()
	if err != nil {
		return nil, err
	}
	post := &directory.Post{Letters: letters, Site: cfg.publicURL()}
	s := newStores(database, post)
	known := persistence.NewAccountStore(database)
	documents := tenancy.NewDocuments(source, watch.metrics)
	d.Gate = tenancy.NewGate(policy, source, documents, watch.metrics)
	if d.breached, err = openBreached(cfg.BreachedPasswords); err != nil {
		return nil, err
	}
	d.hasher = authn.NewHasher(cfg.PasswordCost, cfg.MinPasswordLength)
	d.hasher.Against(d.breached)
	passwords := authn.NewPasswords(d.hasher, known, secret.addresses, cfg.AnswerFloor, watch.metrics, cfg.Now)
	watch.metrics.countHashes(passwords.Waiting)
	tokens := authn.NewTokens(known, secret.tokens, cfg.issuing(), watch.metrics, cfg.Now)
	activity := authn.NewActivity(known, cfg.Now)
	rules := tenancy.NewSignInRules(source, watch.metrics)
	demands := authn.NewDemands(rules, d.Gate, cfg.Now)
	d.access = access{passwords: passwords, tokens: tokens, activity: activity, demands: demands,
		writes: newWrites(cfg.WriteRate)}
	pictures := picture.NewMaker()
	own := directory.NewOwnPasswords(d.Gate, rules, passwords, cfg.Now)
	d.Users = directory.NewUsers(d.Gate, documents, s.users, s.groups, passwords, own, pictures, loginname.Rules{},
		d.declared.Users, post, cfg.Now)
	d.Environments = directory.NewEnvironments(d.Gate, s.environments, rules, d.Users, cfg.Now)
	d.Organizations = directory.NewOrganizations(d.Gate, s.environments, d.Environments, pictures,
		d.declared.Organizations)
	d.Groups = directory.NewGroups(d.Gate, documents, s.groups, s.users, cfg.Now)
	d.Me = directory.NewMe(d.Gate, documents, s.users, known, passwords, own, cfg.Now)
	d.Sessions = accounts.NewSessions(d.Gate, d.Users, d.Me, s.sessions, known, passwords, demands,
		tokens, cfg.mailedPages(), cfg.Sessions, accounts.NewWatch(post, s.watch), cfg.Now)
	passkeys, err := passkey.New(cfg.publicURL())
	if err != nil {
		return nil, fmt.Errorf("--public-url: %w", err)
	}
	d.Factors = accounts.NewFactors(d.Sessions, s.factors, known, passwords, passkeys, cfg.site())
	d.SigningKeys = accounts.NewSigningKeys(signingKeys, tokens, commandLine, cfg.Sessions.Token, cfg.Now)
	d.Admins = directory.NewAdmins(d.Gate)
	d.APIKeys = accounts.NewAPIKeys(d.Gate, d.Users, s.apiKeys, cfg.Quotas.Keys, cfg.Now)
	d.Explain = directory.NewExplain(d.Gate, documents, s.users, known, s.users, cfg.Now)
	database.Quotas = cfg.Quotas
	database.Vault = db.NewVault(secret.vault)
	outbox := persistence.NewOutboxStore(database)
	d.People = directory.NewPeople(d.Gate, documents, d.Users, s.topics)
	d.Accounts = accounts.NewAccounts(d.Gate, d.Users, d.People, d.Environments, s.accounts, known, passwords,
		own, cfg.signUp(loginname.Rules{}, d.declared.Users), cfg.Now)
	d.Codes = accounts.NewRegistrationCodes(d.Gate, s.users, s.codes, cfg.Now)
	d.Providers = accounts.NewProviders(d.Gate, documents, d.Users, d.Sessions, s.providers, known,
		openid.NewParty(cfg.AllowPrivateProviders, cfg.Now), dns.NewResolver(cfg.DNSServer), database.Vault,
		loginname.Rules{}, cfg.providers(), cfg.Now)
	mailer, err := newMailer(&cfg, outbox, watch.metrics)
	if err != nil {
		return nil, err
	}
	d.Audit = directory.NewAudit(d.Gate, documents, persistence.NewAuditStore(database), s.users, s.objects, passwords,
		d.declared)
	d.Overviews = directory.NewOverviews(d.Gate, documents, persistence.NewOverviewStore(database), passwords, cfg.Now)
	d.Previews = directory.NewPreviews(d.Gate, documents, d.Audit, cfg.Previews, cfg.Now)
	d.Imports = directory.NewImports(s.imports, d.Users, d.Environments, d.Previews, d.Audit)
	usage := objects.NewUsageCounter(s.objects)
	d.Objects = objects.NewObjects(d.Gate, s.users, s.objects, usage, cfg.Now)
	d.Topics = objects.NewTopics(d.Gate, d.Objects, s.social)
	d.Social = objects.NewSocial(d.Gate, d.Me, d.Objects, s.social, cfg.Now)
	d.background = background{log: cfg.Log, now: cfg.Now, activity: activity, signIns: passwords, usage: usage,
		things:   s.objects.ObjectStore,
		leaving:  s.environments,
		accounts: d.Accounts, providers: d.Providers, outbox: outbox, mailer: mailer, folder: cfg.mailFolder(),
		reminders: accounts.NewReminders(persistence.NewStore(database), outbox, d.Users, cfg.mailedPages(), cfg.Now)}
	return d, nil
}

// Transfer returns the import and export of the directory, done by operator.
func Transfer(db *db.DB, operator string) *transfer.Directory {
	return transferOf(directoryStore{persistence.NewDirectoryStore(db)}, db, operator)
}

func transferOf(store transfer.DirectoryStore, db *db.DB, operator string) *transfer.Directory {
	return transfer.NewDirectory(store, loginname.Rules{}, operator, db.Now)
}

// commandLine is who works at the command line, in the audit trail.
const commandLine = "(command line)"

// Operator returns a principal for whoever works at the command line: a superUser who is
// nobody of the directory.
func (d *Directory) Operator(ctx context.Context) (domain.Principal, error) {
	generations, err := persistence.NewSource(d.DB).Generations(ctx, []domain.OrganizationID{domain.RootOrganization})
	generation := generations[domain.RootOrganization]
	return domain.Principal{
		Subject: domain.Subject{Organization: domain.RootOrganization, Home: domain.RootPath,
			Role: domain.RoleSuperUser, Groups: []domain.GroupID{domain.RootGroup}},
		Alias: commandLine, Generation: generation, RootGeneration: generation,
		Proved: domain.Proved{Proof: domain.ByPasskey},
	}, err
}

// Close closes the database, after what was noted of people's activity and of the usage of
// objects is written down.
func (d *Directory) Close() error {
	d.background.flush()
	d.watch.health.close()
	d.hasher.Close()
	return errors.Join(d.breached.Close(), d.DB.Close())
}
