package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"time"

	"canopy/domain"
)

// files writes mail into a folder, one file each.
type files struct {
	folder string
	from   *mail.Address
	now    func() time.Time
}

// NewFiles returns the transport that writes mail into a folder, where only the server's
// user can read it.
func NewFiles(folder, from string, now func() time.Time) (Transport, error) {
	sender, err := Sender(from)
	if err != nil {
		return nil, err
	}
	return &files{folder, sender, now}, nil
}

// Connect implements Transport.
func (f *files) Connect(context.Context) (Connection, error) {
	if err := os.MkdirAll(f.folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for mail: %w", err)
	}
	return f, nil
}

// Send implements Connection. A mail that is written again takes the place of its file.
func (f *files) Send(m domain.OutgoingMail) error {
	msg, err := compose(m, f.from, f.now())
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(f.folder, ".writing-*") // readable by its owner only
	if err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	_, err = msg.WriteTo(file)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(f.folder, string(m.ID)+".eml"))
	}
	if err != nil {
		return fmt.Errorf("write mail: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

// Usable implements Connection.
func (f *files) Usable() bool { return true }

// Close implements Connection.
func (f *files) Close() {}

// SweepFiles removes mail from a folder of NewFiles that was written before the given time.
func SweepFiles(folder string, before time.Time) error {
	names, err := filepath.Glob(filepath.Join(folder, "*.eml"))
	errs := []error{err}
	for _, name := range names {
		info, err := os.Stat(name)
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(name)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove old mail: %w", err))
		}
	}
	return errors.Join(errs...)
}
