package authn

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/app/loginname"
	"canopy/app/transfer"
	"canopy/app/transfer/document"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/testdb"
	"canopy/tenancy"
)

// cheap is a cost at which hashing takes no time to speak of.
var cheap = Cost{Memory: 64, Passes: 1}

// clock is a clock that a test moves.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time { return c.at }

// looks counts hits and misses of caches.
type looks map[bool]int

func (l looks) Looked(_ string, hit bool) { l[hit]++ }

// unlooked does not count them, where several look at once.
type unlooked struct{}

func (unlooked) Looked(string, bool) {}

// people is a document of the root and of users with one password in it.
type people struct {
	hash    domain.PasswordHash
	aliases []string
}

// Sections implements document.Document.
func (p people) Sections() iter.Seq2[*document.Section, error] {
	return func(yield func(*document.Section, error) bool) {
		root, home, group := "root", domain.EnvironmentRef("/"), domain.GroupRef("User")
		var groups []document.GroupRecord
		built := domain.BuiltInGroups()
		for _, g := range built {
			parent := domain.GroupRef(built[g.Parent-1].Alias)
			groups = append(groups, document.GroupRecord{Line: 1, Number: int64(g.ID),
				GroupPatch: directory.GroupPatch{Alias: &g.Alias, Parent: &parent, Mask: &g.Mask}})
		}
		yield(&document.Section{Path: "/", Groups: groups,
			Environments: []document.EnvironmentRecord{
				{Line: 1, Path: "/", Number: 1, EnvironmentPatch: directory.EnvironmentPatch{Alias: &root}}},
			Users: func(yield func(document.UserRecord, error) bool) {
				for _, alias := range p.aliases {
					record := document.UserRecord{Line: 1, Hash: &p.hash,
						UserPatch: directory.UserPatch{Alias: &alias, FirstName: &alias, Home: &home, Group: &group}}
					if !yield(record, nil) {
						return
					}
				}
			},
		}, nil)
	}
}

// directoryStore is what people are imported into.
type directoryStore struct{ *persistence.DirectoryStore }

// Write implements transfer.DirectoryStore.
func (s directoryStore) Write(ctx context.Context, w tenancy.WriteScope, work func(transfer.Tx) error) error {
	return s.DirectoryStore.Write(ctx, w, func(tx *persistence.DirectoryTx) error { return work(tx) })
}

// accountsOf returns the accounts of a new directory with those users, whose password was
// hashed as hash.
func accountsOf(t *testing.T, c *clock, hash domain.PasswordHash, aliases ...string) *persistence.AccountStore {
	t.Helper()
	db, err := db.OpenSQLite(testdb.SQLite(t))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	db.Now = c.now
	_, err = db.Migrate(t.Context())
	require.NoError(t, err)
	report, err := transfer.NewDirectory(directoryStore{persistence.NewDirectoryStore(db)}, loginname.Rules{}, "(test)",
		db.Now).
		Import(t.Context(), people{hash, aliases}, transfer.ImportOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	require.NoError(t, persistence.NewSigningKeyStore(db).Ensure(t.Context()))
	return persistence.NewAccountStore(db)
}

func TestSignInRenewsTheHash(t *testing.T) {
	c := newClock()
	old := NewHasher(cheap, 6).hash("correct horse")
	accounts := accountsOf(t, c, old, "ada")
	stored := func() domain.PasswordHash {
		account, err := accounts.ByLogin(t.Context(), "ada")
		require.NoError(t, err)
		return account.Hash
	}
	seen := looks{}
	p := NewPasswords(NewHasher(Cost{Memory: 128, Passes: 1}, 6), accounts, []byte("key"), 0, seen, c.now)

	_, err := p.Recognise(t.Context(), "ada", "wrong horse", "192.0.2.1")
	require.ErrorIs(t, err, domain.ErrBadCredentials)
	_, err = p.Recognise(t.Context(), "eve", "correct horse", "192.0.2.1")
	require.ErrorIs(t, err, domain.ErrBadCredentials)
	require.True(t, old == stored(), "a failed sign-in leaves the hash")

	for range 2 {
		require.NoError(t, signIn(t.Context(), p, "ADA", "correct horse", "192.0.2.1", true))
		renewed := stored()
		require.False(t, old == renewed, "the hash is renewed")
		ok, renew, err := p.Verify(t.Context(), domain.Party{}, renewed, "correct horse")
		require.NoError(t, err)
		require.True(t, ok)
		require.False(t, renew)
	}
	require.Equal(t, looks{false: 2, true: 1}, seen)
}

// signIn signs somebody in as a session or a request does, and judges that they may.
func signIn(ctx context.Context, p *Passwords, login, password, address string, may bool) error {
	a, err := p.Recognise(ctx, login, password, address)
	if err != nil {
		return err
	}
	return p.Enter(ctx, &a, address, func(context.Context, *domain.Account) error {
		if !may {
			return domain.ErrOnlyProvider
		}
		return nil
	})
}

// Of whoever is refused behind the right password nothing is kept but that in the audit trail: not when they came, not
// from where, and not what they typed.
func TestWhoIsRefusedIsNotRemembered(t *testing.T) {
	c := newClock()
	hasher := NewHasher(cheap, 6)
	accounts := accountsOf(t, c, hasher.hash("correct horse"), "ada")
	seen := looks{}
	p := NewPasswords(hasher, accounts, []byte("key"), 0, seen, c.now)
	ada, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	const address = "192.0.2.1"
	known := func() bool {
		known, err := p.throttle.known(t.Context(), p.throttle.attempt("ada", address), &ada)
		require.NoError(t, err)
		return known
	}
	actions := func() (all []string) {
		for _, s := range p.trail.counted {
			all = append(all, s.Action)
		}
		return all
	}
	c.at = c.at.Add(time.Hour)
	for range 2 {
		require.ErrorIs(t, signIn(t.Context(), p, "ada", "correct horse", address, false), domain.ErrOnlyProvider)
	}
	require.Equal(t, looks{false: 2}, seen)
	require.False(t, known())
	require.Equal(t, []string{domain.SignInPassword}, actions())
	before, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, ada.IdleSince, before.IdleSince)

	require.NoError(t, signIn(t.Context(), p, "ada", "correct horse", address, true))
	require.NoError(t, signIn(t.Context(), p, "ada", "correct horse", address, true))
	require.Equal(t, looks{false: 3, true: 1}, seen)
	require.True(t, known())
	require.ElementsMatch(t, []string{domain.SignInPassword, domain.SignInSuccess}, actions())
	after, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, c.at, after.IdleSince)
}

// Of whoever has still to prove more nothing is noted but that their password was right, and that it is remembered
// takes nothing from the note of the sign-in that is whole; that one is noted again after a while only.
func TestASignInThatIsNotWholeIsNotNoted(t *testing.T) {
	c := newClock()
	hasher := NewHasher(cheap, 6)
	accounts := accountsOf(t, c, hasher.hash("correct horse"), "ada")
	seen := looks{}
	p := NewPasswords(hasher, accounts, []byte("key"), 0, seen, c.now)
	const address = "192.0.2.1"
	enter := func(missing domain.Proof) {
		t.Helper()
		a, err := p.Recognise(t.Context(), "ada", "correct horse", address)
		require.NoError(t, err)
		require.NoError(t, p.Enter(t.Context(), &a, address, func(_ context.Context, a *domain.Account) error {
			a.Missing = missing
			return nil
		}))
	}
	// noted returns when the last sign-in was, whether one came from the address, and what the trail counts.
	noted := func() (last time.Time, known bool, times map[string]int64) {
		t.Helper()
		ada, err := accounts.ByLogin(t.Context(), "ada")
		require.NoError(t, err)
		known, err = p.throttle.known(t.Context(), p.throttle.attempt("ada", address), &ada)
		require.NoError(t, err)
		times = map[string]int64{}
		for _, s := range p.trail.counted {
			times[s.Action] += s.Times
		}
		return ada.IdleSince, known, times
	}
	before, _, _ := noted()
	c.at = c.at.Add(time.Hour)
	for range 2 {
		enter(domain.ByCode)
	}
	last, known, times := noted()
	require.Equal(t, before, last)
	require.False(t, known)
	require.Equal(t, map[string]int64{domain.SignInPassword: 2}, times)
	require.Equal(t, looks{false: 1, true: 1}, seen, "the second time nothing is hashed")

	began := c.at.Add(time.Minute)
	for range 2 {
		c.at = c.at.Add(time.Minute)
		enter(domain.ByPassword)
		last, known, times = noted()
		require.Equal(t, began, last)
		require.True(t, known)
		require.Equal(t, map[string]int64{domain.SignInPassword: 2, domain.SignInSuccess: 1}, times)
	}
	c.at = c.at.Add(noteEvery)
	enter(domain.ByPassword)
	last, _, times = noted()
	require.Equal(t, c.at, last)
	require.Equal(t, int64(2), times[domain.SignInSuccess])
}

// A right password takes back wrong ones of the name from its address, whatever the rules say then, so that nobody waits
// who has guessed nothing; wrong codes it does not, so that nobody begins anew to guess them.
func TestAPasswordForgivesPasswordsOnly(t *testing.T) {
	c := newClock()
	hasher := NewHasher(cheap, 6)
	accounts := accountsOf(t, c, hasher.hash("correct horse"), "ada")
	p := NewPasswords(hasher, accounts, []byte("key"), 0, unlooked{}, c.now)
	ada, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	for n := range int64(2 * codeFree) {
		for range pairFree - 1 {
			require.ErrorIs(t, signIn(t.Context(), p, "ada", "wrong horse", "192.0.2.1", true), domain.ErrBadCredentials)
		}
		require.ErrorIs(t, signIn(t.Context(), p, "ada", "correct horse", "192.0.2.1", false), domain.ErrOnlyProvider)
		_, err = p.TryCode(t.Context(), ada, "192.0.2.1", func() error { return domain.ErrBadCode })
		require.ErrorIs(t, err, []error{domain.ErrBadCode, domain.ErrTooMany}[min(n/codeFree, 1)])
	}
	a, err := p.Recognise(t.Context(), "ada", "correct horse", "192.0.2.1")
	require.NoError(t, err)
	for _, missing := range []domain.Proof{domain.ByCode, domain.ByPassword} {
		require.NoError(t, p.Enter(t.Context(), &a, "192.0.2.1", func(_ context.Context, a *domain.Account) error {
			a.Missing = missing
			return nil
		}))
		_, err = p.TryCode(t.Context(), ada, "192.0.2.1", func() error { return domain.ErrBadCode })
		require.ErrorIs(t, err, domain.ErrTooMany)
	}
}

// A server that is too busy to look at a password does not hold that against who sent it.
func TestBusyIsNoWrongPassword(t *testing.T) {
	c := newClock()
	hasher := NewHasher(cheap, 6)
	accounts := accountsOf(t, c, hasher.hash("correct horse"), "ada")
	p := NewPasswords(hasher, accounts, []byte("key"), 0, looks{}, c.now)
	account, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	hasher.queue.free, hasher.queue.most = 0, 0
	for range 10 {
		require.ErrorIs(t, p.Check(t.Context(), account, "correct horse", "192.0.2.1"), domain.ErrOverloaded)
	}
	hasher.queue.leave()
	_, err = p.Recognise(t.Context(), "ada", "correct horse", "192.0.2.1")
	require.NoError(t, err)
}
