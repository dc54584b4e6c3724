package accounts

import (
	"context"

	"canopy/domain"
)

// Introspection is what a token is worth at this moment. Of one that is not Active nothing else is said.
type Introspection struct {
	Active bool
	// Refresh says that it is a refresh token; then Token has the session, whose it is, where it is used and when it ends.
	Refresh bool
	Token   domain.AccessToken
	// Proved is by what the user proved to be who they are, when the session was begun.
	Proved domain.Proved
}

// Introspect says what an access token or a refresh token is worth. Everybody but a program with a narrowed key may ask
// about their own, and about those of others whose sessions they may end; every other one is answered as what is no
// token, at the same cost. It is Forbidden for a caller who must change the password first.
func (s *Sessions) Introspect(ctx context.Context, caller domain.Principal, text string) (Introspection, error) {
	token, refresh, err := s.presented(&caller, text)
	if err != nil {
		return Introspection{}, err
	}
	// Whether the caller may ask comes first: what a session of somebody else is like costs no time then.
	if !ownToken(&caller, &token) {
		if _, err := s.over(ctx, &caller, domain.UserRef{ID: token.Session.User}); err != nil {
			return Introspection{}, unlessHidden(err)
		}
	}
	account, signed, err := s.signIns.BySession(ctx, token.Session, token.Key)
	if err != nil {
		return Introspection{}, unlessHidden(err)
	}
	now, session := s.now(), &account.Session
	if !session.Alive(account.TokenEpoch, now) || !account.Usable(now) {
		return Introspection{}, nil
	}
	if err := s.demands.Refuse(ctx, &account); domain.ErrFactorNeeded.Is(err) || domain.ErrOnlyProvider.Is(err) {
		return Introspection{}, nil
	} else if err != nil {
		return Introspection{}, err
	}
	if refresh == nil {
		return Introspection{Active: signed && session.Kind != domain.CookieSession, Token: token,
			Proved: session.Proved}, nil
	}
	token.Alias, token.Environment.ID, token.Expires = account.Alias, session.Environment, session.Expires
	counts := session.Kind == domain.RefreshSession && session.Hash.Equal(refresh.Hash)
	return Introspection{Active: counts, Refresh: true, Token: token, Proved: session.Proved}, nil
}

// Revoke ends the session of an access token or a refresh token. Everybody but a program with a narrowed key may end
// their own, and those of others under the rules of End; nothing happens to any other token, and to what is none. It is
// Forbidden as Introspect is.
func (s *Sessions) Revoke(ctx context.Context, caller domain.Principal, text string) error {
	token, _, err := s.presented(&caller, text)
	if err != nil {
		return err
	}
	if ownToken(&caller, &token) {
		return s.signIns.SignOut(ctx, token.Session)
	}
	return unlessHidden(s.End(ctx, caller,
		OfUser[domain.UUID]{User: domain.UserRef{ID: token.Session.User}, In: token.Session.ID}))
}

// ownToken reports whether a token is the caller's, and not of somebody for whom a program acts whose key is narrowed:
// such a program gets at no session by that.
func ownToken(caller *domain.Principal, token *domain.AccessToken) bool {
	return token.Session.UserKey == caller.UserKey() && caller.Narrowed == (domain.Narrowing{})
}

// nobody is the number of no user.
const nobody domain.UserID = -1

// presented reads a token that the caller presents, with the secret of a refresh token. What is none of ours is one of
// nobody's, who is not found as whoever is out of reach is not.
func (s *Sessions) presented(caller *domain.Principal, text string) (domain.AccessToken, *domain.SessionSecret, error) {
	if caller.PasswordExpired {
		return domain.AccessToken{}, nil, domain.ErrPasswordExpired
	}
	if secret, ok := s.tokens.ReadSecret(domain.RefreshSession, text); ok {
		return domain.AccessToken{Session: secret.SessionKey}, &secret, nil
	}
	if token, ok := s.tokens.Read(text); ok {
		return token, nil, nil
	}
	return domain.AccessToken{Session: domain.SessionKey{UserKey: domain.UserKey{User: nobody}}}, nil, nil
}

// unlessHidden returns err unless it says that the caller may not, or that there is nothing.
func unlessHidden(err error) error {
	if err == nil {
		return nil
	}
	if kind := domain.AsError(err).Kind; kind == domain.NotFound || kind == domain.Forbidden {
		return nil
	}
	return err
}
