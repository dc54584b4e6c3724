package app

import (
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"canopy/app/authn"
	"canopy/app/usecase"
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

	TokenLifetime     time.Duration
	MinPasswordLength int
	PasswordCost      authn.Cost

	// SignUpEnvironment is the home of people who register without a code; empty means that
	// they are refused.
	SignUpEnvironment string
	AutoApprove       bool          // opens accounts as soon as their address is proven
	PublicURL         string        // where people reach the server; what it listens on if empty
	LinkHosts         []string      // hosts that mailed links may lead to; none is any with HTTPS
	AnswerFloor       time.Duration // the least time in which a stranger is answered
	MailLimits        usecase.MailLimits

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
	MaxBody         int           // bytes

	CustomProperties string   // file that declares what users have beyond the common fields
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
		TokenLifetime: 365 * 24 * time.Hour, MinPasswordLength: authn.MinPasswordLength, PasswordCost: authn.DefaultCost,
		AnswerFloor: 200 * time.Millisecond, MailLimits: usecase.MailLimits{Address: 5, Source: 30, User: 200, Overall: 1000},
		RequestLimit: 30 * time.Second, MaxBody: 1 << 20,
		Log: slog.Default(), Now: time.Now,
	}
}

// signUp returns the rules of registering.
func (cfg *Config) signUp() usecase.SignUpRules {
	return usecase.SignUpRules{PublicURL: cfg.publicURL(), Environment: domain.EnvironmentRef(cfg.SignUpEnvironment),
		AutoApprove: cfg.AutoApprove, FirstUser: cfg.Bootstrap == BootstrapFirstUser, Limits: cfg.MailLimits, LinkHosts: cfg.LinkHosts}
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
