package authn

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

type silent struct{}

func (silent) Looked(string, bool) {}

// A token is good under one algorithm only, also when somebody who has its key signs it.
func TestTokensHaveOneAlgorithm(t *testing.T) {
	const key = "0123456789abcdef"
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tokens := NewTokens(nil, []byte("a key of this test"), silent{}, func() time.Time { return now })
	secret, err := tokens.signingKey(key)
	require.NoError(t, err)
	other, err := tokens.signingKey("fedcba9876543210")
	require.NoError(t, err)
	require.NotEqual(t, secret, other)
	whole := jwt.MapClaims{"id": "1", "org": 1, "sid": "x", "exp": now.Add(time.Minute).Unix()}
	for name, c := range map[string]struct {
		method jwt.SigningMethod
		key    any
		kid    any
		claims jwt.MapClaims
		good   bool
	}{
		"ours":                       {jwt.SigningMethodHS512, secret, key, whole, true},
		"HS256":                      {jwt.SigningMethodHS256, secret, key, whole, false},
		"HS384":                      {jwt.SigningMethodHS384, secret, key, whole, false},
		"none":                       {jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, key, whole, false},
		"the name of another key":    {jwt.SigningMethodHS512, other, key, whole, false},
		"the root of all keys":       {jwt.SigningMethodHS512, []byte("a key of this test"), key, whole, false},
		"no name":                    {jwt.SigningMethodHS512, secret, nil, whole, false},
		"a name that is no text":     {jwt.SigningMethodHS512, secret, []string{key}, whole, false},
		"without an end":             {jwt.SigningMethodHS512, secret, key, jwt.MapClaims{"id": "1"}, false},
		"at its end":                 {jwt.SigningMethodHS512, secret, key, jwt.MapClaims{"id": "1", "exp": now.Unix()}, false},
		"not good before some while": {jwt.SigningMethodHS512, secret, key, jwt.MapClaims{"id": "1", "exp": now.Unix() + 60, "nbf": now.Unix() + 30}, false},
	} {
		t.Run(name, func(t *testing.T) {
			made := jwt.NewWithClaims(c.method, c.claims)
			if c.kid != nil {
				made.Header["kid"] = c.kid
			}
			text, err := made.SignedString(c.key)
			require.NoError(t, err)
			for range 2 { // the second time it may be remembered
				got, err := tokens.verify(text)
				if !c.good {
					require.Error(t, err)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, key, got.key)
			}
		})
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS512, whole).SignedString(secret)
	require.NoError(t, err)
	_, err = tokens.verify(text)
	require.Error(t, err)
}
