package app_test

import (
	"context"
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
)

// A small is what makes connections to files that may be kept from growing.
type small struct {
	sqldriver.Connector
	mu    sync.Mutex
	conns []sqldriver.Conn
	pages int
}

// Connect implements driver.Connector.
func (s *small) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, c)
	return c, s.limit(c)
}

func (s *small) limit(c sqldriver.Conn) error {
	_, err := c.(sqldriver.ExecerContext).
		ExecContext(context.Background(), fmt.Sprintf("PRAGMA max_page_count = %d", s.pages), nil)
	return err
}

// hold lets files grow to a number of pages at most, or to what they have already.
func (s *small) hold(t *testing.T, pages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages = pages
	for _, c := range s.conns {
		require.NoError(t, s.limit(c))
	}
}

// noLimit is the number of pages of a file that may grow.
const noLimit = 1 << 30

// lines are the messages of a log with their levels.
func lines(t *testing.T, log *lockedBuffer) (all []struct {
	Level, Msg, After, Trouble string
	Errors                     int
}) {
	t.Helper()
	for text := range strings.Lines(log.String()) {
		all = append(all, struct {
			Level, Msg, After, Trouble string
			Errors                     int
		}{})
		require.NoError(t, json.Unmarshal([]byte(text), &all[len(all)-1]), text)
	}
	return all
}

// plainly returns the status and the body of a GET without credentials, and how long it took.
func plainly(t *testing.T, url string) (status int, body string, took time.Duration) {
	t.Helper()
	began := time.Now()
	status, text, err := fasthttp.GetTimeout(nil, url, 10*time.Second)
	require.NoError(t, err)
	return status, string(text), time.Since(began)
}

// logged returns the settings of a directory whose server logs into log.
func logged(t *testing.T, engine string, log *lockedBuffer) app.Config {
	t.Helper()
	cfg := fixtureSettings(t, engine, "rest", newClock(storyBegins))
	cfg.Log = slog.New(slog.NewJSONHandler(log, nil))
	return cfg
}

// When the disk is full, changes are refused until there is room again, reads are not, and the
// server says that it is not ready.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	cfg := logged(t, "sqlite", &log)
	disk := &small{pages: noLimit}
	first := true
	db, err := db.OpenSQLite(filepath.Join(cfg.Data, "canopy.db"),
		db.Through(func(c sqldriver.Connector) sqldriver.Connector {
			if first { // the one that writes
				first, disk.Connector = false, c
				return disk
			}
			return c
		}, nil))
	require.NoError(t, err)
	db.Now = cfg.Now
	r := serveOver(t, cfg, db)
	admin := basicCaller(r.Address(), "admin", "secret1")
	n := 0
	create := func() int {
		n++
		status, _ := admin.call(t, "POST", "/rest/users",
			fmt.Sprintf(`{"alias":"new%d","password":"secret-1","group":"User","envId":"/",
			"person":{"firstname":%q,"lastname":"","mailaddress":"new%d@example.org"}}`, n, strings.Repeat("x", 90), n))
		return status
	}
	ready := func() (int, string) {
		status, text, took := plainly(t, r.Address()+"/readyz")
		require.Less(t, took, time.Second)
		return status, text
	}
	require.Equal(t, 200, create())
	require.EqualValues(t, 1, metric(t, r.Address(), "canopy_database_up"))

	disk.hold(t, 1)
	status := 200
	for i := 0; i < 200 && status == 200; i++ {
		status = create()
	}
	require.Equal(t, http.StatusServiceUnavailable, status)
	status, text := ready()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "the database takes no changes\n", text)
	status, _ = admin.call(t, "GET", "/rest/users?limit=2", "")
	require.Equal(t, 200, status, "reading goes on")
	require.EqualValues(t, 0, metric(t, r.Address(), "canopy_database_up"))
	require.Positive(t, metric(t, r.Address(), `canopy_database_errors_total{kind="full"}`))

	disk.hold(t, noLimit)
	require.Eventually(t, func() bool { status, _ := ready(); return status == 200 }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, 200, create())
	require.EqualValues(t, 1, metric(t, r.Address(), "canopy_database_up"))
	var away, back int
	for _, line := range lines(t, &log) {
		if line.Msg == "the database is away" {
			away++
			require.Equal(t, "full", line.Trouble)
		}
		if line.Msg == "the database is back" {
			back++
			_, err := time.ParseDuration(line.After)
			require.NoError(t, err)
		}
	}
	require.Equal(t, []int{1, 1}, []int{away, back})
}

// A database that is gone under many requests is a line in the log when it goes and one when it is
// back, which says how many errors there were.
func TestLogOfAnOutageIsShort(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		var log lockedBuffer
		cfg := logged(t, engine, &log)
		faults, err := faultdb.New(engine == "postgres")
		require.NoError(t, err)
		db, _ := openFaulty(t, &cfg, faults)
		db.Now = cfg.Now
		r := serveOver(t, cfg, db)
		admin := basicCaller(r.Address(), "admin", "secret1")
		status, _ := admin.call(t, "GET", "/rest/me", "")
		require.Equal(t, 200, status)

		mend := faults.Follow(faultdb.Plan{All: true, Kind: faultdb.Lost})
		var all sync.WaitGroup
		var refused atomic.Int64
		for range 8 {
			all.Go(func() {
				for range 100 {
					if status, _ := admin.call(t, "GET", "/rest/me", ""); status == http.StatusServiceUnavailable {
						refused.Add(1)
					}
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 800, refused.Load())
		status, text, took := plainly(t, r.Address()+"/readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Equal(t, "the database does not answer\n", text)
		require.Less(t, took, time.Second)
		require.EqualValues(t, 0, metric(t, r.Address(), "canopy_database_up"))
		mend()
		require.Eventually(t, func() bool { status, _, _ := plainly(t, r.Address()+"/readyz"); return status == 200 },
			10*time.Second, 20*time.Millisecond)
		require.EqualValues(t, 1, metric(t, r.Address(), "canopy_database_up"))

		var failed, away, back, hidden int
		for _, line := range lines(t, &log) {
			switch {
			case line.Msg == "the database is away":
				away++
			case line.Msg == "the database is back":
				back++
				hidden = line.Errors
			case line.Level == "ERROR":
				failed++
			}
		}
		require.Equal(t, []int{1, 1, 1}, []int{failed, away, back}, "the first request, and the database's own")
		require.GreaterOrEqual(t, hidden, 799)
		require.GreaterOrEqual(t, metric(t, r.Address(), `canopy_database_errors_total{kind="connection"}`), 800.0)
	})
}
