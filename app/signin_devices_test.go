package app_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/mail/mailtest"
)

// TestNewDevicesAreTold holds that whoever signs in with something or from somewhere that their account was not used
// with before gets a mail, at a real mail server, by the pages and by a product's sign-in alike, and in their language;
// and that nobody gets one for the first of all, for what they used before, or for requests with a password or a key.
func TestNewDevicesAreTold(t *testing.T) {
	const firefox, phone = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19 Safari/604"
	eachEngine(t, func(t *testing.T, engine string) {
		sink := mailtest.New(t, mailtest.Options{})
		r := openConsole(t, engine, func(cfg *app.Config) {
			cfg.SMTPURL, cfg.MailFrom = "smtp://"+sink.Address, "canopy@example.org"
			cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		arrive := func() string {
			t.Helper()
			require.NoError(t, r.directory.RunJobs(t.Context()))
			all := sink.All()
			require.NotEmpty(t, all)
			return all[len(all)-1].Text
		}
		from := func(network, agent string) *guest {
			g := r.visit(t)
			g.header.Set("X-Forwarded-For", network)
			g.header.Set("User-Agent", agent)
			return g
		}
		onPages := func(g *guest) {
			in := g.press(t, g.get(t, "sign-in"), "sign-in", map[string]string{"login": "ada.lovelace", "password": demoPassword})
			require.Equal(t, "/console/home", in.at.Path, in.text)
		}
		byProduct := func(network, agent string) {
			v := visitorFrom(t, "127.0.0.1", "")
			v.header.Set("X-Forwarded-For", network)
			v.header.Set("User-Agent", agent)
			require.NoError(t, v.expect(t.Context(), 200, "POST", r.Address()+"/auth",
				strings.NewReader(fmt.Sprintf(`{"user":"ada.lovelace","password":%q}`, demoPassword))))
		}
		r.exec(t, "DELETE FROM known_devices") // those of the demo's own history
		onPages(from("192.0.2.1", firefox))    // the first
		onPages(from("192.0.2.1", firefox))
		onPages(from("192.0.2.1", phone))
		text := arrive()
		require.Contains(t, text, "Safari on iPhone")
		require.Contains(t, text, "From: 192.0.2.1\n")
		require.Contains(t, text, publicURL+"/console/my-sessions\n")
		require.Contains(t, text, " UTC\n")
		mine := from("192.0.2.1", firefox)
		onPages(mine)
		mine.press(t, mine.get(t, "me"), "me", map[string]string{"language": "fr"})

		byProduct("192.0.2.1", firefox)
		c := basicCaller(r.Address(), "ada.lovelace", demoPassword)
		c.header["X-Forwarded-For"] = "203.0.113.9"
		status, _ := c.call(t, "GET", "/rest/me", "")
		require.Equal(t, 200, status)
		byProduct("2001:db8:1:2::3", "Visit-evil.example/1")
		text = arrive()
		require.Contains(t, text, "Depuis : 2001:db8:1:2::/64\n")
		require.NotContains(t, text, "evil")
		require.Len(t, sink.All(), 2, "nothing was told of what was used before, or of a password that comes with a request")

		weak := from("198.51.100.7", firefox)
		r.having(t, "ada.lovelace", 1)
		asked := weak.press(t, weak.get(t, "sign-in"), "sign-in",
			map[string]string{"login": "ada.lovelace", "password": demoPassword})
		require.NotEqual(t, "/console/home", asked.at.Path)
		arrive()
		require.Len(t, sink.All(), 2, "whoever has still to prove a factor has not signed in")
		r.having(t, "ada.lovelace", 0)
		onPages(from("198.51.100.7", firefox))
		require.Contains(t, arrive(), "198.51.100.7")
		require.Len(t, sink.All(), 3)
	})
}
