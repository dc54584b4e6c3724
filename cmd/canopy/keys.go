package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"canopy/app"
	"canopy/domain"
)

func keysCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	c := &cobra.Command{
		Use:   "keys",
		Short: "Work on the keys that sign access tokens",
		Long: "Work on the keys that sign access tokens, also while servers run. The keys follow from the server's key\n" +
			"and their names, so that only names are stored and shown; the server's key itself does not change.\n" +
			"Tokens, and the public keys at /.well-known/jwks.json, call a key ed25519- and its name.",
		Example: "  canopy keys list\n  canopy keys rotate",
	}
	directoryFlags(c.PersistentFlags(), &cfg)
	c.AddCommand(keysListCommand(&cfg), keysRotateCommand(&cfg))
	return c
}

func keysListCommand(cfg *app.Config) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the keys and how long they are good for", Args: cobra.NoArgs,
		Example: "  canopy keys list --data /var/lib/canopy",
		RunE: func(c *cobra.Command, _ []string) error {
			return operate(c.Context(), cfg, func(d *app.Directory, _ domain.Principal) error {
				keys, err := d.SigningKeys.List(c.Context())
				if err != nil {
					return err
				}
				const layout = "2006-01-02 15:04:05"
				table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "key\tmade\tgood for")
				for _, k := range keys {
					use := "signing"
					if !k.Until.IsZero() {
						use = "tokens it has signed, until " + k.Until.Format(layout)
					}
					fmt.Fprintf(table, "%s\t%s\t%s\n", k.ID, k.Created.Format(layout), use)
				}
				return table.Flush()
			})
		},
	}
}

func keysRotateCommand(cfg *app.Config) *cobra.Command {
	var revoke bool
	c := &cobra.Command{
		Use: "rotate", Short: "Sign with a new key from now on", Args: cobra.NoArgs,
		Long: "Sign with a new key from now on, on every server. Tokens that another key has signed are good until they\n" +
			"expire; with --revoke they are void at once, and everybody who has nothing else must sign in again.",
		Example: "  canopy keys rotate\n  canopy keys rotate --revoke --database-url postgres://canopy@db/canopy",
		RunE: func(c *cobra.Command, _ []string) error {
			return operate(c.Context(), cfg, func(d *app.Directory, _ domain.Principal) error {
				rotate := d.SigningKeys.Rotate
				if revoke {
					rotate = d.SigningKeys.Revoke
				}
				key, err := rotate(c.Context())
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%s signs from now on\n", key.ID)
				}
				return err
			})
		},
	}
	c.Flags().BoolVar(&revoke, "revoke", false, "make what other keys have signed void at once")
	return c
}
