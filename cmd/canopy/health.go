package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"canopy/app"
)

func healthCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var ready bool
	c := &cobra.Command{
		Use:   "health",
		Short: "Ask a server on this machine whether it is well",
		Long: "Ask a server on this machine whether it lives, or with --ready whether it can serve: then its database\n" +
			"answers and has the schema it should have. With the server's own environment no flag is needed. It ends\n" +
			"with an error if the answer is no, or if none comes within three seconds.",
		Example: "  canopy health\n  canopy health --ready --listen 127.0.0.1:8443 --tls-self-signed",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			said, err := app.Ask(&cfg, path)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), said)
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&ready, "ready", false, "ask whether it can serve, not only whether it lives")
	f.StringVar(&cfg.Listen, "listen", cfg.Listen, "address that the server listens on")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "the server's certificate: if there is one it is asked by HTTPS")
	f.BoolVar(&cfg.TLSSelfSigned, "tls-self-signed", false, "the server has HTTPS with a certificate made at its start")
	return c
}
