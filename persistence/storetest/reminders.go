package storetest

import (
	"context"
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

// Reminders holds that people are told of demands that they cannot meet yet once when these are made and once at each
// later stage, by several servers at once too, and nobody else is.
func Reminders(t *testing.T, database *db.DB) {
	w, ctx := NewWorld(t, database), t.Context()
	all, begins := Everything(domain.UserRead), w.DB.Now().UTC().Truncate(time.Millisecond)
	letter := func(u *domain.User, c domain.Coming) domain.Mail {
		return domain.Mail{Kind: "asked", To: u.Person.Mail, Subject: c.Proof.String(), User: u.Key()}
	}
	aliases := make(map[domain.UserKey]string)
	name := func() {
		for alias, u := range w.People {
			aliases[u.Key()] = alias
		}
	}
	// told returns who is told at a time, by several servers at once, and takes that away.
	told := func(t *testing.T, at time.Time) []string {
		t.Helper()
		var servers sync.WaitGroup
		for range 3 {
			servers.Go(func() {
				for more := true; more; {
					var err error
					if more, err = w.Store.Remind(ctx, all, at, 500, letter); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		servers.Wait()
		for { // what a server left because another one was at it
			more, err := w.Store.Remind(ctx, all, at, 500, letter)
			require.NoError(t, err)
			if !more {
				break
			}
		}
		var rows []struct{ OrganizationID, UserID int64 }
		require.NoError(t, w.DB.NewSelect().Table("outbox").Column("organization_id", "user_id").Where("kind = 'asked'").
			Scan(ctx, &rows))
		w.exec(t, "DELETE FROM outbox WHERE kind = 'asked'")
		name()
		var who []string
		for _, r := range rows {
			key := domain.UserKey{Organization: domain.OrganizationID(r.OrganizationID), User: domain.UserID(r.UserID)}
			who = append(who, aliases[key])
		}
		slices.Sort(who)
		return who
	}
	demand := func(t *testing.T, place string, r domain.SignInRules) {
		t.Helper()
		e := w.Places[place]
		require.NoError(t, w.Store.Do(ctx, Everything(domain.EnvironmentWrite), func(tx *persistence.Tx) error {
			return tx.SaveSignInRules(tenancy.KeyOf(&e), r)
		}))
	}
	const day = 24 * time.Hour
	from := begins.Add(30 * day)

	require.Equal(t, []string{"acme.power", "acme.user", "bolt.power", "bolt.user"}, told(t, begins),
		"those of places with a demand")
	require.Empty(t, told(t, begins), "once")

	t.Run("people are told in stages, until they have what is demanded", func(t *testing.T) {
		power := w.People["acme.power"]
		w.havingFactors(t, &power, domain.CodeFactor)
		demand(t, "Acme", domain.SignInRules{People: domain.ByCode, Grace: from})
		require.Equal(t, []string{"acme.admin", "acme.labs", "acme.user"}, told(t, begins))
		require.Empty(t, told(t, begins.Add(22*day)))
		labs := w.People["acme.labs"]
		w.havingFactors(t, &labs, domain.PasskeyFactor)
		require.Equal(t, []string{"acme.admin", "acme.user"}, told(t, begins.Add(23*day)))
		require.Empty(t, told(t, begins.Add(28*day)))
		require.Equal(t, []string{"acme.admin", "acme.user"}, told(t, begins.Add(29*day)))
		require.Empty(t, told(t, from), "it is demanded now")
		w.havingFactors(t, &labs, 0)
	})

	t.Run("a stage that nobody came to is not made up for", func(t *testing.T) {
		demand(t, "Acme", domain.SignInRules{People: domain.ByCode, Grace: from.Add(time.Hour)})
		require.Empty(t, told(t, begins.Add(time.Hour)), "what is changed is announced a day later")
		require.Equal(t, []string{"acme.admin", "acme.labs", "acme.user"}, told(t, begins.Add(30*day)))
		require.Empty(t, told(t, begins.Add(30*day)))
		demand(t, "Acme", domain.SignInRules{})
		require.Empty(t, told(t, begins.Add(32*day)), "it was taken back")
	})

	t.Run("administrators alone are told of what is demanded of them, by whatever makes them some", func(t *testing.T) {
		w.exec(t, "UPDATE groups SET role = ? WHERE id = ?", int64(domain.RolePower), int64(w.Teams["Bolt/Team"].ID))
		_, err := w.Users.Update(ctx, Everything(domain.UserUpdate), w.KeyOf("bolt.user"), "",
			func(u *domain.User) error {
				u.Groups = []domain.GroupID{w.Teams["Bolt/Team"].ID}
				return nil
			})
		require.NoError(t, err)
		demand(t, "Bolt", domain.SignInRules{Admins: domain.ByPasskey, Grace: from})
		require.Equal(t, []string{"bolt.admin", "bolt.power", "bolt.user"}, told(t, begins))
	})

	t.Run("of several demands the first is told of, and who no letter reaches is passed over", func(t *testing.T) {
		demand(t, "Bolt", domain.SignInRules{})
		demand(t, "Bolt/Prod", domain.SignInRules{})
		for i := range 210 {
			w.AddUser(t, fmt.Sprintf("bolt.%03d", i), "Bolt/Test", domain.RoleUser, domain.UserGroup)
		}
		w.exec(t, "UPDATE users SET active = FALSE WHERE alias = 'bolt.001'")
		w.exec(t, "UPDATE users SET state = ? WHERE alias = 'bolt.002'", int64(domain.Unverified))
		w.exec(t, "UPDATE users SET system = TRUE WHERE alias = 'bolt.003'")
		w.exec(t, "UPDATE users SET archived = TRUE WHERE alias = 'bolt.004'")
		demand(t, "Bolt", domain.SignInRules{People: domain.ByCode, Grace: from})
		demand(t, "Bolt/Test", domain.SignInRules{People: domain.ByPasskey, Grace: from.Add(-day)})
		later := begins.Add(2 * day)
		who := told(t, later)
		require.Len(t, slices.Compact(slices.Clone(who)), len(who), "nobody twice")
		require.Len(t, who, 206+4, "in parts")
		require.NotContains(t, who, "bolt.001")
		require.Empty(t, told(t, later))
	})
}

// RemindersApart holds that a server that is telling people keeps no other one waiting, and that none is told twice.
func RemindersApart(t *testing.T, database *db.DB) {
	w, ctx := NewWorld(t, database), t.Context()
	all, now := Everything(domain.UserRead), w.DB.Now().UTC().Truncate(time.Millisecond)
	told := make(map[domain.UserKey]int)
	letter := func(u *domain.User, _ domain.Coming) domain.Mail {
		told[u.Key()]++
		return domain.Mail{Kind: "asked", To: u.Person.Mail, User: u.Key()}
	}
	remind := func(tell func(*domain.User, domain.Coming) domain.Mail) (bool, error) {
		return w.Store.Remind(ctx, all, now, 1, tell)
	}
	more, err := remind(letter)
	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, told, 1, "at most so many")
	if !w.DB.OneWriter() {
		stopped, on, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := remind(func(u *domain.User, c domain.Coming) domain.Mail {
				close(stopped)
				<-on
				return letter(u, c)
			})
			done <- err
		}()
		<-stopped
		second, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		more, err = w.Store.Remind(second, all, now, 1, letter)
		close(on)
		require.NoError(t, <-done)
		require.NoError(t, err, "it waits for the first one")
		require.False(t, more)
		require.Len(t, told, 2)
	}
	for more = true; more; {
		more, err = remind(letter)
		require.NoError(t, err)
	}
	require.Len(t, told, 4)
	for user, times := range told {
		require.Equal(t, 1, times, user)
	}
}
