package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"canopy/app"
)

// remark returns what else there is to say of a step.
func remark(unknown bool, needs string) string {
	text := ""
	if unknown {
		text = "\tthis program does not have it: a newer one ran it"
	}
	if unknown && needs != "" {
		text += ", and it needs canopy " + needs + " or newer"
	}
	return text
}

func migrateCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date, or show its state",
		Long: "Bring the database's schema up to date, or show its state. The server does the former by itself when it " +
			"starts.",
		Example: "  canopy migrate status\n  canopy migrate up --database-url postgres://canopy@db/canopy",
	}
	directoryFlags(c.PersistentFlags(), &cfg)
	c.AddCommand(&cobra.Command{
		Use: "up", Short: "Run the migrations that are missing", Args: cobra.NoArgs,
		Example: "  canopy migrate up --database-url postgres://canopy@db/canopy",
		RunE: func(c *cobra.Command, _ []string) error {
			db, err := app.ConnectDatabase(c.Context(), &cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			steps, err := app.Migrate(c.Context(), db)
			for _, step := range steps {
				fmt.Fprintf(c.OutOrStdout(), "applied %s\n", step.Name)
			}
			if err == nil && len(steps) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "nothing to do")
			}
			return err
		},
	}, &cobra.Command{
		Use: "status", Short: "List the migrations and when they were run", Args: cobra.NoArgs,
		Example: "  canopy migrate status --data /var/lib/canopy",
		RunE: func(c *cobra.Command, _ []string) error {
			db, err := app.ConnectPresent(c.Context(), &cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			steps, err := db.MigrationStatus(c.Context())
			table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, step := range steps {
				applied := "pending"
				if !step.Applied.IsZero() {
					applied = step.Applied.UTC().Format("2006-01-02 15:04:05")
				}
				fmt.Fprintf(table, "%s\t%s%s\n", applied, step.Name, remark(step.Unknown, step.Needs))
			}
			table.Flush()
			return err
		},
	})
	return c
}
