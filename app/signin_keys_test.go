package app_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/domain"
)

// keyed is a server with the fixture of ethersource, and its clock.
type keyed struct {
	*running
	cfg   app.Config
	clock *clock
}

// onKeys runs a test on a directory of its own on each engine.
func onKeys(t *testing.T, change func(*app.Config), test func(t *testing.T, k *keyed)) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(storyBegins)
		cfg := fixtureSettings(t, engine, "ethersource", c)
		if change != nil {
			change(&cfg)
		}
		r := serve(t, cfg)
		fillEthersource(t, r, c)
		test(t, &keyed{r, cfg, c})
	})
}

const etherBase = "/ethersource/rest/v2"

// as returns a caller at the product's place.
func (k *keyed) as(login string) caller { return basicCaller(k.Address()+etherBase, login, "secret1") }

// key returns the API key of somebody.
func (k *keyed) key(t *testing.T, login string) string {
	t.Helper()
	status, got := k.as("admin").call(t, "GET", "/users/"+login+"/apiKey", "")
	require.Equal(t, 200, status)
	return got.find(t, "apiKey").(string)
}

// with sends a request with an API key only, and returns the status.
func with(t *testing.T, server *running, key, path string) int {
	t.Helper()
	c := &client{address: server.host()}
	defer c.close()
	got, err := c.send(fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: x\r\napiKey: %s\r\n\r\n", path, key), "GET")
	require.NoError(t, err)
	var status int
	_, err = fmt.Sscan(got.status, &status)
	require.NoError(t, err)
	return status
}

// TestKeysEndAtOnce holds that a key is refused by another server as soon as it was revoked,
// or its user can no longer be used.
func TestKeysEndAtOnce(t *testing.T) {
	onKeys(t, nil, func(t *testing.T, k *keyed) {
		second := serve(t, k.cfg)
		ctx := t.Context()
		for name, end := range map[string]func(who domain.Principal, held accounts.HeldKey) error{
			"revoked": func(who domain.Principal, held accounts.HeldKey) error {
				return k.directory.APIKeys.Revoke(ctx, who,
					accounts.OfUser[domain.UUID]{User: domain.UserRef{ID: held.User}, In: held.ID})
			},
			"deactivated": func(who domain.Principal, held accounts.HeldKey) error {
				no := false
				_, err := k.directory.Users.Update(ctx, who,
					directory.UpdateUser{User: domain.UserRef{ID: held.User}, UserPatch: directory.UserPatch{Active: &no}})
				return err
			},
			"deleted": func(who domain.Principal, held accounts.HeldKey) error {
				return k.directory.Users.Delete(ctx, who, directory.DeleteUser{User: domain.UserRef{ID: held.User}})
			},
		} {
			operator, err := k.directory.Operator(ctx)
			require.NoError(t, err)
			home, mail := domain.EnvironmentRef("Acme"), name+"@example.org"
			u, err := k.directory.Users.Create(ctx, operator,
				directory.UserPatch{Alias: &name, FirstName: &name, Mail: &mail, Home: &home})
			require.NoError(t, err)
			held, err := k.directory.APIKeys.First(ctx, operator, domain.UserRef{ID: u.ID})
			require.NoError(t, err)
			key := string(held.Text)
			for _, server := range []*running{k.running, second} {
				require.Equal(t, 200, with(t, server, key, etherBase+"/users/bookmarks"), name)
				require.Equal(t, 200, with(t, server, key, "/users/bookmarks"), name)
			}
			require.NoError(t, end(operator, held))
			for _, server := range []*running{second, k.running} {
				require.Equal(t, 401, with(t, server, key, etherBase+"/users/bookmarks"), name)
			}
		}
	})
}

// TestWrongKeysAreThrottled holds that who tries keys is slowed down, and that nobody else is.
func TestWrongKeysAreThrottled(t *testing.T) {
	onKeys(t, nil, func(t *testing.T, k *keyed) {
		key := k.key(t, "acme.user")
		for i := range 50 {
			require.Equal(t, 401, with(t, k.running, fmt.Sprintf("WRONG%d", i), "/users/bookmarks"))
		}
		require.Equal(t, 429, with(t, k.running, "WRONG", "/users/bookmarks"))
		counted := k.failures(t)
		require.Equal(t, 429, with(t, k.running, strings.Repeat("x", 5000), "/users/bookmarks"))
		require.Equal(t, counted, k.failures(t), "what is refused writes nothing")
		require.Equal(t, 200, with(t, k.running, key, "/users/bookmarks"), "a right key is no guess")
		status, _ := k.as("acme.user").call(t, "GET", "/users/bookmarks", "")
		require.Equal(t, 200, status)
		k.clock.set(k.clock.now().Add(16 * time.Minute))
		require.Equal(t, 401, with(t, k.running, "WRONG", "/users/bookmarks"))
	})
}

// TestTheUseOfKeysIsNoted holds that it can be seen when a key was used last.
func TestTheUseOfKeysIsNoted(t *testing.T) {
	onKeys(t, nil, func(t *testing.T, k *keyed) {
		ctx, key := t.Context(), k.key(t, "acme.user")
		operator, err := k.directory.Operator(ctx)
		require.NoError(t, err)
		u, err := k.directory.Users.Get(ctx, operator, directory.GetUser{User: domain.UserRef{Alias: "acme.user"}})
		require.NoError(t, err)
		used := func() time.Time {
			keys, err := k.directory.APIKeys.List(ctx, operator, domain.UserRef{ID: u.ID})
			require.NoError(t, err)
			require.Len(t, keys, 1)
			require.Empty(t, keys[0].Text, "a list does not show it")
			return keys[0].LastUsed
		}
		require.Zero(t, used())
		require.Equal(t, 200, with(t, k.running, key, "/users/bookmarks"))
		require.NoError(t, k.directory.RunJobs(ctx))
		require.Equal(t, storyBegins, used())
		k.clock.set(storyBegins.Add(time.Hour))
		require.Equal(t, 200, with(t, k.running, key, "/users/bookmarks"))
		require.NoError(t, k.directory.RunJobs(ctx))
		require.Equal(t, storyBegins.Add(time.Hour), used())
	})
}

// TestSecretsOfQueriesAreNotTold holds that neither keys nor passwords in a query get into the
// log, the metrics or an answer about an error.
func TestSecretsOfQueriesAreNotTold(t *testing.T) {
	var log lockedBuffer
	onKeys(t, func(cfg *app.Config) {
		cfg.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}, func(t *testing.T, k *keyed) {
		key := k.key(t, "acme.admin")
		basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("acme.admin:secret1")) + "\r\n"
		secrets := []string{key, "GUESSEDKEY", "hiddenpassword", "0190a3c4-8b2e-4c3a-9d1f-2a6b5c4d3e70", "secret1",
			base64.StdEncoding.EncodeToString([]byte("acme.admin:secret1"))}
		var answers strings.Builder
		for _, base := range []string{etherBase, ""} {
			for _, request := range []string{
				"GET " + base + "/users/bookmarks?apiKey=" + key,
				"GET " + base + "/users/bookmarks?apiKey=GUESSEDKEY",
				"GET " + base + "/users/bookmarks?apiKey=GUESSEDKEY%ff",
				"GET " + base + "/users/bookmarks?apiKey=GUESSEDKEY&apiKey=" + key,
				"GET " + base + "/users/none?apiKey=" + key,
				"BREW " + base + "/users?apiKey=" + key,
				"PATCH " + base + "/users?apiKey=" + key,
				"GET " + base + "/users/usagestatistics?timestampBegin=" + key + "&timestampEnd=x&apiKey=" + key,
				"PUT " + base + "/users/acme.user/password?password=hiddenpassword&apiKey=" + key,
				"PUT " + base + "/users/nobody/password?password=hiddenpassword&apiKey=" + key,
				"PUT " + base + "/users/acme.user/password?password=hiddenpassword&password=hiddenpassword&apiKey=" + key,
				"POST " + base + "/users/acme.user/activate?uuId=0190a3c4-8b2e-4c3a-9d1f-2a6b5c4d3e70&apiKey=" + key,
			} {
				for _, credentials := range []string{"", basic} {
					c := &client{address: k.host()}
					got, err := c.send([]byte(request+" HTTP/1.1\r\nHost: x\r\n"+credentials+"\r\n"), strings.Fields(request)[0])
					c.close()
					require.NoError(t, err)
					fmt.Fprintln(&answers, got.status, got.header, string(got.body))
				}
			}
		}
		c := &client{address: k.host()}
		defer c.close()
		got, err := c.send([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "GET")
		require.NoError(t, err)
		require.Contains(t, string(got.body), `surface="ethersource"`)
		require.Contains(t, log.String(), `"surface":"ethersource"`)
		for name, text := range map[string]string{"log": log.String(), "metrics": string(got.body),
			"answers": answers.String()} {
			for _, secret := range secrets {
				require.NotContains(t, text, secret, name)
			}
		}
	})
}

// lockedBuffer is a buffer that several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestFirstKeyIsOne holds that of many who ask for a key that is not there yet all get the same.
func TestFirstKeyIsOne(t *testing.T) {
	onKeys(t, nil, func(t *testing.T, k *keyed) {
		keys := make([]string, 16)
		var asked sync.WaitGroup
		for i := range keys {
			asked.Go(func() {
				if status, got := k.as("admin").call(t, "GET", "/users/acme.user/apiKey", ""); status == 200 {
					keys[i] = got.find(t, "apiKey").(string)
				}
			})
		}
		asked.Wait()
		for _, key := range keys {
			require.NotEmpty(t, key)
			require.Equal(t, keys[0], key)
		}
	})
}

// TestOneAnswerToACopyRequest holds that of 64 clients who accept and decline the same offer
// one succeeds, and that there is a copy exactly if it was one that accepts.
func TestOneAnswerToACopyRequest(t *testing.T) {
	onKeys(t, nil, func(t *testing.T, k *keyed) {
		key := k.key(t, "acme.user")
		for offer, kind := range map[int]string{1: "observer", 4: "sector"} {
			var accepted, declined, missing, others atomic.Int64
			var asked sync.WaitGroup
			for i := range 64 {
				asked.Go(func() {
					method, path, counter := "DELETE", fmt.Sprintf("/users/copy%srequests/%d", kind, offer), &declined
					if i%2 == 0 {
						method, path, counter = "PUT", path+"/activate", &accepted
					}
					c := caller{base: k.Address() + etherBase}
					switch status, _ := c.call(t, method, path+"?apiKey="+key, ""); status {
					case 204:
						counter.Add(1)
					case 404:
						missing.Add(1)
					default:
						others.Add(1)
					}
				})
			}
			asked.Wait()
			require.EqualValues(t, 1, accepted.Load()+declined.Load())
			require.EqualValues(t, 63, missing.Load())
			require.Zero(t, others.Load())
			who := principalOf(t, k.running, "acme.user")
			list, err := k.directory.Objects.List(t.Context(), who, objects.ListObjects{Everywhere: true,
				Filter: domain.ObjectFilter{Owner: domain.UserKey{Organization: who.Organization, User: who.User}}})
			require.NoError(t, err)
			copies := int64(0)
			for o, err := range list.Items {
				require.NoError(t, err)
				if string(o.Kind) == kind && (o.Name == "Morning" || o.Name == "Noon") {
					copies++
				}
			}
			require.Equal(t, accepted.Load(), copies)
		}
	})
}

// mails returns the texts of the mail to an address, decoded.
func (k *keyed) mails(t *testing.T, address string) []string {
	t.Helper()
	require.NoError(t, k.directory.RunJobs(t.Context()))
	names, err := filepath.Glob(filepath.Join(k.cfg.Data, "outbox", "*.eml"))
	require.NoError(t, err)
	var all []string
	for _, name := range names {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		text := strings.NewReplacer("=\r\n", "", "=3D", "=", "\r\n", "\n").Replace(string(raw))
		if strings.Contains(text, "To: <"+address+">") {
			all = append(all, text)
		}
	}
	return all
}

const anna = `{"userId": "anna", "firstName": "Anna", "lastName": "Berg", "email": "anna@example.org", "password": "secret11",
	"company": "Gavagai", "country": "SE", "language": "EN"}`

func confirm(link, kind string) string {
	return "/users/anna/sendConfirmationEmail?confirmationLink=" + url.QueryEscape(link) + "&confirmationType=" + kind
}

// TestConfirmationMail holds what is sent: the given words with every placeholder replaced by
// the link with its uuId, in the server's own name; and that no more is sent than is allowed.
func TestConfirmationMail(t *testing.T) {
	onKeys(t, nil, func(t *testing.T, k *keyed) {
		admin := k.as("acme.admin")
		status, _ := admin.call(t, "POST", "/users", anna)
		require.Equal(t, 201, status)
		body := `{"from": "support@partner.example", "subject": "Begin", "body": "Follow {<%URL_PlaceHolder%>} or <%URL_PlaceHolder%> now."}`
		status, _ = admin.call(t, "POST", confirm("https://portal.example/go?a=b#c", "USER_ACTIVATION"), body)
		require.Equal(t, 201, status)
		sent := k.mails(t, "anna@example.org")
		require.Len(t, sent, 1)
		require.Regexp(t,
			`Follow https://portal\.example/go\?a=b&uuId=([0-9a-f-]{36})#c or https://portal\.example/go\?a=b&uuId=([0-9a-f-]{36})#c now\.`, sent[0])
		require.NotContains(t, sent[0], "PlaceHolder")
		require.Contains(t, sent[0], "Subject: Begin")
		require.Contains(t, sent[0], "support@partner.example")
		require.NotRegexp(t, `(?m)^(From|Reply-To|Sender):.*partner`, sent[0])
		for range 4 {
			status, _ = admin.call(t, "POST", confirm("https://portal.example/", "USER_ACTIVATION"), body)
			require.Equal(t, 201, status)
		}
		status, _ = admin.call(t, "POST", confirm("https://portal.example/", "USER_ACTIVATION"), body)
		require.Equal(t, 429, status)
		require.Len(t, k.mails(t, "anna@example.org"), 5)
	})
}

// TestConfirmationLinks holds where links may lead to.
func TestConfirmationLinks(t *testing.T) {
	body := `{"subject": "Begin", "body": "<%URL_PlaceHolder%>"}`
	for name, c := range map[string]struct {
		hosts   []string
		allowed []string
		refused []string
	}{
		"any that speak HTTPS": {nil,
			[]string{"https://portal.example/x", "https://canopy.example/x", "http://canopy.example/x"},
			[]string{"http://portal.example/x", "ftp://portal.example", "//portal.example/x", "https://",
				"https://a:b@portal.example/", "javascript:alert(1)",
				"https://portal.example/<script>", "https://portal.example/a b", "https://portal.example/\r\nBcc: x",
				"portal.example"}},
		"configured ones": {[]string{"portal.example", "localhost:3000"},
			[]string{"https://portal.example/x", "http://Portal.Example/x", "http://localhost:3000/x",
				"https://canopy.example/x"},
			[]string{"https://other.example/x", "https://portal.example.other.example/", "https://localhost/x",
				"https://portal.example:444/", "http://localhost:3001/"}},
	} {
		t.Run(name, func(t *testing.T) {
			onKeys(t, func(cfg *app.Config) {
				cfg.LinkHosts, cfg.PublicURL = c.hosts, "https://canopy.example"
				cfg.MailLimits = accounts.MailLimits{Address: 100, Source: 100, User: 100, Overall: 100}
			}, func(t *testing.T, k *keyed) {
				admin := k.as("acme.admin")
				status, _ := admin.call(t, "POST", "/users", anna)
				require.Equal(t, 201, status)
				for _, link := range c.allowed {
					status, got := admin.call(t, "POST", confirm(link, ""), body)
					require.Equal(t, 201, status, "%s: %v", link, got.value)
				}
				for _, link := range c.refused {
					status, _ := admin.call(t, "POST", confirm(link, ""), body)
					require.Equal(t, 400, status, link)
				}
				require.Len(t, k.mails(t, "anna@example.org"), len(c.allowed))
				for text, others := range map[string]bool{"Dear Anna, follow (this)!": false,
					"See https://canopy.example/help, too.": false,
					"or https://evil.example/x":             true, "www.evil.example": true, "<evil.example>": true,
					"https://canopy.example@evil.example/":        true,
					"https://canopy.example/https://evil.example": true, "mail me@evil.example": true, "//evil.example": true} {
					want := 201
					if others && c.hosts != nil {
						want = 400
					}
					for _, body := range []string{`{"subject": "Begin", "body": "` + text + ` <%URL_PlaceHolder%>"}`, `{"subject": "` +
						text + `", "body": "<%URL_PlaceHolder%>"}`} {
						status, got := admin.call(t, "POST", confirm(c.allowed[0], ""), body)
						require.Equal(t, want, status, "%s: %v", body, got.value)
					}
				}
			})
		})
	}
}

// TestMailChangeLastsAMonth holds that a new address can be confirmed for a month and not
// longer, however late its link was mailed, and that a later request replaces an earlier one.
func TestMailChangeLastsAMonth(t *testing.T) {
	onKeys(t, nil, func(t *testing.T, k *keyed) {
		admin := k.as("acme.admin")
		ask := func(mail string) {
			t.Helper()
			status, _ := admin.call(t, "PUT", "/users/acme.user/email?email="+mail, "")
			require.Equal(t, 204, status)
		}
		send := func(mail string) string {
			t.Helper()
			status, _ := admin.call(t, "POST",
				strings.Replace(confirm("https://portal.example/", "EMAIL_CHANGE"), "anna", "acme.user", 1),
				`{"subject": "Change", "body": "<%URL_PlaceHolder%>"}`)
			require.Equal(t, 201, status)
			require.NoError(t, k.directory.RunJobs(t.Context()))
			return k.mailedSecret(t, mail)
		}
		try := func(secret string) int {
			t.Helper()
			status, _ := admin.call(t, "POST", "/users/acme.user/email/confirm?uuId="+secret, "")
			return status
		}
		ask("first@example.org")
		first := send("first@example.org")
		ask("second@example.org")
		require.Equal(t, 400, try(first), "another address was asked for since")
		k.clock.set(storyBegins.AddDate(0, 0, 30))
		second := send("second@example.org")
		k.clock.set(storyBegins.AddDate(0, 0, 31))
		require.Equal(t, 400, try(second), "it was asked for a month ago")
		ask("third@example.org")
		third := send("third@example.org")
		k.clock.set(k.clock.now().AddDate(0, 0, 31).Add(-time.Minute))
		require.Equal(t, 201, try(third))
		require.Equal(t, 400, try(third))
		require.Len(t, k.mails(t, "acme.user@example.org"), 1, "the address before is told")
	})
}

// TestNobodyActsForWhoReachesMore holds that who may change a user does not learn what lets them
// act as that user where they could not act themselves, and may do so where they could.
func TestNobodyActsForWhoReachesMore(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		ctx := t.Context()
		admin, target := s.as(t, "acme.admin"), s.as(t, "acme.user").User
		held, err := s.APIKeys.First(ctx, s.operator(t), domain.UserRef{ID: target})
		require.NoError(t, err)
		key := accounts.OfUser[domain.UUID]{User: domain.UserRef{ID: target}, In: held.ID}
		link := publicURL + "/?secret=" + accounts.PlaceSecret
		var secret string
		ways := []struct {
			name string
			try  func() error
		}{
			{"key", func() error { _, err := s.APIKeys.Get(ctx, admin, key); return err }},
			{"first key", func() error { _, err := s.APIKeys.First(ctx, admin, domain.UserRef{ID: target}); return err }},
			{"another key", func() error {
				_, err := s.APIKeys.Create(ctx, admin,
					accounts.OfUser[accounts.NewAPIKey]{User: domain.UserRef{ID: target}, In: accounts.NewAPIKey{Name: "another"}})
				return err
			}},
			{"another address", func() error {
				return s.Accounts.RequestMailChange(ctx, admin,
					accounts.RequestMailChange{User: domain.UserRef{ID: target}, Mail: "mine@example.org", Lifetime: time.Hour})
			}},
			{"mail to it", func() error {
				return s.Accounts.SendConfirmation(ctx, admin, accounts.SendConfirmation{User: domain.UserRef{ID: target},
					Purpose: domain.ChangeAddress, Link: link, Lifetime: time.Hour})
			}},
			{"its confirmation", func() error {
				if secret == "" {
					secret = proof(t, s.mail(t, domain.LetterAddress, "mine@example.org")).Secret
				}
				_, err := s.Accounts.ConfirmMailChangeOf(ctx, admin,
					accounts.Presented{User: domain.UserRef{ID: target}, Secret: secret})
				return err
			}},
			{"password", func() error {
				_,
					err := s.Accounts.ResetPassword(ctx, admin, domain.UserRef{ID: target})
				return err
			}},
		}
		reach := func(refs ...domain.EnvironmentRef) {
			_, err := s.Users.Update(ctx, s.operator(t),
				directory.UpdateUser{User: domain.UserRef{ID: target}, UserPatch: directory.UserPatch{Allowed: &refs}})
			require.NoError(t, err)
		}
		for _, way := range ways {
			reach("Bolt")
			err := way.try()
			require.ErrorIs(t, err, domain.ErrHasMore, way.name)
			reach()
			require.NoError(t, way.try(), way.name)
		}
		reach("Bolt")
		_, err = s.APIKeys.List(ctx, admin, domain.UserRef{ID: target})
		require.ErrorIs(t, err, domain.ErrHasMore, "nor of the keys")
		require.ErrorIs(t, s.APIKeys.Revoke(ctx, admin, key), domain.ErrHasMore, "nor takes one away")

		entries, err := s.Audit.List(ctx, admin, directory.ListAudit{Filter: domain.AuditFilter{Action: "apikey:show"}})
		require.NoError(t, err)
		shown := 0
		for entry, err := range entries.Items {
			require.NoError(t, err)
			require.Equal(t, "acme.admin", entry.Actor.Alias)
			require.Equal(t, "acme.user", entry.Target.Name)
			shown++
		}
		require.Equal(t, 2, shown, "each time a key was shown is noted")
	})
}

// TestOwnMailChange holds that who may use the product's addresses changes and confirms those of
// others with them, and their own by the link with the password only.
func TestOwnMailChange(t *testing.T) {
	onKeys(t, nil, func(t *testing.T, k *keyed) {
		admin := k.as("acme.admin")
		status, got := admin.call(t, "PUT", "/users/acme.admin/email?email=mine@example.org", "")
		require.Equal(t, 204, status, "%v", got.value)
		send := strings.Replace(confirm("https://portal.example/", "EMAIL_CHANGE"), "anna", "acme.admin", 1)
		status, got = admin.call(t, "POST", send, `{"subject": "Change", "body": "<%URL_PlaceHolder%>"}`)
		require.Equal(t, 403, status, "%v", got.value)
		require.NoError(t, k.directory.RunJobs(t.Context()))
		status, got = admin.call(t, "POST", "/users/acme.admin/email/confirm?uuId="+k.mailedSecret(t, "mine@example.org"), "")
		require.Equal(t, 403, status, "%v", got.value)
		status, _ = admin.call(t, "POST", strings.Replace(send, "EMAIL_CHANGE", "USER_ACTIVATION", 1),
			`{"subject": "x", "body": "<%URL_PlaceHolder%>"}`)
		require.Equal(t, 403, status, "nobody invites themselves")
	})
}

// failures returns how many failed sign-ins are counted.
func (k *keyed) failures(t *testing.T) (n int64) {
	t.Helper()
	db, err := app.OpenDatabase(t.Context(), &k.cfg)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.Pool().QueryRowContext(t.Context(), "SELECT coalesce(sum(failures), 0) FROM sign_in_failures").
		Scan(&n))
	return n
}
