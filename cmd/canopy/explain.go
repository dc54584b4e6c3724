package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"canopy/app"
	"canopy/app/directory"
	"canopy/domain"
)

func explainCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var user, permission, environment string
	c := &cobra.Command{
		Use:   "explain",
		Short: "Say whether a user may do something somewhere, and why",
		Long: "Say whether a user may do something somewhere, and why. Without an environment the question is about\n" +
			"the user's own account.",
		Example: "  canopy explain --user ada.lovelace --permission user:update --environment Acme/Prod/Europe",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := domain.ParsePermission(permission)
			if err != nil {
				return fmt.Errorf("--permission: %q is not one of %s", permission, permissionCodes())
			}
			if user == "" {
				return fmt.Errorf("--user is required")
			}
			return operate(c.Context(), &cfg, func(d *app.Directory, caller domain.Principal) error {
				x, err := d.Explain.Decision(c.Context(), caller,
					directory.ExplainDecision{User: domain.UserRef{Alias: user}, Permission: p,
						Environment: domain.EnvironmentRef(environment)})
				if err != nil {
					return err
				}
				writeExplanation(c.OutOrStdout(), &x)
				return nil
			})
		},
	}
	directoryFlags(c.Flags(), &cfg)
	c.Flags().StringVar(&user, "user", "", "alias of the user")
	c.Flags().StringVar(&permission, "permission", "", "a permission of the catalogue, such as user:update")
	c.Flags().StringVar(&environment, "environment", "", "number, alias or path; the user's own account if empty")
	return c
}

func permissionCodes() string {
	codes := make([]string, len(domain.Catalogue))
	for i, info := range domain.Catalogue {
		codes[i] = info.Code()
	}
	return strings.Join(codes, ", ")
}

func writeExplanation(out io.Writer, x *directory.ExplanationDocument) {
	fmt.Fprintln(out, x.Sentence())
	for _, sentence := range x.Instead() {
		fmt.Fprintln(out, sentence)
	}
	line := func(name, text string) { fmt.Fprintf(out, "  %-10s %s\n", name, text) }
	line("role", x.Role.String())
	line("position", x.Position.String())
	if x.Policy != "" {
		line("policy", x.Policy)
	}
	for i, chain := range x.Chains {
		names := make([]string, len(chain))
		for j, g := range chain {
			names[j] = g.Alias
		}
		verdict := "gives it"
		if !x.Groups[i].Gives {
			verdict = "does not give it"
		}
		line("group", strings.Join(names, " < ")+" "+verdict)
	}
	if x.IncludedBy != nil {
		line("included", x.Included.Kind.String()+" "+x.IncludedBy.ShownPath)
	}
	if x.ExcludedBy != nil {
		line("excluded", x.Excluded.Kind.String()+" "+x.ExcludedBy.ShownPath)
	}
}
