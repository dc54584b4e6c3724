package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// contender is one way to answer a request, measured beside others.
type contender struct {
	name    string
	request func() *fasthttp.Request
	took    []time.Duration
}

// race sends requests to all contenders in turns, so that whatever else the machine does
// hits all alike, and reports each one's rate as a share of the first one's.
func race(b *testing.B, contenders []*contender) {
	const clients, perTurn = 4, 25
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the program sets it
	client := &fasthttp.Client{MaxConnsPerHost: clients}
	for turn := 0; b.Loop(); turn++ {
		for i := range contenders {
			c := contenders[(turn+i)%len(contenders)] // nobody always comes behind the same one
			var wg sync.WaitGroup
			began := time.Now()
			for range clients {
				wg.Go(func() {
					for range perTurn {
						req, res := c.request(), fasthttp.AcquireResponse()
						if err := client.Do(req, res); err != nil || res.StatusCode() != 200 {
							b.Errorf("%s: %v, %d %.200s", c.name, err, res.StatusCode(), res.Body())
						}
						fasthttp.ReleaseResponse(res)
						fasthttp.ReleaseRequest(req)
					}
				})
			}
			wg.Wait()
			c.took = append(c.took, time.Since(began))
		}
	}
	median := func(c *contender) float64 {
		slices.Sort(c.took)
		return c.took[len(c.took)/2].Seconds()
	}
	first := median(contenders[0])
	for _, c := range contenders[1:] {
		b.ReportMetric(first/median(c), c.name+"/"+contenders[0].name)
	}
	b.ReportMetric(clients*perTurn/first, contenders[0].name+"-req/s")
}

// serveFor runs the server of a directory until the benchmark ends, and returns its address.
func serveFor(tb testing.TB, db *db.DB, change func(*app.Config)) (*app.Directory, string) {
	tb.Helper()
	cfg := testConfig(tb)
	cfg.Listen = "127.0.0.1:0"
	cfg.Log = slog.New(slog.DiscardHandler)
	if change != nil {
		change(&cfg)
	}
	_, err := app.Begin(context.Background(), &cfg, db)
	require.NoError(tb, err)
	d, err := app.Wire(context.Background(), cfg, db)
	require.NoError(tb, err)
	l, err := app.Listen(&cfg)
	require.NoError(tb, err)
	s, err := app.NewServer(d, l)
	require.NoError(tb, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	tb.Cleanup(func() {
		require.NoError(tb, s.Stop(context.Background()))
		require.NoError(tb, <-done)
	})
	return d, s.Address()
}

// signIn signs in at a server.
func signIn(tb testing.TB, address, login, password string) string {
	tb.Helper()
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	req.SetRequestURI(address + "/auth")
	req.Header.SetMethod("POST")
	req.Header.SetContentType("application/json")
	req.SetBodyString(fmt.Sprintf(`{"user":%q,"password":%q}`, login, password))
	require.NoError(tb, fasthttp.Do(req, res))
	_, text, ok := strings.Cut(string(res.Body()), `"Token":"`)
	require.True(tb, ok, string(res.Body()))
	text, _, _ = strings.Cut(text, `"`)
	return text
}

// get returns a request of a list with a token.
func get(address, token string) func() *fasthttp.Request {
	return func() *fasthttp.Request {
		req := fasthttp.AcquireRequest()
		req.SetRequestURI(address)
		req.Header.Set("Authorization", "Bearer "+token)
		return req
	}
}

// databases are the engines to measure, empty.
var databases = []struct {
	name string
	open func(testing.TB) (*db.DB, string)
}{
	{"sqlite", func(tb testing.TB) (*db.DB, string) { return storetest.SQLite(tb), "" }},
	{"postgres", func(tb testing.TB) (*db.DB, string) {
		url := storetest.PostgresURL(tb)
		db, err := db.OpenPostgres(context.Background(), url)
		require.NoError(tb, err)
		tb.Cleanup(func() { db.Close() })
		return db, url
	}},
}

// BenchmarkUserPage measures GET /rest/users?limit=50 with 100,000 users in 10,000
// environments for principals whose reach is the whole tree, a middle environment and a
// leaf, each as a share of a bare Fiber handler that runs the same statement through the
// plain driver and writes as many bytes.
func BenchmarkUserPage(b *testing.B) {
	for _, engine := range databases {
		b.Run(engine.name, func(b *testing.B) {
			db, url := engine.open(b)
			d, address := serveFor(b, db, nil)
			many{organizations: 1, environments: 10_000, users: 100_000, hash: adminHash(b, d)}.fill(b, db)
			list := address + "/rest/users?limit=50"
			reaches := []*contender{
				{name: "root", request: get(list, signIn(b, address, "admin", testPassword))},
				{name: "middle", request: get(list, signIn(b, address, "user0.10", testPassword))},
				{name: "leaf", request: get(list, signIn(b, address, "user0.9999", testPassword))},
			}
			body := answer(b, reaches[0].request())
			bare := bareFiber(b, db, url, len(body))
			race(b, append([]*contender{{name: "bare", request: get(bare, "")}}, reaches...))
		})
	}
}

// BenchmarkFilteredUsers measures axway's list filtered by field=email&op=like, which keeps 100 of
// 100,000 users, as a share of a whole page of 50 and of the plain driver that runs the filter's
// statement without anything around it.
func BenchmarkFilteredUsers(b *testing.B) {
	for _, engine := range databases {
		b.Run(engine.name, func(b *testing.B) {
			db, _ := engine.open(b)
			d, address := serveFor(b, db, nil)
			many{organizations: 1, environments: 10_000, users: 100_000, hash: adminHash(b, d)}.fill(b, db)
			token := signIn(b, address, "admin", testPassword)
			filtered := func() *fasthttp.Request {
				req := fasthttp.AcquireRequest()
				req.SetRequestURI(address + "/api/portal/v1.3/users?field=email&op=like&value=777@")
				req.URI().SetUsername("admin")
				req.URI().SetPassword(testPassword)
				return req
			}
			require.Equal(b, 100, strings.Count(string(answer(b, filtered())), "loginName"))
			b.Run("driver", driverLoop(db,
				"SELECT u.id, u.alias, u.mail FROM users u WHERE u.mail_key LIKE '%777@%' ORDER BY u.environment_path, u.id"))
			b.Run("http", func(b *testing.B) {
				race(b, []*contender{{name: "page", request: get(address+"/rest/users?limit=50", token)},
					{name: "filtered", request: filtered}})
			})
		})
	}
}

// BenchmarkTat measures Tat's list of people and its answer about oneself as a share of the bare
// handler, which sends a body of the list's size and runs the statement of a page of as many.
func BenchmarkTat(b *testing.B) {
	for _, engine := range databases {
		b.Run(engine.name, func(b *testing.B) {
			db, url := engine.open(b)
			d, address := serveFor(b, db, nil)
			many{organizations: 1, environments: 100, users: 5000, hash: adminHash(b, d)}.fill(b, db)
			if url != "" { // which PostgreSQL does by itself within minutes
				_, err := db.Pool().ExecContext(context.Background(), "ANALYZE")
				require.NoError(b, err)
			}
			tat := func(path string) func() *fasthttp.Request {
				return func() *fasthttp.Request {
					req := fasthttp.AcquireRequest()
					req.SetRequestURI(address + path)
					req.Header.Set("Tat_username", "user0.0")
					req.Header.Set("Tat_password", testPassword)
					return req
				}
			}
			list := tat("/users?skip=0&limit=50")
			bare := bareFiber(b, db, url, len(answer(b, list())))
			race(b, []*contender{{name: "bare", request: get(bare, "")}, {name: "users", request: list},
				{name: "me", request: tat("/user/me")}})
		})
	}
}

// driverLoop returns a benchmark of a statement through the plain driver.
func driverLoop(db *db.DB, statement string) func(*testing.B) {
	return func(b *testing.B) {
		for b.Loop() {
			rows, err := db.Pool().QueryContext(b.Context(), statement)
			require.NoError(b, err)
			for rows.Next() {
				var id int64
				var alias, mail string
				require.NoError(b, rows.Scan(&id, &alias, &mail))
			}
			require.NoError(b, rows.Err())
			rows.Close()
		}
	}
}

// BenchmarkTenants measures a page of an organization of 1,000 people that has the directory
// for itself, and of the same one among 1,000 organizations.
func BenchmarkTenants(b *testing.B) {
	for _, engine := range databases {
		b.Run(engine.name, func(b *testing.B) {
			var contenders []*contender
			for _, organizations := range []int{1, 1000} {
				db, _ := engine.open(b)
				d, address := serveFor(b, db, nil)
				many{organizations: 1, environments: 100, users: 1000, hash: adminHash(b, d)}.fill(b, db)
				if organizations > 1 {
					many{organizations: organizations, environments: 10 * organizations, users: 100 * organizations, skip: 1}.fill(b,
						db)
				}
				contenders = append(contenders, &contender{name: fmt.Sprintf("tenants=%d", organizations),
					request: get(address+"/rest/users?limit=50", signIn(b, address, "user0.0", testPassword))})
			}
			race(b, contenders)
		})
	}
}

// BenchmarkDecision measures one decision of a gate in directories of different size: warm,
// with everything remembered; and reached, with nothing remembered of the user, which takes
// the statements that read the groups and inactive environments.
func BenchmarkDecision(b *testing.B) {
	for _, environments := range []int{10, 1000, 100_000} {
		db := storetest.SQLite(b)
		d := openDirectory(b, db)
		many{organizations: 1, environments: environments, users: 100}.fill(b, db)
		account, err := persistence.NewAccountStore(db).ByLogin(context.Background(), "user0.0")
		require.NoError(b, err)
		who := account.Principal
		place := who.Home.Child(1_000_000)
		b.Run(fmt.Sprintf("environments=%d/warm", environments), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if can, err := d.Gate.Can(context.Background(), &who, domain.UserUpdate, place); err != nil || !can {
					b.Fatal(can, err)
				}
			}
		})
		b.Run(fmt.Sprintf("environments=%d/reached", environments), func(b *testing.B) {
			for b.Loop() {
				who.Epoch++ // nothing is remembered of it
				if can, err := d.Gate.Can(context.Background(), &who, domain.UserUpdate, place); err != nil || !can {
					b.Fatal(can, err)
				}
			}
		})
	}
}

const testPassword = "secret-of-the-test"

// adminHash returns the hash of the test's password, for everybody.
func adminHash(tb testing.TB, d *app.Directory) domain.PasswordHash {
	tb.Helper()
	a, err := persistence.NewAccountStore(d.DB).ByLogin(context.Background(), "admin")
	require.NoError(tb, err)
	return a.Hash
}

func answer(tb testing.TB, req *fasthttp.Request) []byte {
	tb.Helper()
	res := fasthttp.AcquireResponse()
	require.NoError(tb, fasthttp.Do(req, res))
	require.Equal(tb, 200, res.StatusCode(), string(res.Body()))
	return slices.Clone(res.Body())
}

// bareFiber serves a handler that runs the list's statement with nothing around it.
func bareFiber(tb testing.TB, db *db.DB, url string, size int) string {
	tb.Helper()
	query := persistence.UserPage("u.alias", "", "")
	args := []any{"/1/", 0, "/10", 51}
	run := func(ctx context.Context) error {
		rows, err := db.Pool().QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		columns, _ := rows.Columns()
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		for rows.Next() {
			if err := rows.Scan(values...); err != nil {
				return err
			}
		}
		return rows.Err()
	}
	if url != "" {
		pool, err := pgxpool.New(context.Background(), url)
		require.NoError(tb, err)
		tb.Cleanup(pool.Close)
		for n := 1; strings.Contains(query, "?"); n++ {
			query = strings.Replace(query, "?", fmt.Sprintf("$%d", n), 1)
		}
		run = func(ctx context.Context) error {
			rows, err := pool.Query(ctx, query, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				_ = rows.RawValues()
			}
			return rows.Err()
		}
	}
	text := []byte(strings.Repeat("x", size))
	bare := fiber.New(fiber.Config{DisableStartupMessage: true})
	bare.Get("/", func(c *fiber.Ctx) error {
		if err := run(c.UserContext()); err != nil {
			return err
		}
		return c.Send(text)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	go bare.Listener(listener) //nolint:errcheck // ends with the benchmark
	tb.Cleanup(func() { _ = bare.Shutdown() })
	return "http://" + listener.Addr().String() + "/"
}
