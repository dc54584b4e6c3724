package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"canopy/app/mail"
	"canopy/domain"
)

// mailFolder is where mail is written to in the data folder without a mail server.
const mailFolder = "outbox"

// prepareMail makes the worker that sends mail. It fails if the configuration is wrong,
// and connects to nothing.
func (d *Directory) prepareMail() error {
	cfg := &d.config
	if err := checkPublicURL(cfg.PublicURL); err != nil {
		return err
	}
	if err := checkLinkHosts(cfg.LinkHosts); err != nil {
		return err
	}
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
		if cfg.MailFrom == "" || cfg.PublicURL == "" {
			return nil, errors.New("--smtp-url needs --mail-from, and --public-url for the links in mail")
		}
		return mail.NewSMTP(mail.Config{URL: cfg.SMTPURL, Password: cfg.SMTPPassword, From: cfg.MailFrom}, cfg.Now)
	}
	from := cfg.MailFrom
	if from == "" {
		from = "Canopy <canopy@localhost>"
	}
	return mail.NewFiles(filepath.Join(cfg.Data, mailFolder), from, cfg.Now)
}

// checkPublicURL refuses what no link can begin with.
func checkPublicURL(text string) error {
	u, err := url.Parse(text)
	if text == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && !strings.ContainsAny(text, "{}\\ \"'<>") {
		return nil
	}
	return errors.New("--public-url: an address such as https://canopy.example.org is expected")
}

// checkLinkHosts refuses what is no host, with a port or without.
func checkLinkHosts(hosts []string) error {
	for _, host := range hosts {
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host || u.Hostname() == "" {
			return fmt.Errorf("--link-hosts: %q is not a host such as portal.example or portal.example:8443", host)
		}
	}
	return nil
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
