package accounts

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"canopy/domain"
)

// One-time codes are those of RFC 6238 as all programs for them have them: SHA-1, six digits, 30 seconds. One step
// before and after the present one is taken too, for clocks that differ.
const (
	codeStep  = 30 * time.Second
	codeSkew  = 1
	codeBytes = 20 // of the secret (RFC 4226, 4)
)

// newCodeSecret returns a secret in base32, and the address of it that programs read from a picture.
func newCodeSecret(site, alias string) (secret, uri string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: strings.ReplaceAll(site, ":", " "), AccountName: alias,
		SecretSize: codeBytes, Period: uint(codeStep / time.Second), Digits: otp.DigitsSix,
		Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", "", err
	}
	return key.Secret(), key.URL(), nil
}

// stepOf returns the time step around now, after the last one, whose code it is, or false. It takes the same time for
// every code of six characters.
func stepOf(secret domain.SecretText, code string, now time.Time, last int64) (int64, bool) {
	step, found := int64(0), false
	current := now.Unix() / int64(codeStep/time.Second)
	for s := current - codeSkew; s <= current+codeSkew; s++ {
		right, err := hotp.GenerateCodeCustom(string(secret), uint64(s),
			hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && s > last && !found && subtle.ConstantTimeCompare([]byte(right), []byte(code)) == 1 {
			step, found = s, true
		}
	}
	return step, found
}

// recoveryCodes is how many recovery codes somebody has at first, recoveryBytes how long each is.
const (
	recoveryCodes = 10
	recoveryBytes = 10
)

// newRecoveryCodes returns codes of 80 random bits each, written in groups of four.
func newRecoveryCodes() []domain.SecretText {
	codes := make([]domain.SecretText, recoveryCodes)
	for i := range codes {
		var b [recoveryBytes]byte
		rand.Read(b[:]) // never fails
		text := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
		codes[i] = domain.SecretText(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
	}
	return codes
}

// readCode returns a code as it is compared, however somebody has written it, and whether it is a recovery code.
func readCode(text string) (code string, recovery bool) {
	code = strings.ToLower(strings.NewReplacer(" ", "", "-", "", "\t", "").Replace(strings.TrimSpace(text)))
	if len(code) != recoveryBytes*8/5 {
		return code, false
	}
	return code[:4] + "-" + code[4:8] + "-" + code[8:12] + "-" + code[12:], true
}
