package app

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/app/httpx"
	"canopy/app/surface/axway"
	"canopy/app/surface/console"
	"canopy/app/surface/ethersource"
	"canopy/app/surface/oauth"
	"canopy/app/surface/rest"
	"canopy/app/surface/tat"
	"canopy/app/surface/tellius"
	"canopy/domain"
)

// surface is one product's API as the server offers it.
type surface struct {
	name string
	// claims reports whether a path belongs to the surface.
	claims func(path string) bool
	// shares reports whether the surface has a path in common with others, of which the
	// request's credentials choose one (root.go). It is nil if it has none.
	shares  func(path string) bool
	app     *fiber.App
	openAPI []byte // nil for the pages of people
	// prefix is the path below which the surface answers instead of where its product does;
	// empty if it has none.
	prefix string
}

// surfaceNames are the names of all surfaces.
var surfaceNames = []string{"rest", "tat", "ethersource", "tellius", "axway", "oauth", "console"}

// readTokens are the surfaces on which access tokens are good.
var readTokens = []string{"rest", "tellius", "oauth"}

// prefixes returns the path of each chosen surface (Config.Surfaces), empty for where its
// product answers.
func prefixes(chosen []string) (map[string]string, error) {
	prefixes := make(map[string]string, len(chosen))
	for _, choice := range chosen {
		name, prefix, given := strings.Cut(choice, "=")
		if !slices.Contains(surfaceNames, name) {
			return nil, fmt.Errorf("there is no surface %q", name)
		}
		if _, again := prefixes[name]; again {
			return nil, fmt.Errorf("the surface %q is chosen twice", name)
		}
		if given && !prefixPattern.MatchString(prefix) {
			return nil, fmt.Errorf("%q is not a path such as /products/%s", prefix, name)
		}
		for other, taken := range prefixes {
			if given && taken != "" && (below(taken)(prefix) || below(prefix)(taken)) {
				return nil, fmt.Errorf("the paths of the surfaces %q and %q overlap", other, name)
			}
		}
		prefixes[name] = prefix
	}
	return prefixes, nil
}

// choose returns the chosen ones of all surfaces (Config.Surfaces).
func choose(all []surface, chosen []string) ([]surface, error) {
	prefixes, err := prefixes(chosen)
	if err != nil || len(chosen) == 0 {
		return all, err
	}
	var offered []surface
	for _, s := range all {
		prefix, ok := prefixes[s.name]
		if !ok {
			continue
		}
		if prefix != "" {
			s.prefix, s.claims, s.shares = prefix, below(prefix), nil
		}
		offered = append(offered, s)
	}
	// A path that somebody chose is meant, also where a product would have it.
	slices.SortStableFunc(offered, func(a, b surface) int { return len(b.prefix) - len(a.prefix) })
	return offered, nil
}

// prefixPattern is what a prefix can be: it needs no escaping in a URL.
var prefixPattern = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// surfaces lists all surfaces; of two that claim a path the first has it.
func (d *Directory) surfaces(server *httpx.Server) []surface {
	by := func(schemes ...authn.Scheme) httpx.Auth {
		return d.access.find(server, d.access.demands.Refuse, schemes...)
	}
	// The pages can ask for what is missing.
	onPages := func(s authn.Scheme) httpx.Auth { return d.access.find(server, d.access.demands.Hold, s) }
	pages := d.config.pages()
	return []surface{
		{
			name:   "rest",
			claims: below("/auth", "/rest"),
			app: rest.New(server, rest.Uses{Factors: d.Factors, Users: d.Users, Environments: d.Environments, Groups: d.Groups,
				Me: d.Me, Sessions: d.Sessions, Accounts: d.Accounts, APIKeys: d.APIKeys, Explain: d.Explain, Audit: d.Audit,
				Overviews: d.Overviews,
				Objects:   d.Objects, Previews: d.Previews, Imports: d.Imports, Providers: d.Providers}, pages,
				by(authn.KeyInHeader(d.access.passwords), authn.Bearer(d.access.tokens, "rest"), authn.Basic(d.access.passwords)),
				d.config.Now),
			openAPI: rest.OpenAPI,
		},
		{
			name:   "tat",
			claims: below("/user", "/version", "/capabilities", "/topic", "/topics", "/group", "/presenceget", "/presences"),
			shares: rootPaths,
			app: tat.New(server, tat.Uses{Accounts: d.Accounts, Social: d.Social, People: d.People, Admins: d.Admins,
				Users: d.Users, Groups: d.Groups, Topics: d.Topics, Objects: d.Objects},
				by(authn.Headers(d.access.passwords, tat.UsernameHeaders, tat.PasswordHeaders)), d.config.publicURL(), pages),
			openAPI: tat.OpenAPI,
		},
		{
			name:   "ethersource",
			claims: below("/ethersource"),
			shares: below("/users"),
			app: ethersource.New(server,
				ethersource.Uses{Users: d.Users, Accounts: d.Accounts, APIKeys: d.APIKeys, Objects: d.Objects, Admins: d.Admins},
				by(authn.APIKey(d.access.passwords), authn.Basic(d.access.passwords))),
			openAPI: ethersource.OpenAPI,
		},
		{
			name:   "tellius",
			claims: below("/api/login", "/api/auth/login", "/api/refresh", "/assignUserObjects"),
			shares: rootPaths,
			app: tellius.New(server, tellius.Uses{Users: d.Users, Groups: d.Groups, Objects: d.Objects, Sessions: d.Sessions,
				Admins: d.Admins},
				by(authn.Bearer(d.access.tokens, "tellius"), authn.Refused(errNobody()))),
			openAPI: tellius.OpenAPI,
		},
		{
			name:   "axway",
			claims: below(axway.Bases...),
			app: axway.New(server, axway.Uses{Users: d.Users, Organizations: d.Organizations, Me: d.Me, Sessions: d.Sessions,
				Accounts: d.Accounts, Codes: d.Codes, Objects: d.Objects},
				axway.Config{Registration: d.config.SignUpEnvironment != "", AutoApprove: d.config.AutoApprove,
					MinPasswordLength: d.config.MinPasswordLength, Redirects: d.redirects, Properties: d.declared,
					SessionIdle: d.config.Sessions.CookieIdle, Pages: d.config.publicPages()},
				by(authn.Basic(d.access.passwords), authn.Cookie(d.access.tokens, axway.SessionCookie, axway.CSRFHeader))),
			openAPI: axway.OpenAPI,
		},
		{
			name:   "oauth",
			claims: below(oauth.Bases...),
			app: oauth.New(server, oauth.Uses{Sessions: d.Sessions, SigningKeys: d.SigningKeys}, d.config.publicURL(),
				by(authn.KeyInHeader(d.access.passwords), authn.Bearer(d.access.tokens, "oauth"), authn.Basic(d.access.passwords))),
			openAPI: oauth.OpenAPI,
		},
		{
			name:   "console",
			claims: below(console.Base),
			app: console.New(server, console.Uses{Users: d.Users, Environments: d.Environments,
				Organizations: d.Organizations, Groups: d.Groups, Me: d.Me, Explain: d.Explain, Audit: d.Audit,
				Previews: d.Previews, Imports: d.Imports, Objects: d.Objects, Sessions: d.Sessions, Accounts: d.Accounts,
				Overviews: d.Overviews, APIKeys: d.APIKeys, Factors: d.Factors,
				Providers: d.Providers}, d.config.console(),
				bySecurity(server, onPages(authn.Cookie(d.access.tokens, console.SecureSessionCookie, console.CSRFHeader)),
					onPages(authn.Cookie(d.access.tokens, console.SessionCookie, console.CSRFHeader)))),
		},
	}
}

// bySecurity finds the principal in one way for who speaks HTTPS, and in another for everybody else.
func bySecurity(server *httpx.Server, secure, plain httpx.Auth) httpx.Auth {
	return func(c *fiber.Ctx) (domain.Principal, error) {
		if httpx.Secure(c, server.Trusted) {
			return secure(c)
		}
		return plain(c)
	}
}

// pages returns the path below which the pages are that links of mail lead to, empty if they are
// not offered.
func (cfg *Config) pages() accounts.Pages {
	prefixes, err := prefixes(cfg.Surfaces)
	prefix, offered := prefixes["console"]
	if err != nil || !offered && len(cfg.Surfaces) > 0 {
		return ""
	}
	return accounts.Pages(prefix + console.Base)
}

// mailedPages returns the address of the pages as letters have it, empty if they are not offered.
func (cfg *Config) mailedPages() accounts.Pages {
	if pages := cfg.pages(); pages != "" {
		return accounts.Pages(cfg.publicURL()) + pages
	}
	return ""
}

// publicPages returns the path of the pages as people reach it, whatever a proxy adds in front.
func (cfg *Config) publicPages() accounts.Pages {
	public, err := url.Parse(cfg.publicURL())
	if pages := cfg.pages(); err == nil && pages != "" {
		return accounts.Pages(public.Path) + pages
	}
	return cfg.pages()
}

// console returns what the pages need to know.
func (cfg *Config) console() console.Config {
	return console.Config{PublicURL: cfg.publicURL(), MinPasswordLength: cfg.MinPasswordLength,
		MaxBody: cfg.MaxBody, Pages: cfg.pages()}
}

// access is what finds the principal of a request.
type access struct {
	passwords *authn.Passwords
	tokens    *authn.Tokens
	activity  *authn.Activity
	demands   *authn.Demands
	writes    *writes
}

// find finds the principal of a request by the first of the schemes whose credentials it has.
func (a *access) find(server *httpx.Server, judge authn.Judge, schemes ...authn.Scheme) httpx.Auth {
	find := authn.First(a.passwords, a.activity, judge, schemes...)
	return func(c *fiber.Ctx) (domain.Principal, error) {
		method := httpx.Method(c)
		p, err := find(c.UserContext(), authn.Request{
			Header:  func(name string) string { return httpx.Header(c, name) },
			Query:   func(name string) string { return httpx.Query(c, name) },
			Cookie:  func(name string) string { return httpx.Cookie(c, name) },
			Method:  method,
			Address: httpx.Address(c, server.Trusted),
		})
		if err == nil && method != fiber.MethodGet && method != fiber.MethodHead &&
			!domain.RequestFrom(c.UserContext()).Reads {
			err = a.writes.take(p.UserKey())
		}
		return p, err
	}
}

// below reports whether a path is one of the given ones or lies below one.
func below(prefixes ...string) func(string) bool {
	return func(path string) bool {
		for _, prefix := range prefixes {
			if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
				return true
			}
		}
		return false
	}
}
