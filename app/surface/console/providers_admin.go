package console

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// The pages of an organization's identity providers.
const (
	providersPage      = "providers"
	providerOfPage     = "provider"
	newProviderPage    = "provider-new"
	deleteProviderPage = "provider-delete"
)

// tabProviders is the tab of the place that an organization is.
const tabProviders = "providers"

func providersAt(id domain.EnvironmentID) string {
	return at(providersPage, "organization", numberOf(id))
}

func providerAt(p *accounts.ProviderDocument) string {
	return at(providerOfPage, "organization", numberOf(p.Organization), "id", string(p.ID))
}

// A providerView is what a page of a provider shows. ID is empty for one that is not there yet.
type providerView struct {
	accounts.ProviderDocument
	branch  directory.Branch // the organization
	rules   []ruleRow
	landing *accounts.Landing // of who is tried
}

// A ruleRow is a rule as a form has it.
type ruleRow struct{ claim, value, place, group, role string }

// way are the crumbs to the page.
func (p *providerView) way(v *visit) []crumb {
	return append(wayThrough(&p.branch), crumb{v.words.Providers.Tab, providersAt(p.branch.ID)})
}

// action is where the form of the page is sent.
func (p *providerView) action() string {
	if p.ID == "" {
		return newProviderPage
	}
	return providerOfPage
}

// organization returns the organization that a page or a form is about; that of the reader if it does not say.
func (s *Surface) organization(ctx context.Context, v *visit) (directory.Branch, error) {
	ref := v.query("organization")
	if v.form != nil {
		ref = v.form["organization"]
	}
	if ref == "" {
		ref = numberOf(v.caller.Organization)
	}
	return s.uses.Environments.Branch(ctx, v.caller, domain.EnvironmentRef(ref))
}

// providers lists the providers of an organization and their mail domains, and has DNS asked for one.
func (s *Surface) providers(ctx context.Context, v *visit) (answer, error) {
	b, err := s.organization(ctx, v)
	if err != nil {
		return answer{}, err
	}
	all, err := s.uses.Providers.List(ctx, v.caller, domain.NumberRef(b.ID))
	if err != nil {
		return answer{}, err
	}
	domains, err := s.uses.Providers.Domains(ctx, v.caller, domain.NumberRef(b.ID))
	if err != nil {
		return answer{}, err
	}
	page := func() templ.Component {
		return providersPageOf(v, &placeView{Branch: b, tab: tabProviders}, all, domains)
	}
	if v.form == nil {
		return shown(page())
	}
	if _, err := s.uses.Providers.ProveDomain(ctx, v.caller, accounts.ProveDomain{Organization: domain.NumberRef(b.ID),
		Domain: v.form["domain"]}); err != nil {
		return v.mend(err, page)
	}
	return went(providersAt(b.ID), "proved")
}

// readProvider reads the provider that a page or a form is about.
func (s *Surface) readProvider(ctx context.Context, v *visit) (*providerView, error) {
	b, err := s.organization(ctx, v)
	if err != nil {
		return nil, err
	}
	id := v.query("id")
	if v.form != nil {
		id = v.form["id"]
	}
	uuid, err := domain.ParseUUID(id)
	if err != nil {
		return nil, domain.ErrProviderNotFound
	}
	p := &providerView{branch: b}
	p.ProviderDocument, err = s.uses.Providers.Get(ctx, v.caller,
		accounts.OrganizationProvider{Organization: domain.NumberRef(b.ID), Provider: uuid})
	p.rules = storedRules(&p.ProviderDocument)
	return p, err
}

// storedRules are the rules of a provider as its form has them.
func storedRules(p *accounts.ProviderDocument) []ruleRow {
	rows := make([]ruleRow, len(p.Rules))
	for i, r := range p.Rules {
		rows[i] = ruleRow{r.Claim, r.Value, numberOf(r.Environment), numberOf(r.Group), r.Role.String()}
		if e := p.Placed[i].Environment; e != nil {
			rows[i].place = placeRef(e.ShownPath)
		}
		if g := p.Placed[i].Group; g != nil && g.Organization == domain.RootOrganization {
			rows[i].group = "/" + g.Alias
		} else if g != nil {
			rows[i].group = g.Alias
		}
	}
	return rows
}

func (s *Surface) provider(ctx context.Context, v *visit) (answer, error) {
	p, err := s.readProvider(ctx, v)
	if err != nil {
		return answer{}, err
	}
	return shown(providerPageOf(v, p))
}

// newProvider is the form of a provider that is not there yet.
func (s *Surface) newProvider(ctx context.Context, v *visit) (answer, error) {
	b, err := s.organization(ctx, v)
	if err != nil {
		return answer{}, err
	}
	if !v.can(domain.OrganizationWrite) {
		return answer{}, domain.ErrForbidden
	}
	if !b.IsOrganization {
		return answer{}, domain.ErrEnvironmentNotFound
	}
	p := &providerView{branch: b}
	p.Enabled, p.Scopes = true, []string{"profile", "email"}
	if v.form == nil {
		return shown(providerPageOf(v, p))
	}
	return s.writeProvider(ctx, v, p)
}

func (s *Surface) changeProvider(ctx context.Context, v *visit) (answer, error) {
	p, err := s.readProvider(ctx, v)
	if err != nil {
		return answer{}, err
	}
	return s.writeProvider(ctx, v, p)
}

// The buttons of the form of a provider. Those of a rule have its number behind a dot.
const (
	doField   = "do"
	doTry     = "try"
	doAdd     = "add"
	doUp      = "up"
	doDown    = "down"
	doTakeOut = "out"
)

// writeProvider does what the button says that was pressed: with the rules of the form, with who is tried, or with the
// provider, which it sets up or changes.
func (s *Surface) writeProvider(ctx context.Context, v *visit, p *providerView) (answer, error) {
	p.rules = v.typedRules()
	page := func() templ.Component { return providerPageOf(v, p) }
	do, number, _ := strings.Cut(v.form[doField], ".")
	if at, err := strconv.Atoi(number); err == nil || do == doAdd {
		p.rules = moved(p.rules, do, at-1)
		return shown(page())
	}
	patch, err := v.providerPatch(p)
	if err != nil {
		return v.mend(err, page)
	}
	at := accounts.OrganizationProvider{Organization: domain.NumberRef(p.branch.ID), Provider: p.ID}
	issuer := strings.TrimSpace(v.form["issuer"])
	var written accounts.ProviderDocument
	said := "saved"
	switch {
	case do == doTry:
		return s.tryProvider(ctx, v, p, accounts.PreviewProvider{OrganizationProvider: at, ProviderPatch: patch,
			Issuer: issuer})
	case p.ID == "":
		said = "made"
		written, err = s.uses.Providers.Create(ctx, v.caller,
			accounts.CreateProvider{Organization: at.Organization, Issuer: issuer, ProviderPatch: patch})
	default:
		written, err = s.uses.Providers.Update(ctx, v.caller,
			accounts.UpdateProvider{OrganizationProvider: at, ProviderPatch: patch})
	}
	if err != nil {
		return v.mend(err, page)
	}
	return went(providerAt(&written), said)
}

// tryProvider shows where somebody would land.
func (s *Surface) tryProvider(ctx context.Context, v *visit, p *providerView,
	in accounts.PreviewProvider) (answer, error) {
	page := func() templ.Component { return providerPageOf(v, p) }
	var err error
	if in.Claims, err = readClaims(v.form["claims"]); err != nil {
		return v.mend(err, page)
	}
	landing, err := s.uses.Providers.Preview(ctx, v.caller, in)
	if err != nil {
		return v.mend(err, page)
	}
	p.landing = &landing
	return shown(page())
}

// moved returns rows with the one at i moved up, down or out, or with another one at the end.
func moved(rows []ruleRow, do string, i int) []ruleRow {
	there := func(i int) bool { return i >= 0 && i < len(rows) }
	switch {
	case do == doAdd:
		return append(rows, ruleRow{role: domain.RoleUser.String()})
	case do == doUp && there(i) && there(i-1):
		rows[i-1], rows[i] = rows[i], rows[i-1]
	case do == doDown && there(i) && there(i+1):
		rows[i], rows[i+1] = rows[i+1], rows[i]
	case do == doTakeOut && there(i):
		return slices.Delete(rows, i, i+1)
	}
	return rows
}

// ruleField returns what a field of the rule with that index is called.
func ruleField(i int, name string) string { return "rule." + strconv.Itoa(i+1) + "." + name }

// typedRules returns the rules of the form, as many as it says and has.
func (v *visit) typedRules() []ruleRow {
	n, _ := strconv.Atoi(v.form["rules"])
	var rows []ruleRow
	for i := range n {
		typed := func(name string) string { return strings.TrimSpace(v.form[ruleField(i, name)]) }
		if _, there := v.form[ruleField(i, "role")]; !there {
			break
		}
		rows = append(rows, ruleRow{typed("claim"), typed("value"), typed("place"), typed("group"), typed("role")})
	}
	return rows
}

// providerPatch reads what a provider is to be. It returns an Invalid error for the first field that is unreadable.
func (v *visit) providerPatch(p *providerView) (accounts.ProviderPatch, error) {
	text := func(name string) *string { return new(strings.TrimSpace(v.form[name])) }
	list := func(name string) *[]string {
		return new(v.names(name))
	}
	in := accounts.ProviderPatch{Name: text("name"), ClientID: text("client_id"), Scopes: list("scopes"),
		Domains: list("domains"), Enabled: new(v.form["enabled"] != ""),
		TrustsStrong: new(v.form["trusts_strong"] != "")}
	switch secret, public := v.form["client_secret"], v.form["public"] != ""; {
	case secret != "" && public:
		return in, domain.InvalidField("client_secret", "Give the client secret, or say that there is none.")
	case secret != "" || public:
		in.ClientSecret = new(domain.SecretText(secret))
	case !p.Secret && v.form[doField] != doTry: // it is not kept while rules are tried and moved
		return in, domain.InvalidField("client_secret", "Give the client secret, or say that there is none.")
	}
	newcomers, err := domain.ParseNewcomers(v.form["newcomers"])
	if err != nil {
		return in, err
	}
	in.Newcomers = &newcomers
	rules := make([]accounts.RulePatch, len(p.rules))
	for i, r := range p.rules {
		if r.place == "" || r.group == "" {
			return in, domain.InvalidField("rules", "Rule %d: An environment and a group are required.", i+1)
		}
		role, err := domain.ParseRole(r.role)
		if err != nil {
			return in, domain.InvalidField("rules", "Rule %d: The role is one of user, power and oadmin.", i+1)
		}
		rules[i] = accounts.RulePatch{Claim: r.claim, Value: r.value, Environment: domain.EnvironmentRef(r.place),
			Group: domain.GroupRef(r.group), Role: role}
	}
	in.Rules = &rules
	return in, nil
}

// readClaims reads what a provider would say of somebody: an object of JSON, or a claim on each line.
func readClaims(text string) (domain.Claims, error) {
	wrong := domain.InvalidField("claims",
		"Write one claim on each line, such as department = Berlin, or paste an object of JSON.")
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			return nil, wrong.Because(err)
		}
		return domain.ClaimsOf(object), nil
	}
	claims := domain.Claims{}
	for line := range strings.Lines(text) {
		name, value, pair := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); name != "" && !pair || name == "" && pair {
			return nil, wrong
		}
		if pair {
			claims[name] = append(claims[name], strings.TrimSpace(value))
		}
	}
	return claims, nil
}

// removeProvider takes a provider away, once that was confirmed.
func (s *Surface) removeProvider(ctx context.Context, v *visit) (answer, error) {
	p, err := s.readProvider(ctx, v)
	if err != nil {
		return answer{}, err
	}
	if !v.can(domain.OrganizationWrite) {
		return answer{}, domain.ErrForbidden
	}
	page := func() templ.Component { return deleteProviderPageOf(v, p) }
	if v.form == nil {
		return shown(page())
	}
	if err := s.uses.Providers.Remove(ctx, v.caller,
		accounts.OrganizationProvider{Organization: domain.NumberRef(p.branch.ID), Provider: p.ID}); err != nil {
		return v.mend(err, page)
	}
	return went(providersAt(p.branch.ID), "deleted")
}

// newcomersOf says for whom a provider makes accounts.
func (v *view) newcomersOf(n domain.Newcomers) string {
	w := &v.words.Providers
	return map[domain.Newcomers]string{domain.NoNewcomers: w.Nobody, domain.PlacedNewcomers: w.Placed,
		domain.AllNewcomers: w.Everybody}[n]
}

func (v *view) newcomerOptions() []option {
	var all []option
	for _, n := range []domain.Newcomers{domain.NoNewcomers, domain.PlacedNewcomers, domain.AllNewcomers} {
		all = append(all, option{n.String(), v.newcomersOf(n)})
	}
	return all
}

// whom says whom a rule is about.
func (v *view) whom(r *ruleRow) string {
	if r.claim == "" {
		return v.words.Providers.All
	}
	return fill(fill(v.words.Providers.Has, "claim", r.claim), "value", r.value)
}

// roleNamed says a role that a form names.
func (v *view) roleNamed(name string) string {
	role, err := domain.ParseRole(name)
	if err != nil {
		return name
	}
	return v.role(role)
}

// byRule says by what somebody lands.
func (v *view) byRule(l *accounts.Landing) string {
	if l.Rule == 0 {
		return v.words.Providers.ByNone
	}
	return fill(v.words.Providers.ByRule, "n", strconv.Itoa(l.Rule))
}

// refusal says why no account would be made.
func (v *visit) refusal(l *accounts.Landing) string {
	w := &v.words.Providers
	switch {
	case l.Rule > 0:
		return fill(w.RefusedBy, "n", strconv.Itoa(l.Rule))
	case v.form["newcomers"] == domain.NoNewcomers.String():
		return w.RefusedAll
	}
	return w.RefusedNone
}

// secretHint says what an empty field of the secret means.
func (v *view) secretHint(p *providerView) string {
	if p.Secret {
		return v.words.Providers.SecretKept
	}
	return v.words.Providers.SecretHint
}
