package authn

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"canopy/domain"
)

// Request is what schemes look at. Its strings are the caller's to keep.
type Request struct {
	// Header returns the first value of a header, empty if there is none.
	Header func(name string) string
	// Query returns the first value of a parameter of the query, empty if there is none.
	Query func(name string) string
	// Cookie returns a cookie, empty if there is none or if it comes twice.
	Cookie func(name string) string
	// Method is the method of HTTP.
	Method string
	// Address is the client's network address without a port.
	Address string
}

// Scheme finds the principal of a request by one kind of credentials. It reports false if
// the request carries none of that kind, and Unauthenticated if it carries wrong ones.
type Scheme func(ctx context.Context, r Request) (domain.Account, bool, error)

// Finder finds the principal of a request. It returns domain.ErrUnauthenticated if the request
// carries no credentials.
type Finder func(ctx context.Context, r Request) (domain.Principal, error)

// First returns a finder that asks the schemes in turn; the first whose credentials the
// request carries decides, if judge has nothing against it. A password that comes with the request is a sign-in, which
// is noted when it was judged.
func First(p *Passwords, activity *Activity, judge Judge, schemes ...Scheme) Finder {
	return func(ctx context.Context, r Request) (domain.Principal, error) {
		for _, scheme := range schemes {
			account, carried, err := scheme(ctx, r)
			if err != nil {
				return domain.Principal{}, err
			}
			if carried {
				if _, typed := rememberedBy(&account); typed {
					err = p.Enter(ctx, &account, r.Address, judge)
				} else {
					err = judge(ctx, &account)
				}
				if err != nil {
					return domain.Principal{}, err
				}
				activity.Saw(&account)
				return account.Principal, nil
			}
		}
		return domain.Principal{}, domain.ErrUnauthenticated
	}
}

// Refused ends a list of schemes with what to say to a request that carries none of their
// credentials, instead of domain.ErrUnauthenticated.
func Refused(err error) Scheme {
	return func(context.Context, Request) (domain.Account, bool, error) { return domain.Account{}, false, err }
}

// Basic is HTTP Basic (RFC 7617) in UTF-8.
func Basic(p *Passwords) Scheme {
	return func(ctx context.Context, r Request) (domain.Account, bool, error) {
		login, password, ok := parseBasic(r.Header("Authorization"))
		if !ok {
			return domain.Account{}, false, nil
		}
		account, err := p.Recognise(ctx, login, password, r.Address)
		return account, true, err
	}
}

// parseBasic reads an Authorization header of the scheme Basic. A malformed one reads as
// empty credentials, which fit nobody.
func parseBasic(header string) (login, password string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", true
	}
	if !utf8.Valid(decoded) || bytes.IndexByte(decoded, 0) >= 0 {
		return "", "", true
	}
	login, password, _ = strings.Cut(string(decoded), ":")
	return login, password, true
}

// Bearer is a token in the Authorization header, with the scheme Bearer (RFC 6750) or
// without any, or in the header "token". It must be good on the surface.
func Bearer(t *Tokens, surface string) Scheme {
	return func(ctx context.Context, r Request) (domain.Account, bool, error) {
		text := parseBearer(r.Header("Authorization"))
		if text == "" {
			text = strings.TrimSpace(r.Header("token"))
		}
		if text == "" {
			return domain.Account{}, false, nil
		}
		account, err := t.Principal(ctx, text, surface)
		return account, true, err
	}
}

// parseBearer returns the token of an Authorization header, empty if it has another scheme.
func parseBearer(header string) string {
	scheme, token, spaced := strings.Cut(strings.TrimSpace(header), " ")
	switch {
	case !spaced:
		return scheme
	case strings.EqualFold(scheme, "Bearer"):
		return strings.TrimSpace(token)
	}
	return ""
}

// Cookie is a session's cookie of that name. A request whose method is not safe (RFC 9110,
// 9.2.1) must have the session's CSRF token in a header: it returns domain.ErrCSRF without. List
// it behind the schemes of credentials that a client adds on purpose, which count more than
// a cookie that comes along.
func Cookie(t *Tokens, name, header string) Scheme {
	return func(ctx context.Context, r Request) (domain.Account, bool, error) {
		text := r.Cookie(name)
		if text == "" {
			return domain.Account{}, false, nil
		}
		account, err := t.Cookie(ctx, text)
		if err != nil {
			return domain.Account{}, true, err
		}
		if !safe(r.Method) && !hmac.Equal([]byte(r.Header(header)), []byte(t.CSRF(account.Session.SessionKey))) {
			return domain.Account{}, true, domain.ErrCSRF
		}
		return account, true, nil
	}
}

// safe reports whether requests with the method change nothing.
func safe(method string) bool { return method == "GET" || method == "HEAD" || method == "OPTIONS" }
