package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"canopy/app"
)

func versionCommand() *cobra.Command {
	var deps bool
	c := &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Example: "  canopy version\n  canopy version --deps > canopy.cdx.json",
		RunE: func(c *cobra.Command, _ []string) error {
			if deps {
				return writeDeps(c.OutOrStdout())
			}
			b := app.ReadBuild()
			_, err := fmt.Fprintln(c.OutOrStdout(),
				strings.Join(strings.Fields("canopy "+b.Version+" "+b.Revision+" "+b.Go), " "))
			return err
		},
	}
	c.Flags().BoolVar(&deps, "deps", false, "print what it was built from, as a bill of materials (CycloneDX, JSON)")
	return c
}
