package domain

import (
	"crypto/subtle"
	"net/netip"
	"strings"
	"time"
	"unicode"
)

// SessionKind says what a client holds of a session.
type SessionKind uint8

// The kinds of sessions.
const (
	TokenSession   SessionKind = iota // an access token that lasts as long as the session
	RefreshSession                    // a short access token, and a refresh token to get the next one
	CookieSession                     // a cookie, with a CSRF token for what changes something
)

var sessionKinds = [...]string{"token", "refresh", "cookie"}

// String returns the kind's name.
func (k SessionKind) String() string {
	if int(k) < len(sessionKinds) {
		return sessionKinds[k]
	}
	return "unknown"
}

// SessionKey is where a session is stored.
type SessionKey struct {
	UserKey
	ID UUID
}

// SecretHash is what is stored of a random secret. It does not print.
type SecretHash string

// String hides the hash, in logs above all.
func (SecretHash) String() string { return "[hash]" }

// GoString hides the hash too.
func (h SecretHash) GoString() string { return h.String() }

// Equal compares in constant time. An empty hash equals none.
func (h SecretHash) Equal(other SecretHash) bool {
	return h != "" && subtle.ConstantTimeCompare([]byte(h), []byte(other)) == 1
}

// SessionSecret is a refresh token or cookie as a client presents it, found to be one that
// we gave out: whose it is, which in the row of its session's, and the hash of its secret.
type SessionSecret struct {
	SessionKey
	Renewals int64
	Hash     SecretHash
}

// Session is one sign-in of a user and what came of it.
type Session struct {
	SessionKey
	Kind SessionKind
	// TokenEpoch is the account's at the sign-in; another one ends the session.
	TokenEpoch int64
	// Environment is where the client asked to be; zero for an unfinished session.
	Environment EnvironmentID
	// Hash is that of the cookie, or of the refresh token that counts now; Renewals counts
	// the refresh tokens before it and Renewed says when the last of them was used.
	Hash     SecretHash
	Renewals int64
	Renewed  time.Time

	// Times are in UTC and whole milliseconds. LastUsed lags by a minute or so.
	Created, LastUsed, Expires time.Time
	// Idle is how long the session may go unused; 0 is for ever.
	Idle time.Duration
	// Client is how the client called itself, Network where it was; Surface is where the
	// user signed in.
	Client, Network, Surface string
	// Proved is by what the user proved to be who they are, last.
	Proved Proved
	// Provider is the session at an identity provider by which this one was begun. It is not read again.
	Provider ProviderSession
}

// Alive reports whether the session can be used at now by the account it belongs to, of
// which epoch is the TokenEpoch.
func (s *Session) Alive(epoch int64, now time.Time) bool {
	return s.TokenEpoch == epoch && now.Before(s.Expires) && (s.Idle == 0 || now.Before(s.LastUsed.Add(s.Idle)))
}

// Unfinished reports whether the session was begun with less than its account needs, so that it is good for nothing but
// proving the rest.
func (s *Session) Unfinished() bool { return s.Environment == 0 }

// UnfinishedFrom is how many unfinished sessions one user may have from one network, so that somebody who knows a
// password only does not end the sign-in that its owner is about to finish elsewhere.
const UnfinishedFrom = 5

// RepeatWithin is how long after its use a refresh token may come once more without that
// being taken for theft: clients send a request again when they miss the answer, or twice
// at once from two tabs.
const RepeatWithin = 10 * time.Second

// Renewal is a refresh token that was presented, and what the session is to have from now on: the hash of the
// token that counts, how long that lasts, how long the session lasts at most, and who has it.
type Renewal struct {
	Presented         SessionSecret
	Next              SecretHash
	Now               time.Time
	Lifetime, Longest time.Duration
	Client, Network   string
}

// Renew decides about a refresh token that was presented. It returns ErrRefreshRepeated for the
// last used one within RepeatWithin, which gets nothing and ends nothing; ErrRefreshReused
// for any other used one, after which the session must end; and ErrBadRefresh for one that
// never counted.
func (s *Session) Renew(r *Renewal) error {
	presented, now := &r.Presented, r.Now
	switch {
	case s.Kind != RefreshSession || presented.Renewals > s.Renewals:
		return ErrBadRefresh
	case presented.Renewals == s.Renewals:
		if !s.Hash.Equal(presented.Hash) {
			return ErrBadRefresh
		}
	case presented.Renewals == s.Renewals-1 && now.Before(s.Renewed.Add(RepeatWithin)):
		return ErrRefreshRepeated
	default:
		return ErrRefreshReused
	}
	s.Hash, s.Renewals, s.Renewed, s.LastUsed = r.Next, s.Renewals+1, now, now
	s.Client, s.Network, s.Expires = r.Client, r.Network, now.Add(r.Lifetime)
	if last := s.Created.Add(r.Longest); s.Expires.After(last) {
		s.Expires = last
	}
	return nil
}

// Errors about sessions.
var (
	ErrSessionNotFound = &Error{Kind: NotFound, Code: "session_not_found", Field: "id",
		Public: "There is no such session."}
	ErrBadRefresh = &Error{Kind: Unauthenticated, Code: "bad_refresh_token",
		Public: "The refresh token is not valid; sign in again."}
	ErrRefreshReused = &Error{Kind: Unauthenticated, Code: "refresh_token_reused",
		Public: "The refresh token was used before; the session has ended, sign in again."}
	ErrRefreshRepeated = &Error{Kind: Conflict, Code: "refresh_token_repeated",
		Public: "The refresh token was used a moment ago; use the tokens of that answer."}
	ErrOtherSite = &Error{Kind: Forbidden, Code: "other_site", Public: "A page of another site may not ask for this."}
	ErrCSRF      = &Error{Kind: Forbidden, Code: "csrf_token_missing",
		Public: "A request that changes something needs the session's CSRF token."}
)

// maxClient bounds how much is kept of what a client calls itself, in characters.
const maxClient = 200

// CleanClient returns what to keep of what a client calls itself: one line of printable
// text, cut.
func CleanClient(client string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.ToValidUTF8(client, "") {
		if n == maxClient {
			break
		}
		if !unicode.IsPrint(r) {
			continue
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}

// NetworkOf is what counts as one network address: for IPv6 the /64, which one subscriber
// has. What is no address stays as it is.
func NetworkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // fails for more than 128 bits only
	return prefix.String()
}

// IsNetwork reports whether text is what NetworkOf returns for an address.
func IsNetwork(text string) bool {
	if _, err := netip.ParsePrefix(text); err == nil {
		return true
	}
	_, err := netip.ParseAddr(text)
	return err == nil
}

// SigningKey is a key that signs access tokens. The key itself is derived from the
// server's; what is stored is its name.
type SigningKey struct {
	ID      string
	Created time.Time
	// Until is when the last token signed with it has expired; zero for the one that signs.
	Until time.Time
}
