package app_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/mail/mailtest"
	"canopy/domain"
	"canopy/persistence/storetest"
)

// TestResetMailArrivesWhateverStrangersAsk holds that nobody who asks from many networks for
// addresses that nobody has, and registers others, keeps mail from people who forgot their password:
// all of it arrives at a real mail server, and soon.
func TestResetMailArrivesWhateverStrangersAsk(t *testing.T) {
	const people, overall, noisy = 200, 1600, 16
	flood(t)
	inTurn(t, func(t *testing.T, engine string) {
		sink := mailtest.New(t, mailtest.Options{})
		r, s := serveSignUp(t, func(cfg *app.Config) {
			cfg.MailLimits = accounts.MailLimits{Address: 5, Source: 30, User: 200, Overall: overall}
			cfg.AnswerFloor = 30 * time.Millisecond
			cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			cfg.SMTPURL, cfg.MailFrom = "smtp://"+sink.Address, "canopy@example.org"
			if engine == "postgres" {
				cfg.DatabaseURL = storetest.PostgresURL(t)
			}
		})
		operator := s.operator(t)
		for i := range people {
			s.user(t, operator, fmt.Sprint("quiet", i), "Acme", domain.RoleUser, "User")
		}
		base := r.Address()
		from := func(network string) visitor {
			v := visitorFrom(t, "127.0.0.1", "")
			v.header.Set("X-Forwarded-For", network)
			return v
		}
		strangers := from("")
		var asked atomic.Int64
		noise := func(ctx context.Context) {
			n := asked.Add(1)
			v := visitor{strangers.Client, strangers.header.Clone()}
			v.header.Set("X-Forwarded-For", fmt.Sprintf("203.%d.%d.%d", n>>16&255, n>>8&255, n&255))
			path, body := "/rest/accounts/forgot", fmt.Sprintf(`{"mailaddress":"nobody%d@example.org"}`, n)
			switch n % 4 {
			case 1:
				path, body = "/user", fmt.Sprintf(`{"username":"noisy%d","fullname":"N N","email":"noisy%d@example.org"}`, n, n)
			case 2:
				path, body = "/user/reset", fmt.Sprintf(`{"username":"nobody%d","email":"nobody%d@example.org"}`, n, n)
			case 3:
				path, body = "/rest/accounts/resend", fmt.Sprintf(`{"mailaddress":"noisy%d@example.org"}`, n-2)
			}
			_, _ = v.send(ctx, "POST", base+path, strings.NewReader(body))
		}
		calls := 0
		wanted := map[string]int{}
		quiet := from("")
		forget := func() error {
			address := fmt.Sprintf("quiet%d@example.org", calls%people)
			quiet.header.Set("X-Forwarded-For", fmt.Sprint("198.51.100.", calls/20))
			calls++
			wanted[address]++
			return quiet.expect(t.Context(), 200, "POST", base+"/rest/accounts/forgot",
				strings.NewReader(fmt.Sprintf(`{"mailaddress":%q}`, address)))
		}
		fair(t, noisy, noise, forget)
		var crowd sync.WaitGroup
		for range noisy {
			crowd.Go(func() {
				for asked.Load() < overall { // as many as may be mailed in all
					noise(t.Context())
				}
			})
		}
		crowd.Wait()
		require.NoError(t, forget())
		for left := int64(1); left > 0; {
			require.NoError(t, r.directory.RunJobs(t.Context()))
			var err error
			left, err = s.box.Waiting(t.Context())
			require.NoError(t, err)
		}
		arrived := map[string]int{}
		newcomers := 0
		for _, m := range sink.All() {
			if strings.HasPrefix(m.To, "quiet") {
				arrived[m.To]++
			} else {
				newcomers++
			}
		}
		require.Equal(t, wanted, arrived)
		t.Logf(
			"%d of %d mails to people who forgot their password arrived, beside %d requests of strangers, who had %d mails sent",
			calls, calls, asked.Load(), newcomers)
		require.LessOrEqual(t, newcomers, overall/2)
	})
}
