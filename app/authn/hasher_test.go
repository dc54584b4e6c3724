package authn

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func TestHash(t *testing.T) {
	h := NewHasher(cheap, 6)
	for password, ok := range map[string]bool{
		"secret": true, "äöüßéè": true, strings.Repeat("x", MaxPasswordLength): true, " with: spaces ": true,
		"short": false, "äöüßé": false, strings.Repeat("x", MaxPasswordLength+1): false, "nul\x00nul": false,
		"\xffsecret": false,
	} {
		err := h.Judge(password)
		if !ok {
			require.ErrorIs(t, err, domain.ErrInvalid, "%q", password)
			require.Equal(t, "password", domain.AsError(err).Field)
			continue
		}
		require.NoError(t, err, "%q", password)
		hash, err := h.Hash(t.Context(), domain.Party{}, password)
		require.NoError(t, err)
		require.NoError(t, CheckHash(hash))
		again, err := h.Hash(t.Context(), domain.Party{}, password)
		require.NoError(t, err)
		require.False(t, hash == again, "each hash has a salt of its own")

		for _, tt := range []struct {
			by           *Hasher
			password     string
			fits, outage bool
		}{
			{h, password, true, false},
			{h, password + "x", false, false},
			{h, "", false, false},
			{NewHasher(Cost{Memory: 64, Passes: 2}, 6), password, true, true},
			{NewHasher(Cost{Memory: 128, Passes: 1}, 6), password, true, true},
		} {
			fits, renew, err := tt.by.Verify(t.Context(), domain.Party{}, hash, tt.password)
			require.NoError(t, err)
			require.Equal(t, []bool{tt.fits, tt.outage}, []bool{fits, renew}, "%q against %q", tt.password, password)
		}
	}
}

func TestNoHashFitsNoPassword(t *testing.T) {
	h := NewHasher(cheap, 6)
	for _, password := range []string{"", "secret", strings.Repeat("x", MaxPasswordLength+1)} {
		ok, renew, err := h.Verify(t.Context(), domain.Party{}, "", password)
		require.NoError(t, err)
		require.False(t, ok)
		require.False(t, renew)
	}
}

// The hash was made by the reference implementation: argon2 -id -t 2 -k 256 -p 1.
func TestCheckHash(t *testing.T) {
	const good = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	ok, _, err := NewHasher(cheap, 6).Verify(t.Context(), domain.Party{}, good, "password")
	require.NoError(t, err)
	require.True(t, ok)

	// Each differs from the good one by one replacement.
	tests := []struct{ name, old, new string }{
		{"nothing", good, ""},
		{"another algorithm", "argon2id", "argon2i"},
		{"another version", "v=19", "v=16"},
		{"no version", "$v=19", ""},
		{"something before it", "$argon2id", "x$argon2id"},
		{"something behind it", "Gi/4", "Gi/4$"},
		{"something behind the version", "v=19", "v=19x"},
		{"something behind the parameters", "p=1", "p=1,keyid=Zm9v"},
		{"a space", "m=256,", "m=256, "},
		{"a sign", "m=256", "m=+256"},
		{"a leading zero", "m=256", "m=0256"},
		{"a number that overflows", "m=256", "m=4294967552"},
		{"a negative number", "t=2", "t=-2"},
		{"less memory than a lane takes", "m=256", "m=7"},
		{"no memory", "m=256", "m=0"},
		{"too much memory", "m=256", "m=1048577"},
		{"no passes", "t=2", "t=0"},
		{"too many passes", "m=256,t=2", "m=8,t=524289"},
		{"much memory and many passes", "m=256,t=2", "m=1048576,t=5"},
		{"no lanes", "p=1", "p=0"},
		{"two lanes", "p=1", "p=2"},
		{"a salt with padding", "c29tZXNhbHQ", "c29tZXNhbHQ="},
		{"a salt with a line break", "c29tZXNhbHQ", "c29t\nZXNhbHQ"},
		{"a salt with bits left over", "c29tZXNhbHQ", "c29tZXNhbHR"},
		{"a short salt", "c29tZXNhbHQ", "c29tZXNh"},
		{"a long salt", "c29tZXNhbHQ", strings.Repeat("c29t", 22)},
		{"a short key", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "nf65EOgLrQMR"},
		{"a long key", "nf65", strings.Repeat("nf65", 20)},
		{"a key that is no Base64", "nf65", "nf6*"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hash := strings.Replace(good, tt.old, tt.new, 1)
			require.NotEqual(t, good, hash)
			err := CheckHash(domain.PasswordHash(hash))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "nf65", "the error quotes the hash")
		})
	}
	require.NoError(t, CheckHash(domain.PasswordHash(strings.Replace(good, "m=256,t=2", "m=1048576,t=4", 1))))
}

// FuzzHash holds that each hash is read as what it says, and that none is too expensive.
func FuzzHash(f *testing.F) {
	for _, seed := range []string{
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=1048576,t=4,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m= 8,t=01,p=1,$c29t\nZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/5",
		"$argon2id$v=19$m=4294967295,t=4294967295,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cost, salt, key, err := parseHash(domain.PasswordHash(text))
		if err != nil {
			return
		}
		if string(formatHash(cost, salt, key)) != text {
			t.Errorf("read as %+v", cost)
		}
		if cost.Memory < 8 || cost.Passes < 1 || uint64(cost.Memory)*uint64(cost.Passes) > maxWork || len(salt) > 64 ||
			len(key) > 64 {
			t.Errorf("%+v, a salt of %d bytes and a key of %d", cost, len(salt), len(key))
		}
	})
}

// BenchmarkVerify measures how many passwords a second are checked at the cost that is stored,
// by as many at once as there are processors; run it with -cpu 1 for one.
func BenchmarkVerify(b *testing.B) {
	h := NewHasher(DefaultCost, MinPasswordLength)
	hash := h.hash("correct horse")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if ok, _, err := h.Verify(context.Background(), domain.Party{}, hash, "correct horse"); !ok || err != nil {
				b.Error(ok, err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
}
