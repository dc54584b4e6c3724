package main

import (
	"context"
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
			if err != nil {
				return err
			}
			return showDistribution(c, db)
		},
	})
	c.AddCommand(distributeCommand(&cfg))
	return c
}

// showDistribution says how the tables are spread over several machines, if any is.
func showDistribution(c *cobra.Command, database interface {
	DistributionStatus(context.Context) ([][2]string, error)
}) error {
	tables, err := database.DistributionStatus(c.Context())
	list := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, table := range tables {
		fmt.Fprintf(list, "%s\t%s\n", table[0], table[1])
	}
	list.Flush()
	return err
}

func distributeCommand(cfg *app.Config) *cobra.Command {
	return &cobra.Command{
		Use: "distribute", Short: "Spread the tables over the machines of a PostgreSQL with the extension citus",
		Long: "Spread the tables over the machines of a PostgreSQL with the extension citus, whatever is of an " +
			"organization on one of them. Run it on the coordinator. Those that write to a table wait while it is spread. " +
			"After an error, run it again: what is spread stays so. Without the extension it changes nothing.",
		Args:    cobra.NoArgs,
		Example: "  canopy migrate distribute --database-url postgres://canopy@coordinator/canopy",
		RunE: func(c *cobra.Command, _ []string) error {
			database, err := app.ConnectPresent(c.Context(), cfg)
			if err != nil {
				return err
			}
			defer database.Close()
			n := 0
			err = database.Distribute(c.Context(), func(table, how string) {
				n++
				fmt.Fprintf(c.OutOrStdout(), "spread %s %s\n", table, how)
			})
			if err == nil && n == 0 {
				fmt.Fprintln(c.OutOrStdout(), "nothing to do")
			}
			return err
		},
	}
}
