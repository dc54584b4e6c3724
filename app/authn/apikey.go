package authn

import (
	"context"

	"canopy/domain"
)

// apiKey is the name of the header and of the query's parameter that carry an API key.
const apiKey = "apiKey"

// maxAPIKey is more than any API key has, in bytes.
const maxAPIKey = 200

// APIKey is an API key in the query or in a header; one in the header counts. If the request
// has HTTP Basic too, both must be of the same user. It returns domain.ErrBadAPIKey for a key that
// is wrong, revoked, expired or of a user who cannot be used, and domain.ErrTooMany after too many
// wrong ones from one address.
func APIKey(p *Passwords) Scheme {
	return func(ctx context.Context, r Request) (domain.Account, bool, error) {
		text := r.Header(apiKey)
		if text == "" {
			text = r.Query(apiKey)
		}
		if text == "" {
			return domain.Account{}, false, nil
		}
		account, err := p.byKey(ctx, text, r.Address)
		if err != nil {
			return domain.Account{}, true, err
		}
		if login, password, ok := parseBasic(r.Header("Authorization")); ok {
			person, err := p.Recognise(ctx, login, password, r.Address)
			if err != nil {
				return domain.Account{}, true, err
			}
			if person.Organization != account.Organization || person.User != account.User {
				return domain.Account{}, true, domain.ErrBadAPIKey
			}
			account.PasswordMAC = person.PasswordMAC
		}
		return account, true, nil
	}
}

// KeyInHeader is an API key in the header apiKey, or where a token would be. It is as APIKey otherwise.
func KeyInHeader(p *Passwords) Scheme {
	return func(ctx context.Context, r Request) (domain.Account, bool, error) {
		text := r.Header(apiKey)
		if bearer := parseBearer(r.Header("Authorization")); text == "" && domain.IsAPIKey(bearer) {
			text = bearer
		}
		if text == "" {
			return domain.Account{}, false, nil
		}
		account, err := p.byKey(ctx, text, r.Address)
		return account, true, err
	}
}

// byKey returns the account that has the API key.
func (p *Passwords) byKey(ctx context.Context, text, address string) (domain.Account, error) {
	account, err := domain.Account{}, error(domain.ErrAPIKeyNotFound)
	if len(text) <= maxAPIKey {
		account, err = p.accounts.ByAPIKey(ctx, domain.SecretText(text))
	}
	if err != nil && !domain.ErrAPIKeyNotFound.Is(err) {
		return domain.Account{}, err
	}
	now := p.now()
	if err != nil || !account.Usable(now) || account.Key.Expired(now) {
		if err := p.throttle.guessed(ctx, address); err != nil {
			return domain.Account{}, err
		}
		return domain.Account{}, domain.ErrBadAPIKey
	}
	account.Principal.PasswordExpired = account.Standing.PasswordExpired(now)
	return account, nil
}
