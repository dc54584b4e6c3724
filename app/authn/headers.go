package authn

import (
	"context"

	"canopy/domain"
)

// Headers is a name and a password in headers of their own. Each of the two may have several
// spellings, which must agree where a request has more than one. A request with one of the
// two only, or with spellings that differ, is domain.ErrUnauthenticated.
func Headers(p *Passwords, names, passwords []string) Scheme {
	return func(ctx context.Context, r Request) (domain.Account, bool, error) {
		login, one := agreed(r, names)
		password, other := agreed(r, passwords)
		if login == "" && password == "" && one && other {
			return domain.Account{}, false, nil
		}
		if login == "" || password == "" || !one || !other {
			return domain.Account{}, true, domain.ErrUnauthenticated
		}
		account, err := p.Recognise(ctx, login, password, r.Address)
		return account, true, err
	}
}

// agreed returns the value that a request gives by any of the headers, and false if it gives
// several.
func agreed(r Request, headers []string) (value string, one bool) {
	for _, name := range headers {
		given := r.Header(name)
		if given != "" && value != "" && given != value {
			return "", false
		}
		if given != "" {
			value = given
		}
	}
	return value, true
}
