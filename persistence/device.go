package persistence

import (
	"slices"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// deviceRow is a row of the table known_devices.
type deviceRow struct {
	bun.BaseModel `bun:"table:known_devices,alias:d"`

	OrganizationID int64  `bun:",pk"`
	UserID         int64  `bun:",pk"`
	Network        string `bun:",pk"`
	Client         string `bun:",pk"`
	LastAt         int64
	ToldAt         int64
}

// maxDevices is how many devices of one user are remembered, those used last, beside those told of within a day;
// maxToldDevices is of how many a user is told within a day.
const (
	maxDevices     = 32
	maxToldDevices = 5
)

// noteDevice remembers from where and with what a session is begun, and mails what tell returns if its user never came
// from there, or never with that. Of the first of all devices nobody is told, nor where no letter reaches the user.
func (tx *Tx) noteDevice(s *domain.Session, tell func(*domain.User) domain.Mail) error {
	row, err := tx.deviceOf(s)
	if err != nil {
		return err
	}
	var known []deviceRow
	err = tx.NewSelect().Model(&known).Apply(owned(s.UserKey)).Order("d.last_at DESC", "d.network", "d.client").
		Scan(tx.Ctx)
	if err != nil {
		return db.Translate(err)
	}
	has := func(is func(deviceRow) bool) bool { return slices.ContainsFunc(known, is) }
	if has(func(k deviceRow) bool { return k.Network == row.Network && k.Client == row.Client }) {
		return tx.Run(tx.NewUpdate().Model(row).Column("last_at").WherePK())
	}
	from := has(func(k deviceRow) bool { return k.Network == row.Network })
	with := has(func(k deviceRow) bool { return k.Client == row.Client })
	var user domain.User
	if len(known) > 0 && !(from && with) {
		if user, err = userWith(tx.Ctx, tx, s.UserKey); err != nil {
			return err
		}
		if toldWithin(known, s.Created.Add(-day)) < maxToldDevices && user.Reachable() {
			row.ToldAt = row.LastAt
		}
	}
	made, err := tx.Bun.NewInsert().Model(row).On("CONFLICT DO NOTHING").Exec(tx.Ctx)
	if err != nil {
		return db.Translate(err)
	}
	if n, err := made.RowsAffected(); err != nil || n == 0 { // another session from there was begun meanwhile
		return db.Translate(err)
	}
	if row.ToldAt != 0 {
		tx.Mail(tell(&user))
	}
	if len(known) < maxDevices {
		return nil
	}
	_, err = deleteOwn(tx.Ctx, tx.Bun, s.UserKey, "known_devices", "last_at < ? AND told_at < ?",
		known[maxDevices-1].LastAt, db.Millis(s.Created.Add(-day)))
	return err
}

// deviceOf returns what is remembered of a session's network and client.
func (tx *Tx) deviceOf(s *domain.Session) (*deviceRow, error) {
	network, err := tx.DB.Vault.Hash("network", s.Network)
	if err != nil {
		return nil, err
	}
	browser, system := domain.BrowserOf(s.Client)
	client, err := tx.DB.Vault.Hash("client", browser, system, domain.ProgramOf(s.Client))
	return &deviceRow{OrganizationID: int64(s.Organization), UserID: int64(s.User), Network: network, Client: client,
		LastAt: db.Millis(s.Created)}, err
}

// toldWithin returns of how many devices the user was told after since.
func toldWithin(known []deviceRow, since time.Time) int {
	n := 0
	for _, k := range known {
		if k.ToldAt > db.Millis(since) {
			n++
		}
	}
	return n
}
