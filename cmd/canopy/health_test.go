package main_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthIsAsked(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		for _, tls := range []string{"false", "true"} {
			s := canopy("serve").in(at).with("CANOPY_TLS_SELF_SIGNED", tls).with("CANOPY_ADMIN_PASSWORD", adminPassword).serve(t)
			_, listen, _ := strings.Cut(s.address, "://")
			ask := func(flags ...string) *invocation {
				return canopy(append([]string{"health"}, flags...)...).with("CANOPY_LISTEN", listen).
					with("CANOPY_TLS_SELF_SIGNED", tls)
			}
			require.Equal(t, "alive\n", ask().succeeds(t))
			require.Equal(t, "ready\n", ask("--ready").succeeds(t))
			// Whoever listens everywhere is asked at home.
			_, port, _ := strings.Cut(listen, ":")
			require.Equal(t, "alive\n", ask("--listen", "0.0.0.0:"+port).succeeds(t))
			require.Equal(t, "alive\n", ask("--listen", ":"+port).succeeds(t))
			s.stop(t)
			require.Contains(t, ask().fails(t), "no server answers at "+listen)
		}
	})
}

// A server that lives but cannot serve is alive, and not ready.
func TestHealthIsAskedOfAServerThatCannotServe(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	s := serve(t, at)
	_, err := at.open(t).Exec("DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
	require.NoError(t, err)
	_, listen, _ := strings.Cut(s.address, "://")
	require.Equal(t, "alive\n", canopy("health", "--listen", listen).succeeds(t))
	require.Equal(t, "the server at "+listen+" answers 503: migrations are pending",
		canopy("health", "--ready", "--listen", listen).fails(t))
	require.Contains(t, canopy("health", "--listen", "here").fails(t), `--listen: "here" is no address and port`)
}
