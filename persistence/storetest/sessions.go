package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// nobodyMinds is the check of a change that no rule is against.
func nobodyMinds(domain.User) error { return nil }

// SessionStore is the store of sessions together with the changes that use cases make in its transactions.
type SessionStore struct {
	*persistence.SessionStore
	*persistence.Store
}

// End ends a session of a user, unless check returns an error.
func (s SessionStore) End(ctx context.Context, w tenancy.WriteScope, user domain.UserKey, id domain.UUID,
	check func(domain.User) error) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error {
		return onUser(tx, user, check, func() error { return tx.EndSession(user, id) })
	})
}

// EndAll ends all sessions of a user.
func (s SessionStore) EndAll(ctx context.Context, w tenancy.WriteScope, user domain.UserKey,
	check func(domain.User) error) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error {
		return onUser(tx, user, check, func() error { return tx.EndSessions(user) })
	})
}

// onUser changes what belongs to a user, unless check returns an error.
func onUser(tx *persistence.Tx, key domain.UserKey, check func(domain.User) error, change func() error) error {
	u, err := tx.User(key)
	if err != nil {
		return err
	}
	if err := check(u); err != nil {
		return err
	}
	return change()
}

// Sessions tests what the ports of sessions promise.
func Sessions(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.UserUpdate)
	list := func(t *testing.T, alias string) []domain.Session {
		t.Helper()
		sessions, err := w.Sessions.List(ctx, all.Read(), w.KeyOf(alias))
		require.NoError(t, err)
		return sessions
	}

	ended := func(t *testing.T) []domain.AuditEntry {
		t.Helper()
		entries, _, err := w.Audit.List(ctx, Everything(domain.AuditRead).Read().Choosing(Everything(domain.UserRead).Read()),
			domain.AuditFilter{Action: "session:end"}, domain.Page{})
		require.NoError(t, err)
		return entries
	}
	known := func(t *testing.T, s domain.Session) bool {
		t.Helper()
		_, _, err := w.Accounts.BySession(ctx, s.SessionKey, "")
		if err != nil {
			require.ErrorIs(t, err, domain.ErrSessionNotFound)
		}
		return err == nil
	}

	t.Run("a session comes back as it was stored", func(t *testing.T) {
		require.Equal(t, []domain.Session{w.SignIns["acme.user"]}, list(t, "acme.user"))
	})

	t.Run("a session finds its account", func(t *testing.T) {
		s := w.NewSession("acme.power", domain.CookieSession)
		s.Idle = time.Minute
		key, err := w.Accounts.Begin(ctx, s, 100, nil)
		require.NoError(t, err)
		require.Len(t, key, 16)
		found, signed, err := w.Accounts.BySession(ctx, s.SessionKey, key)
		require.NoError(t, err)
		require.True(t, signed)
		plain, err := w.Accounts.ByID(ctx, s.Organization, s.User)
		require.NoError(t, err)
		plain.Session = domain.Session{SessionKey: s.SessionKey, Kind: s.Kind, TokenEpoch: s.TokenEpoch,
			Environment: s.Environment,
			Hash:        s.Hash, LastUsed: s.LastUsed, Expires: s.Expires, Idle: s.Idle,
			Created: s.Created, Proved: s.Proved}
		require.Equal(t, plain, found)

		_, signed, err = w.Accounts.BySession(ctx, s.SessionKey, "0123456789abcdef")
		require.NoError(t, err)
		require.False(t, signed, "nobody made that key")
		for name, k := range map[string]domain.SessionKey{
			"another user": {UserKey: w.SignIns["acme.user"].UserKey, ID: s.ID},
			"another organization": {UserKey: domain.UserKey{Organization: w.SignIns["bolt.user"].Organization, User: s.User},
				ID: s.ID},
			"another session": {UserKey: s.UserKey, ID: w.SignIns["acme.user"].ID},
			"no session":      {UserKey: s.UserKey},
		} {
			_, _, err := w.Accounts.BySession(ctx, k, key)
			require.ErrorIs(t, err, domain.ErrSessionNotFound, name)
		}
	})

	t.Run("those used last are kept", func(t *testing.T) {
		before := w.SignIns["acme.labs"]
		var made []domain.Session
		for i := range 4 {
			s := w.NewSession("acme.labs", domain.TokenSession)
			s.LastUsed = before.LastUsed.Add(time.Duration(4-i) * time.Second)
			_, err := w.Accounts.Begin(ctx, s, 3, nil)
			require.NoError(t, err)
			made = append(made, s)
		}
		require.Equal(t, []domain.Session{made[0], made[1], made[3]}, list(t, "acme.labs"), "the newest is always kept")
		require.False(t, known(t, before))
		require.NotEmpty(t, list(t, "bolt.labs"), "others lose none")
	})

	t.Run("unfinished sessions end none but their own", func(t *testing.T) {
		before := w.SignIns["bolt.labs"]
		unfinished := func(network string) domain.Session {
			s := w.NewSession("bolt.labs", domain.CookieSession)
			s.Environment, s.Network = 0, network
			_, err := w.Accounts.Begin(ctx, s, 7, nil)
			require.NoError(t, err)
			return s
		}
		alive := func(all []domain.Session) (n int) {
			for _, s := range all {
				if known(t, s) {
					n++
				}
			}
			return n
		}
		owner := unfinished("192.0.2.9")
		var near, far []domain.Session
		for range 9 {
			near = append(near, unfinished("198.51.100.1"))
		}
		require.Equal(t, domain.UnfinishedFrom, alive(near), "one network")
		require.Equal(t, domain.UnfinishedFrom, alive(near[4:]), "the last ones")
		require.True(t, known(t, owner), "another network")
		for n := range 9 {
			far = append(far, unfinished(fmt.Sprintf("203.0.113.%d", n)))
		}
		require.Equal(t, 7, alive(far), "all networks")
		require.Zero(t, alive(append(near, owner)))
		require.True(t, known(t, before), "one that was proved")

		proved := w.NewSession("bolt.labs", domain.CookieSession)
		require.NoError(t, w.Factors.OnUser(ctx, Everything(domain.UserUpdate), proved.UserKey,
			func(tx *persistence.Tx) error { return tx.RenewSession(far[8].SessionKey, proved, 1, nil) }))
		require.False(t, known(t, before), "one that is proved now counts")
		require.Equal(t, 6, alive(far))
	})

	t.Run("what has ended is not shown, and goes with the next sign-in", func(t *testing.T) {
		now := w.DB.Now().UTC().Truncate(time.Millisecond)
		begin := func(change func(*domain.Session)) domain.Session {
			s := w.NewSession("bolt.power", domain.CookieSession)
			change(&s)
			_, err := w.Accounts.Begin(ctx, s, 100, nil)
			require.NoError(t, err)
			return s
		}
		expired := begin(func(s *domain.Session) { s.Expires = now })
		require.True(t, known(t, expired))
		idle := begin(func(s *domain.Session) { s.Idle, s.LastUsed = time.Minute, now.Add(-time.Minute) })
		require.False(t, known(t, expired))
		stale := begin(func(s *domain.Session) { s.TokenEpoch = 0 })
		require.False(t, known(t, idle))
		require.Len(t, list(t, "bolt.power"), 1)
		fresh := begin(func(s *domain.Session) {})
		require.False(t, known(t, stale))
		require.Len(t, list(t, "bolt.power"), 2)
		require.True(t, known(t, fresh))
	})

	t.Run("who begins a session on a new device is told, a few times a day", func(t *testing.T) {
		now, told := w.DB.Now().UTC().Truncate(time.Millisecond), 0
		begin := func(alias, network, client string) (mails int) {
			now = now.Add(time.Second)
			s, before := w.NewSession(alias, domain.CookieSession), told
			s.Network, s.Client, s.Created = network, client, now
			tell := func(u *domain.User) domain.Mail {
				require.Equal(t, w.KeyOf(alias), u.Key())
				told++
				return domain.Mail{Kind: "new", To: u.Person.Mail, User: u.Key()}
			}
			_, err := w.Accounts.Begin(ctx, s, 100, tell)
			require.NoError(t, err)
			return told - before
		}
		const firefox, later = "Mozilla/5.0 (X11; Linux) Firefox/140.0", "Mozilla/5.0 (X11; Linux) Firefox/141.0"
		require.Zero(t, begin("acme.power", "192.0.2.1", firefox), "of the first nobody is told")
		require.Zero(t, begin("acme.power", "192.0.2.1", later), "the same browser")
		require.Equal(t, 1, begin("acme.power", "192.0.2.2", firefox), "another network")
		require.Equal(t, 1, begin("acme.power", "192.0.2.1", "curl/8.5"), "another program")
		require.Zero(t, begin("acme.power", "192.0.2.2", "curl/8.6"), "both were there, though not together")
		require.Zero(t, begin("bolt.power", "192.0.2.2", firefox), "others know other devices")
		weak := w.NewSession("acme.power", domain.CookieSession)
		weak.Network, weak.Client, weak.Environment = "192.0.2.9", firefox, 0
		tell := func(u *domain.User) domain.Mail {
			told++
			return domain.Mail{Kind: "new", To: u.Person.Mail, User: u.Key()}
		}
		_, err := w.Accounts.Begin(ctx, weak, 100, tell)
		require.NoError(t, err)
		require.Equal(t, 2, told, "who has still to prove a factor has not signed in")
		whole := w.NewSession("acme.power", domain.CookieSession)
		whole.Network, whole.Client, whole.Created = weak.Network, firefox, now
		require.NoError(t, w.Factors.OnUser(ctx, Everything(domain.UserUpdate), whole.UserKey,
			func(tx *persistence.Tx) error { return tx.RenewSession(weak.SessionKey, whole, 100, tell) }))
		require.Equal(t, 3, told, "who has proved it has")
		w.exec(t, "UPDATE users SET state = ? WHERE id = ?", int64(domain.Unverified), int64(w.KeyOf("bolt.power").User))
		require.Zero(t, begin("bolt.power", "192.0.2.3", firefox), "nobody has proved the address")
		w.exec(t, "UPDATE users SET state = ? WHERE id = ?", int64(domain.Approved), int64(w.KeyOf("bolt.power").User))
		mails := 0
		for i := range 40 {
			mails += begin("acme.power", fmt.Sprint("198.51.100.", i), firefox)
		}
		require.Equal(t, 2, mails, "five a day in all")
		now = now.Add(25 * time.Hour)
		require.Equal(t, 1, begin("acme.power", "198.51.100.1", "okhttp/5"))
		kept, err := w.DB.NewSelect().Table("known_devices").
			Where("user_id = ?", int64(w.KeyOf("acme.power").User)).Count(ctx)
		require.NoError(t, err)
		require.LessOrEqual(t, int(kept), 33+5, "those used last")
		var posted int
		err = w.DB.NewSelect().Table("outbox").ColumnExpr("count(*)").Where("kind = 'new'").Scan(ctx, &posted)
		require.NoError(t, err)
		require.Equal(t, told, posted)
	})

	t.Run("a session of nobody is not begun", func(t *testing.T) {
		s := w.NewSession("acme.user", domain.TokenSession)
		s.User = 999_999
		_, err := w.Accounts.Begin(ctx, s, 100, nil)
		require.ErrorIs(t, err, domain.ErrChanged)
	})

	t.Run("a renewal saves what changed, and its error nothing", func(t *testing.T) {
		s := w.SignIn(t, "acme.admin", domain.RefreshSession)
		renewal := domain.Renewal{Presented: domain.SessionSecret{SessionKey: s.SessionKey, Hash: s.Hash}, Next: "next",
			Now:      s.Created.Add(time.Second),
			Lifetime: time.Hour, Longest: 2 * time.Hour, Client: "curl/9", Network: "192.0.2.2"}
		want := s
		require.NoError(t, want.Renew(&renewal))
		renewed, key, err := w.Accounts.Renew(ctx, renewal)
		require.NoError(t, err)
		require.Len(t, key, 16)
		require.Equal(t, want, renewed)
		require.Equal(t, renewed, list(t, "acme.admin")[0])
		_, _, err = w.Accounts.Renew(ctx, renewal)
		require.ErrorIs(t, err, domain.ErrRefreshRepeated)
		require.Equal(t, renewed, list(t, "acme.admin")[0])

		before := len(ended(t))
		renewal.Now = renewal.Now.Add(time.Minute)
		_, _, err = w.Accounts.Renew(ctx, renewal)
		require.ErrorIs(t, err, domain.ErrRefreshReused)
		require.False(t, known(t, s))
		require.Len(t, ended(t), before+1)
		_, _, err = w.Accounts.Renew(ctx, renewal)
		require.ErrorIs(t, err, domain.ErrSessionNotFound)
	})

	t.Run("the use of a session is noted, and never goes back", func(t *testing.T) {
		s := w.SignIn(t, "acme.user", domain.TokenSession)
		other := w.SignIns["acme.user"]
		later := s.LastUsed.Add(time.Minute)
		require.NoError(t, w.Accounts.SessionsSeen(ctx,
			map[domain.SessionKey]time.Time{s.SessionKey: later, w.SignIns["bolt.user"].SessionKey: later}))
		require.NoError(t, w.Accounts.SessionsSeen(ctx, map[domain.SessionKey]time.Time{s.SessionKey: s.LastUsed}))
		require.NoError(t, w.Accounts.SessionsSeen(ctx, nil))
		s.LastUsed = later
		require.Equal(t, []domain.Session{s, other}, list(t, "acme.user"))
		require.Equal(t, later, list(t, "bolt.user")[0].LastUsed)
	})

	t.Run("one session ends, or all", func(t *testing.T) {
		for range 2 {
			w.SignIn(t, "bolt.user", domain.TokenSession)
		}
		theirs := list(t, "bolt.user")
		require.Len(t, theirs, 3)
		id := w.KeyOf("bolt.user")
		require.ErrorIs(t, w.Sessions.End(ctx, all, id, theirs[1].ID, func(domain.User) error { return domain.ErrHasMore }),
			domain.ErrHasMore)
		require.Len(t, list(t, "bolt.user"), 3)
		before := len(ended(t))
		require.NoError(t, w.Sessions.End(ctx, all, id, theirs[1].ID, nobodyMinds))
		require.ErrorIs(t, w.Sessions.End(ctx, all, id, theirs[1].ID, nobodyMinds), domain.ErrSessionNotFound)
		require.ErrorIs(t, w.Sessions.End(ctx, all, id, w.SignIns["acme.power"].ID, nobodyMinds), domain.ErrSessionNotFound)
		require.Equal(t, []domain.Session{theirs[0], theirs[2]}, list(t, "bolt.user"))
		require.ErrorIs(t, w.Sessions.EndAll(ctx, all, id, func(domain.User) error { return domain.ErrHasMore }),
			domain.ErrHasMore)
		require.NoError(t, w.Sessions.EndAll(ctx, all, id, nobodyMinds))
		require.Empty(t, list(t, "bolt.user"))
		require.NoError(t, w.Sessions.EndAll(ctx, all, id, nobodyMinds), "none is no error")
		require.Len(t, ended(t), before+2, "what ended nothing is not told")
		require.True(t, known(t, w.SignIns["acme.power"]))
	})

	t.Run("signing out ends one session", func(t *testing.T) {
		s, other := w.SignIn(t, "acme.user", domain.TokenSession), w.SignIn(t, "acme.user", domain.TokenSession)
		require.NoError(t, w.Accounts.SignOut(ctx, s.SessionKey))
		require.False(t, known(t, s))
		require.True(t, known(t, other))
		entry := ended(t)[0]
		require.Equal(t, "acme.user", entry.Actor.Alias)
		require.Equal(t, "acme.user", entry.Target.Name)
		require.Equal(t, w.Places["Acme/Prod/East"].Path, entry.Path)
		before := len(ended(t))
		require.NoError(t, w.Accounts.SignOut(ctx, s.SessionKey))
		require.Len(t, ended(t), before)
	})

	t.Run("another password ends all sessions", func(t *testing.T) {
		s := w.SignIn(t, "acme.user", domain.TokenSession)
		_, err := w.Users.Update(ctx, all, w.KeyOf("acme.user"), "", change(func(u *domain.User) { u.Person.Phone = "5" }))
		require.NoError(t, err)
		require.NotEmpty(t, list(t, "acme.user"))
		_, err = w.Users.Update(ctx, all, w.KeyOf("acme.user"), "hash", change(func(u *domain.User) {}))
		require.NoError(t, err)
		require.False(t, known(t, s))
		require.NotEmpty(t, list(t, "acme.power"))
	})

	t.Run("the sweep leaves what is alive", func(t *testing.T) {
		s := w.SignIn(t, "acme.power", domain.TokenSession)
		require.NoError(t, w.Accounts.Sweep(ctx, s.Expires.Add(-time.Millisecond)))
		require.True(t, known(t, s))
		require.NoError(t, w.Accounts.Sweep(ctx, s.Expires))
		require.False(t, known(t, s))
	})
}

// SigningKeys tests what the port of signing keys promises.
func SigningKeys(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	keys := persistence.NewSigningKeyStore(db)
	list := func() []domain.SigningKey {
		all, err := keys.List(ctx)
		require.NoError(t, err)
		return all
	}
	until := func(id string) time.Time { // two may be made in one millisecond: they have no order
		all := list()
		i := slices.IndexFunc(all, func(k domain.SigningKey) bool { return k.ID == id })
		require.GreaterOrEqual(t, i, 0)
		return all[i].Until
	}
	require.NoError(t, keys.Ensure(ctx))
	first := list()
	require.Len(t, first, 1, "a second server makes no second key")
	require.Zero(t, first[0].Until)

	long := w.NewSession("acme.user", domain.TokenSession)
	long.Expires = long.Created.AddDate(2, 0, 0)
	key, err := w.Accounts.Begin(ctx, long, 100, nil)
	require.NoError(t, err)
	require.Equal(t, first[0].ID, key)
	second, err := keys.Rotate(ctx, "(test)", time.Hour, false)
	require.NoError(t, err)
	require.Equal(t, long.Expires, until(first[0].ID), "as long as the longest session lives")
	key, err = w.Accounts.Begin(ctx, w.NewSession("acme.user", domain.TokenSession), 100, nil)
	require.NoError(t, err)
	require.Equal(t, second.ID, key)

	third, err := keys.Rotate(ctx, "(test)", 3*365*24*time.Hour, false)
	require.NoError(t, err)
	require.Len(t, list(), 3)
	require.Zero(t, until(third.ID))
	require.Equal(t, third.Created.Add(3*365*24*time.Hour), until(second.ID), "as long as the longest token might")
	require.Equal(t, long.Expires, until(first[0].ID), "an older key has its time already")

	refreshed := w.SignIn(t, "acme.power", domain.RefreshSession)
	last, err := keys.Rotate(ctx, "(test)", time.Hour, true)
	require.NoError(t, err)
	require.Equal(t, []domain.SigningKey{last}, list())
	_, _, err = w.Accounts.BySession(ctx, long.SessionKey, "")
	require.ErrorIs(t, err, domain.ErrSessionNotFound)
	_, signed, err := w.Accounts.BySession(ctx, refreshed.SessionKey, third.ID)
	require.NoError(t, err)
	require.False(t, signed)

	entries, _, err := w.Audit.List(ctx, Everything(domain.AuditRead).Read(), domain.AuditFilter{Action: "key"},
		domain.Page{})
	require.NoError(t, err)
	require.Len(t, entries, 3)
	require.Equal(t, "key:revoke", entries[0].Action)
	require.Equal(t, "(test)", entries[0].Actor.Alias)
	require.Equal(t, last.ID, entries[0].Target.Name)
}
