package main_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/mail/mailtest"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/storetest"
)

// Two servers share many mails, and one of them is killed while it sends. Each mail is delivered;
// twice only what that server had in hand, at most one by each of its senders.
func TestMailOutlivesAServer(t *testing.T) {
	t.Parallel()
	const mails, senders = 200, 4
	sink := mailtest.New(t, mailtest.Options{})
	at := inPostgres(t)
	key := "one key for both servers of this test"
	start := func() *server {
		return canopy("serve", "--smtp-url", "smtp://"+sink.Address, "--mail-from", "canopy@example.org", "--public-url",
			"https://canopy.example").
			in(at).with("CANOPY_SERVER_KEY", key).with("CANOPY_ADMIN_PASSWORD", adminPassword).serve(t)
	}
	first, second := start(), start()

	cfg := app.DefaultConfig()
	cfg.Data, cfg.DatabaseURL, cfg.ServerKey = at.data(), at[3], key
	db, err := app.OpenDatabase(t.Context(), &cfg)
	require.NoError(t, err)
	d, err := app.Wire(t.Context(), cfg, db)
	require.NoError(t, err)
	defer d.Close()
	var all []domain.Mail
	for i := range mails {
		all = append(all, domain.Mail{Kind: "forgot", To: fmt.Sprintf("person%d@example.org", i), Subject: "subject",
			Text: "text",
			User: domain.UserKey{Organization: domain.RootOrganization, User: 1}})
	}
	storetest.Post(t, db, all...)

	eventually(t, func() bool { return len(sink.All()) >= mails/4 }, "a quarter of the mails")
	first.kill(t)
	// What the dead server had claimed is free now, and not in a minute.
	_, err = at.open(t).Exec("UPDATE outbox SET next_at = created_at WHERE state = 0 AND claimed_by LIKE $1",
		fmt.Sprint("% ", first.cmd.Process.Pid))
	require.NoError(t, err)
	times := map[string]int{}
	deadline := time.After(patience)
	for len(times) < mails {
		select {
		case <-sink.Arrived():
		case <-deadline:
			require.Failf(t, "mail was lost", "%d of %d arrived", len(times), mails)
		}
		clear(times)
		for _, m := range sink.All() {
			times[m.To]++
		}
	}
	eventually(t, func() bool {
		n, err := persistence.NewOutboxStore(db).Waiting(t.Context())
		return err == nil && n == 0
	}, "an empty outbox")
	second.stop(t)
	twice := len(sink.All()) - mails
	t.Logf("%d of %d mails were delivered twice", twice, mails)
	require.LessOrEqual(t, twice, senders)
}
