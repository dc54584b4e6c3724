package main

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/domain"
)

// clientSecret is the variable of the secret that a provider gave its client.
const clientSecret = "CANOPY_CLIENT_SECRET"

func providerCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	c := &cobra.Command{
		Use:   "provider",
		Short: "Work on the identity providers of organizations (OpenID Connect)",
		Long: "Work on the identity providers of organizations, also while servers run. A provider signs in accounts of\n" +
			"its organization and no others. The secret of the client is CANOPY_CLIENT_SECRET, or the text of the file\n" +
			"that CANOPY_CLIENT_SECRET_FILE names; a public client has none.",
		Example: "  canopy provider list --organization Acme",
	}
	directoryFlags(c.PersistentFlags(), &cfg)
	c.PersistentFlags().StringVar(&cfg.DNSServer, "dns-server", "", "that of the server")
	c.PersistentFlags().StringVar(&cfg.PublicURL, "public-url", "", "that of the server, to which people come back")
	c.PersistentFlags().BoolVar(&cfg.AllowPrivateProviders, "allow-private-providers", false, "that of the server")
	c.AddCommand(providerAddCommand(&cfg), providerListCommand(&cfg), providerRemoveCommand(&cfg),
		providerLinkCommand(&cfg), providerUnlinkCommand(&cfg), providerLinksCommand(&cfg), providerDomainsCommand(&cfg),
		providerProveCommand(&cfg))
	return c
}

func providerAddCommand(cfg *app.Config) *cobra.Command {
	var organization, name, issuer, client, scopes, domains, newcomers string
	var rules []string
	var strong bool
	c := &cobra.Command{
		Use: "add", Short: "Set a provider up, and print what it has to know", Args: cobra.NoArgs,
		Long: "Set a provider up, which must answer. Its rules say where the accounts land that are made for people who\n" +
			"sign in for the first time: CLAIM=VALUE, \"->\", and environment, group and role with commas between. The\n" +
			"first that fits decides; \"*\" fits everybody.",
		Example: "  canopy provider add --organization Acme --issuer https://login.acme.example --client-id canopy",
		RunE: func(c *cobra.Command, _ []string) error {
			in := accounts.CreateProvider{Organization: domain.EnvironmentRef(organization), Issuer: issuer}
			in.Name, in.ClientID, in.TrustsStrong = &name, &client, &strong
			if name == "" {
				in.Name = &issuer
			}
			text, err := secret(clientSecret)
			if err != nil {
				return err
			}
			hidden := domain.SecretText(text)
			in.ClientSecret = &hidden
			makes, err := domain.ParseNewcomers(newcomers)
			if err != nil {
				return domain.AsError(err).On("--newcomers")
			}
			placing := make([]accounts.RulePatch, len(rules))
			for i, rule := range rules {
				if placing[i], err = parseRule(rule); err != nil {
					return err
				}
			}
			asked, leading := list(scopes), list(domains)
			in.Scopes, in.Domains, in.Newcomers, in.Rules = &asked, &leading, &makes, &placing
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				p, err := d.Providers.Create(c.Context(), caller, in)
				if err != nil {
					return ofProvider(err)
				}
				fmt.Fprintf(c.OutOrStdout(), "%s is set up; its id is %s\nredirect URI and back-channel logout URI: %s\n"+
					"people sign in by it at: %s\n", p.Name, p.ID, p.Return, p.Entrance)
				return nil
			})
		},
	}
	f := c.Flags()
	f.StringVar(&organization, "organization", "/", "environment that is the organization: number, alias or path")
	f.StringVar(&name, "name", "", "what people see; the issuer if empty")
	f.StringVar(&issuer, "issuer", "", "the provider's issuer, an address such as https://login.example.org")
	f.StringVar(&client, "client-id", "", "what the provider calls this server")
	f.StringVar(&scopes, "scopes", "profile,email", "scopes to ask for beside openid, with commas between")
	f.StringVar(&domains, "domains", "", "domains of mail addresses that lead to the provider, with commas between")
	f.StringVar(&newcomers, "newcomers", "none",
		"for whom accounts are made: none, rules for those whom one is about, or all")
	f.StringArrayVar(&rules, "rule", nil,
		"where accounts land, such as 'groups=staff->Acme/Prod,User,user'; once for each rule")
	f.BoolVar(&strong, "trust-strong", false, "take the provider's word for a second factor")
	return c
}

// parseRule reads a rule as --rule has it.
func parseRule(text string) (accounts.RulePatch, error) {
	who, where, ok := strings.Cut(text, "->")
	claim, value, named := strings.Cut(strings.TrimSpace(who), "=")
	parts := strings.Split(where, ",")
	if claim == "*" && !named {
		claim, named = "", true
	}
	if !ok || !named || len(parts) != 3 {
		return accounts.RulePatch{}, fmt.Errorf(
			"--rule: %q: CLAIM=VALUE->ENVIRONMENT,GROUP,ROLE or *->ENVIRONMENT,GROUP,ROLE is expected", text)
	}
	role, err := domain.ParseRole(strings.TrimSpace(parts[2]))
	return accounts.RulePatch{Claim: claim, Value: value, Environment: domain.EnvironmentRef(strings.TrimSpace(parts[0])),
		Group: domain.GroupRef(strings.TrimSpace(parts[1])), Role: role}, err
}

// ofProvider names the flag that an error is about, where it is about one.
func ofProvider(err error) error {
	names := map[string]string{"organization": "--organization", "name": "--name", "issuer": "--issuer",
		"client_id": "--client-id", "client_secret": clientSecret, "scopes": "--scopes", "domains": "--domains",
		"rules": "--rule", "subject": "--subject"}
	if e := domain.AsError(err); e != nil && names[e.Field] != "" {
		return e.On(names[e.Field])
	}
	return err
}

func providerListCommand(cfg *app.Config) *cobra.Command {
	var organization string
	c := &cobra.Command{
		Use: "list", Short: "List the providers of an organization", Args: cobra.NoArgs,
		Example: "  canopy provider list --organization Acme",
		RunE: func(c *cobra.Command, _ []string) error {
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				found, err := d.Providers.List(c.Context(), caller, domain.EnvironmentRef(organization))
				if err != nil {
					return ofProvider(err)
				}
				table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "id\tname\tissuer\tnewcomers\trules\tdomains\tstate")
				for i := range found {
					p := &found[i]
					state := "off"
					if p.Enabled {
						state = "on"
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", p.ID, p.Name, p.Issuer, p.Newcomers, len(p.Rules),
						cmp.Or(strings.Join(p.Domains, ","), "-"), state)
				}
				return table.Flush()
			})
		},
	}
	c.Flags().StringVar(&organization, "organization", "/", "environment that is the organization: number, alias or path")
	return c
}

func providerRemoveCommand(cfg *app.Config) *cobra.Command {
	var organization string
	c := &cobra.Command{
		Use: "remove ID", Short: "Take a provider away, with its links and the sessions it began",
		Args:    cobra.ExactArgs(1),
		Example: "  canopy provider remove 01a22b9e-2cda-7df9-b496-fa0585f709af --organization Acme",
		RunE: func(c *cobra.Command, args []string) error {
			id, err := domain.ParseUUID(args[0])
			if err != nil {
				return err
			}
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				return ofProvider(d.Providers.Remove(c.Context(), caller, accounts.OrganizationProvider{
					Organization: domain.EnvironmentRef(organization), Provider: id}))
			})
		},
	}
	c.Flags().StringVar(&organization, "organization", "/", "environment that is the organization: number, alias or path")
	return c
}

func providerLinkCommand(cfg *app.Config) *cobra.Command {
	var id, subject string
	c := &cobra.Command{
		Use: "link ALIAS", Short: "Let a user in by what a provider of their organization calls them",
		Args: cobra.ExactArgs(1),
		Long: "Let a user in by what a provider of their organization calls them: its claim sub, or for Entra the tenant,\n" +
			"a slash and the object. A mail address is not what it takes.",
		Example: "  canopy provider link grace.hopper --id 01a22b9e-2cda-7df9-b496-fa0585f709af --subject 248289761001",
		RunE: func(c *cobra.Command, args []string) error {
			provider, err := domain.ParseUUID(id)
			if err != nil {
				return domain.AsError(err).On("--id")
			}
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				return ofProvider(d.Providers.Link(c.Context(), caller, accounts.OfUser[accounts.LinkSubject]{
					User: domain.UserRef{Alias: args[0]}, In: accounts.LinkSubject{Provider: provider, Subject: subject}}))
			})
		},
	}
	c.Flags().StringVar(&id, "id", "", "the provider's id, as list shows it")
	c.Flags().StringVar(&subject, "subject", "", "what the provider calls the user")
	return c
}

func providerUnlinkCommand(cfg *app.Config) *cobra.Command {
	var issuer, subject string
	c := &cobra.Command{
		Use: "unlink ALIAS", Short: "Keep a user from signing in by a provider, and end the sessions it began for them",
		Args:    cobra.ExactArgs(1),
		Example: "  canopy provider unlink grace.hopper --issuer https://login.acme.example --subject 248289761001",
		RunE: func(c *cobra.Command, args []string) error {
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				return ofProvider(d.Providers.Unlink(c.Context(), caller, accounts.OfUser[domain.Identity]{
					User: domain.UserRef{Alias: args[0]}, In: domain.Identity{Issuer: issuer, Subject: subject}}))
			})
		},
	}
	c.Flags().StringVar(&issuer, "issuer", "", "the issuer, as links shows it")
	c.Flags().StringVar(&subject, "subject", "", "the subject, as links shows it")
	return c
}

func providerLinksCommand(cfg *app.Config) *cobra.Command {
	return &cobra.Command{
		Use: "links ALIAS", Short: "List by what a user can sign in at providers", Args: cobra.ExactArgs(1),
		Example: "  canopy provider links grace.hopper",
		RunE: func(c *cobra.Command, args []string) error {
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				links, err := d.Providers.Links(c.Context(), caller, domain.UserRef{Alias: args[0]})
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "issuer\tsubject\tcalled\tlinked by\tsince")
				for _, l := range links {
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", l.Issuer, l.Subject, cmp.Or(l.Shown, "-"), l.By,
						l.Created.Format("2006-01-02 15:04:05"))
				}
				return table.Flush()
			})
		},
	}
}

func providerDomainsCommand(cfg *app.Config) *cobra.Command {
	var organization string
	c := &cobra.Command{
		Use: "domains", Short: "List the mail domains of an organization's providers, and how each is proved",
		Args: cobra.NoArgs,
		Long: "List the mail domains of an organization's providers, each with the record of DNS, of the type TXT, that\n" +
			"proves it. Nobody is led to a provider by a domain that is not proved.",
		Example: "  canopy provider domains --organization Acme",
		RunE: func(c *cobra.Command, _ []string) error {
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				all, err := d.Providers.Domains(c.Context(), caller, domain.EnvironmentRef(organization))
				if err != nil {
					return ofProvider(err)
				}
				table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "domain\tproved\trecord\ttext")
				for i := range all {
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", all[i].Name, provedBy(&all[i]), all[i].Record, all[i].Text)
				}
				return table.Flush()
			})
		},
	}
	c.Flags().StringVar(&organization, "organization", "/", "environment that is the organization: number, alias or path")
	return c
}

// provedBy says how a domain is proved.
func provedBy(d *accounts.DomainDocument) string {
	switch {
	case d.Confirmed:
		return "confirmed"
	case d.Proven:
		return "by DNS, " + d.Found.Format("2006-01-02 15:04:05")
	}
	return "no"
}

func providerProveCommand(cfg *app.Config) *cobra.Command {
	in := accounts.ProveDomain{}
	var organization string
	c := &cobra.Command{
		Use: "prove DOMAIN", Short: "Look in DNS for the proof that a mail domain is an organization's",
		Args: cobra.ExactArgs(1),
		Long: "Look in DNS for the proof that a mail domain is an organization's: a record of the type TXT, as domains\n" +
			"shows it. Servers look for it again each day, and a week without it is the end of the proof. On a network\n" +
			"without DNS, --confirm takes your word for it.",
		Example: "  canopy provider prove acme.example --organization Acme",
		RunE: func(c *cobra.Command, args []string) error {
			in.Organization, in.Domain = domain.EnvironmentRef(organization), args[0]
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				proved, err := d.Providers.ProveDomain(c.Context(), caller, in)
				if err != nil {
					return ofProvider(err)
				}
				fmt.Fprintf(c.OutOrStdout(), "%s is proved: %s\n", proved.Name, provedBy(&proved))
				return nil
			})
		},
	}
	c.Flags().StringVar(&organization, "organization", "/", "environment that is the organization: number, alias or path")
	c.Flags().BoolVar(&in.Confirm, "confirm", false, "the domain is the organization's, without asking DNS")
	return c
}
