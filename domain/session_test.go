package domain_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"canopy/domain"
)

func TestCleanClient(t *testing.T) {
	for in, want := range map[string]string{
		"curl/8.5":                 "curl/8.5",
		"":                         "",
		" a\r\nSet-Cookie: b\x00 ": "aSet-Cookie: b",
		"a\u202eb\u200bc\x1b[31m":  "abc[31m",
		"\xff\xfe é 語":             "é 語",
		strings.Repeat("é", 300):   strings.Repeat("é", 200),
	} {
		if got := domain.CleanClient(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7":                "192.0.2.7",
		"::ffff:192.0.2.7":         "192.0.2.7",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"fe80::1%eth0":             "fe80::/64",
		"0.0.0.0":                  "0.0.0.0",
		"somewhere":                "somewhere",
		"2001:DB8:1:2:ffff:4:5:ff": "2001:db8:1:2::/64",
	} {
		if got := domain.NetworkOf(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}

func TestSecretHashesDoNotPrintAndEmptyOnesFitNothing(t *testing.T) {
	hash := domain.SecretHash("abc")
	if got := fmt.Sprintf("%v %s %#v %+v", hash, hash, hash, domain.Session{Hash: hash}); strings.Contains(got, "abc") {
		t.Errorf("the hash is in %s", got)
	}
	if !hash.Equal("abc") || hash.Equal("abd") || hash.Equal("") || domain.SecretHash("").Equal("") {
		t.Error("hashes are compared wrongly")
	}
}

func TestSessionAlive(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	session := domain.Session{TokenEpoch: 2, LastUsed: now.Add(-time.Minute), Expires: now.Add(time.Minute),
		Idle: 2 * time.Minute}
	for name, c := range map[string]struct {
		change func(*domain.Session)
		alive  bool
	}{
		"as it is":                    {func(*domain.Session) {}, true},
		"of another password":         {func(s *domain.Session) { s.TokenEpoch = 1 }, false},
		"of a password to come":       {func(s *domain.Session) { s.TokenEpoch = 3 }, false},
		"at its end":                  {func(s *domain.Session) { s.Expires = now }, false},
		"unused for too long":         {func(s *domain.Session) { s.Idle = time.Minute }, false},
		"unused, but may be so":       {func(s *domain.Session) { s.Idle, s.LastUsed = 0, time.Time{} }, true},
		"the zero session, never":     {func(s *domain.Session) { *s = domain.Session{TokenEpoch: 2} }, false},
		"in the last moment it lives": {func(s *domain.Session) { s.Expires = now.Add(time.Millisecond) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := session
			c.change(&s)
			if got := s.Alive(2, now); got != c.alive {
				t.Errorf("alive is %v", got)
			}
		})
	}
}
