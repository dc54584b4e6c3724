package persistence

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"canopy/domain"
)

// SettingStore keeps settings of the directory as a whole, each a name and a value.
type SettingStore struct{ db *DB }

// NewSettingStore returns the store of settings in db.
func NewSettingStore(db *DB) *SettingStore { return &SettingStore{db} }

// Get returns the value of the setting, empty if there is none.
func (s *SettingStore) Get(ctx context.Context, name string) (string, error) {
	rows, err := s.db.write.QueryContext(ctx, "SELECT value FROM settings WHERE name = ?", name)
	value, err := only(rows, err, scalar[string], domain.ErrNotFound)
	if domain.ErrNotFound.Is(err) {
		return "", nil
	}
	return value, err
}

// Keep stores the value if the setting has none yet, and returns the one it has then.
func (s *SettingStore) Keep(ctx context.Context, name, value string) (string, error) {
	_, err := s.db.write.ExecContext(ctx, "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", name, value)
	if err != nil {
		return "", translate(err)
	}
	return s.Get(ctx, name)
}

// tried is the setting that TryWriting writes, of a size that needs room of its own.
const (
	tried     = "tried"
	triedSize = 64 << 10
)

// TryWriting writes something, lets it go again, and returns what keeps the database from taking
// changes.
func (d *DB) TryWriting(ctx context.Context) error {
	random := make([]byte, triedSize/2)
	_, _ = rand.Read(random) // it never fails
	_, err := d.write.ExecContext(ctx, "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		tried, hex.EncodeToString(random))
	if err == nil {
		_, err = d.write.ExecContext(ctx, "DELETE FROM settings WHERE name = ?", tried)
	}
	return translate(err)
}
