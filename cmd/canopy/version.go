package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"canopy/app"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  canopy version",
		Run: func(c *cobra.Command, _ []string) {
			b := app.ReadBuild()
			fmt.Fprintln(c.OutOrStdout(), strings.Join(strings.Fields("canopy "+b.Version+" "+b.Revision+" "+b.Go), " "))
		},
	}
}
