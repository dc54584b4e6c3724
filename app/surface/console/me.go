package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// meRoutes lists the pages of one's own account.
func (s *Surface) meRoutes(r fiber.Router) {
	r.Get(Base+"/me", s.on(s.me))
	r.Post(Base+"/me", s.on(s.changeMe))
	r.Get(Base+"/my-password", s.on(s.myPassword))
	r.Post(Base+"/my-password", s.on(s.changeMyPassword))
	r.Get(Base+"/my-sessions", s.on(s.mySessions))
	r.Post(Base+"/my-sessions", s.on(s.endMySession))
	r.Get(Base+"/my-keys", s.on(s.myKeys))
	r.Post(Base+"/my-keys", s.on(s.makeMyKey))
	r.Post(Base+"/my-key-revoke", s.on(s.revokeMyKey))
}

func (v *visit) meTabs() []tab {
	w := &v.words.Me
	all := []tab{{"me", w.Profile, "me"}, {"password", w.Password, "my-password"},
		{"factors", v.words.Factors.Title, factorsPage}}
	if v.may.Own.Has(domain.SessionManage) {
		all = append(all, tab{"sessions", w.Sessions, "my-sessions"})
	}
	if v.may.Own.Has(domain.APIKeyManage) {
		all = append(all, tab{"keys", w.Keys, "my-keys"})
	}
	return all
}

// me is the page of one's own profile.
func (s *Surface) me(ctx context.Context, v *visit) (answer, error) {
	u, err := s.uses.Me.Get(ctx, v.caller)
	if err != nil {
		return answer{}, err
	}
	return shown(mePage(v, &u.User))
}

// changeMe changes one's own profile.
func (s *Surface) changeMe(ctx context.Context, v *visit) (answer, error) {
	text := func(name string) *string {
		if value, given := v.form[name]; given {
			return &value
		}
		return nil
	}
	changed, err := s.uses.Users.Update(ctx, v.caller, directory.UpdateUser{User: v.caller.Ref(),
		UserPatch: directory.UserPatch{FirstName: text("person.first_name"), LastName: text("person.last_name"),
			Mail: text("person.mail"), Phone: text("person.phone"), Language: text("language"), TimeZone: text("time_zone")}})
	if err != nil {
		return v.mend(err, func() templ.Component { return mePage(v, &domain.User{}) })
	}
	if changed.AsksForProof() {
		return went("me", "mail")
	}
	return went("me", "saved")
}

func (s *Surface) myPassword(ctx context.Context, v *visit) (answer, error) {
	if err := s.knowLeast(ctx, v); err != nil {
		return answer{}, err
	}
	return shown(myPasswordPage(v))
}

// knowLeast has the page say how long a password of the caller must be.
func (s *Surface) knowLeast(ctx context.Context, v *visit) error {
	least, err := s.uses.Me.LeastPassword(ctx, v.caller)
	v.least, v.known = max(v.least, least), true
	return err
}

// changeMyPassword ends every session, this one too: whoever has stolen one must not stay.
func (s *Surface) changeMyPassword(ctx context.Context, v *visit) (answer, error) {
	if err := s.knowLeast(ctx, v); err != nil {
		return answer{}, err
	}
	page := func() templ.Component { return myPasswordPage(v) }
	if v.form["new_password"] != v.form["again"] {
		return v.mend(errDifferent, page)
	}
	err := s.uses.Me.ChangePassword(ctx, v.caller, directory.ChangePassword{Old: v.form["old_password"],
		New: v.form["new_password"], Address: httpx.Address(v.c, s.trusted)})
	if err != nil {
		return v.mend(err, page)
	}
	s.forget(v.c)
	return answer{to: at(signInPage, "next", "me", "ended", "1")}, nil
}

func (s *Surface) mySessions(ctx context.Context, v *visit) (answer, error) {
	all, err := s.uses.Sessions.List(ctx, v.caller, domain.UserRef{})
	if err != nil {
		return answer{}, err
	}
	return shown(mySessionsPage(v, all))
}

// endMySession ends one session, or all others.
func (s *Surface) endMySession(ctx context.Context, v *visit) (answer, error) {
	var err error
	if v.form["session"] == "" {
		err = s.uses.Sessions.EndOthers(ctx, v.caller)
	} else if id, unreadable := domain.ParseUUID(v.form["session"]); unreadable != nil {
		err = domain.ErrSessionNotFound
	} else {
		err = s.uses.Sessions.End(ctx, v.caller, accounts.OfUser[domain.UUID]{In: id})
	}
	if err != nil && !domain.ErrSessionNotFound.Is(err) { // it had ended already
		return answer{}, err
	}
	return went("my-sessions", "ended")
}

func (s *Surface) myKeys(ctx context.Context, v *visit) (answer, error) {
	all, err := s.uses.APIKeys.List(ctx, v.caller, domain.UserRef{})
	if err != nil {
		return answer{}, err
	}
	return shown(myKeysPage(v, all, nil))
}

// makeMyKey makes a key and shows it, once: no address can have it in it, so this page cannot be read again.
func (s *Surface) makeMyKey(ctx context.Context, v *visit) (answer, error) {
	key, err := s.makeKey(ctx, v, domain.UserRef{})
	if err != nil {
		return v.mend(err, func() templ.Component { return myKeysPage(v, nil, nil) })
	}
	return shown(myKeysPage(v, nil, &key))
}

// makeKey makes the key of a user, zero is the caller, that the form asks for.
func (s *Surface) makeKey(ctx context.Context, v *visit, user domain.UserRef) (accounts.KeyDocument, error) {
	in, err := v.newKey("")
	if err != nil {
		return accounts.KeyDocument{}, err
	}
	return s.uses.APIKeys.Create(ctx, v.caller, accounts.OfUser[accounts.NewAPIKey]{User: user, In: in})
}

// newKey reads what a new key is to be from fields whose names begin with of.
func (v *visit) newKey(of string) (in accounts.NewAPIKey, err error) {
	in.Name = strings.TrimSpace(v.form[of+"name"])
	in.Environment = domain.EnvironmentRef(strings.TrimSpace(v.form[of+"environment"]))
	if day := strings.TrimSpace(v.form[of+"expires"]); day != "" {
		if in.Expires, err = time.ParseInLocation(time.DateOnly, day, v.zone); err != nil {
			return in, domain.InvalidField(of+"expires", "Give a day, such as 2027-01-31.")
		}
	}
	var mask domain.Mask
	for _, p := range v.keyPermissions() {
		if v.form["permission."+p.Code()] != "" {
			mask |= p.Permission.Mask()
		}
	}
	if mask != 0 {
		in.Mask = &mask
	}
	return in, nil
}

// keyPlace says where a key works that works nowhere else; everywhere is what to say of one that is not narrowed.
func (v *visit) keyPlace(k *accounts.KeyDocument, everywhere string) string {
	switch {
	case k.Narrowed.Place == "":
		return everywhere
	case k.Environment == nil:
		return v.words.Me.Unseen
	}
	return k.Environment.ShownPath
}

func (s *Surface) revokeMyKey(ctx context.Context, v *visit) (answer, error) {
	id, err := domain.ParseUUID(v.form["key"])
	if err != nil {
		return answer{}, domain.ErrAPIKeyNotFound
	}
	err = s.uses.APIKeys.Revoke(ctx, v.caller, accounts.OfUser[domain.UUID]{In: id})
	if err != nil && !domain.ErrAPIKeyNotFound.Is(err) {
		return answer{}, err
	}
	return went("my-keys", "deleted")
}

// keyPermissions are those that a key of the caller's can be narrowed to.
func (v *visit) keyPermissions() []domain.PermissionInfo {
	all := v.may.Own | v.may.Within
	mask := domain.Narrowing{Mask: all}.Of(all)
	return slices.DeleteFunc(slices.Clone(domain.Catalogue), func(p domain.PermissionInfo) bool {
		return !mask.Has(p.Permission)
	})
}

// languages are the choices of a language, each by its own name.
func (v *visit) languages() []option {
	all := make([]option, 0, len(catalogue))
	for _, w := range catalogue {
		all = append(all, option{w.Language, w.Name})
	}
	return all
}
