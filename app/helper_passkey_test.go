package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// A passkey is one that needs no browser: it verifies whoever asks, and does what the test wants.
type passkey struct {
	private  *ecdsa.PrivateKey
	id, user []byte
	origin   string
	synced   bool // it is on several devices, and does not count
	uses     uint32
}

// The flags of what an authenticator says (WebAuthn, 6.1).
const (
	userPresent  = 0x01
	userVerified = 0x04
	hasKey       = 0x40
)

// askedOf is what a server asks of an authenticator, as far as one looks at it.
type askedOf struct {
	Challenge string `json:"challenge"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
}

func readAsked(tb testing.TB, options string) (asked askedOf) {
	tb.Helper()
	require.NoError(tb, json.Unmarshal([]byte(options), &asked), options)
	return asked
}

var unpadded = base64.RawURLEncoding

// newPasskey makes a passkey by the options of a server that people reach at origin, and returns what a browser would
// answer.
func newPasskey(tb testing.TB, origin, options string) (p *passkey, answer string) {
	tb.Helper()
	asked := readAsked(tb, options)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	user, err := unpadded.DecodeString(asked.User.ID)
	require.NoError(tb, err)
	p = &passkey{private: private, id: make([]byte, 16), user: user, origin: origin}
	rand.Read(p.id) // never fails
	point, err := private.PublicKey.Bytes()
	require.NoError(tb, err)
	// COSE (RFC 9053, 7.1.1): {1: 2, 3: -7, -1: 1, -2: x, -3: y}
	key := append([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, point[1:33]...)
	key = append(append(key, 0x22, 0x58, 32), point[33:]...)
	says := append(p.says(tb, userPresent|userVerified|hasKey), make([]byte, 16)...) // of no make
	says = append(binary.BigEndian.AppendUint16(says, uint16(len(p.id))), p.id...)
	says = append(says, key...)
	// CBOR: {"fmt": "none", "attStmt": {}, "authData": says}
	object := append([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), byte(len(says)))
	return p, p.answer(tb, map[string]string{
		"clientDataJSON":    unpadded.EncodeToString(p.client("webauthn.create", asked.Challenge)),
		"attestationObject": unpadded.EncodeToString(append(object, says...))})
}

// sign returns what a browser would answer to the options of a server.
func (p *passkey) sign(tb testing.TB, options string) string {
	tb.Helper()
	if !p.synced {
		p.uses++
	}
	says, client := p.says(tb, userPresent|userVerified), p.client("webauthn.get", readAsked(tb, options).Challenge)
	of := sha256.Sum256(client)
	hash := sha256.Sum256(append(says[:len(says):len(says)], of[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, p.private, hash[:])
	require.NoError(tb, err)
	return p.answer(tb, map[string]string{"clientDataJSON": unpadded.EncodeToString(client),
		"authenticatorData": unpadded.EncodeToString(says), "signature": unpadded.EncodeToString(signature),
		"userHandle": unpadded.EncodeToString(p.user)})
}

func (p *passkey) says(tb testing.TB, flags byte) []byte {
	tb.Helper()
	at, err := url.Parse(p.origin)
	require.NoError(tb, err)
	name := sha256.Sum256([]byte(at.Hostname()))
	return binary.BigEndian.AppendUint32(append(name[:], flags), p.uses)
}

func (p *passkey) client(kind, challenge string) []byte {
	return fmt.Appendf(nil, `{"type":%q,"challenge":%q,"origin":%q,"crossOrigin":false}`, kind, challenge, p.origin)
}

func (p *passkey) answer(tb testing.TB, response map[string]string) string {
	tb.Helper()
	id := unpadded.EncodeToString(p.id)
	text, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{}})
	require.NoError(tb, err)
	return string(text)
}
