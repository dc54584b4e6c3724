package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"canopy/app"
)

// directoryFlags are the flags of every command that opens the directory.
func directoryFlags(flags *pflag.FlagSet, cfg *app.Config) {
	flags.StringVar(&cfg.Data, "data", cfg.Data, "folder of the embedded database and of the server's key")
	flags.StringVar(&cfg.DatabaseURL, "database-url", "",
		"PostgreSQL to use instead of the embedded database (postgres://…)")
}

// secrets reads what has no flags.
func secrets(cfg *app.Config) (err error) {
	if cfg.AdminPassword, err = secret("CANOPY_ADMIN_PASSWORD"); err != nil {
		return err
	}
	if cfg.SMTPPassword, err = secret("CANOPY_SMTP_PASSWORD"); err != nil {
		return err
	}
	cfg.ServerKey, err = secret("CANOPY_SERVER_KEY")
	return err
}

func serveCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var bootstrap, level, proxies, redirects, hosts string
	var limits, quotas map[string]int64
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server. A new directory gets its root environment, the built-in groups and a superUser\n" +
			"\"admin\", whose password is CANOPY_ADMIN_PASSWORD (or the text of CANOPY_ADMIN_PASSWORD_FILE) or is\n" +
			"generated and shown once. Servers of one PostgreSQL share a key: CANOPY_SERVER_KEY or\n" +
			"CANOPY_SERVER_KEY_FILE, else the file server.key in the data folder, which the first one makes.\n" +
			"The password of the mail server is CANOPY_SMTP_PASSWORD or the text of CANOPY_SMTP_PASSWORD_FILE.",
		Example: "  canopy serve --demo\n  canopy serve --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem\n" +
			"  canopy serve --database-url postgres://canopy@db/canopy --trusted-proxies 10.0.0.0/8",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := secrets(&cfg); err != nil {
				return err
			}
			var err error
			cfg.Bootstrap = app.Bootstrap(bootstrap)
			if cfg.TrustedProxies, err = parsePrefixes(proxies); err != nil {
				return err
			}
			cfg.Redirects, cfg.LinkHosts = list(redirects), list(hosts)
			if err := cfg.SetMailLimits(limits); err != nil {
				return err
			}
			if err := cfg.SetQuotas(quotas); err != nil {
				return err
			}
			if cfg.Log, err = logger(level); err != nil {
				return err
			}
			slog.SetDefault(cfg.Log)
			return app.Run(c.Context(), cfg, c.OutOrStdout())
		},
	}
	f := c.Flags()
	directoryFlags(f, &cfg)
	f.StringVar(&cfg.Listen, "listen", cfg.Listen, "address to listen on")
	f.BoolVar(&cfg.Demo, "demo", false, "fill an empty directory with three organizations to try things out")
	f.StringVar(&cfg.RootAlias, "root-alias", cfg.RootAlias, "alias of the root environment of a new directory")
	f.StringVar(&bootstrap, "bootstrap", string(cfg.Bootstrap),
		"how a new directory gets its superUser: admin, or first-user for the first user created")
	f.DurationVar(&cfg.Sessions.Token, "token-lifetime", cfg.Sessions.Token, "how long a token of /auth lasts")
	f.DurationVar(&cfg.Sessions.Access, "access-lifetime", cfg.Sessions.Access,
		"how long an access token lasts that comes with a refresh token")
	f.DurationVar(&cfg.Sessions.Refresh, "refresh-lifetime", cfg.Sessions.Refresh,
		"how long a refresh token lasts that nobody uses")
	f.DurationVar(&cfg.Sessions.Longest, "refreshed-lifetime", cfg.Sessions.Longest,
		"how long a session lasts, however often it is refreshed")
	f.DurationVar(&cfg.Sessions.CookieIdle, "idle-lifetime", cfg.Sessions.CookieIdle,
		"how long a session with a cookie lasts that nobody uses")
	f.DurationVar(&cfg.Sessions.Cookie, "session-lifetime", cfg.Sessions.Cookie,
		"how long a session with a cookie lasts that is used")
	f.IntVar(&cfg.MinPasswordLength, "min-password-length", cfg.MinPasswordLength,
		"how many characters a new password needs, whoever sets it")
	f.StringVar(&cfg.BreachedPasswords, "breached-passwords", "",
		"file of the SHA-1 of passwords that nobody may choose, in order, as Have I Been Pwned offers it")
	f.StringVar(&cfg.SignUpEnvironment, "signup-environment", "",
		"environment of people who register without a code; empty refuses them")
	f.BoolVar(&cfg.AutoApprove, "auto-approve", false,
		"open the accounts of people who register as soon as their mail address is proven")
	f.StringVar(&cfg.PublicURL, "public-url", "",
		"address at which people reach the server, for the links in mail; tokens name it as their issuer")
	f.BoolVar(&cfg.AllowPrivateProviders, "allow-private-providers", false,
		"let identity providers of organizations be at private addresses, and without TLS")
	f.StringVar(&cfg.DNSServer, "dns-server", "",
		"name server that is asked for the proof of mail domains, such as 192.0.2.53:53; empty asks the system's")
	f.StringVar(&hosts, "link-hosts", "",
		"hosts that links mailed for other programs may lead to, with commas between; empty allows any with https")
	f.StringVar(&cfg.SMTPURL, "smtp-url", "",
		"mail server, smtp://user@host:587 or smtps://user@host:465; without one mail is written into the data folder")
	f.StringToInt64Var(&quotas, "quotas", nil,
		"how many there may be, such as users=1000,environments=500,groups=100,objects=5000 of an organization, "+
			"owned=200,keys=10,sessions=100,answers=10000 of a user")
	f.IntVar(&cfg.WriteRate, "write-rate", cfg.WriteRate,
		"requests a second that change something, of one user; ten seconds' worth at once")
	f.StringToInt64Var(&limits, "mail-limits", nil,
		"mails an hour, such as address=5,source=30,user=200,overall=1000: to an address, by strangers of a network, by a "+
			"user, in all")
	f.StringVar(&cfg.MailFrom, "mail-from", "", "sender of mail, such as \"Canopy <canopy@example.org>\"")
	f.StringSliceVar(&cfg.Surfaces, "surfaces", nil,
		"surfaces to offer, with commas between, such as rest,tellius=/tellius for one below a path of its own; all if empty")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "file of the certificate, for HTTPS")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "file of the certificate's key")
	f.BoolVar(&cfg.TLSSelfSigned, "tls-self-signed", false, "HTTPS with a certificate made at the start, for trying out")
	f.StringVar(&proxies, "trusted-proxies", "",
		"networks of proxies whose X-Forwarded-For is believed, with commas between")
	f.DurationVar(&cfg.RequestLimit, "request-limit", cfg.RequestLimit, "how long a request may take")
	f.DurationVar(&cfg.StopGrace, "stop-grace", 0,
		"how long requests are still taken after SIGTERM, while /readyz says that the server is not ready")
	f.IntVar(&cfg.MaxBody, "max-body", cfg.MaxBody, "largest body of a request, in bytes")
	f.IntVar(&cfg.MaxBodyMemory, "max-body-memory", cfg.MaxBodyMemory,
		"bytes of all bodies above 16 KiB that are being received; an address may use a quarter")
	f.IntVar(&cfg.MaxConnections, "max-connections", cfg.MaxConnections,
		"connections of clients; an address that is no trusted proxy may have a quarter")
	f.IntVar(&cfg.MaxOpenAnswers, "max-open-answers", cfg.MaxOpenAnswers,
		"answers above 64 KiB that are being sent; a user may have a sixteenth, an address a quarter")
	f.StringVar(&cfg.CustomProperties, "custom-properties", "",
		"JSON file that declares what users and organizations have beyond the common fields")
	f.StringVar(&redirects, "redirects", "",
		"paths and origins to which forms may have a browser sent, with commas between")
	f.StringVar(&level, "log-level", "info", "least important lines to log: debug, info, warn or error")
	return c
}

// list returns what stands between commas and spaces.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func parsePrefixes(text string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, part := range list(text) {
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			ip, errIP := netip.ParseAddr(part)
			if errIP != nil {
				return nil, fmt.Errorf("--trusted-proxies: %q is not a network such as 10.0.0.0/8, nor an address", part)
			}
			prefix = netip.PrefixFrom(ip, ip.BitLen())
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

// logger writes one JSON object a line to standard error.
func logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %q is none of debug, info, warn and error", level)
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: l})), nil
}
