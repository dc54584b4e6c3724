package console

import (
	"context"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// newcomerRoutes lists the pages by which people come to be there.
func (s *Surface) newcomerRoutes(r fiber.Router) {
	r.Get(Base+"/person-new", s.on(s.newPerson))
	r.Post(Base+"/person-new", s.on(s.makePerson))
	r.Get(Base+"/"+programNewPage, s.on(s.newProgram))
	r.Post(Base+"/"+programNewPage, s.on(s.makeProgram))
	r.Get(Base+"/invite", s.on(s.invite))
	r.Post(Base+"/invite", s.on(s.sendInvitations))
}

const programNewPage = "program-new"

// mayMake returns Forbidden for who may make nobody.
func (v *visit) mayMake() error {
	if !v.can(domain.UserCreate) {
		return domain.ErrForbidden
	}
	return nil
}

func (s *Surface) newPerson(_ context.Context, v *visit) (answer, error) {
	return answer{page: newPersonPage(v)}, v.mayMake()
}

// newcomer reads what newcomers get: empty fields say nothing.
func (v *visit) newcomer() (patch directory.UserPatch, err error) {
	if home := strings.TrimSpace(v.form["home"]); home != "" {
		patch.Home = new(domain.EnvironmentRef(home))
	}
	if group := strings.TrimSpace(v.form["group"]); group != "" {
		patch.Group = new(domain.GroupRef(group))
	}
	if language := v.form["language"]; language != "" {
		patch.Language = &language
	}
	if text := v.form["role"]; text != "" {
		role, err := domain.ParseRole(text)
		if err != nil {
			return patch, err
		}
		patch.Role = &role
	}
	return patch, nil
}

// makePerson makes an account with a password that must be changed at the first sign-in.
func (s *Surface) makePerson(ctx context.Context, v *visit) (answer, error) {
	page := func() templ.Component { return newPersonPage(v) }
	patch, err := v.newcomer()
	if err == nil && v.form["password"] != v.form["again"] {
		err = errDifferent
	}
	if err != nil {
		return v.mend(err, page)
	}
	patch.Alias = v.typed("alias")
	patch.FirstName, patch.LastName = v.typed("person.first_name"), v.typed("person.last_name")
	if v.form["person.mail"] != "" {
		patch.Mail = v.typed("person.mail")
	}
	patch.Password, patch.FirstAccess = v.typed("password"), new(true)
	made, err := s.uses.Users.Create(ctx, v.caller, patch)
	if err != nil {
		return v.mend(err, page)
	}
	return went(personAt(made.ID), "made")
}

func (s *Surface) newProgram(_ context.Context, v *visit) (answer, error) {
	return answer{page: newProgramPage(v)}, v.mayMake()
}

// makeProgram makes the account of a program with its first key, and shows that, once: as makeMyKey does.
func (s *Surface) makeProgram(ctx context.Context, v *visit) (answer, error) {
	if err := v.mayMake(); err != nil {
		return answer{}, err
	}
	page := func() templ.Component { return newProgramPage(v) }
	patch, err := v.newcomer()
	if err != nil {
		return v.mend(err, page)
	}
	patch.Alias = v.typed("alias")
	if v.form["person.first_name"] != "" {
		patch.FirstName = v.typed("person.first_name")
	}
	key, err := v.newKey("key.")
	if err != nil {
		return v.mend(err, page)
	}
	made, err := s.uses.Accounts.CreateProgram(ctx, v.caller, accounts.NewProgram{User: patch, Key: key})
	if err != nil {
		return v.mend(err, page)
	}
	return shown(madeProgramPage(v, &made))
}

func (s *Surface) invite(_ context.Context, v *visit) (answer, error) {
	return answer{page: invitePage(v)}, v.mayMake()
}

// sendInvitations invites whoever is named, a line each, and says what became of each line.
func (s *Surface) sendInvitations(ctx context.Context, v *visit) (answer, error) {
	page := func() templ.Component { return invitePage(v) }
	like, err := v.newcomer()
	if err != nil {
		return v.mend(err, page)
	}
	all, err := s.uses.Accounts.InviteAll(ctx, v.caller, accounts.InviteAll{
		Addresses: strings.Split(v.form["addresses"], "\n"), Like: like,
		Link: s.config.Pages.Accept(), Lifetime: inviteLifetime})
	if err != nil {
		return v.mend(err, page)
	}
	return shown(invitedPage(v, all))
}

// invitedCount returns how many were invited.
func invitedCount(all []accounts.Invited) (n int64) {
	for i := range all {
		if all[i].Err == nil {
			n++
		}
	}
	return n
}

// notInvited are the lines of those who were not, to be mended.
func notInvited(all []accounts.Invited) string {
	var lines []string
	for i := range all {
		if all[i].Err != nil {
			lines = append(lines, all[i].Address)
		}
	}
	return strings.Join(lines, "\n")
}
