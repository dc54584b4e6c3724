package openid

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/oauth2"

	"canopy/domain"
)

// Party speaks with the identity providers of a directory. It is safe for concurrent use.
type Party struct {
	private   bool
	transport http.RoundTripper
	providers *lru.Cache[string, *provider]
	now       func() time.Time
}

// knownProviders is how many providers are remembered, rememberedFor for how long what one publishes is, and missedFor
// for how long that it did not answer.
const (
	knownProviders = 1024
	rememberedFor  = time.Hour
	missedFor      = 3 * time.Second
)

// NewParty returns what speaks with providers. Private lets them be at private addresses, and without TLS.
func NewParty(private bool, now func() time.Time) *Party {
	providers, _ := lru.New[string, *provider](knownProviders) // fails for sizes below 1 only
	return &Party{private: private, transport: newTransport(private), providers: providers, now: now}
}

// provider is what is remembered of one.
type provider struct {
	client *http.Client

	mu    sync.Mutex
	found *discovered
	err   error // why it was not found
	until time.Time
}

// discovered is what a provider publishes (OpenID Connect Discovery 1.0).
type discovered struct {
	*oidc.Provider
	saysIssuer bool // with each answer (RFC 9207)
}

// with returns a context whose requests are the provider's.
func (p *provider) with(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// find returns a provider with what it publishes, or domain.ErrProviderUnreachable.
func (p *Party) find(ctx context.Context, of *domain.Provider) (*provider, *discovered, error) {
	key := of.ProviderKey.String() + " " + of.Issuer
	known, there := p.providers.Get(key)
	if !there {
		known = &provider{client: newClient(p.transport, p.private)}
		if before, again, _ := p.providers.PeekOrAdd(key, known); again {
			known = before
		}
	}
	defer domain.Aside(ctx)()
	known.mu.Lock()
	defer known.mu.Unlock()
	if p.now().Before(known.until) {
		return known, known.found, known.err
	}
	found, err := p.discover(known.with(ctx), of.Issuer)
	if ctx.Err() != nil { // which says nothing of the provider
		return nil, nil, ctx.Err()
	}
	known.found, known.err, known.until = found, nil, p.now().Add(rememberedFor)
	if err != nil {
		known.err, known.until = domain.ErrProviderUnreachable.Because(err), p.now().Add(missedFor)
	}
	return known, found, known.err
}

func (p *Party) discover(ctx context.Context, issuer string) (*discovered, error) {
	found, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	// Where a browser is sent is not asked for by our client.
	to, err := url.Parse(found.Endpoint().AuthURL)
	if err != nil || to.Host == "" || to.Scheme != "https" && (to.Scheme != "http" || !p.private) {
		return nil, fmt.Errorf("%q is no address of a page", found.Endpoint().AuthURL)
	}
	says := make(map[string]any)
	if err := found.Claims(&says); err != nil {
		return nil, err
	}
	saysIssuer, _ := says["authorization_response_iss_parameter_supported"].(bool)
	return &discovered{found, saysIssuer}, nil
}

// Check returns an error, field "issuer", unless the provider can be asked: domain.ErrProviderUnreachable if it does
// not answer, or as another one.
func (p *Party) Check(ctx context.Context, of *domain.Provider) error {
	_, _, err := p.find(ctx, of)
	return err
}

func (d *discovered) client(of *domain.Provider, redirect string) *oauth2.Config {
	return &oauth2.Config{ClientID: of.ClientID, ClientSecret: string(of.ClientSecret), Endpoint: d.Endpoint(),
		RedirectURL: redirect, Scopes: append([]string{oidc.ScopeOpenID}, of.Scopes...)}
}

// Authorize returns the address at the provider to send somebody to, or domain.ErrProviderUnreachable.
func (p *Party) Authorize(ctx context.Context, of *domain.Provider, r domain.AuthRequest) (string, error) {
	_, found, err := p.find(ctx, of)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(r.Nonce), oauth2.S256ChallengeOption(r.Verifier)}
	if r.Login != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", r.Login))
	}
	if !r.Anew.IsZero() { // both: some providers know but one
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return found.client(of, r.Redirect).AuthCodeURL(r.State, options...), nil
}

// Redeem returns what the provider says of whoever came back with an answer to r, which it has signed. It returns
// domain.ErrProviderAnswer for anything that is not proved to be that, domain.ErrNotAnew where they were to sign in
// there anew and the provider does not say that they did, and domain.ErrProviderUnreachable.
func (p *Party) Redeem(ctx context.Context, of *domain.Provider, r domain.AuthRequest,
	a domain.AuthAnswer) (domain.Claims, error) {
	known, found, err := p.find(ctx, of)
	if err != nil {
		return nil, err
	}
	if a.Issuer != of.Issuer && (a.Issuer != "" || found.saysIssuer) {
		return nil, refused("the answer is of the issuer %q", a.Issuer)
	}
	defer domain.Aside(ctx)()
	ctx = known.with(ctx)
	tokens, err := found.client(of, r.Redirect).Exchange(ctx, a.Code, oauth2.VerifierOption(r.Verifier))
	var refusal *oauth2.RetrieveError
	if errors.As(err, &refusal) {
		return nil, domain.ErrProviderAnswer.Because(err)
	}
	if err != nil {
		return nil, domain.ErrProviderUnreachable.Because(err)
	}
	text, _ := tokens.Extra("id_token").(string)
	token, claims, err := p.verify(ctx, of, found, text)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(r.Nonce)) != 1 || r.Nonce == "" {
		return nil, refused("the nonce is another sign-in's")
	}
	said := domain.ClaimsOf(claims)
	if at := said.SignedInAt(p.now()); !r.Anew.IsZero() && at.Before(r.Anew.Add(-clockDrift)) {
		return nil, domain.ErrNotAnew.Because(fmt.Errorf("auth_time is %s", at))
	}
	return said, nil
}

// clockDrift is by how much a provider's clock may be behind ours.
const clockDrift = time.Minute

// algorithms are those by which a signature proves that a provider made it: with a key that is the provider's alone.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256,
	oidc.PS384, oidc.PS512, oidc.EdDSA}

// verify returns what a token of the provider says to us (OpenID Connect Core 1.0, 3.1.3.7), or
// domain.ErrProviderAnswer.
func (p *Party) verify(ctx context.Context, of *domain.Provider, found *discovered,
	text string) (*oidc.IDToken, map[string]any, error) {
	// The keys are remembered with the provider: its verifiers share them.
	token, err := found.Verifier(
		&oidc.Config{ClientID: of.ClientID, SupportedSigningAlgs: algorithms, Now: p.now}).Verify(ctx, text)
	if err != nil {
		return nil, nil, domain.ErrProviderAnswer.Because(err)
	}
	claims := make(map[string]any)
	if err := token.Claims(&claims); err != nil {
		return nil, nil, domain.ErrProviderAnswer.Because(err)
	}
	azp, named := claims["azp"]
	if named && azp != of.ClientID || !named && len(token.Audience) > 1 {
		return nil, nil, refused("the token was made for %v", azp)
	}
	return token, claims, nil
}

// logoutEvent is the event of a token that says that somebody signed out.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// messageAge is how old such a token may be.
const messageAge = 5 * time.Minute

// SignedOut returns which session ended at the provider, as a token says that it has signed (OpenID Connect
// Back-Channel Logout 1.0, 2.6). It returns domain.ErrProviderAnswer for anything else, and
// domain.ErrProviderUnreachable.
func (p *Party) SignedOut(ctx context.Context, of *domain.Provider, text string) (domain.SignedOutAt, error) {
	known, found, err := p.find(ctx, of)
	if err != nil {
		return domain.SignedOutAt{}, err
	}
	defer domain.Aside(ctx)()
	token, claims, err := p.verify(known.with(ctx), of, found, text)
	if err != nil {
		return domain.SignedOutAt{}, err
	}
	events, _ := claims["events"].(map[string]any)
	_, ends := events[logoutEvent].(map[string]any)
	_, nonce := claims["nonce"]
	c := domain.ClaimsOf(claims)
	out := domain.SignedOutAt{Message: c.First("jti"), ProviderSession: domain.ProviderSession{
		Issuer: of.IdentityIssuer(), ID: c.First("sid")}}
	if of.Subject == domain.SubjectSub {
		out.Subject = token.Subject
	}
	age := p.now().Sub(token.IssuedAt)
	switch {
	case !ends || nonce:
		return out, refused("the token is not of a sign-out")
	case out.Message == "" || out.Subject == "" && out.ID == "":
		return out, refused("the token says neither whose session nor which")
	case age > messageAge || age < -messageAge:
		return out, refused("the token is of another time")
	}
	return out, nil
}

func refused(format string, args ...any) error {
	return domain.ErrProviderAnswer.Because(fmt.Errorf(format, args...))
}
