package persistence

import (
	"context"

	"canopy/domain"
	"canopy/persistence/db"
)

// SettingStore keeps settings of the directory as a whole, each a name and a value.
type SettingStore struct{ db *db.DB }

// NewSettingStore returns the store of settings in d.
func NewSettingStore(d *db.DB) *SettingStore { return &SettingStore{d} }

// Get returns the value of the setting, empty if there is none.
func (s *SettingStore) Get(ctx context.Context, name string) (string, error) {
	rows, err := s.db.Writer().QueryContext(ctx, "SELECT value FROM settings WHERE name = ?", name)
	value, err := db.Only(rows, err, db.Scalar[string], domain.ErrNotFound)
	if domain.ErrNotFound.Is(err) {
		return "", nil
	}
	return value, err
}

// Keep stores the value if the setting has none yet, and returns the one it has then.
func (s *SettingStore) Keep(ctx context.Context, name, value string) (string, error) {
	_, err := s.db.ExecContext(ctx, "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", name, value)
	if err != nil {
		return "", db.Translate(err)
	}
	return s.Get(ctx, name)
}
