package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/skewed"
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
func race(b *testing.B, contenders []*contender) { raceOf(b, 4, contenders) }

// raceOf is race with as many clients.
func raceOf(b *testing.B, clients int, contenders []*contender) {
	perTurn := max(100/clients, 3)
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
	b.ReportMetric(float64(clients*perTurn)/first, contenders[0].name+"-req/s")
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

// BenchmarkUserPage measures GET /rest/users?limit=50 with 100,000 users in 10,000 environments for principals whose
// reach is the whole tree, a middle environment and a leaf, for 1, 8 and 32 clients, each as a share of a bare Fiber
// handler that runs the same statement through the plain driver, scans into typed fields, writes as many bytes and
// asks nobody who they are. Columns is such a handler whose statement has a column for each value.
func BenchmarkUserPage(b *testing.B) {
	for _, engine := range databases {
		b.Run(engine.name, func(b *testing.B) {
			db, url := engine.open(b)
			_, address := serveFor(b, db, nil)
			size := skewed.Directory{Organizations: 100, Environments: 10_000, Users: 100_000, Blocks: 10}
			require.NoError(b, size.Fill(context.Background(), db))
			list := address + "/rest/users?limit=50"
			root := get(list, signIn(b, address, "admin", testPassword))
			bytes := len(answer(b, root()))
			packed := bareFiber(b, db, url, persistence.UserColumns, bytes)
			columns := bareFiber(b, db, url, unpacked(persistence.UserColumns), bytes)
			middle := get(list, signIn(b, address, "big.middle", testPassword))
			leaf := get(list, signIn(b, address, "big.leaf", testPassword))
			for _, clients := range []int{1, 8, 32} {
				b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
					raceOf(b, clients, []*contender{{name: "bare", request: get(packed, "")},
						{name: "columns", request: get(columns, "")}, {name: "root", request: root},
						{name: "middle", request: middle}, {name: "leaf", request: leaf}})
				})
			}
		})
	}
}

// unpacked returns the columns of a statement that packs them into one text, one for each value.
func unpacked(columns string) string {
	start := strings.Index(columns, "concat_ws(")
	values := columns[start:strings.LastIndex(columns, ") AS packed")]
	_, values, _ = strings.Cut(values, ", ")
	return columns[:start] + values
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
			bare := bareFiber(b, db, url, persistence.UserColumns, len(answer(b, list())))
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
func bareFiber(tb testing.TB, db *db.DB, url, columns string, size int) string {
	tb.Helper()
	query := persistence.UserPage(columns, "", "")
	args := []any{"/1/", 0, "/10", 51}
	begin := func(ctx context.Context) (plainRows, error) { return db.Pool().QueryContext(ctx, query, args...) }
	if url == "" {
		prepared, err := db.Pool().Prepare(query)
		require.NoError(tb, err)
		tb.Cleanup(func() { prepared.Close() })
		begin = func(ctx context.Context) (plainRows, error) { return prepared.QueryContext(ctx, args...) }
	} else {
		pool, err := pgxpool.New(context.Background(), url)
		require.NoError(tb, err)
		tb.Cleanup(pool.Close)
		for n := 1; strings.Contains(query, "?"); n++ {
			query = strings.Replace(query, "?", fmt.Sprintf("$%d", n), 1)
		}
		begin = func(ctx context.Context) (plainRows, error) {
			rows, err := pool.Query(ctx, query, args...)
			return poolRows{rows}, err
		}
	}
	fields := typed(tb, db, columns)
	run := func(ctx context.Context, answer []byte) ([]byte, error) {
		rows, err := begin(ctx)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		row := fields()
		for rows.Next() {
			if err := rows.Scan(row...); err != nil {
				return nil, err
			}
			for _, field := range row {
				switch v := field.(type) {
				case *string:
					answer = append(append(append(answer, '"'), *v...), '"')
				case *int64:
					answer = strconv.AppendInt(answer, *v, 10)
				case *bool:
					answer = strconv.AppendBool(answer, *v)
				}
			}
		}
		return answer, rows.Err()
	}
	bare := fiber.New(fiber.Config{DisableStartupMessage: true})
	bare.Get("/", func(c *fiber.Ctx) error {
		answer, err := run(c.UserContext(), make([]byte, 0, size))
		if err != nil {
			return err
		}
		return c.Send(append(answer, make([]byte, max(0, size-len(answer)))...))
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	go bare.Listener(listener) //nolint:errcheck // ends with the benchmark
	tb.Cleanup(func() { _ = bare.Shutdown() })
	return "http://" + listener.Addr().String() + "/"
}

// plainRows are those of either driver.
type plainRows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

type poolRows struct{ pgx.Rows }

func (r poolRows) Close() error {
	r.Rows.Close()
	return nil
}

// typed returns what makes the fields to scan columns into: of the types that a driver says values have.
func typed(tb testing.TB, db *db.DB, columns string) func() []any {
	tb.Helper()
	rows, err := db.QueryContext(context.Background(), persistence.UserPage(columns, "", ""), "/1/", 0, "/10", 1)
	require.NoError(tb, err)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(tb, err)
	values := make([]any, len(names))
	for i := range values {
		values[i] = new(any)
	}
	require.True(tb, rows.Next())
	require.NoError(tb, rows.Scan(values...))
	return func() []any {
		fields := make([]any, len(values))
		for i, v := range values {
			switch (*v.(*any)).(type) {
			case int64:
				fields[i] = new(int64)
			case bool:
				fields[i] = new(bool)
			default:
				fields[i] = new(string)
			}
		}
		return fields
	}
}
