package persistence

import (
	"context"
	"errors"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// AccountStore reads accounts for signing in, before there is a principal, and keeps what
// signing in leaves behind.
type AccountStore struct {
	db *db.DB
	// names and keys remember whose login names and API keys are.
	names owners[domain.UserKey]
	keys  owners[domain.APIKeyRef]
	// recent are the callers who asked last.
	recent *lru.Cache[asked, presented]
}

// asked is what a request presents: a login, a session with the key that signed its token, or the hash of an API key.
type asked struct {
	login   string
	session domain.SessionKey
	key     string
	apiKey  string
}

// presented is what was read of whoever presents it, in a version of the database.
type presented struct {
	version db.Version
	account domain.Account
	signed  bool
}

// Callers are remembered as long as nothing is written: recentCallers of them, of whom none is in more than
// recentPlaces groups and places.
const (
	recentCallers = 2 << 10
	recentPlaces  = 32
)

// remembered returns what read returns, or what it returned last if the database is as it was before that. Its lists
// are shared: nobody may change what is in them, and who appends to one gets another one.
func (s *AccountStore) remembered(key asked, read func() (presented, error)) (presented, error) {
	version, ok := s.db.Version()
	if !ok {
		return read()
	}
	if known, found := s.recent.Get(key); found && known.version == version {
		return known, nil
	}
	a, err := read()
	if p := &a.account.Principal; err == nil && len(p.Groups)+len(p.Allowed)+len(p.Blocked) <= recentPlaces {
		a.version = version // asked for before it was read: if it was another one already, that is not found again
		p.Groups, p.Allowed, p.Blocked = slices.Clip(p.Groups), slices.Clip(p.Allowed), slices.Clip(p.Blocked)
		s.recent.Add(key, a)
	}
	return a, err
}

// NewAccountStore returns the store of accounts in d.
func NewAccountStore(d *db.DB) *AccountStore {
	recent, _ := lru.New[asked, presented](recentCallers) // it fails for sizes below 1 only
	return &AccountStore{d, newOwners[domain.UserKey](), newOwners[domain.APIKeyRef](), recent}
}

func (s *AccountStore) SignedIn(ctx context.Context, o domain.OrganizationID, id domain.UserID, at time.Time) error {
	_, err := s.db.NewUpdate().Model((*userRow)(nil)).
		Set("last_connected_at = ?0, last_seen_at = ?0, idle_since = ?0", db.Millis(at)).
		Where("u.organization_id = ? AND u.id = ?", int64(o), int64(id)).Exec(ctx)
	return db.Translate(err)
}

func (s *AccountStore) Rehash(ctx context.Context, o domain.OrganizationID, id domain.UserID, old,
	renewed domain.PasswordHash) error {
	_, err := s.db.NewUpdate().Model((*userRow)(nil)).Set("password_hash = ?", string(renewed)).
		Where("u.organization_id = ? AND u.id = ? AND u.password_hash = ?", int64(o), int64(id), string(old)).Exec(ctx)
	return db.Translate(err)
}

// failureRow is a row of the table sign_in_failures.
type failureRow struct {
	bun.BaseModel `bun:"table:sign_in_failures,alias:f"`

	Subject  string
	Failures int64
	Since    int64
	LastAt   int64
}

func (s *AccountStore) Failures(ctx context.Context, subjects []string) (map[string]domain.Failures, error) {
	var rows []failureRow
	err := s.db.NewSelect().Model(&rows).Where("f.subject IN (?)", db.In(subjects)).Scan(ctx)
	failures := make(map[string]domain.Failures, len(rows))
	for _, r := range rows {
		failures[r.Subject] = domain.Failures{Count: r.Failures, Since: db.Moment(r.Since), Last: db.Moment(r.LastAt)}
	}
	return failures, db.Translate(err)
}

// knownAddressRow is a row of the table known_addresses.
type knownAddressRow struct {
	bun.BaseModel `bun:"table:known_addresses,alias:a"`

	OrganizationID int64
	UserID         int64
	Address        string
	LastAt         int64
}

func (s *AccountStore) KnowsAddress(ctx context.Context, o domain.OrganizationID, id domain.UserID, address string,
	since time.Time) (bool, error) {
	known, err := s.db.NewSelect().Model((*knownAddressRow)(nil)).Apply(owned(domain.UserKey{Organization: o, User: id})).
		Where("a.address = ? AND a.last_at > ?", address, db.Millis(since)).Exists(ctx)
	return known, db.Translate(err)
}

func (s *AccountStore) RememberAddress(ctx context.Context, o domain.OrganizationID, id domain.UserID, address string,
	at time.Time) error {
	_, err := s.db.NewInsert().
		Model(&knownAddressRow{OrganizationID: int64(o), UserID: int64(id), Address: address, LastAt: db.Millis(at)}).
		On("CONFLICT (organization_id, user_id, address) DO UPDATE").Set("last_at = excluded.last_at").Exec(ctx)
	return db.Translate(err)
}

const day = 24 * time.Hour

// swept says of what has ended how long it is kept.
var swept = []struct {
	table, ended string
	kept         time.Duration
}{
	{"sessions", "expires_at <= ?", 0},
	{"signing_keys", "until_at > 0 AND until_at <= ?", 0},
	{"sign_in_failures", "last_at < ?", day},
	{"known_addresses", "last_at < ?", 90 * day},
	{"secrets", "expires_at < ?", day},
	{"limits", "last_at < ?", day},
	{"sign_in_reminders", "grace_until < ?", day},
	{"outbox", "state <> 0 AND done_at < ?", domain.MailKept},
}

// Sweep removes what has ended and no longer matters at now. What fails of it stands in the way of nothing
// else.
func (s *AccountStore) Sweep(ctx context.Context, now time.Time) error {
	var failed []error
	failed = append(failed, sweepAnswers(ctx, s.db, now))
	for _, of := range swept {
		failed = append(failed, s.db.Alone(ctx, func() error {
			_, err := s.db.NewDelete().Table(of.table).Where(of.ended, db.Millis(now.Add(-of.kept))).Exec(ctx)
			return err
		}))
	}
	return errors.Join(failed...)
}
