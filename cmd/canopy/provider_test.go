package main_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"
	"github.com/stretchr/testify/require"
)

func TestProviderCommands(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		serve(t, at, "--demo").stop(t)
		m, err := mockoidc.Run()
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, m.Shutdown()) })
		run := func(words ...string) *invocation { return canopy(append([]string{"provider"}, words...)...).in(at) }
		add := func(more ...string) *invocation {
			return run(append([]string{"add", "--organization", "Acme", "--name", "Acme", "--issuer", m.Issuer(),
				"--client-id", m.ClientID, "--allow-private-providers", "--public-url", "https://canopy.example"}, more...)...).
				with("CANOPY_CLIENT_SECRET", m.ClientSecret)
		}
		made := add("--domains", "acme.example", "--newcomers", "rules", "--rule",
			"department=Berlin->Acme/Prod,Readers,user", "--rule", "*->Acme/Dev,User,user").succeeds(t)
		found := regexp.MustCompile(`^Acme is set up; its id is (\S+)
redirect URI and back-channel logout URI: https://canopy.example/console/provider-\d+-(\S+)\n$`).FindStringSubmatch(made)
		require.NotNil(t, found, made)
		require.Equal(t, found[1], found[2])
		listed := strings.Join(strings.Fields(run("list", "--organization", "Acme").succeeds(t)), " ")
		require.Contains(t, listed, found[1]+" Acme "+m.Issuer()+" rules 2 acme.example on")

		for _, wrong := range [][2]string{{"department=Berlin", "--rule: "}, {"a=b->Acme/Prod,Readers,boss", "role: "},
			{"a=b->Nowhere,Readers,user", "--rule: "}, {"a=b->Acme,Nobody,user", "--rule: "}} {
			require.Contains(t, add("--rule", wrong[0]).fails(t), wrong[1])
		}
		require.Contains(t, add().fails(t), "--issuer: The organization has a provider with this issuer already.")
		run("link", "grace.hopper", "--id", found[1], "--subject", "0815").succeeds(t)
		links := strings.Join(strings.Fields(run("links", "grace.hopper").succeeds(t)), " ")
		require.Contains(t, links, m.Issuer()+" 0815 - admin ")
		require.Contains(t, run("link", "alan.turing", "--id", found[1], "--subject", "0815").fails(t),
			"--subject: This subject of the identity provider is linked with an account already.")
		require.Contains(t, run("link", "admin", "--id", found[1], "--subject", "1").fails(t), "no such identity provider")
		require.Contains(t, run("unlink", "alan.turing", "--issuer", m.Issuer(), "--subject", "0815").fails(t), "no such link")
		run("unlink", "grace.hopper", "--issuer", m.Issuer(), "--subject", "0815").succeeds(t)
		require.NotContains(t, run("links", "grace.hopper").succeeds(t), "0815")
		require.Contains(t, run("remove", found[1]).fails(t), "There is no such identity provider.")
		run("remove", found[1], "--organization", "Acme").succeeds(t)
		require.NotContains(t, run("list", "--organization", "Acme").succeeds(t), m.Issuer())
	})
}
