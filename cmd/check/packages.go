package main

import (
	"context"
	"io"
	"strings"

	"canopy/persistence/testdb"
)

// nightly are the Debian packages that only tests of the night need. Some start a service of their own where
// they are installed, so the tests use other ports than those.
var nightly = []string{
	"etcd-server", "patroni", "pgbouncer", "python3-etcd", // several databases as one
	"buildah", "caddy", "nginx", "systemd", // what is shipped beside the program
}

// installPackages gets the packages of the tests of the night, where one is missing.
func installPackages(ctx context.Context, _ io.Writer) (string, error) {
	if _, err := output(ctx, "dpkg", append([]string{"--status"}, nightly...)...); err == nil {
		return "", nil
	}
	return "installed " + strings.Join(nightly, " "), testdb.Install(nightly...)
}
