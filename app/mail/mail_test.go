package mail_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/mail"
	"canopy/app/mail/mailtest"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
	"canopy/persistence/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const from = "Canopy <canopy@example.org>"

// A post is an outbox with a worker, on a clock that is set.
type post struct {
	db     *db.DB
	outbox *persistence.OutboxStore
	worker *mail.Worker
	log    bytes.Buffer
	counts counts
	mu     sync.Mutex
	at     time.Time
}

type counts struct {
	sync.Mutex
	of map[string]int
}

func (c *counts) Mailed(result string) {
	c.Lock()
	defer c.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[result]++
}

func (p *post) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func (p *post) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = p.at.Add(d)
}

func newPost(t testing.TB, database *db.DB, transport func(now func() time.Time) (mail.Transport, error)) *post {
	t.Helper()
	p := &post{db: database, outbox: persistence.NewOutboxStore(database),
		at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	database.Vault, database.Now = db.NewVault([]byte("key")), p.now
	tr, err := transport(p.now)
	require.NoError(t, err)
	p.worker = mail.NewWorker(p.outbox, tr, "worker", &p.counts, slog.New(slog.NewTextHandler(&p.log, nil)), p.now)
	return p
}

func (p *post) put(t testing.TB, n int) {
	t.Helper()
	var mails []domain.Mail
	for i := range n {
		mails = append(mails,
			domain.Mail{Kind: "forgot", To: fmt.Sprintf("person%d@example.org", i), Subject: fmt.Sprintf("Number %d é", i),
				Text: "follow https://canopy.example/x?a=1&secret=" + fmt.Sprint(i) + "\n.\nend\n",
				User: domain.UserKey{Organization: 1, User: 7}})
	}
	storetest.Post(t, p.db, mails...)
}

func (p *post) waiting(t testing.TB) int64 {
	t.Helper()
	n, err := p.outbox.Waiting(t.Context())
	require.NoError(t, err)
	return n
}

// until runs the worker, and lets time pass, until nothing waits.
func (p *post) until(t *testing.T) {
	t.Helper()
	for range 100 {
		require.NoError(t, p.worker.Run(t.Context()))
		if p.waiting(t) == 0 {
			return
		}
		p.pass(time.Hour)
	}
	require.Fail(t, "mail still waits")
}

func to(s *mailtest.Sink, scheme, password string) func(func() time.Time) (mail.Transport, error) {
	return func(now func() time.Time) (mail.Transport, error) {
		user := ""
		if password != "" {
			user = "post@"
		}
		return mail.NewSMTP(mail.Config{URL: scheme + "://" + user + s.Address, Password: password, From: from,
			Roots: s.Roots}, now)
	}
}

func tally(all []mailtest.Received) map[string]int {
	n := map[string]int{}
	for _, r := range all {
		n[r.To]++
	}
	return n
}

func TestEveryMailArrivesOnce(t *testing.T) {
	moods := func(n int, _ string) mailtest.Behaviour {
		return map[int]mailtest.Behaviour{2: mailtest.Later, 3: mailtest.Cut, 5: mailtest.LaterData, 8: mailtest.Cut,
			9: mailtest.CutAtReset}[n]
	}
	for name, o := range map[string]mailtest.Options{
		"plain":    {},
		"starttls": {StartTLS: true, User: "post", Password: "secret"},
		"tls":      {TLS: true, User: "post", Password: "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			o.Mood = moods
			storetest.Each(t, func(t *testing.T, db *db.DB) {
				sink := mailtest.New(t, o)
				scheme := "smtp"
				if o.TLS {
					scheme = "smtps"
				}
				p := newPost(t, db, to(sink, scheme, o.Password))
				p.put(t, 30)
				p.until(t)
				n := tally(sink.All())
				require.Len(t, n, 30)
				for address, times := range n {
					require.Equal(t, 1, times, address)
				}
				require.Equal(t, 30, p.counts.of["sent"])
				// Whether the connection that ends at its reset is noticed by that or by the next mail
				// is chance; that mail is then tried again.
				require.Contains(t, []int{4, 5}, p.counts.of["retried"], p.log.String())
				r := sink.All()[0]
				require.Equal(t, "canopy@example.org", r.From)
				require.Regexp(t, `^Number \d+ é$`, r.Subject)
				require.Contains(t, r.Text, "https://canopy.example/x?a=1&secret=")
				require.Contains(t, r.Text, "\n.\nend\n")
				require.Regexp(t, `^<[0-9a-f-]{36}@example.org>$`, r.ID)
				require.Equal(t, "auto-generated", r.Header.Get("Auto-Submitted"))
			})
		})
	}
}

// A server that took the text but not its answer back gets the mail again, under one
// Message-ID.
func TestLostAnswerIsSentAgain(t *testing.T) {
	sink := mailtest.New(t, mailtest.Options{Mood: func(n int, _ string) mailtest.Behaviour {
		return map[int]mailtest.Behaviour{1: mailtest.CutAfter}[n]
	}})
	p := newPost(t, storetest.SQLite(t), to(sink, "smtp", ""))
	p.put(t, 1)
	p.until(t)
	all := sink.All()
	require.Len(t, all, 2)
	require.Equal(t, all[0].ID, all[1].ID)
}

func TestGivenUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		sink := mailtest.New(t, mailtest.Options{Mood: func(_ int, to string) mailtest.Behaviour {
			if strings.HasPrefix(to, "person0") {
				return mailtest.Never
			}
			return mailtest.Later
		}})
		p := newPost(t, db, to(sink, "smtp", ""))
		p.put(t, 2)
		begin := p.now()
		p.until(t)
		require.Empty(t, sink.All())
		require.Equal(t, 2, p.counts.of["failed"])
		require.Greater(t, p.counts.of["retried"], 10)
		require.GreaterOrEqual(t, p.now().Sub(begin), 24*time.Hour)
		require.Equal(t, []string{"2 the mail was refused for good: the mail server answered 550 5.1.1 ",
			"2 the mail server answered 451 4.7.1 "},
			rows(t, db, "SELECT state || ' ' || error || ' ' || letter FROM outbox ORDER BY attempts"))
		log := p.log.String()
		require.Equal(t, 2, strings.Count(log, "a mail was given up"))
		require.NotContains(t, log, "person", "addresses are not logged")
	})
}

func rows(t *testing.T, db *db.DB, query string) []string {
	t.Helper()
	r, err := db.Pool().QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer r.Close()
	var all []string
	for r.Next() {
		var s string
		require.NoError(t, r.Scan(&s))
		all = append(all, s)
	}
	require.NoError(t, r.Err())
	return all
}

// Nothing of a letter can be read in the database, and nothing is left of one that was sent.
func TestLettersAreSealed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database *db.DB) {
		sink := mailtest.New(t, mailtest.Options{})
		p := newPost(t, database, to(sink, "smtp", ""))
		p.put(t, 1)
		stored := rows(t, database, "SELECT kind || error || letter || claimed_by FROM outbox")
		require.NotRegexp(t, `person|Number|secret=`, stored[0])
		require.Greater(t, len(stored[0]), 50)
		p.until(t)
		require.Equal(t, []string{"1  "}, rows(t, database, "SELECT state || ' ' || letter || ' ' || error FROM outbox"))
		p.put(t, 1)
		database.Vault = db.NewVault([]byte("another key"))
		require.Error(t, p.worker.Run(t.Context()))
		require.Zero(t, p.waiting(t), "a letter that cannot be opened does not stand in the way")
	})
}

// A server may look at a text for longer than a claim lasts, and gets it once.
func TestSlowServerGetsAMailOnce(t *testing.T) {
	t.Parallel()
	sink := mailtest.New(t, mailtest.Options{Mood: func(int, string) mailtest.Behaviour { return mailtest.Slow }})
	p := newPost(t, storetest.SQLite(t), to(sink, "smtp", ""))
	p.db.Now = time.Now
	p.put(t, 1)
	deadline := time.Now().Add(2 * mailtest.SlowFor)
	errs := make([]error, 2)
	var all sync.WaitGroup
	for i := range errs {
		tr, err := to(sink, "smtp", "")(time.Now)
		require.NoError(t, err)
		w := mail.NewWorker(p.outbox, tr, fmt.Sprint("worker ", i), &p.counts, slog.New(slog.DiscardHandler), time.Now)
		w.Claim(3 * time.Second)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		all.Go(func() {
			for errs[i] == nil && p.waiting(t) > 0 && time.Now().Before(deadline) {
				errs[i] = w.Run(t.Context())
				<-tick.C
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Zero(t, p.waiting(t))
	require.Len(t, sink.All(), 1)
	require.Zero(t, p.counts.of["retried"])
}

// A claim keeps others away until it ends, and who lost it cannot say what became of the mail.
func TestClaims(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		p := newPost(t, db, to(mailtest.New(t, mailtest.Options{}), "smtp", ""))
		p.put(t, 1)
		ctx := t.Context()
		mine, err := p.outbox.Claim(ctx, "one", p.now(), p.now().Add(time.Minute))
		require.NoError(t, err)
		_, err = p.outbox.Claim(ctx, "two", p.now(), p.now().Add(time.Minute))
		require.ErrorIs(t, err, domain.ErrNotFound)
		p.pass(2 * time.Minute)
		theirs, err := p.outbox.Claim(ctx, "two", p.now(), p.now().Add(time.Minute))
		require.NoError(t, err)
		require.Equal(t, mine.ID, theirs.ID)
		require.ErrorIs(t, p.outbox.Keep(ctx, mine, p.now().Add(time.Hour)), domain.ErrChanged)
		require.NoError(t, p.outbox.Keep(ctx, theirs, p.now().Add(3*time.Minute)))
		p.pass(2 * time.Minute)
		_, err = p.outbox.Claim(ctx, "one", p.now(), p.now().Add(time.Minute))
		require.ErrorIs(t, err, domain.ErrNotFound, "it was kept")
		require.ErrorIs(t, p.outbox.Sent(ctx, mine), domain.ErrChanged)
		require.ErrorIs(t, p.outbox.Retry(ctx, mine, p.now(), "x"), domain.ErrChanged)
		require.ErrorIs(t, p.outbox.GiveUp(ctx, mine, "x"), domain.ErrChanged)
		require.NoError(t, p.outbox.Sent(ctx, theirs))
		require.ErrorIs(t, p.outbox.Sent(ctx, theirs), domain.ErrChanged)
	})
}

func TestManyWorkersShareTheMail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		sink := mailtest.New(t, mailtest.Options{})
		p := newPost(t, db, to(sink, "smtp", ""))
		p.put(t, 200)
		var all sync.WaitGroup
		for i := range 4 {
			tr, err := to(sink, "smtp", "")(p.now)
			require.NoError(t, err)
			w := mail.NewWorker(p.outbox, tr, fmt.Sprint("worker ", i), &p.counts, slog.New(slog.DiscardHandler), p.now)
			all.Go(func() { _ = w.Run(t.Context()) })
		}
		all.Wait()
		n := tally(sink.All())
		require.Len(t, n, 200)
		require.Len(t, sink.All(), 200, "none twice")
	})
}

// A server that is not who it should be, or wants no encryption, or refuses the password,
// gets nothing; the mail waits.
func TestServersThatAreNotTrusted(t *testing.T) {
	secure := mailtest.New(t, mailtest.Options{StartTLS: true, User: "post", Password: "secret"})
	for name, transport := range map[string]func(func() time.Time) (mail.Transport, error){
		"unknown authority": func(now func() time.Time) (mail.Transport, error) {
			return mail.NewSMTP(mail.Config{URL: "smtp://post@" + secure.Address, Password: "secret", From: from}, now)
		},
		"wrong password": func(now func() time.Time) (mail.Transport, error) {
			return mail.NewSMTP(mail.Config{URL: "smtp://post@" + secure.Address, Password: "wrong", From: from,
				Roots: secure.Roots}, now)
		},
		"nobody there": func(now func() time.Time) (mail.Transport, error) {
			return mail.NewSMTP(mail.Config{URL: "smtp://127.0.0.1:1", From: from}, now)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t, storetest.SQLite(t), transport)
			p.put(t, 1)
			require.NoError(t, p.worker.Run(t.Context()))
			require.EqualValues(t, 1, p.waiting(t))
			require.Empty(t, secure.All())
			require.NotContains(t, p.log.String(), "wrong")
			require.NotContains(t, p.log.String(), "person")
		})
	}
}

func TestConfiguration(t *testing.T) {
	for _, url := range []string{"", "mail.example", "http://mail.example", "smtp://", "smtp://user:password@mail.example",
		"smtp://mail.example/path",
		"smtp://mail.example:0", "smtp://mail.example:99999", "smtp://user@mail.example", "smtp://mail.example?tls=no"} {
		_, err := mail.NewSMTP(mail.Config{URL: url, From: from}, time.Now)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "password@", url)
	}
	for _, sender := range []string{"", "nobody", "a@b\r\nBcc: c@d", "a@b, c@d"} {
		_, err := mail.NewSMTP(mail.Config{URL: "smtp://mail.example", From: sender}, time.Now)
		require.Error(t, err, sender)
	}
}

func TestHeadersCannotBeInjected(t *testing.T) {
	sink := mailtest.New(t, mailtest.Options{})
	p := newPost(t, storetest.SQLite(t), to(sink, "smtp", ""))
	storetest.Post(t, p.db, []domain.Mail{
		{To: "a@example.org", Subject: "one\r\nBcc: victim@example.org\r\n\r\nbody", Text: "text"},
		{To: "b@example.org\r\nBcc: victim@example.org", Subject: "two", Text: "text"},
		{To: "c@example.org, victim@example.org", Subject: "three", Text: "text"},
	}...)
	p.until(t)
	all := sink.All()
	require.Len(t, all, 1)
	require.Equal(t, "one Bcc: victim@example.org body", all[0].Subject)
	require.Empty(t, all[0].Header.Get("Bcc"))
	require.Equal(t, "a@example.org", all[0].To)
}

func TestFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "outbox")
	p := newPost(t, storetest.SQLite(t),
		func(now func() time.Time) (mail.Transport, error) { return mail.NewFiles(folder, from, now) })
	p.put(t, 3)
	p.until(t)
	found, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, found, 3)
	for _, f := range found {
		require.Regexp(t, `^[0-9a-f-]{36}\.eml$`, f.Name())
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		text, err := os.ReadFile(filepath.Join(folder, f.Name()))
		require.NoError(t, err)
		require.Regexp(t, `(?m)^To: <person\d@example.org>`, string(text))
	}
}

// Every letter exists in every language, says what it must, and no language has more.
func TestLetters(t *testing.T) {
	letters, err := mail.NewLetters()
	require.NoError(t, err)
	keys := map[string][]string{}
	for _, language := range mail.Languages {
		text, err := os.ReadFile("letters/" + language + ".txt")
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`define "([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			keys[language] = append(keys[language], m[1])
		}
		require.Equal(t, keys["en"], keys[language])
	}
	for _, kind := range domain.LetterKinds {
		seen := map[string]bool{}
		for _, language := range mail.Languages {
			subject, text := letters.Write(domain.Letter{Kind: kind, Language: language, Site: "SITE", Link: "LINK",
				Valid: 30 * time.Minute,
				Login: "LOGIN", Password: "PASSWORD", Number: 4711})
			require.NotEmpty(t, subject)
			require.NotContains(t, text, "<no value>")
			require.Contains(t, text, "SITE")
			seen[subject] = true
			switch kind {
			case domain.LetterVerify, domain.LetterForgot, domain.LetterAddress, domain.LetterInvite:
				require.Contains(t, text, "LINK")
				require.Contains(t, text, "30 minutes")
			case domain.LetterPassword:
				require.Contains(t, text, "PASSWORD")
			case domain.LetterWaiting:
				require.Contains(t, text, "4711")
			}
		}
		require.Len(t, seen, len(mail.Languages), "%s is the same in all languages", kind)
	}
	for language, want := range map[string]string{"": "Confirm", "Fr": "Confirmez", "fr-CA": "Confirmez",
		"fr_FR": "Confirmez", "frisian": "Confirm your", "de": "Confirm your"} {
		subject, _ := letters.Write(domain.Letter{Kind: domain.LetterVerify, Language: language})
		require.Contains(t, subject, want, language)
	}
	for span, want := range map[time.Duration]string{time.Minute: "1 minute:", time.Hour: "60 minutes",
		24 * time.Hour: "24 hours", 31 * 24 * time.Hour: "31 days"} {
		_, text := letters.Write(domain.Letter{Kind: domain.LetterVerify, Valid: span})
		require.Contains(t, text, want)
	}
}

func TestOldFilesAreRemoved(t *testing.T) {
	folder := t.TempDir()
	now := time.Now()
	for name, age := range map[string]time.Duration{"old.eml": 31 * 24 * time.Hour, "new.eml": time.Hour,
		"old.txt": 1000 * time.Hour} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chtimes(path, now.Add(-age), now.Add(-age)))
	}
	require.NoError(t, mail.SweepFiles(folder, now.Add(-30*24*time.Hour)))
	require.NoError(t, mail.SweepFiles(filepath.Join(folder, "none"), now))
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(folder, "new.eml"), filepath.Join(folder, "old.txt")}, left)
}
