package main

import (
	"embed"
	"fmt"

	"github.com/spf13/cobra"
)

// printed holds what canopy print prints, by its name.
//
//go:embed print
var printed embed.FS

func printCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "print",
		Short: "Print how to run the server under systemd or behind a proxy",
		Long: "Print how to run the server under systemd or behind a proxy. Each file begins with where it belongs and\n" +
			"what to change in it.",
		Example: "  canopy print systemd > /etc/systemd/system/canopy.service\n" +
			"  canopy print nginx > /etc/nginx/conf.d/canopy.conf\n  canopy print caddy > /etc/caddy/Caddyfile",
	}
	for name, short := range map[string]string{
		"systemd": "Print a unit of systemd that confines the server",
		"nginx":   "Print a configuration of nginx before the server",
		"caddy":   "Print a configuration of Caddy before the server",
	} {
		c.AddCommand(&cobra.Command{
			Use: name, Short: short, Args: cobra.NoArgs, Example: "  canopy print " + name,
			RunE: func(c *cobra.Command, _ []string) error {
				text, err := printed.ReadFile("print/" + name)
				if err != nil {
					return err
				}
				_, err = fmt.Fprint(c.OutOrStdout(), string(text))
				return err
			},
		})
	}
	return c
}
