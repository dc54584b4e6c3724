package mail_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/mail/mailtest"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// BenchmarkWorker measures how many mails a second leave the outbox for a mail server on this
// machine.
func BenchmarkWorker(b *testing.B) {
	const mails = 500
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": storetest.SQLite,
		"postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			sink := mailtest.New(b, mailtest.Options{})
			p := newPost(b, open(b), to(sink, "smtp", ""))
			for b.Loop() {
				b.StopTimer()
				p.put(b, mails)
				b.StartTimer()
				require.NoError(b, p.worker.Run(b.Context()))
			}
			require.Len(b, sink.All(), b.N*mails)
			b.ReportMetric(float64(b.N*mails)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}
