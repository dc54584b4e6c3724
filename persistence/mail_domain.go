package persistence

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// mailDomainRow is a row of the table mail_domains.
type mailDomainRow struct {
	bun.BaseModel `bun:"table:mail_domains,alias:d"`

	OrganizationID int64  `bun:",pk"`
	Name           string `bun:",pk"`
	ProvedAt       int64
	FoundAt        int64
	AskedAt        int64
	Confirmed      bool
}

// Within implements db.Scoped: a domain lies where the environment of its organization does.
func (mailDomainRow) Within(sc tenancy.Scope) db.Predicate { return atBorder(sc, "d") }

// mailDomainNameRow is a row of the table mail_domain_names.
type mailDomainNameRow struct {
	bun.BaseModel `bun:"table:mail_domain_names,alias:n"`

	Name           string `bun:",pk"`
	OrganizationID int64  `bun:",pk"`
	ProvedAt       int64
}

func toMailDomainRow(d *domain.MailDomain) *mailDomainRow {
	return &mailDomainRow{OrganizationID: int64(d.Organization), Name: d.Name, ProvedAt: db.Millis(d.Proved),
		FoundAt: db.Millis(d.Found), AskedAt: db.Millis(d.Asked), Confirmed: d.Confirmed}
}

// readDomains reads the domains that q finds, in rows.
func readDomains(ctx context.Context, q *bun.SelectQuery, rows *[]mailDomainRow) ([]domain.MailDomain, error) {
	if err := q.Scan(ctx); err != nil {
		return nil, db.Translate(err)
	}
	found := make([]domain.MailDomain, len(*rows))
	for i, r := range *rows {
		found[i] = domain.MailDomain{Organization: domain.OrganizationID(r.OrganizationID), Name: r.Name,
			Proved: db.Moment(r.ProvedAt), Found: db.Moment(r.FoundAt), Asked: db.Moment(r.AskedAt), Confirmed: r.Confirmed}
	}
	return found, nil
}

// Domains returns the domains that an organization has proved, by name.
func (s *ProviderStore) Domains(ctx context.Context, sc tenancy.Scope,
	o domain.OrganizationID) ([]domain.MailDomain, error) {
	var rows []mailDomainRow
	return readDomains(ctx, db.From(s.db, sc, &rows).Where("d.organization_id = ?", int64(o)).Order("d.name"), &rows)
}

// SaveDomain keeps that an organization has proved a domain, by a later proof in the place of an earlier one. It
// returns ErrEnvironmentNotFound unless the place of the organization lies in the scope, and ErrDomainNotFound where no
// provider of the organization has the domain.
func (tx *Tx) SaveDomain(d *domain.MailDomain) error {
	place, err := tx.border(int64(d.Organization))
	if err != nil {
		return err
	}
	claimed, err := tx.claims(d.Organization)
	if err == nil && !slices.Contains(claimed, d.Name) {
		err = domain.ErrDomainNotFound
	}
	if err != nil {
		return err
	}
	var rows []mailDomainRow
	before, err := readDomains(tx.Ctx, tx.NewSelect().Model(&rows).Where("d.organization_id = ? AND d.name = ?",
		int64(d.Organization), d.Name).Apply(tx.For("UPDATE")), &rows)
	if err != nil {
		return err
	}
	if len(before) > 0 {
		d.Proved, d.Confirmed = before[0].Proved, d.Confirmed || before[0].Confirmed
		err := tx.Run(tx.NewUpdate().Model(toMailDomainRow(d)).WherePK())
		if err != nil || before[0].Confirmed == d.Confirmed {
			return err
		}
	} else {
		if err := tx.Insert(toMailDomainRow(d)); err != nil {
			return err
		}
		name := &mailDomainNameRow{Name: d.Name, OrganizationID: int64(d.Organization), ProvedAt: db.Millis(d.Proved)}
		if err := tx.Insert(name); err != nil {
			return err
		}
	}
	return tx.recordDomain("domain:prove", &place, d, domain.Diff(nil, d.Fields()))
}

func (tx *Tx) recordDomain(action string, place *domain.Environment, d *domain.MailDomain,
	changes []domain.Change) error {
	return tx.record(domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "provider", ID: int64(place.ID), Name: d.Name},
		Organization: place.Organization, Place: place.ID, Path: place.Path, Changes: changes,
	})
}

// claims returns the domains that the providers of an organization have.
func (tx *Tx) claims(o domain.OrganizationID) (all []string, err error) {
	var rows []providerRow
	err = tx.NewSelect().Model(&rows).Column("domains").Where("p.organization_id = ?", int64(o)).Scan(tx.Ctx)
	for i := range rows {
		all = append(all, strings.Fields(rows[i].Domains)...)
	}
	return all, db.Translate(err)
}

// dropDomains forgets what an organization, whose place border returned, has proved of domains that none of its
// providers has any more.
func (tx *Tx) dropDomains(place *domain.Environment) error {
	claimed, err := tx.claims(place.Organization)
	if err != nil {
		return err
	}
	var rows []mailDomainRow
	found, err := readDomains(tx.Ctx, tx.NewSelect().Model(&rows).
		Where("d.organization_id = ?", int64(place.Organization)), &rows)
	if err != nil {
		return err
	}
	for i := range found {
		if slices.Contains(claimed, found[i].Name) {
			continue
		}
		if err := tx.forgetDomain(&found[i]); err != nil {
			return err
		}
		err := tx.recordDomain("domain:forget", place, &found[i], domain.Diff(found[i].Fields(), nil))
		if err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) forgetDomain(d *domain.MailDomain) error {
	o := int64(d.Organization)
	return tx.Run(tx.NewDelete().Model(&mailDomainRow{OrganizationID: o, Name: d.Name}).WherePK(),
		tx.NewDelete().Model(&mailDomainNameRow{OrganizationID: o, Name: d.Name}).WherePK())
}

// maxOwners is how many organizations are looked at that have proved one domain.
const maxOwners = 8

// ProviderOfDomain implements accounts.ProviderAccounts: of several organizations that have proved a domain it is the
// one that did so first whose proof is good and that has a provider for it.
func (s *AccountStore) ProviderOfDomain(ctx context.Context, name string,
	now time.Time) (domain.ProviderKey, error) {
	var owners []mailDomainNameRow
	err := s.db.NewSelect().Model(&owners).Where("n.name = ?", name).Order("n.proved_at", "n.organization_id").
		Limit(maxOwners).Scan(ctx)
	if err != nil {
		return domain.ProviderKey{}, db.Translate(err)
	}
	for _, owner := range owners {
		o := domain.OrganizationID(owner.OrganizationID)
		d, err := s.MailDomain(ctx, o, name)
		if domain.ErrDomainNotFound.Is(err) || err == nil && !d.Good(now, domain.DomainKept) {
			continue
		}
		if err != nil {
			return domain.ProviderKey{}, err
		}
		var rows []providerRow
		err = s.db.NewSelect().Model(&rows).Column("id", "domains").
			Where("p.organization_id = ? AND p.enabled", owner.OrganizationID).Order("p.name", "p.id").Scan(ctx)
		if err != nil {
			return domain.ProviderKey{}, db.Translate(err)
		}
		for i := range rows {
			if slices.Contains(strings.Fields(rows[i].Domains), name) {
				return domain.ProviderKey{Organization: o, ID: domain.UUID(rows[i].ID)}, nil
			}
		}
	}
	return domain.ProviderKey{}, domain.ErrProviderNotFound
}

// MailDomain implements accounts.ProviderAccounts.
func (s *AccountStore) MailDomain(ctx context.Context, o domain.OrganizationID,
	name string) (domain.MailDomain, error) {
	var rows []mailDomainRow
	found, err := readDomains(ctx, s.db.NewSelect().Model(&rows).
		Where("d.organization_id = ? AND d.name = ?", int64(o), name), &rows)
	return db.First(found, err, domain.ErrDomainNotFound)
}

// DomainsDue implements accounts.ProviderAccounts.
func (s *AccountStore) DomainsDue(ctx context.Context, before time.Time, most int64) ([]domain.MailDomain, error) {
	var rows []mailDomainRow
	return readDomains(ctx, s.db.NewSelect().Model(&rows).Where("NOT d.confirmed AND d.asked_at < ?", db.Millis(before)).
		Order("d.asked_at", "d.organization_id", "d.name").Limit(most), &rows)
}

// DomainAsked keeps when the proof of a domain was looked for and found, and forgets one that is no longer good, unless
// it was confirmed meanwhile. It returns ErrEnvironmentNotFound unless the place of the organization lies in the scope.
func (tx *Tx) DomainAsked(d *domain.MailDomain) error {
	place, err := tx.border(int64(d.Organization))
	if err != nil {
		return err
	}
	var rows []mailDomainRow
	now, err := readDomains(tx.Ctx, tx.NewSelect().Model(&rows).Where("d.organization_id = ? AND d.name = ?",
		int64(d.Organization), d.Name).Apply(tx.For("UPDATE")), &rows)
	if err != nil || len(now) == 0 || now[0].Confirmed || now[0].Asked.After(d.Asked) {
		return err
	}
	if d.Good(d.Asked, domain.DomainKept) {
		return tx.Run(tx.NewUpdate().Model(toMailDomainRow(d)).Column("found_at", "asked_at").WherePK())
	}
	if err := tx.forgetDomain(d); err != nil {
		return err
	}
	return tx.recordDomain("domain:forget", &place, d, domain.Diff(d.Fields(), nil))
}
