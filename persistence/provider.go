package persistence

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// ProviderStore reads identity providers and who is linked with whom at them, which Tx changes. AccountStore finds
// them for signing in.
type ProviderStore struct{ db *db.DB }

// NewProviderStore returns the store of identity providers in d.
func NewProviderStore(d *db.DB) *ProviderStore { return &ProviderStore{d} }

// providerRow is a row of the table providers.
type providerRow struct {
	bun.BaseModel `bun:"table:providers,alias:p"`

	OrganizationID int64  `bun:",pk"`
	ID             string `bun:",pk"`
	Name           string
	Issuer         string
	ClientID       string
	Sealed         string
	Scopes         string
	Subject        string
	Domains        string
	Enabled        bool
	TrustsStrong   bool
	Newcomers      int64
	Rules          string
	MostRole       int64
	MostMask       int64
	CreatedAt      int64
	CreatedBy      string
}

// Within implements db.Scoped: a provider lies where the environment of its organization does.
func (providerRow) Within(sc tenancy.Scope) db.Predicate { return atBorder(sc, "p") }

// providerLinkRow is a row of the table provider_links.
type providerLinkRow struct {
	bun.BaseModel `bun:"table:provider_links,alias:l"`

	OrganizationID int64  `bun:",pk"`
	Issuer         string `bun:",pk"`
	Subject        string `bun:",pk"`
	UserID         int64
	Shown          string
	LinkedBy       string
	CreatedAt      int64
}

// Within implements db.Scoped.
func (providerLinkRow) Within(sc tenancy.Scope) db.Predicate { return withUser(sc, "l") }

func (r *providerLinkRow) link() domain.Link {
	return domain.Link{Identity: domain.Identity{Organization: domain.OrganizationID(r.OrganizationID), Issuer: r.Issuer,
		Subject: r.Subject}, User: domain.UserID(r.UserID), Shown: r.Shown, By: domain.LinkedBy(r.LinkedBy),
		Created: db.Moment(r.CreatedAt)}
}

// ruleJSON is how a rule is stored.
type ruleJSON struct {
	Claim       string `json:"claim,omitempty"`
	Value       string `json:"value,omitempty"`
	Environment int64  `json:"environment"`
	Group       int64  `json:"group"`
	Role        int64  `json:"role"`
}

// providerPlace binds what is sealed of a provider to where it is stored.
func providerPlace(k domain.ProviderKey) string { return "provider " + k.String() }

// toProviderRow returns the row of a provider, with its secret sealed.
func toProviderRow(d *db.DB, p *domain.Provider) (*providerRow, error) {
	rules := make([]ruleJSON, len(p.Rules))
	for i, r := range p.Rules {
		rules[i] = ruleJSON{r.Claim, r.Value, int64(r.Environment), int64(r.Group), int64(r.Role)}
	}
	text, _ := json.Marshal(rules) // texts and numbers always marshal
	sealed, err := d.Vault.Seal(providerPlace(p.ProviderKey), string(p.ClientSecret))
	return &providerRow{OrganizationID: int64(p.Organization), ID: string(p.ID), Name: p.Name, Issuer: p.Issuer,
		ClientID: p.ClientID, Sealed: sealed, Scopes: strings.Join(p.Scopes, " "), Subject: string(p.Subject),
		Domains: strings.Join(p.Domains, " "), Enabled: p.Enabled, TrustsStrong: p.TrustsStrong,
		Newcomers: int64(p.Newcomers), Rules: string(text), MostRole: int64(p.Most.Role), MostMask: int64(p.Most.Mask),
		CreatedAt: db.Millis(p.Created), CreatedBy: p.CreatedBy}, err
}

func (r *providerRow) provider(d *db.DB) (domain.Provider, error) {
	p := domain.Provider{
		ProviderKey: domain.ProviderKey{Organization: domain.OrganizationID(r.OrganizationID), ID: domain.UUID(r.ID)},
		Name:        r.Name, Issuer: r.Issuer, ClientID: r.ClientID, Scopes: strings.Fields(r.Scopes),
		Subject: domain.SubjectClaim(r.Subject), Domains: strings.Fields(r.Domains), Enabled: r.Enabled,
		TrustsStrong: r.TrustsStrong, Newcomers: domain.Newcomers(r.Newcomers),
		Most:    domain.Ceiling{Role: domain.Role(r.MostRole), Mask: domain.Mask(r.MostMask)},
		Created: db.Moment(r.CreatedAt), CreatedBy: r.CreatedBy}
	secret, err := d.Vault.Open(providerPlace(p.ProviderKey), r.Sealed)
	if err != nil {
		return p, err
	}
	p.ClientSecret = domain.SecretText(secret)
	var rules []ruleJSON
	err = json.Unmarshal([]byte(r.Rules), &rules)
	for _, rule := range rules {
		p.Rules = append(p.Rules, domain.PlacementRule{Claim: rule.Claim, Value: rule.Value,
			Placement: domain.Placement{Environment: domain.EnvironmentID(rule.Environment),
				Group: domain.GroupID(rule.Group), Role: domain.Role(rule.Role)}})
	}
	return p, err
}

// readProviders reads the providers that q finds, in rows, by name.
func readProviders(ctx context.Context, d *db.DB, q *bun.SelectQuery, rows *[]providerRow) ([]domain.Provider, error) {
	if err := q.Order("p.name", "p.id").Scan(ctx); err != nil {
		return nil, db.Translate(err)
	}
	providers := make([]domain.Provider, len(*rows))
	for i := range *rows {
		var err error
		if providers[i], err = (*rows)[i].provider(d); err != nil {
			return nil, err
		}
	}
	return providers, nil
}

// keyed narrows a query to the provider with that key: q.Apply(keyed(k)).
func keyed(k domain.ProviderKey) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("p.organization_id = ? AND p.id = ?", int64(k.Organization), string(k.ID))
	}
}

func (s *ProviderStore) List(ctx context.Context, sc tenancy.Scope,
	o domain.OrganizationID) ([]domain.Provider, error) {
	var rows []providerRow
	return readProviders(ctx, s.db, db.From(s.db, sc, &rows).Where("p.organization_id = ?", int64(o)), &rows)
}

func (s *ProviderStore) Get(ctx context.Context, sc tenancy.Scope, k domain.ProviderKey) (domain.Provider, error) {
	var rows []providerRow
	found, err := readProviders(ctx, s.db, db.From(s.db, sc, &rows).Apply(keyed(k)), &rows)
	return db.First(found, err, domain.ErrProviderNotFound)
}

func (s *ProviderStore) Links(ctx context.Context, sc tenancy.Scope, u domain.UserKey) ([]domain.Link, error) {
	return linksOf(ctx, s.db, sc, u)
}

// Links returns the links of a user, the oldest first.
func (tx *Tx) Links(u domain.UserKey) ([]domain.Link, error) {
	return linksOf(tx.Ctx, tx, tx.Scope(), u)
}

func linksOf(ctx context.Context, r db.Reader, sc tenancy.Scope, u domain.UserKey) ([]domain.Link, error) {
	var rows []providerLinkRow
	err := db.From(r, sc, &rows).Apply(owned(u)).Order("l.created_at", "l.issuer", "l.subject").Scan(ctx)
	links := make([]domain.Link, len(rows))
	for i := range rows {
		links[i] = rows[i].link()
	}
	return links, db.Translate(err)
}

// Provider returns the provider with that key, locked, or ErrProviderNotFound.
func (tx *Tx) Provider(k domain.ProviderKey) (domain.Provider, error) {
	var rows []providerRow
	found, err := readProviders(tx.Ctx, tx.DB, db.From(tx, tx.Scope(), &rows).Apply(keyed(k)).Apply(tx.For("UPDATE")),
		&rows)
	return db.First(found, err, domain.ErrProviderNotFound)
}

// InsertProvider adds p to its organization, under a new id. It returns ErrEnvironmentNotFound unless the place of that
// lies in the scope, and ErrIssuerTaken.
func (tx *Tx) InsertProvider(p *domain.Provider) error {
	p.ID = db.NewUUID()
	if err := p.Validate(); err != nil {
		return err
	}
	place, err := tx.border(int64(p.Organization))
	if err != nil {
		return err
	}
	row, err := toProviderRow(tx.DB, p)
	if err != nil {
		return err
	}
	if err := tx.Insert(row); err != nil {
		return err
	}
	return tx.recordProvider("provider:create", &place, p, domain.Diff(nil, p.Fields()))
}

// SaveProvider makes before, as it was read, after; one that is switched off ends the sessions that it began. Where
// nothing changed it does nothing. It returns
// ErrEnvironmentNotFound unless the place of the provider lies in the scope.
func (tx *Tx) SaveProvider(before, after *domain.Provider) error {
	changes := domain.Diff(before.Fields(), after.Fields())
	if before.ClientSecret != after.ClientSecret {
		changes = append(changes, domain.Change{Field: "client_secret"})
	}
	if err := after.Validate(); err != nil {
		return err
	}
	if len(changes) == 0 && before.Most == after.Most {
		return nil
	}
	place, err := tx.border(int64(after.Organization))
	if err != nil {
		return err
	}
	row, err := toProviderRow(tx.DB, after)
	if err != nil {
		return err
	}
	if err := tx.One(tx.NewUpdate().Model(row).WherePK(), domain.ErrProviderNotFound); err != nil {
		return err
	}
	if err := tx.dropDomains(&place); err != nil {
		return err
	}
	if before.Enabled && !after.Enabled {
		if err := tx.Run(tx.begunBy(after)); err != nil {
			return err
		}
	}
	return tx.recordProvider("provider:update", &place, after, changes)
}

// DeleteProvider removes a provider as it was read, with the links of those who have an account and the sessions that
// it began. It returns ErrEnvironmentNotFound unless the place of the provider lies in the scope.
func (tx *Tx) DeleteProvider(p *domain.Provider) error {
	place, err := tx.border(int64(p.Organization))
	if err != nil {
		return err
	}
	row := &providerRow{OrganizationID: int64(p.Organization), ID: string(p.ID)}
	if err := tx.One(tx.NewDelete().Model(row).WherePK(), domain.ErrProviderNotFound); err != nil {
		return err
	}
	if err := tx.dropDomains(&place); err != nil {
		return err
	}
	o, issuer := int64(p.Organization), p.IdentityIssuer()
	err = tx.Run(tx.NewDelete().Model((*providerLinkRow)(nil)).Where("organization_id = ? AND issuer = ?", o, issuer).
		Where("EXISTS (SELECT 1 FROM users u WHERE u.organization_id = ? AND u.id = user_id)", o), tx.begunBy(p))
	if err != nil {
		return err
	}
	return tx.recordProvider("provider:delete", &place, p, domain.Diff(p.Fields(), nil))
}

// begunBy deletes the sessions that a provider began.
func (tx *Tx) begunBy(p *domain.Provider) *bun.DeleteQuery {
	o := int64(p.Organization)
	return tx.NewDelete().Model((*sessionRow)(nil)).Where("organization_id = ?", o).
		Where("id IN (SELECT p.session_id FROM provider_sessions p WHERE p.organization_id = ? AND p.issuer = ?)", o,
			p.IdentityIssuer())
}

// forgetProviders deletes the providers of an organization, with the domains that it has proved. Who was linked with
// whom goes with the organization.
func (tx *Tx) forgetProviders(o domain.OrganizationID) error {
	var rows []mailDomainRow
	found, err := readDomains(tx.Ctx, tx.NewSelect().Model(&rows).Where("d.organization_id = ?", int64(o)), &rows)
	if err != nil {
		return err
	}
	for i := range found {
		if err := tx.forgetDomain(&found[i]); err != nil {
			return err
		}
	}
	return tx.Run(tx.NewDelete().Model((*providerRow)(nil)).Where("organization_id = ?", int64(o)))
}

// recordProvider writes the audit entry of a change to a provider of an organization, whose place border returned.
func (tx *Tx) recordProvider(action string, place *domain.Environment, p *domain.Provider,
	changes []domain.Change) error {
	return tx.record(domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "provider", ID: int64(place.ID), Name: p.Name},
		Organization: place.Organization, Place: place.ID, Path: place.Path, Changes: changes,
	})
}

// HasLink reports whether a user whom User returned is linked with somebody at a provider that is on.
func (tx *Tx) HasLink(u domain.UserKey) (bool, error) {
	if _, err := tx.stored(u); err != nil {
		return false, err
	}
	links, err := tx.Links(u)
	if err != nil || len(links) == 0 {
		return false, err
	}
	issuers := make([]string, len(links))
	for i := range links {
		issuers[i] = domain.IssuerOf(links[i].Issuer)
	}
	on, err := tx.NewSelect().Model((*providerRow)(nil)).Where("p.organization_id = ?", int64(u.Organization)).
		Where("p.enabled AND p.issuer IN (?)", db.In(issuers)).Exists(tx.Ctx)
	return on, db.Translate(err)
}

// InsertLink lets whoever has an identity at that provider in to the account of a user whom the transaction returned or
// added. It returns ErrLinked if they get into an account already, or did before that was removed, and
// ErrProviderNotFound unless the provider is one of the user's organization that is on.
func (tx *Tx) InsertLink(u domain.UserKey, at domain.UUID, link *domain.Link) error {
	user, err := tx.stored(u)
	if err != nil {
		return err
	}
	on, err := tx.providerOn(u.Organization, at, link.Issuer)
	if err == nil && !on {
		err = domain.ErrProviderNotFound
	}
	if err != nil {
		return err
	}
	err = tx.Insert(&providerLinkRow{OrganizationID: int64(u.Organization), Issuer: link.Issuer, Subject: link.Subject,
		UserID: int64(u.User), Shown: link.Shown, LinkedBy: string(link.By), CreatedAt: db.Millis(link.Created)})
	if err != nil {
		return err
	}
	return tx.record(linkEntry("provider:link", user, domain.Change{Field: "issuer", After: link.Issuer},
		domain.Change{Field: "subject", After: link.Subject}))
}

// DeleteLink removes a link of a user whom User returned, and ends the sessions that were begun by it, and no others.
// It returns ErrLinkNotFound if they have no such link.
func (tx *Tx) DeleteLink(u domain.UserKey, issuer, subject string) error {
	user, err := tx.stored(u)
	if err != nil {
		return err
	}
	o, id := int64(u.Organization), int64(u.User)
	err = tx.One(tx.NewDelete().Model((*providerLinkRow)(nil)).
		Where("organization_id = ? AND issuer = ? AND subject = ? AND user_id = ?", o, issuer, subject, id),
		domain.ErrLinkNotFound)
	if err != nil {
		return err
	}
	err = tx.Run(tx.NewDelete().Model((*sessionRow)(nil)).Where("organization_id = ? AND user_id = ?", o, id).
		Where(`id IN (SELECT p.session_id FROM provider_sessions p WHERE p.organization_id = ? AND p.user_id = ?
			AND p.issuer = ? AND p.subject = ?)`, o, id, issuer, subject))
	if err != nil {
		return err
	}
	return tx.record(linkEntry("provider:unlink", user, domain.Change{Field: "issuer", Before: issuer},
		domain.Change{Field: "subject", Before: subject}))
}

// linkEntry is the audit entry of a change to the links of u.
func linkEntry(action string, u *domain.User, changes ...domain.Change) domain.AuditEntry {
	e := userEntry(action, u, changes)
	e.Target.Kind = "provider"
	return e
}

// providerSessionRow is a row of the table provider_sessions.
type providerSessionRow struct {
	bun.BaseModel `bun:"table:provider_sessions,alias:p"`

	OrganizationID int64
	UserID         int64
	SessionID      string
	Issuer         string
	Subject        string
	Theirs         string
}

// noteProvider keeps by which session at a provider a session, which was added, was begun, if by one. It returns
// domain.ErrChanged unless that provider is on and the user has that link: another one of theirs does not do. Who takes
// the link away waits for the user, whom the session refers to, and who switches the provider off waits for the
// provider; they find the session then.
func (tx *Tx) noteProvider(s *domain.Session) error {
	at := s.Provider
	if at == (domain.ProviderSession{}) {
		return nil
	}
	on, err := tx.providerOn(s.Organization, at.Provider, at.Issuer)
	if err != nil {
		return err
	}
	linked, err := tx.NewSelect().Model((*providerLinkRow)(nil)).Apply(owned(s.UserKey)).
		Where("l.issuer = ? AND l.subject = ?", at.Issuer, at.Subject).Exists(tx.Ctx)
	if err == nil && (!on || !linked) {
		err = domain.ErrChanged
	}
	if err != nil {
		return db.Translate(err)
	}
	return tx.Insert(&providerSessionRow{OrganizationID: int64(s.Organization), UserID: int64(s.User),
		SessionID: string(s.ID), Issuer: at.Issuer, Subject: at.Subject, Theirs: at.ID})
}

// providerOn reports whether the provider of an organization that proves identities of an issuer is on, and is that
// one, if one is named; who changes it waits then. One that was set up since with the same issuer is another.
func (tx *Tx) providerOn(o domain.OrganizationID, id domain.UUID, identities string) (bool, error) {
	var rows []providerRow
	err := tx.NewSelect().Model(&rows).Column("id").Where("p.organization_id = ?", int64(o)).
		Where("p.issuer = ? AND p.enabled", domain.IssuerOf(identities)).Apply(tx.For("KEY SHARE")).Scan(tx.Ctx)
	return len(rows) > 0 && (id == "" || rows[0].ID == string(id)), db.Translate(err)
}

// providerOf returns by which session at a provider a session was begun, the zero one if by none.
func (tx *Tx) providerOf(k domain.SessionKey) (at domain.ProviderSession, err error) {
	var rows []providerSessionRow
	err = tx.NewSelect().Model(&rows).Apply(owned(k.UserKey)).Where("p.session_id = ?", string(k.ID)).Scan(tx.Ctx)
	for _, r := range rows {
		at = domain.ProviderSession{Issuer: r.Issuer, Subject: r.Subject, ID: r.Theirs}
	}
	return at, db.Translate(err)
}

func (s *AccountStore) Provider(ctx context.Context, k domain.ProviderKey) (domain.Provider, error) {
	var rows []providerRow
	found, err := readProviders(ctx, s.db, s.db.NewSelect().Model(&rows).Apply(keyed(k)), &rows)
	return db.First(found, err, domain.ErrProviderNotFound)
}

func (s *AccountStore) Linked(ctx context.Context, id domain.Identity) (domain.Link, error) {
	var rows []providerLinkRow
	err := s.db.NewSelect().Model(&rows).Where("l.organization_id = ? AND l.issuer = ? AND l.subject = ?",
		int64(id.Organization), id.Issuer, id.Subject).Scan(ctx)
	row, err := db.First(rows, err, domain.ErrLinkNotFound)
	if err != nil {
		return domain.Link{}, err
	}
	return row.link(), nil
}

// SignOutAt ends at most 1000 sessions at once, in the name of the provider.
func (s *AccountStore) SignOutAt(ctx context.Context, o domain.OrganizationID, at domain.ProviderSession) error {
	return unscoped(ctx, s.db, func(tx *Tx) error {
		q := tx.NewSelect().Model((*providerSessionRow)(nil)).Column("organization_id", "user_id", "session_id").
			Where("p.organization_id = ? AND p.issuer = ?", int64(o), at.Issuer)
		if at.Subject != "" {
			q = q.Where("p.subject = ?", at.Subject)
		}
		if at.ID != "" {
			q = q.Where("p.theirs = ?", at.ID)
		}
		var rows []providerSessionRow
		if err := q.Order("p.user_id", "p.session_id").Limit(1000).Scan(ctx, &rows); err != nil {
			return db.Translate(err)
		}
		for _, r := range rows {
			k := domain.SessionKey{UserKey: userKey(r.OrganizationID, r.UserID), ID: domain.UUID(r.SessionID)}
			err := tx.endOwn(k, func(*domain.User) domain.Actor {
				return domain.Actor{Organization: o, Alias: "(identity provider)"}
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
