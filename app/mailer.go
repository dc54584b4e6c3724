package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"canopy/app/mail"
	"canopy/domain"
	"canopy/persistence"
)

// mailFolder returns where mail is written to in the data folder without a mail server.
func (cfg *Config) mailFolder() string { return filepath.Join(cfg.Data, "outbox") }

// newMailer returns the worker that sends mail. It connects to nothing.
func newMailer(cfg *Config, outbox *persistence.OutboxStore, m *metrics) (*mail.Worker, error) {
	transport, err := cfg.transport()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	m.countWaiting(outbox.Waiting)
	return mail.NewWorker(outbox, transport, fmt.Sprintf("%s %d", host, os.Getpid()), m, cfg.Log, cfg.Now), nil
}

func (cfg *Config) transport() (mail.Transport, error) {
	if cfg.SMTPURL != "" {
		return mail.NewSMTP(mail.Config{URL: cfg.SMTPURL, Password: cfg.SMTPPassword, From: cfg.MailFrom}, cfg.Now)
	}
	from := cfg.MailFrom
	if from == "" {
		from = "Canopy <canopy@localhost>"
	}
	return mail.NewFiles(cfg.mailFolder(), from, cfg.Now)
}

// checkSignUp fails if the environment for people who register is not there.
func (d *Directory) checkSignUp(ctx context.Context) error {
	ref := domain.EnvironmentRef(d.config.SignUpEnvironment)
	if ref == "" {
		return nil
	}
	if _, err := d.Gate.Place(ctx, ref); err != nil {
		return fmt.Errorf("--signup-environment: %q: %s", ref, domain.AsError(err).Public)
	}
	return nil
}
