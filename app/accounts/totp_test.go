package accounts

import (
	"encoding/base32"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// TestCodesAreThoseOfTheStandard holds the vectors of RFC 6238, appendix B, for SHA-1, of which six digits are the last
// six.
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	secret := domain.SecretText(base32.StdEncoding.EncodeToString([]byte("12345678901234567890")))
	for at, code := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471",
		1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130"} {
		for skew, taken := range map[int64]bool{-60: false, -30: true, 0: true, 30: true, 60: false} {
			if at+skew < 0 {
				continue
			}
			step, right := stepOf(secret, code[2:], time.Unix(at+skew, 0), 0)
			require.Equal(t, taken, right, "%d%+d", at, skew)
			if right {
				require.Equal(t, at/30, step)
			}
		}
		_, again := stepOf(secret, code[2:], time.Unix(at, 0), at/30)
		require.False(t, again, "a code that was taken before")
		_, early := stepOf(secret, code[2:], time.Unix(at, 0), at/30-1)
		require.True(t, early)
		_, long := stepOf(secret, code, time.Unix(at, 0), 0)
		require.False(t, long)
	}
}

// TestCodesOfAnotherProgram holds that the codes of oathtool are taken, of the secret in the address that programs read.
func TestCodesOfAnotherProgram(t *testing.T) {
	program, err := exec.LookPath("oathtool")
	require.NoError(t, err, "apt-get install oathtool")
	for _, site := range []string{"canopy.example", "canopy.example:8443"} {
		secret, address, err := newCodeSecret(site, "ada.lovelace")
		require.NoError(t, err)
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, "otpauth://totp", u.Scheme+"://"+u.Host)
		issuer, alias, both := strings.Cut(strings.TrimPrefix(u.Path, "/"), ":")
		require.True(t, both)
		require.Equal(t, "ada.lovelace", alias)
		require.Equal(t, issuer, u.Query().Get("issuer"))
		require.Equal(t, secret, u.Query().Get("secret"))
		for _, at := range []int64{1, 1_800_000_000} {
			code, err := exec.Command(program, "--totp=sha1", "--base32", "--now=@"+strconv.FormatInt(at, 10),
				u.Query().Get("secret")).Output()
			require.NoError(t, err)
			step, right := stepOf(domain.SecretText(secret), strings.TrimSpace(string(code)), time.Unix(at, 0), -1)
			require.True(t, right)
			require.Equal(t, at/30, step)
		}
	}
}

func TestRecoveryCodesAreReadHoweverTheyAreWritten(t *testing.T) {
	codes := newRecoveryCodes()
	require.Len(t, codes, 10)
	seen := map[domain.SecretText]bool{}
	for _, c := range codes {
		text := string(c)
		require.Regexp(t, `^([a-z2-7]{4}-){3}[a-z2-7]{4}$`, text)
		for _, written := range []string{text, strings.ToUpper(text), strings.ReplaceAll(text, "-", ""),
			" " + strings.ReplaceAll(text, "-", " ") + "\n"} {
			code, recovery := readCode(written)
			require.True(t, recovery)
			require.Equal(t, text, code)
		}
		seen[c] = true
	}
	require.Len(t, seen, 10)
	code, recovery := readCode(" 123 456 ")
	require.False(t, recovery)
	require.Equal(t, "123456", code)
}
