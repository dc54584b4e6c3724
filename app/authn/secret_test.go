package authn

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

var someSession = domain.SessionKey{UserKey: domain.UserKey{Organization: 1<<53 - 1, User: 7},
	ID: "01930000-0000-7000-8000-0000000000ff"}

func TestSecret(t *testing.T) {
	tokens := newTokens(nil, looks{}, time.Now)
	text, hash := tokens.NewSecret(domain.RefreshSession, someSession, 3)
	read, ok := tokens.ReadSecret(domain.RefreshSession, text)
	require.True(t, ok)
	require.True(t, hash.Equal(read.Hash))
	read.Hash = ""
	require.Equal(t, domain.SessionSecret{SessionKey: someSession, Renewals: 3}, read)
	another, _ := tokens.NewSecret(domain.RefreshSession, someSession, 3)
	require.NotEqual(t, text, another)

	_, ok = tokens.ReadSecret(domain.CookieSession, text)
	require.False(t, ok, "of another kind")
	_, ok = NewTokens(nil, serverKey[1:], here, looks{}, time.Now).ReadSecret(domain.RefreshSession, text)
	require.False(t, ok, "of another server")

	elsewhere := someSession
	elsewhere.User++
	require.Equal(t, tokens.CSRF(someSession), tokens.CSRF(someSession))
	require.NotEqual(t, tokens.CSRF(someSession), tokens.CSRF(elsewhere))
}

// FuzzSecret holds that nothing is accepted but the very text that was given out, line
// breaks aside as for tokens.
func FuzzSecret(f *testing.F) {
	// Given out once, so that what was found can be run again.
	const good = "AgAf________AAAAAAAAAAcBkwAAAABwAIAAAAAAAAD_AAAAAAAAAACHljwBRvlZFU5PoLTT3ZvhEz_LU6WauQIF6tlRAw7Iv-nGkZGxVvP4jIjSHhj2AV0"
	tokens := newTokens(nil, looks{}, time.Now)
	f.Add(good)
	f.Add(good + "=")
	f.Add(leftOver(good))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := tokens.ReadSecret(domain.CookieSession, text); ok != (withoutBreaks(text) == good) {
			t.Errorf("accepted: %v", ok)
		}
	})
}
