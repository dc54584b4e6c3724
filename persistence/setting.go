package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/persistence/db"
)

// SettingStore keeps settings of the directory as a whole, each a name and a value.
type SettingStore struct{ db *db.DB }

// NewSettingStore returns the store of settings in d.
func NewSettingStore(d *db.DB) *SettingStore { return &SettingStore{d} }

// settingRow is a row of the table settings.
type settingRow struct {
	bun.BaseModel `bun:"table:settings,alias:s"`

	Name  string `bun:",pk"`
	Value string
}

// Get returns the value of the setting, empty if there is none.
func (s *SettingStore) Get(ctx context.Context, name string) (string, error) {
	var values []string
	err := s.db.NewSelect().Model((*settingRow)(nil)).Column("value").Where("s.name = ?", name).Scan(ctx, &values)
	if err != nil || len(values) == 0 {
		return "", db.Translate(err)
	}
	return values[0], nil
}

// Keep stores the value if the setting has none yet, and returns the one it has then.
func (s *SettingStore) Keep(ctx context.Context, name, value string) (string, error) {
	_, err := s.db.NewInsert().Model(&settingRow{Name: name, Value: value}).On("CONFLICT (name) DO NOTHING").Exec(ctx)
	if err != nil {
		return "", db.Translate(err)
	}
	return s.Get(ctx, name)
}
