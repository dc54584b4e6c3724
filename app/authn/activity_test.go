package authn

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func TestActivity(t *testing.T) {
	c := newClock()
	accounts := accountsOf(t, c, "", "ada")
	a := NewActivity(accounts, c.now)
	ada := func() *domain.Account {
		account, err := accounts.ByLogin(t.Context(), "ada")
		require.NoError(t, err)
		return &account
	}
	flush := func() time.Time {
		require.NoError(t, a.Flush(t.Context()))
		return ada().LastSeen
	}
	began := c.at
	for range 3 {
		a.Saw(ada())
		require.Zero(t, ada().LastSeen, "a request writes nothing")
	}
	require.Equal(t, began, flush())

	c.at = began.Add(seenEvery - time.Millisecond)
	a.Saw(ada())
	require.Empty(t, a.seen, "what is written is recent enough")
	require.Equal(t, began, flush())

	c.at = began.Add(seenEvery)
	a.Saw(ada())
	require.Equal(t, began.Add(seenEvery), flush())
	require.Empty(t, a.seen)
}

func TestActivityOfASession(t *testing.T) {
	c := newClock()
	accounts := accountsOf(t, c, "", "ada")
	_, session, _ := begin(t, accounts, domain.TokenSession, c.at.Add(time.Hour))
	a := NewActivity(accounts, c.now)
	ada := func() *domain.Account {
		account, _, err := accounts.BySession(t.Context(), session, "")
		require.NoError(t, err)
		return &account
	}
	before := ada().Session.LastUsed
	a.Saw(ada())
	require.Equal(t, before, ada().Session.LastUsed, "a request writes nothing")
	require.NoError(t, a.Flush(t.Context()))
	require.Equal(t, c.at, ada().Session.LastUsed)
	a.Saw(ada())
	require.Empty(t, a.used, "what is written is recent enough")
}

func TestActivityOfMany(t *testing.T) {
	c := newClock()
	accounts := accountsOf(t, c, "", "ada")
	a := NewActivity(accounts, c.now)
	saw := func(user int) {
		a.Saw(&domain.Account{Principal: domain.Principal{Subject: domain.Subject{Organization: 1},
			User: domain.UserID(user)}})
	}
	for user := range maxSeen {
		saw(user)
	}
	saw(maxSeen)
	require.Len(t, a.seen, maxSeen)
	c.at = c.at.Add(time.Second)
	saw(1) // there is still room for news of those who are noted
	require.NoError(t, a.Flush(t.Context()))
	ada, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, c.at, ada.LastSeen)
}
