package passkey

import (
	"encoding/binary"
	"encoding/json"
	"net"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"canopy/domain"
)

// Passkeys speaks WebAuthn for one server. It is safe for concurrent use.
type Passkeys struct {
	rp *webauthn.WebAuthn // nil for a server without a name
}

// New returns what speaks for the server that people reach at publicURL. With an address in place of a name all its
// methods return domain.ErrNoPasskeys.
func New(publicURL string) (*Passkeys, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, err
	}
	name := u.Hostname()
	if name == "" || net.ParseIP(name) != nil {
		return &Passkeys{}, nil
	}
	rp, err := webauthn.New(&webauthn.Config{
		RPID: name, RPDisplayName: u.Host, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired},
	})
	return &Passkeys{rp: rp}, err
}

// Possible returns nil, or domain.ErrNoPasskeys.
func (p *Passkeys) Possible() error {
	if p.rp == nil {
		return domain.ErrNoPasskeys
	}
	return nil
}

// user is a user with their passkeys as the library sees one.
type user struct {
	key         domain.UserKey
	login       string
	credentials []webauthn.Credential
}

// handleSize is that of a user handle: two numbers.
const handleSize = 16

func (u *user) WebAuthnID() []byte {
	var b [handleSize]byte
	binary.BigEndian.PutUint64(b[:8], uint64(u.key.Organization))
	binary.BigEndian.PutUint64(b[8:], uint64(u.key.User))
	return b[:]
}
func (u *user) WebAuthnName() string                       { return u.login }
func (u *user) WebAuthnDisplayName() string                { return u.login }
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

// userOf returns a user with what is stored of their passkeys.
func userOf(key domain.UserKey, login string, have []domain.Factor) (*user, error) {
	u := &user{key: key, login: login, credentials: make([]webauthn.Credential, len(have))}
	for i := range have {
		if err := json.Unmarshal([]byte(have[i].Secret), &u.credentials[i]); err != nil {
			return nil, err
		}
		u.credentials[i].Authenticator.SignCount = uint32(have[i].Step)
	}
	return u, nil
}

func (u *user) descriptors() []protocol.CredentialDescriptor {
	all := make([]protocol.CredentialDescriptor, len(u.credentials))
	for i := range u.credentials {
		all[i] = u.credentials[i].Descriptor()
	}
	return all
}

// Offer returns by what a browser makes a passkey of the user, who has those already.
func (p *Passkeys) Offer(key domain.UserKey, login string, have []domain.Factor, challenge []byte) ([]byte, error) {
	if err := p.Possible(); err != nil {
		return nil, err
	}
	u, err := userOf(key, login, have)
	if err != nil {
		return nil, err
	}
	creation, _, err := p.rp.BeginRegistration(u, webauthn.WithExclusions(u.descriptors()),
		func(o *protocol.PublicKeyCredentialCreationOptions) error {
			o.Challenge = challenge
			return nil
		})
	if err != nil {
		return nil, err
	}
	return json.Marshal(creation.Response)
}

// session is what the library remembers of a ceremony: all of it follows from the challenge.
func (p *Passkeys) session(u *user, challenge []byte) webauthn.SessionData {
	return webauthn.SessionData{Challenge: protocol.URLEncodedBase64(challenge).String(),
		RelyingPartyID: p.rp.Config.RPID, UserID: u.WebAuthnID(), UserVerification: protocol.VerificationRequired,
		CredParams: webauthn.CredentialParametersDefault()}
}

// Made returns the credential and the signature count in a browser's answer, or domain.ErrBadPasskey unless it is to
// the challenge, by an authenticator that verified the user.
func (p *Passkeys) Made(key domain.UserKey, challenge, answer []byte) (domain.SecretText, int64, error) {
	if err := p.Possible(); err != nil {
		return "", 0, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return "", 0, domain.ErrBadPasskey.Because(err)
	}
	u := &user{key: key}
	made, err := p.rp.CreateCredential(u, p.session(u, challenge), parsed)
	if err != nil {
		return "", 0, domain.ErrBadPasskey.Because(err)
	}
	made.Attestation = webauthn.CredentialAttestation{} // nothing of it is used again
	text, err := json.Marshal(made)
	return domain.SecretText(text), int64(made.Authenticator.SignCount), err
}

// Ask returns by what a browser proves one of these passkeys, any of this server's for none.
func (p *Passkeys) Ask(have []domain.Factor, challenge []byte) ([]byte, error) {
	if err := p.Possible(); err != nil {
		return nil, err
	}
	u, err := userOf(domain.UserKey{}, "", have)
	if err != nil {
		return nil, err
	}
	assertion, _, err := p.rp.BeginDiscoverableLogin(webauthn.WithChallenge(challenge),
		webauthn.WithAllowedCredentials(u.descriptors()))
	if err != nil {
		return nil, err
	}
	return json.Marshal(assertion.Response)
}

// Whose returns whom an answer names, or domain.ErrBadPasskey.
func (p *Passkeys) Whose(answer []byte) (domain.UserKey, error) {
	if err := p.Possible(); err != nil {
		return domain.UserKey{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return domain.UserKey{}, domain.ErrBadPasskey.Because(err)
	}
	handle := parsed.Response.UserHandle
	if len(handle) != handleSize {
		return domain.UserKey{}, domain.ErrBadPasskey
	}
	return domain.UserKey{Organization: domain.OrganizationID(binary.BigEndian.Uint64(handle)),
		User: domain.UserID(binary.BigEndian.Uint64(handle[8:]))}, nil
}

// Proved returns which of the user's factors signed the challenge, and its signature count, or domain.ErrBadPasskey,
// also for a count that is not behind the factor's.
func (p *Passkeys) Proved(key domain.UserKey, have []domain.Factor, challenge,
	answer []byte) (domain.Factor, int64, error) {
	if err := p.Possible(); err != nil {
		return domain.Factor{}, 0, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return domain.Factor{}, 0, domain.ErrBadPasskey.Because(err)
	}
	u, err := userOf(key, "", have)
	if err != nil {
		return domain.Factor{}, 0, err
	}
	proved, err := p.rp.ValidateLogin(u, p.session(u, challenge), parsed)
	if err != nil {
		return domain.Factor{}, 0, domain.ErrBadPasskey.Because(err)
	}
	if proved.Authenticator.CloneWarning {
		return domain.Factor{}, 0, domain.ErrBadPasskey
	}
	for i := range have {
		if string(u.credentials[i].ID) == string(proved.ID) {
			return have[i], int64(proved.Authenticator.SignCount), nil
		}
	}
	return domain.Factor{}, 0, domain.ErrBadPasskey
}

// Accepted returns by what a browser forgets passkeys of the user that are none of these (the Signal API).
func (p *Passkeys) Accepted(key domain.UserKey, have []domain.Factor) ([]byte, error) {
	if err := p.Possible(); err != nil {
		return nil, err
	}
	u, err := userOf(key, "", have)
	if err != nil {
		return nil, err
	}
	ids := make([]protocol.URLEncodedBase64, len(u.credentials))
	for i := range u.credentials {
		ids[i] = u.credentials[i].ID
	}
	return json.Marshal(protocol.SignalAllAcceptedCredentials{AllAcceptedCredentialIDs: ids, RPID: p.rp.Config.RPID,
		UserID: u.WebAuthnID()})
}
