package console

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"canopy/app/directory"
	"canopy/domain"
)

// changeRules changes what a place asks of sign-ins, after showing whom that would keep out.
func (s *Surface) changeRules(ctx context.Context, v *visit) (answer, error) {
	ref := domain.EnvironmentRef(v.form["id"])
	p := &placeView{tab: tabSignIn}
	var err error
	if p.Branch, err = s.uses.Environments.Branch(ctx, v.caller, ref); err != nil {
		return answer{}, err
	}
	if p.rules, err = s.uses.Environments.SignInRules(ctx, v.caller, ref); err != nil {
		return answer{}, err
	}
	p.leftOut = s.named(ctx, v, p.rules.Own.BreakGlass.Users())
	form := func() templ.Component { return placePage(v, p) }
	if v.form[stepField] == stepEdit {
		return shown(form())
	}
	patch, err := v.rulesPatch(ref)
	if err != nil {
		return v.mend(err, form)
	}
	if v.form[planField] != "" {
		if _, err := s.uses.Environments.UpdateSignInRules(ctx, v.caller, patch); err != nil {
			return v.mend(err, form)
		}
		return went(placeAddress(p.ID, tabSignIn), "saved")
	}
	d, err := s.uses.Environments.PreviewSignInRules(ctx, v.caller, patch)
	if err != nil {
		return v.mend(err, form)
	}
	preview, err := s.uses.Previews.Run(ctx, v.caller, func(ctx context.Context) error {
		_, err := s.uses.Environments.UpdateSignInRules(ctx, v.caller, patch)
		return err
	})
	if err != nil {
		return v.mend(err, form)
	}
	out, err := s.uses.Overviews.LockedOut(ctx, v.caller, ref, d.All)
	counted := err == nil
	if err != nil && !domain.ErrForbidden.Is(err) {
		return answer{}, err
	}
	return shown(rulesPreview(v, &p.Branch, &d, preview.Warnings, v.keptOut(&p.Branch, &d, &out), counted))
}

// rulesPatch reads what the form asks of sign-ins. It returns an Invalid error for the first field that is unreadable.
func (v *visit) rulesPatch(ref domain.EnvironmentRef) (directory.SignInRulesPatch, error) {
	in := directory.SignInRulesPatch{Environment: ref, ProgramsExempt: new(v.form["programs_exempt"] != ""),
		OnlyProvider: new(v.form["only_provider"] != ""), BreakGlass: &[]domain.UserRef{}}
	for _, name := range v.names("break_glass") {
		u := domain.UserRef{Alias: name}
		if id, ok := domain.ParseID[domain.UserID](name); ok {
			u = domain.UserRef{ID: id}
		}
		*in.BreakGlass = append(*in.BreakGlass, u)
	}
	number := func(name string, most int, sentence string) (*int, error) {
		text := strings.TrimSpace(v.form[name])
		if text == "" {
			text = "0"
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, domain.InvalidField(name, sentence, most)
		}
		return &n, nil
	}
	var err error
	if in.MinPassword, err = number("min_password", domain.MaxMinPassword,
		"Give a number of characters from 0 to %d."); err != nil {
		return in, err
	}
	if in.MinPasswordWithFactor, err = number("min_password_with_factor", domain.MaxMinPassword,
		"Give a number of characters from 0 to %d."); err != nil {
		return in, err
	}
	if in.PasswordDays, err = number("password_days", domain.MaxPasswordDays,
		"Give a number of days from 0 to %d."); err != nil {
		return in, err
	}
	if in.MinSetPassword, err = number("min_set_password", domain.MaxMinPassword,
		"Give a number of characters from 0 to %d."); err != nil {
		return in, err
	}
	for name, proof := range map[string]**domain.Proof{"people": &in.People, "admins": &in.Admins, "above": &in.Above} {
		p, err := domain.ParseProof(name, v.form[name])
		if err != nil {
			return in, err
		}
		*proof = &p
	}
	minutes, err := number("proof_age", 0, "")
	if err != nil || *minutes > 30*24*60 {
		return in, domain.InvalidField("proof_age", "Give a time from one minute to 30 days, or 0 for none.")
	}
	in.ProofAge = new(time.Duration(*minutes) * time.Minute)
	in.Grace = new(time.Time)
	if day := strings.TrimSpace(v.form["grace"]); day != "" {
		if *in.Grace, err = time.Parse(time.DateOnly, day); err != nil {
			return in, domain.InvalidField("grace", "Give a day, such as 2027-01-31.")
		}
	}
	return in, nil
}

// named returns the login names of a few accounts, or the numbers of those that the reader does not see.
func (s *Surface) named(ctx context.Context, v *visit, users []domain.UserID) string {
	names := make([]string, len(users))
	for i, id := range users {
		names[i] = strconv.FormatInt(int64(id), 10)
		if u, err := s.uses.Users.Get(ctx, v.caller, directory.GetUser{User: domain.UserRef{ID: id}}); err == nil {
			names[i] = u.Alias
		}
	}
	return strings.Join(names, " ")
}

// A rule is what a place asks of one thing, by itself and together with the places above it.
type rule struct{ name, own, all string }

// ruleRows are what a place asks of sign-ins.
func (v *visit) ruleRows(d *directory.SignInRulesDocument) []rule {
	w := &v.words.Strength
	length := func(n int) string {
		if n == 0 {
			return w.Nothing
		}
		return v.counted(w.Characters, int64(n))
	}
	age := func(d time.Duration) string {
		if d == 0 {
			return w.Nothing
		}
		return v.counted(w.Minutes, int64(d.Minutes()))
	}
	days := func(n int) string {
		if n == 0 {
			return v.words.Shell.Never
		}
		return v.counted(w.Days, int64(n))
	}
	row := func(name string, of func(*domain.SignInRules) string) rule { return rule{name, of(&d.Own), of(&d.All)} }
	demand := func(name string, of func(*domain.SignInRules) domain.Proof) rule {
		return row(name, func(r *domain.SignInRules) string { return v.demand(of(r)) })
	}
	return []rule{
		row(w.MinPassword, func(r *domain.SignInRules) string { return length(r.MinPassword) }),
		row(w.MinPasswordWithFactor, func(r *domain.SignInRules) string { return length(r.MinPasswordWithFactor) }),
		row(w.PasswordDays, func(r *domain.SignInRules) string { return days(r.PasswordDays) }),
		row(w.MinSetPassword, func(r *domain.SignInRules) string { return length(r.MinSetPassword) }),
		demand(w.OfPeople, func(r *domain.SignInRules) domain.Proof { return r.People }),
		demand(w.OfAdmins, func(r *domain.SignInRules) domain.Proof { return r.Admins }),
		demand(w.OfAbove, func(r *domain.SignInRules) domain.Proof { return r.Above }),
		row(w.ProofAge, func(r *domain.SignInRules) string { return age(r.ProofAge) }),
		row(w.OnlyProvider, func(r *domain.SignInRules) string {
			return pick(r.OnlyProvider, v.words.Shell.Yes, v.words.Shell.No)
		}),
	}
}

// demand returns what a demand of a proof is called.
func (v *view) demand(p domain.Proof) string {
	if p == domain.ByPassword {
		return v.words.Strength.Nothing
	}
	return v.proof(p)
}

func (v *view) demandOptions() []option {
	var all []option
	for _, p := range domain.Proofs {
		all = append(all, option{p.String(), v.demand(p)})
	}
	return all
}

// dateOf writes the day of a time as a field of a form has it; empty for no time.
func dateOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// keptOut are the numbers of those whom rules would keep out of a place, each with the list of them.
func (v *visit) keptOut(b *directory.Branch, d *directory.SignInRulesDocument,
	out *directory.LockedOutDocument) (all []tally) {
	w := &v.words.Strength
	add := func(label, note string, n *domain.Tally, filters ...string) {
		filters = append([]string{"env", numberOf(b.ID), "usable", "true"}, filters...)
		all = append(all, tally{label: label, n: n.N, more: n.More, page: at(peoplePage, filters...), note: note})
	}
	for i := range out.ByRole {
		l := &out.ByRole[i]
		role := fill(w.OutActs, "role", v.role(l.Role))
		add(role, fill(w.ChipWeaker, "proof", v.proof(l.Demand)), &l.People,
			"actsAs", l.Role.String(), "weakerThan", l.Demand.String(), "programs", "false")
		if l.Programs.N > 0 {
			add(role, w.OutPrograms, &l.Programs, "actsAs", l.Role.String(), "programs", "true")
		}
	}
	if out.NotLinked != nil {
		add(w.OutNotLinked, pick(d.All.BreakGlass == domain.BreakGlass{}, "", w.OutNotLinkedNote), &out.NotLinked.People,
			"linked", "false", "except", d.All.BreakGlass.String(), "programs", "false")
		if out.NotLinked.Programs.N > 0 {
			add(w.AllPrograms, w.OutPrograms, &out.NotLinked.Programs, "programs", "true")
		}
	}
	return all
}

// strength is the page that says how strongly the people of a place prove who they are.
func (s *Surface) strength(ctx context.Context, v *visit) (answer, error) {
	d, err := s.uses.Overviews.Strength(ctx, v.caller, domain.EnvironmentRef(v.query("env")))
	if err != nil {
		return answer{}, err
	}
	return shown(strengthPage(v, &d))
}

// strengthTallies are the numbers of the page, each with the list of who is meant.
func (v *visit) strengthTallies(d *directory.StrengthDocument) (proofs, rest []tally) {
	w := &v.words.Strength
	told := func(label string, n domain.Tally, filters ...string) tally {
		filters = append([]string{"env", numberOf(d.Environment.ID)}, filters...)
		return tally{label: label, n: n.N, more: n.More, page: at(peoplePage, filters...)}
	}
	by := func(label string, n domain.Tally, p domain.Proof) tally {
		return told(label, n, "factor", p.String(), "active", "true", "programs", "false")
	}
	return []tally{by(w.Passkey, d.Passkey, domain.ByPasskey), by(w.Code, d.Code, domain.ByCode),
			by(w.None, d.Password, domain.ByPassword)},
		[]tally{told(v.words.Overview.Unverified, d.Unverified, "state", domain.Unverified.String(), "active", "true"),
			told(w.AllPrograms, d.Programs, "programs", "true"), told(w.OldKeys, d.Old, "oldKeys", "true"),
			told(w.BreakGlass, d.Emergency, "emergency", "true")}
}
