package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"canopy/app"
	"canopy/app/directory"
	"canopy/domain"
)

func signInCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	c := &cobra.Command{
		Use:   "signin",
		Short: "See and change what an environment asks of sign-ins",
		Long: "See and change what an environment asks of sign-ins, also while servers run: what is set counts at once,\n" +
			"on all of them. It is also the way back in for people whom their environment's rules keep out.",
		Example: "  canopy signin show Acme\n  canopy signin set Acme --only-provider=false",
	}
	directoryFlags(c.PersistentFlags(), &cfg)
	c.AddCommand(signInShowCommand(&cfg), signInSetCommand(&cfg))
	return c
}

func signInShowCommand(cfg *app.Config) *cobra.Command {
	return &cobra.Command{
		Use: "show ENVIRONMENT", Short: "Show what an environment asks, and what counts there", Args: cobra.ExactArgs(1),
		Long: "Show what an environment, a number, alias or path, asks itself, and what counts there together with what\n" +
			"the environments above it ask.",
		Example: "  canopy signin show Acme/Prod",
		RunE: func(c *cobra.Command, args []string) error {
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				rules, err := d.Environments.SignInRules(c.Context(), caller, domain.EnvironmentRef(args[0]))
				if err != nil {
					return err
				}
				return showRules(c.Context(), c.OutOrStdout(), d, caller, &rules)
			})
		},
	}
}

// rulesFlags are the flags of the rules, by what each is called in the domain.
var rulesFlags = map[string]string{"min_password": "min-password",
	"min_password_with_factor": "min-password-with-factor", "min_set_password": "min-set-password",
	"password_days": "password-days", "people": "people", "admins": "admins", "above": "above", "proof_age": "proof-age",
	"grace": "grace", "programs_exempt": "programs-exempt", "only_provider": "only-provider",
	"break_glass": "emergency-accounts"}

// showRules prints rules, with the names of the accounts that they leave out.
func showRules(ctx context.Context, w io.Writer, d *app.Directory, caller domain.Principal,
	rules *directory.SignInRulesDocument) error {
	named := func(b *domain.BreakGlass) (string, error) {
		var names []string
		for _, id := range b.Users() {
			u, err := d.Users.Get(ctx, caller, directory.GetUser{User: domain.UserRef{ID: id}})
			if err != nil {
				return "", err
			}
			names = append(names, u.Alias)
		}
		return strings.Join(names, ","), nil
	}
	own, all := rules.Own.Fields(), rules.All.Fields()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "rule\tasked here\tcounts here")
	for i := range own {
		flag := rulesFlags[own[i].Name]
		if flag == "" {
			continue
		}
		here, counts := own[i].Value, all[i].Value
		if own[i].Name == "break_glass" {
			var err error
			if here, err = named(&rules.Own.BreakGlass); err != nil {
				return err
			}
			if counts, err = named(&rules.All.BreakGlass); err != nil {
				return err
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", flag, cmp.Or(here, "-"), cmp.Or(counts, "-"))
	}
	return table.Flush()
}

func signInSetCommand(cfg *app.Config) *cobra.Command {
	var rules domain.SignInRules
	var people, admins, above, grace, emergency string
	c := &cobra.Command{
		Use: "set ENVIRONMENT", Short: "Change what an environment asks, and show it", Args: cobra.ExactArgs(1),
		Long: "Change what an environment, a number, alias or path, asks of sign-ins. What no flag names stays as it is.\n" +
			"Whoever has been kept out gets in again at once where less is asked, unless an environment above asks it too.",
		Example: "  canopy signin set Acme --only-provider=false\n" +
			"  canopy signin set Acme --only-provider --emergency-accounts grace.hopper,ada.lovelace\n" +
			"  canopy signin set Acme/Prod --admins passkey --grace 2027-01-31T00:00:00Z",
	}
	f := c.Flags()
	f.IntVar(&rules.MinPassword, "min-password", 0, "characters of a password that somebody chooses; 0 says nothing")
	f.IntVar(&rules.MinPasswordWithFactor, "min-password-with-factor", 0, "the same beside a second factor; 0 is as many")
	f.IntVar(&rules.MinSetPassword, "min-set-password", 0, "the same of one that an administrator sets; 0 is the server's")
	f.IntVar(&rules.PasswordDays, "password-days", 0, "days after which a password must be changed; 0 is never")
	f.StringVar(&people, "people", "none", "proof demanded of people at home there: none, otp or passkey")
	f.StringVar(&admins, "admins", "none", "the same of administrators at home there")
	f.StringVar(&above, "above", "none", "the same of who administers from above")
	f.DurationVar(&rules.ProofAge, "proof-age", 0, "how old a proof may be for what is dangerous; 0 is any age")
	f.StringVar(&grace, "grace", "", "until when nothing is demanded yet, such as 2027-01-31T00:00:00Z; empty is no time")
	f.BoolVar(&rules.ProgramsExempt, "programs-exempt", false, "leave accounts of programs out")
	f.BoolVar(&rules.OnlyProvider, "only-provider", false, "let people in by their organization's identity provider only")
	f.StringVar(&emergency, "emergency-accounts", "", "logins left out of that, with commas between; empty is none")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		for _, p := range []struct {
			flag, text string
			to         *domain.Proof
		}{{"people", people, &rules.People}, {"admins", admins, &rules.Admins}, {"above", above, &rules.Above}} {
			if *p.to, err = domain.ParseProof("--"+p.flag, p.text); err != nil {
				return err
			}
		}
		if grace != "" {
			if rules.Grace, err = time.Parse(time.RFC3339, grace); err != nil {
				return domain.InvalidField("--grace", "Give a time such as 2027-01-31T00:00:00Z.")
			}
		}
		named := []domain.UserRef{}
		for _, login := range list(emergency) {
			named = append(named, domain.UserRef{Alias: login})
		}
		in := directory.SignInRulesPatch{Environment: domain.EnvironmentRef(args[0])}
		given(f, "min-password", &in.MinPassword, &rules.MinPassword)
		given(f, "min-password-with-factor", &in.MinPasswordWithFactor, &rules.MinPasswordWithFactor)
		given(f, "min-set-password", &in.MinSetPassword, &rules.MinSetPassword)
		given(f, "password-days", &in.PasswordDays, &rules.PasswordDays)
		given(f, "people", &in.People, &rules.People)
		given(f, "admins", &in.Admins, &rules.Admins)
		given(f, "above", &in.Above, &rules.Above)
		given(f, "proof-age", &in.ProofAge, &rules.ProofAge)
		given(f, "grace", &in.Grace, &rules.Grace)
		given(f, "programs-exempt", &in.ProgramsExempt, &rules.ProgramsExempt)
		given(f, "only-provider", &in.OnlyProvider, &rules.OnlyProvider)
		given(f, "emergency-accounts", &in.BreakGlass, &named)
		return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
			changed, err := d.Environments.UpdateSignInRules(c.Context(), caller, in)
			if err != nil {
				return ofRules(err)
			}
			return showRules(c.Context(), c.OutOrStdout(), d, caller, &changed)
		})
	}
	return c
}

// given sets what a flag is about to its value, if the flag is given.
func given[T any](f *pflag.FlagSet, flag string, to **T, value *T) {
	if f.Changed(flag) {
		*to = value
	}
}

// ofRules names the flag that an error is about, where it is about one.
func ofRules(err error) error {
	if e := domain.AsError(err); rulesFlags[e.Field] != "" {
		return e.On("--" + rulesFlags[e.Field])
	}
	return err
}
