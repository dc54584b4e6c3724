package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/surface/console"
	"canopy/domain"
)

// Config is everything that can be set. The zero value of a field is not its default:
// DefaultConfig is.
type Config struct {
	Listen      string // address of the HTTP server
	Data        string // folder of the embedded database, the server's key and the like
	DatabaseURL string // PostgreSQL instead of the embedded database

	RootAlias     string // alias of environment 1 of a new directory
	Bootstrap     Bootstrap
	AdminPassword string // of the first superUser; generated if empty
	Demo          bool   // fill a new directory with people to try things out
	ServerKey     string // secret that all servers of one directory share; see serverkey.go

	Sessions          accounts.SessionLimits
	MinPasswordLength int
	BreachedPasswords string // file of passwords that nobody may choose; see authn.Breached
	PasswordCost      authn.Cost

	// SignUpEnvironment is the home of people who register without a code; empty means that
	// they are refused.
	SignUpEnvironment string
	AutoApprove       bool   // opens accounts as soon as their address is proven
	PublicURL         string // where people reach the server; what it listens on if empty
	// AllowPrivateProviders lets identity providers be at private addresses, and without TLS.
	AllowPrivateProviders bool
	// DNSServer is the name server that is asked for the proof of mail domains, a host and port; empty is the system's.
	DNSServer   string
	LinkHosts   []string      // hosts that mailed links may lead to; none is any with HTTPS
	AnswerFloor time.Duration // the least time in which a stranger is answered
	MailLimits  accounts.MailLimits

	SMTPURL      string // the mail server; without one mail is written into a folder
	SMTPPassword string
	MailFrom     string // the sender of mail

	// Surfaces are the names of the surfaces that are offered, each alone or with "=" and a
	// path below which it answers instead of where its product does. None are all.
	Surfaces []string

	TLSCert, TLSKey string
	TLSSelfSigned   bool
	TrustedProxies  []netip.Prefix
	RequestLimit    time.Duration // how long a request may take
	StopGrace       time.Duration // how long requests are taken after the server was told to stop
	MaxBody         int           // bytes
	MaxBodyMemory   int           // bytes of all bodies that are being received; a network has a quarter
	MaxConnections  int           // of clients; a network that is no trusted proxy has a quarter
	Quotas          domain.Quotas
	WriteRate       int // requests a second that change something, of one user; ten seconds' worth at once
	Previews        directory.PreviewLimits
	MaxOpenAnswers  int // large answers that are being sent; a user has a sixteenth, a network a quarter

	CustomProperties string   // file that declares what users and organizations have beyond the common fields
	Redirects        []string // paths and origins to which a surface may send a browser

	Log *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// Bootstrap says how the first superUser of a new directory comes to be.
type Bootstrap string

// The ways to begin.
const (
	BootstrapAdmin     Bootstrap = "admin"      // a user "admin" is made
	BootstrapFirstUser Bootstrap = "first-user" // the first user created is one
)

// DefaultConfig returns the settings of a server nobody configured.
func DefaultConfig() Config {
	return Config{
		Listen: "127.0.0.1:8080", Data: "./data", RootAlias: "root", Bootstrap: BootstrapAdmin,
		Sessions: accounts.DefaultSessionLimits, MinPasswordLength: authn.MinPasswordLength, PasswordCost: authn.DefaultCost,
		AnswerFloor:  200 * time.Millisecond,
		MailLimits:   accounts.MailLimits{Address: 5, Source: 30, User: 200, Overall: 1000},
		RequestLimit: 30 * time.Second, MaxBody: 1 << 20,
		Quotas: domain.DefaultQuotas, WriteRate: 100, Previews: directory.PreviewLimits{People: 100_000, Share: 0.1},
		MaxBodyMemory: 64 << 20, MaxConnections: 2048, MaxOpenAnswers: 128,
		Log: slog.Default(), Now: time.Now,
	}
}

// Validate returns an error that names the first setting that cannot be meant. It changes
// nothing, and connects to nothing.
func (cfg *Config) Validate() error {
	for _, check := range []func() error{cfg.checkLimits, cfg.checkBeginning, cfg.checkAddresses} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (cfg *Config) checkLimits() error {
	switch {
	case cfg.MinPasswordLength < 1 || cfg.MinPasswordLength > authn.MaxPasswordLength:
		return fmt.Errorf("--min-password-length: %d is not between 1 and %d", cfg.MinPasswordLength, authn.MaxPasswordLength)
	case cfg.RequestLimit <= 0:
		return fmt.Errorf("--request-limit: %s is no time", cfg.RequestLimit)
	case cfg.StopGrace < 0:
		return fmt.Errorf("--stop-grace: %s is less than nothing", cfg.StopGrace)
	case cfg.MaxBody < 1:
		return fmt.Errorf("--max-body: %d is less than 1", cfg.MaxBody)
	case cfg.MaxBodyMemory < cfg.MaxBody:
		return fmt.Errorf("--max-body-memory: %d is less than --max-body, %d", cfg.MaxBodyMemory, cfg.MaxBody)
	case cfg.MaxConnections < 1:
		return fmt.Errorf("--max-connections: %d is less than 1", cfg.MaxConnections)
	case cfg.WriteRate < 1:
		return fmt.Errorf("--write-rate: %d is less than 1", cfg.WriteRate)
	case cfg.MaxOpenAnswers < 1:
		return fmt.Errorf("--max-open-answers: %d is less than 1", cfg.MaxOpenAnswers)
	}
	l := &cfg.Sessions
	for _, lifetime := range []struct {
		flag string
		is   time.Duration
	}{{"token", l.Token}, {"access", l.Access}, {"refresh", l.Refresh}, {"refreshed", l.Longest}, {"idle", l.CookieIdle},
		{"session", l.Cookie}} {
		if lifetime.is < time.Second {
			return fmt.Errorf("--%s-lifetime: %s is less than a second", lifetime.flag, lifetime.is)
		}
	}
	return nil
}

// SetQuotas changes the quotas that are named.
func (cfg *Config) SetQuotas(quotas map[string]int64) error {
	q := &cfg.Quotas
	fields := map[string]*int64{"users": &q.Users, "environments": &q.Environments, "groups": &q.Groups,
		"objects": &q.Objects,
		"owned":   &q.Owned, "keys": &q.Keys, "sessions": &q.Sessions, "answers": &q.Answers}
	for name, quota := range quotas {
		field := fields[name]
		if field == nil || quota < 1 {
			return fmt.Errorf(
				"--quotas: %s=%d: numbers from 1 for users, environments, groups and objects of an organization, and owned, "+
					"keys, sessions and answers of a user are expected", name, quota)
		}
		*field = quota
	}
	cfg.Sessions.Most = q.Sessions
	return nil
}

// SetMailLimits changes the limits of mail that are named.
func (cfg *Config) SetMailLimits(limits map[string]int64) error {
	l := &cfg.MailLimits
	fields := map[string]*int64{"address": &l.Address, "source": &l.Source, "user": &l.User, "overall": &l.Overall}
	for name, limit := range limits {
		field := fields[name]
		if field == nil || limit < 1 {
			return fmt.Errorf("--mail-limits: %s=%d: numbers from 1 for address, source, user and overall are expected", name,
				limit)
		}
		*field = limit
	}
	return nil
}

// checkBeginning checks what a new directory begins with.
func (cfg *Config) checkBeginning() error {
	root := domain.Environment{Alias: cfg.RootAlias, TimeZone: "GMT"}
	if err := root.Validate(); err != nil {
		return fmt.Errorf("--root-alias: %s", domain.AsError(err).Public)
	}
	if cfg.Bootstrap != BootstrapAdmin && cfg.Bootstrap != BootstrapFirstUser {
		return fmt.Errorf("--bootstrap: %q is neither %s nor %s", cfg.Bootstrap, BootstrapAdmin, BootstrapFirstUser)
	}
	if cfg.Demo && cfg.Bootstrap != BootstrapAdmin {
		return fmt.Errorf("--demo comes with a superUser, so --bootstrap cannot be %s", cfg.Bootstrap)
	}
	return checkServerKey(cfg.ServerKey)
}

// checkAddresses checks where the server answers, where it sends people and mail, and what it
// reads from a file.
func (cfg *Config) checkAddresses() error {
	if _, err := prefixes(cfg.Surfaces); err != nil {
		return fmt.Errorf("--surfaces: %w", err)
	}
	if _, err := domain.ParseRedirects(cfg.Redirects); err != nil {
		return fmt.Errorf("--redirects: %w", err)
	}
	if _, err := loadProperties(cfg.CustomProperties); err != nil {
		return fmt.Errorf("--custom-properties: %w", err)
	}
	breached, err := openBreached(cfg.BreachedPasswords)
	if err != nil {
		return err
	}
	if err := breached.Close(); err != nil {
		return err
	}
	if err := checkPublicURL(cfg.PublicURL); err != nil {
		return err
	}
	if cfg.DNSServer != "" {
		if _, err := netip.ParseAddrPort(cfg.DNSServer); err != nil {
			return errors.New("--dns-server: an address with a port is expected, such as 192.0.2.53:53")
		}
	}
	if err := checkLinkHosts(cfg.LinkHosts); err != nil {
		return err
	}
	if cfg.SMTPURL == "" {
		return nil
	}
	if cfg.MailFrom == "" || cfg.PublicURL == "" {
		return errors.New("--smtp-url needs --mail-from, and --public-url for the links in mail")
	}
	_, err = cfg.transport()
	return err
}

// openBreached opens the file of --breached-passwords. No name is nil.
func openBreached(name string) (*authn.Breached, error) {
	if name == "" {
		return nil, nil
	}
	b, err := authn.OpenBreached(name)
	if err != nil {
		return nil, fmt.Errorf("--breached-passwords: %w", err)
	}
	return b, nil
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

// signUp returns the rules of registering.
func (cfg *Config) signUp(names directory.LoginNames, properties domain.Properties) accounts.SignUpRules {
	return accounts.SignUpRules{PublicURL: cfg.publicURL(), Pages: cfg.pages(),
		Environment: domain.EnvironmentRef(cfg.SignUpEnvironment),
		AutoApprove: cfg.AutoApprove, FirstUser: cfg.Bootstrap == BootstrapFirstUser, Limits: cfg.MailLimits,
		LinkHosts: cfg.LinkHosts,
		Names:     names, Properties: properties}
}

// providers returns the rules of identity providers.
func (cfg *Config) providers() accounts.ProviderRules {
	return accounts.ProviderRules{Plain: cfg.AllowPrivateProviders,
		Return:   cfg.publicURL() + string(cfg.pages()) + "/" + console.ProviderReturn,
		Entrance: cfg.publicURL() + string(cfg.pages()) + "/" + console.ProviderEntrance}
}

// databaseFile returns where the embedded database is.
func (cfg *Config) databaseFile() string { return filepath.Join(cfg.Data, "canopy.db") }

// bodies and answers return the budgets of what clients send and read. A share always has room for
// one.
func (cfg *Config) bodies() *httpx.Budget {
	return httpx.NewBudget(int64(cfg.MaxBodyMemory), 0, int64(max(cfg.MaxBodyMemory/4, cfg.MaxBody)))
}

func (cfg *Config) answers() *httpx.Budget {
	n := int64(cfg.MaxOpenAnswers)
	return httpx.NewBudget(n, max(n/16, 1), max(n/4, 1))
}

// origin returns the origin of a URL, empty for an empty one.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// publicURL returns where people reach the server, without a slash at the end.
func (cfg *Config) publicURL() string {
	if cfg.PublicURL != "" {
		return strings.TrimRight(cfg.PublicURL, "/")
	}
	if cfg.TLSSelfSigned || cfg.TLSCert != "" {
		return "https://" + cfg.Listen
	}
	return "http://" + cfg.Listen
}

// issuing returns what tokens say of the server.
func (cfg *Config) issuing() authn.Issuing {
	return authn.Issuing{Issuer: cfg.publicURL(), AnyIssuer: cfg.PublicURL == "", Audience: readTokens}
}

// site returns the name of the server without the way to it, for people to read.
func (cfg *Config) site() string {
	if u, err := url.Parse(cfg.publicURL()); err == nil && u.Host != "" {
		return u.Host
	}
	return "Canopy"
}
