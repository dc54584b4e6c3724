package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"canopy/app"
)

func backupCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Back up the embedded database and the server's key, also while the server runs",
		Long: "Write the embedded database and the server's key to a file that only its owner can read, also while\n" +
			"the server runs: everything it has acknowledged before is in it. The file is written once the copy was\n" +
			"opened and found whole. An earlier backup of that name is replaced then, any other file is not.\n\n" +
			"Keep it as you keep the server's key, which is in it. A directory in PostgreSQL is backed up with\n" +
			"PostgreSQL's own programs, and the server's key with it.",
		Example: "  canopy backup canopy.backup\n  canopy backup --data /var/lib/canopy /backups/canopy-monday.backup",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := secrets(&cfg); err != nil {
				return err
			}
			m, err := app.Backup(c.Context(), cfg, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: the directory of %s, %d bytes, found whole\n", args[0], cfg.Data, m.Size)
			return nil
		},
	}
	directoryFlags(c.Flags(), &cfg)
	return c
}

func restoreCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore a backup into a data folder that has no directory",
		Long: "Restore a backup into a data folder that has no directory: the embedded database and the server's key.\n" +
			"Nothing is written over. The backup is opened and found whole before anything is in its place.\n\n" +
			"Everything is as it was when the backup was made, so what was taken away since is there again: a user,\n" +
			"a grant, a session, a key.",
		Example: "  canopy restore canopy.backup\n  canopy restore --data /var/lib/canopy /backups/canopy-monday.backup",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := app.Restore(c.Context(), cfg, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: the directory as it was on %s, found whole\n", cfg.Data,
				m.Time.Format("2006-01-02 15:04:05 MST"))
			return nil
		},
	}
	directoryFlags(c.Flags(), &cfg)
	return c
}
