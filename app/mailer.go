package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"canopy/app/mail"
	"canopy/domain"
)

// mailFolder is where mail is written to in the data folder without a mail server.
const mailFolder = "outbox"

// prepareMail makes the worker that sends mail. It connects to nothing.
func (d *Directory) prepareMail() error {
	cfg := &d.config
	transport, err := cfg.transport()
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	d.mailer = mail.NewWorker(d.outbox, transport, fmt.Sprintf("%s %d", host, os.Getpid()), d.metrics, cfg.Log, cfg.Now)
	d.metrics.countWaiting(d.outbox.Waiting)
	return nil
}

func (cfg *Config) transport() (mail.Transport, error) {
	if cfg.SMTPURL != "" {
		return mail.NewSMTP(mail.Config{URL: cfg.SMTPURL, Password: cfg.SMTPPassword, From: cfg.MailFrom}, cfg.Now)
	}
	from := cfg.MailFrom
	if from == "" {
		from = "Canopy <canopy@localhost>"
	}
	return mail.NewFiles(filepath.Join(cfg.Data, mailFolder), from, cfg.Now)
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
