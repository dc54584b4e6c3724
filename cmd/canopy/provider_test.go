package main_test

import (
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oauth2-proxy/mockoidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
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
redirect URI and back-channel logout URI: https://canopy.example/console/provider-\d+-(\S+)
people sign in by it at: https://canopy.example/console/provider-in\?provider=\d+-(\S+)\n$`).FindStringSubmatch(made)
		require.NotNil(t, found, made)
		require.Equal(t, []string{found[1], found[1]}, found[2:])
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

// nameServer answers on loopback, with one TXT record, "name text", and returns its address.
func nameServer(t *testing.T, record *atomic.Pointer[string]) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	go func() {
		packet := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil {
				continue
			}
			m.Response, m.Authoritative, m.Additionals, m.RCode = true, true, nil, dnsmessage.RCodeNameError
			asked := m.Questions[0].Name
			if name, text, _ := strings.Cut(*record.Load(), " "); asked.String() == name+"." {
				m.RCode = dnsmessage.RCodeSuccess
				m.Answers = []dnsmessage.Resource{{Body: &dnsmessage.TXTResource{TXT: []string{text}},
					Header: dnsmessage.ResourceHeader{Name: asked, Class: dnsmessage.ClassINET, Type: dnsmessage.TypeTXT}}}
			}
			answer, _ := m.Pack()
			_, _ = conn.WriteTo(answer, from)
		}
	}()
	return conn.LocalAddr().String()
}

func TestProviderDomainCommands(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		serve(t, at, "--demo").stop(t)
		m, err := mockoidc.Run()
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, m.Shutdown()) })
		var record atomic.Pointer[string]
		record.Store(new(""))
		server := nameServer(t, &record)
		run := func(words ...string) *invocation {
			return canopy(append([]string{"provider"}, append(words, "--dns-server", server)...)...).in(at)
		}
		for _, organization := range []string{"Acme", "Globex"} {
			run("add", "--organization", organization, "--issuer", m.Issuer(), "--client-id", m.ClientID,
				"--allow-private-providers", "--domains", "acme.example,acme.org").succeeds(t)
		}
		// row is what the list says of a domain: how it is proved, and the record.
		row := func(organization, name string) (proved, at, text string) {
			t.Helper()
			listed := run("domains", "--organization", organization).succeeds(t)
			found := regexp.MustCompile(`(?m)^` + name + ` +(\S.*\S|\S+) +(_canopy\.\S+) +(canopy-domain=\S+)$`).
				FindStringSubmatch(listed)
			require.NotNil(t, found, listed)
			return strings.TrimSpace(found[1]), found[2], found[3]
		}
		proved, name, text := row("Acme", "acme.example")
		require.Equal(t, "no", proved)
		require.Equal(t, "_canopy.acme.example", name)
		_, _, theirs := row("Globex", "acme.example")
		for _, wrong := range []string{"", name + " " + theirs, name + " " + text + "x", "acme.example " + text} {
			record.Store(&wrong)
			require.Contains(t, run("prove", "acme.example", "--organization", "Acme").fails(t),
				"The record that proves the domain is not in DNS, or not yet", wrong)
		}
		record.Store(new(name + " " + text))
		require.Regexp(t, `^acme.example is proved: by DNS, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n$`,
			run("prove", "ACME.example", "--organization", "Acme").succeeds(t))
		proved, _, _ = row("Acme", "acme.example")
		require.Regexp(t, `^by DNS, `, proved)
		proved, _, _ = row("Globex", "acme.example")
		require.Equal(t, "no", proved, "what one organization has proved is not another's")

		require.Contains(t, run("prove", "other.example", "--organization", "Acme").fails(t),
			"No provider of the organization has this domain.")
		require.Contains(t, run("prove", "acme.example", "--organization", "Nowhere").fails(t), "--organization")
		require.Equal(t, "acme.org is proved: confirmed\n",
			run("prove", "acme.org", "--organization", "Acme", "--confirm").succeeds(t))
		proved, _, _ = row("Acme", "acme.org")
		require.Equal(t, "confirmed", proved)
	})
}
