package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/app/loginname"
	"canopy/app/mail"
	"canopy/app/objects"
	"canopy/app/picture"
	"canopy/app/transfer"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/policies"
	"canopy/rbac"
	"canopy/tenancy"
)

// Directory is an open directory with everything that can be done with it.
type Directory struct {
	DB            *db.DB
	Gate          *tenancy.Gate
	Users         *directory.Users
	Environments  *directory.Environments
	Organizations *directory.Organizations
	Groups        *directory.Groups
	Me            *directory.Me
	Sessions      *accounts.Sessions
	SigningKeys   *accounts.SigningKeys
	Admins        *directory.Admins
	APIKeys       *accounts.APIKeys
	Explain       *directory.Explain
	Audit         *directory.Audit
	Accounts      *accounts.Accounts
	Objects       *objects.Objects
	Topics        *objects.Topics
	Social        *objects.Social
	People        *directory.People

	passwords *authn.Passwords
	tokens    *authn.Tokens
	activity  *authn.Activity
	writes    *writes
	usage     *objects.UsageCounter
	copies    *persistence.CopyRequestStore
	accounts  *persistence.AccountStore
	metrics   *metrics
	health    *health
	schema    schemaWatch
	outbox    *persistence.OutboxStore
	mailer    *mail.Worker
	config    Config
	redirects domain.Redirects
	declared  domain.Declared
}

// OpenDatabase opens the configured database, which it makes if there is none, and brings
// its schema up to date.
func OpenDatabase(ctx context.Context, cfg *Config) (*db.DB, error) {
	db, err := ConnectDatabase(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if _, err := Migrate(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// OpenPresent opens the database of a directory that is there, and changes nothing: it fails
// if there is none, or if its schema is not up to date.
func OpenPresent(ctx context.Context, cfg *Config) (*db.DB, error) {
	db, err := ConnectPresent(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := checkPresent(ctx, cfg, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func checkPresent(ctx context.Context, cfg *Config, database *db.DB) error {
	if _, err := unknownSteps(ctx, database, ReadBuild().Version); err != nil {
		return err
	}
	steps, err := database.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	pending := func(m db.Migration) bool { return m.Applied.IsZero() }
	switch {
	case pending(steps[0]):
		return noDirectory(cfg)
	case slices.ContainsFunc(steps, pending):
		return errors.New("migrations are pending: run canopy migrate up, or start the server")
	}
	there, err := exists(ctx, database)
	if err == nil && !there {
		err = noDirectory(cfg)
	}
	return err
}

// errNoDirectory is the cause of an error that says where there is no directory.
var errNoDirectory = errors.New("there is no directory")

func noDirectory(cfg *Config) error {
	if cfg.DatabaseURL != "" {
		return fmt.Errorf("%w in the database", errNoDirectory)
	}
	return fmt.Errorf("%w in %s", errNoDirectory, cfg.Data)
}

// ConnectPresent opens the configured database as it is, and does not make one.
func ConnectPresent(ctx context.Context, cfg *Config) (*db.DB, error) {
	if cfg.DatabaseURL == "" {
		if _, err := os.Stat(cfg.databaseFile()); errors.Is(err, fs.ErrNotExist) {
			return nil, noDirectory(cfg)
		}
	}
	return ConnectDatabase(ctx, cfg)
}

// connectWithin bounds how long the database may take to answer at the start.
const connectWithin = 10 * time.Second

// ConnectDatabase opens the configured database as it is, or makes an empty one.
func ConnectDatabase(ctx context.Context, cfg *Config) (*db.DB, error) {
	var database *db.DB
	var err error
	if cfg.DatabaseURL == "" {
		if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
			return nil, fmt.Errorf("--data: make the data folder: %w", err)
		}
		database, err = db.OpenSQLite(cfg.databaseFile())
	} else {
		database, err = connectPostgres(ctx, cfg.DatabaseURL)
	}
	if err != nil {
		return nil, err
	}
	database.Now = cfg.Now
	return database, nil
}

func connectPostgres(ctx context.Context, url string) (*db.DB, error) {
	database, err := db.OpenPostgres(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("--database-url: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	if err := database.Ping(ctx); err != nil {
		database.Close()
		return nil, fmt.Errorf("--database-url: the database does not answer: %s", db.WhyNoConnection(err))
	}
	return database, nil
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
	policy, err := rbac.New(policies.Model, policies.Policy)
	if err != nil {
		return nil, err
	}
	d := &Directory{DB: database, config: cfg, writes: newWrites(cfg.WriteRate), metrics: newMetrics(database)}
	d.health = newHealth(database, cfg.Log, d.metrics.troubled)
	d.metrics.showHealth(d.health.up)
	cfg.Log = slog.New(outage{cfg.Log.Handler(), d.health})
	d.config.Log = cfg.Log
	if d.declared, err = loadProperties(cfg.CustomProperties); err != nil {
		return nil, err
	}
	if d.redirects, err = domain.ParseRedirects(cfg.Redirects); err != nil {
		return nil, fmt.Errorf("--redirects: %w", err)
	}
	source := persistence.NewSource(database)
	users, environments, groups := newUserStore(database), persistence.NewEnvironmentStore(database), newGroupStore(database)
	d.accounts = persistence.NewAccountStore(database)
	documents := tenancy.NewDocuments(source, d.metrics)
	d.Gate = tenancy.NewGate(policy, source, documents, d.metrics)
	d.passwords = authn.NewPasswords(authn.NewHasher(cfg.PasswordCost, cfg.MinPasswordLength), d.accounts, secret.addresses, cfg.AnswerFloor, d.metrics, cfg.Now)
	d.metrics.countHashes(d.passwords.Waiting)
	d.tokens = authn.NewTokens(d.accounts, secret.tokens, d.metrics, cfg.Now)
	d.activity = authn.NewActivity(d.accounts, cfg.Now)
	letters, err := mail.NewLetters()
	if err != nil {
		return nil, err
	}
	pictures := picture.NewMaker()
	d.Users = directory.NewUsers(d.Gate, documents, users, groups, d.passwords, pictures, loginname.Rules{}, d.declared.Users, letters, cfg.publicURL(), cfg.Now)
	d.Environments = directory.NewEnvironments(d.Gate, environments)
	d.Organizations = directory.NewOrganizations(d.Gate, environments, d.Environments, pictures, d.declared.Organizations)
	d.Groups = directory.NewGroups(d.Gate, documents, groups, users, cfg.Now)
	d.Me = directory.NewMe(d.Gate, documents, users, d.accounts, d.passwords, cfg.Now)
	d.Sessions = accounts.NewSessions(d.Gate, users, persistence.NewSessionStore(database), d.accounts, d.passwords, d.tokens, cfg.Sessions, cfg.Now)
	d.SigningKeys = accounts.NewSigningKeys(signingKeys, commandLine, cfg.Sessions.Token)
	d.Admins = directory.NewAdmins(d.Gate)
	d.APIKeys = accounts.NewAPIKeys(d.Gate, d.Users, users, persistence.NewAPIKeyStore(database), cfg.Quotas.Keys, cfg.Now)
	d.Explain = directory.NewExplain(d.Gate, documents, users, d.accounts, cfg.Now)
	database.Quotas = cfg.Quotas
	database.Vault = db.NewVault(secret.vault)
	d.outbox = persistence.NewOutboxStore(database)
	d.People = directory.NewPeople(d.Gate, documents, d.Users, persistence.NewObjectStore(database))
	d.Accounts = accounts.NewAccounts(d.Gate, d.Users, d.People, accounts.AccountStores{Users: newAccountStore(database), Accounts: d.accounts,
		Codes: persistence.NewRegistrationCodeStore(database), Outbox: d.outbox},
		d.passwords, cfg.signUp(loginname.Rules{}, d.declared.Users), cfg.Now)
	if err := d.prepareMail(); err != nil {
		return nil, err
	}
	d.Audit = directory.NewAudit(d.Gate, persistence.NewAuditStore(database), users, persistence.NewObjectStore(database), d.passwords, d.declared)
	d.usage, d.copies = objects.NewUsageCounter(persistence.NewUsageStore(database)), persistence.NewCopyRequestStore(database)
	d.Objects = objects.NewObjects(d.Gate, users, persistence.NewObjectStore(database), d.copies, persistence.NewBookmarkStore(database), d.usage, cfg.Now)
	d.Topics = objects.NewTopics(d.Gate, d.Objects, persistence.NewFavouriteStore(database), persistence.NewPresenceStore(database))
	d.Social = objects.NewSocial(d.Gate, d.Me, d.Objects, objects.SocialStores{Favourites: persistence.NewFavouriteStore(database),
		Contacts: persistence.NewContactStore(database), Presences: persistence.NewPresenceStore(database)}, cfg.Now)
	return d, nil
}

// Transfer returns the import and export of the directory, done by operator.
func Transfer(db *db.DB, operator string) *transfer.Directory {
	return transfer.NewDirectory(persistence.NewDirectoryStore(db), loginname.Rules{}, operator, db.Now)
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
	}, err
}

// Close closes the database, after what was noted of people's activity and of the usage of
// objects is written down.
func (d *Directory) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := d.activity.Flush(ctx); err != nil {
		d.config.Log.Warn("activity could not be written down", "error", err)
	}
	if err := d.passwords.Flush(ctx); err != nil {
		d.config.Log.Error("sign-ins could not be written into the audit trail", "error", err)
	}
	if err := d.usage.Flush(ctx); err != nil {
		d.config.Log.Error("usage of objects could not be written down", "error", err)
	}
	d.health.close()
	return d.DB.Close()
}
