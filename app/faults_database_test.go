package app_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
)

// besideRequests are the tables of what requests leave behind without being asked to: counts of
// who tried what how often, and numbers that were handed out.
var besideRequests = []string{"sign_in_failures", "known_addresses", "limits", "id_blocks"}

// seenColumns are those of users that say when somebody was here.
var seenColumns = []string{"last_connected_at", "last_seen_at", "idle_since"}

// mattering says which rows of a table are looked at, where it is not all: the server tries now and
// then whether the database takes changes.
var mattering = map[string]string{"settings": " WHERE name <> 'tried'"}

var besideStatement = regexp.MustCompile(`(?is)^\s*(INSERT INTO|UPDATE|DELETE FROM)\s+(` +
	strings.Join(besideRequests, "|") + `)\b|^\s*UPDATE users SET last_connected_at = `)

// actingGets are the requests by GET that change something, as their products' documents say.
var actingGets = regexp.MustCompile(`^GET (/user/verify/|.*/(validateuser|resetpassword|confirm))`)

// withoutFaults are routes that ask for changes and have no request that makes one through the
// database, with the reason.
var withoutFaults = map[string]string{
	"rest POST /rest/objects/{}/usage": "it is counted in memory, and written down by a job",
}

// fieldPattern finds the names of fields in a JSON body.
var fieldPattern = regexp.MustCompile(`"[A-Za-z]+":`)

// A fault run fails each statement of requests that change something.
type faultRun struct {
	engine   string
	variants int // requests of each operation that are tried and have other fields than the others
	ways     int // in which each statement fails

	mu         sync.Mutex
	statements int // that failed
	requests   int
	answers    map[int]int     // by status
	done       map[string]bool // operations
}

// TestFaults sends one request of every operation that changes something, as the contract files
// show it, again and again: the first statement fails, then the second, and so on to the one that
// makes the change stay. The answer is a 503 that says when to try again, nobody panics, and the
// database is as it was. Then the request goes through.
//
// By day one request of an operation is tried on SQLite, and each statement fails in one way. Every night
// two are, on both databases, and in every way there is.
func TestFaults(t *testing.T) { failStatements(t, 1, 1, "sqlite") }

func failStatements(t *testing.T, variants, ways int, engines ...string) {
	t.Helper()
	notShort(t)
	onEngines(t, engines, func(t *testing.T, engine string) {
		run := &faultRun{engine: engine, variants: variants, ways: ways, answers: map[int]int{}, done: map[string]bool{}}
		expected := map[string]bool{}
		t.Run("stories", func(t *testing.T) {
			for _, offered := range surfaces(t) {
				described := describe(t, offered)
				for operation := range operations(described.doc) {
					if asksForChange(operation) {
						expected[offered.Name+" "+operation] = true
					}
				}
				chosen := map[string]map[string]bool{} // fields of what is tried, by operation
				for _, told := range stories(t, offered.Name) {
					tried := map[string]string{} // places to operations
					last := 0
					for i := range told.steps {
						s := &told.steps[i]
						operation := offered.Name + " " + described.operationOf(t, s)
						if s.at != "" || s.status[0] != '2' && s.status[0] != '3' || !asksForChange(s.method+" "+s.target) ||
							withoutFaults[operation] != "" {
							continue
						}
						fields := strings.Join(fieldPattern.FindAllString(s.body, -1), " ")
						if len(chosen[operation]) < run.variants && !chosen[operation][fields] {
							if chosen[operation] == nil {
								chosen[operation] = map[string]bool{}
							}
							chosen[operation][fields], tried[s.place], last = true, operation, i
						}
					}
					if len(tried) == 0 {
						continue
					}
					told.steps = told.steps[:last+1]
					t.Run(offered.Name+"/"+filepath.Base(told.name), func(t *testing.T) {
						t.Parallel()
						run.story(t, told, described, tried)
					})
				}
			}
		})
		for operation := range run.done {
			delete(expected, operation)
		}
		for operation, reason := range withoutFaults {
			if !expected[operation] {
				t.Errorf("%s was tried, and is said not to be: %s", operation, reason)
			}
			delete(expected, operation)
		}
		for _, operation := range slices.Sorted(maps.Keys(expected)) {
			t.Errorf("no contract file has a request of %s that could be tried", operation)
		}
		t.Logf("%d operations, %d statements failed in %d requests; answers by status: %v", len(run.done), run.statements,
			run.requests, run.answers)
	})
}

func asksForChange(operation string) bool {
	method, _, _ := strings.Cut(operation, " ")
	return !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method) ||
		actingGets.MatchString(operation)
}

// story performs a story and tries the steps at the given places before they are done.
func (run *faultRun) story(t *testing.T, told story, described *description, tried map[string]string) {
	faults, err := faultdb.New(run.engine == "postgres")
	require.NoError(t, err)
	faults.Beside = besideStatement.MatchString
	// not those of the server itself
	faults.Whose = func(ctx context.Context) bool { return domain.RequestFrom(ctx).Surface == described.name }
	c := newClock(storyBegins)
	cfg := fixtureSettings(t, run.engine, described.name, c)
	db, address := openFaulty(t, &cfg, faults)
	db.Now = cfg.Now
	server := serveOver(t, cfg, db)
	if fill := fillings[described.name]; fill != nil {
		fill(t, server, c)
	}
	d := newDumper(t, run.engine, address)
	play(t, told, server, c, described, func(caller *client, s *step, request []byte) (*reply, error) {
		if operation := tried[s.place]; operation != "" {
			if got := run.try(t, s, operation, faults, d, caller, request); got != nil {
				return got, nil
			}
		}
		return caller.send(request, s.method)
	})
}

// openFaulty opens the configured database with faults, and returns what it is opened by.
func openFaulty(t *testing.T, cfg *app.Config, faults *faultdb.Faults) (database *db.DB, address string) {
	t.Helper()
	through := db.Through(faults.Connector, faults.Hot)
	var err error
	if address = cfg.DatabaseURL; address != "" {
		database, err = db.OpenPostgres(t.Context(), address, through)
	} else {
		address = filepath.Join(cfg.Data, "canopy.db")
		database, err = db.OpenSQLite(address, through)
	}
	require.NoError(t, err)
	return database, address
}

// try fails the statements of a request. It returns the answer of the request as it was done, if
// nothing in it made a change that could be kept from staying.
func (run *faultRun) try(t *testing.T, s *step, operation string, faults *faultdb.Faults, d *dumper, caller *client,
	request []byte) *reply {
	before := d.dump()
	beside := d.keep(besideRequests)
	statements := 0
	for nth := 1; ; nth++ {
		for way := range run.ways {
			kind := faultdb.Kinds[(nth+len(operation)+way)%len(faultdb.Kinds)] // operations begin with different ones
			done := faults.Follow(faultdb.Plan{Nth: nth, Kind: kind})
			got, err := caller.send(request, s.method)
			p := done()
			require.NoError(t, err, "%s: %s at %d", s.place, kind, nth)
			if slices.ContainsFunc(p.Statements, besideStatement.MatchString) {
				d.restore(beside)
			}
			if !p.Failed && !p.Stopped {
				return got // all of it was done
			}
			status := run.judge(t, s, got, &p)
			run.mu.Lock()
			run.requests++
			run.answers[status]++
			if p.Failed {
				run.statements++
				run.done[operation] = true
			}
			run.mu.Unlock()
			if !p.Failed { // everything up to the change has failed
				if after := d.dump(); after != before {
					t.Errorf("%s: %s: something stayed of requests that failed: %s", s.place, operation, difference(before, after))
				}
				t.Logf("%s: %d statements", operation, statements)
				return nil
			}
			statements++
		}
	}
}

// judge holds what an answer to a request with a statement that failed must be, and returns its
// status.
func (run *faultRun) judge(t *testing.T, s *step, got *reply, p *faultdb.Plan) int {
	t.Helper()
	var status int
	_, err := fmt.Sscan(got.status, &status)
	require.NoError(t, err)
	if p.Kind == faultdb.Lost && !p.Stopped && status < 400 {
		return status // a second try on another connection went through, and there was nothing to change
	}
	if status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("%s: %s when %q failed by %s: %s\n%s", s.place, got.status, p.Statements[min(p.Nth, len(p.Statements))-1],
			p.Kind, got.body,
			strings.Join(p.Statements, "\n"))
	}
	return status
}

// A dumper reads and restores a database past the server.
type dumper struct {
	t     *testing.T
	db    *sql.DB
	whole string              // the statement that reads everything
	table map[string][]string // the columns of each table
}

func newDumper(t *testing.T, engine, address string) *dumper {
	t.Helper()
	driver, columns := "sqlite",
		`SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid`
	text := func(column string) string { return "quote(" + column + ")" }
	if engine == "sqlite" {
		// the server writes beside it now and then
		address = "file:" + address + "?_txlock=immediate&_pragma=busy_timeout(10000)"
	}
	if engine == "postgres" {
		driver, columns = "pgx",
			`SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`
		text = func(column string) string { return "coalesce(" + column + "::text, 'NULL')" }
	}
	db, err := sql.Open(driver, address)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	d := &dumper{t: t, db: db, table: map[string][]string{}}
	rows, err := db.Query(columns)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var table, column string
		require.NoError(t, rows.Scan(&table, &column))
		if !strings.HasPrefix(table, "goose") && !strings.HasPrefix(table, "sqlite_") {
			d.table[table] = append(d.table[table], column)
		}
	}
	require.NoError(t, rows.Err())
	var parts []string
	for _, table := range slices.Sorted(maps.Keys(d.table)) {
		if slices.Contains(besideRequests, table) {
			continue
		}
		var fields []string
		for _, column := range d.table[table] {
			if table != "users" || !slices.Contains(seenColumns, column) {
				fields = append(fields, text(column))
			}
		}
		parts = append(parts, "SELECT '"+table+" ' || "+strings.Join(fields, " || ' ' || ")+" AS line FROM "+table+
			mattering[table])
	}
	d.whole = strings.Join(parts, " UNION ALL ") + " ORDER BY line"
	return d
}

// dump returns the whole database but what is beside requests, a line a row.
func (d *dumper) dump() string {
	d.t.Helper()
	rows, err := d.db.Query(d.whole)
	require.NoError(d.t, err)
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var line string
		require.NoError(d.t, rows.Scan(&line))
		all.WriteString(line + "\n")
	}
	require.NoError(d.t, rows.Err())
	return all.String()
}

// keep returns the rows of some tables.
func (d *dumper) keep(tables []string) map[string][][]any {
	d.t.Helper()
	kept := map[string][][]any{}
	for _, table := range tables {
		rows, err := d.db.Query("SELECT * FROM " + table)
		require.NoError(d.t, err)
		kept[table] = nil
		for rows.Next() {
			values, to := make([]any, len(d.table[table])), make([]any, len(d.table[table]))
			for i := range values {
				to[i] = &values[i]
			}
			require.NoError(d.t, rows.Scan(to...))
			kept[table] = append(kept[table], values)
		}
		require.NoError(d.t, rows.Err())
		rows.Close()
	}
	return kept
}

// restore puts back what keep returned.
func (d *dumper) restore(kept map[string][][]any) {
	d.t.Helper()
	tx, err := d.db.Begin()
	require.NoError(d.t, err)
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for table, rows := range kept {
		_, err := tx.Exec("DELETE FROM " + table)
		require.NoError(d.t, err)
		marks := make([]string, len(d.table[table]))
		for i := range marks {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		for _, values := range rows {
			_, err := tx.Exec("INSERT INTO "+table+" VALUES ("+strings.Join(marks, ", ")+")", values...)
			require.NoError(d.t, err)
		}
	}
	require.NoError(d.t, tx.Commit())
}

// difference returns the lines that only one of two dumps has.
func difference(before, after string) string {
	var lines []string
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	for _, line := range was {
		if !slices.Contains(is, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range is {
		if !slices.Contains(was, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return "\n" + strings.Join(lines, "\n")
}

// A list is read in several statements while it is sent. Where one of them fails the list is not
// taken for a whole one: it is refused, or breaks off in the middle of the answer.
func TestListBreaksOff(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		faults, err := faultdb.New(engine == "postgres")
		require.NoError(t, err)
		cfg := fixtureSettings(t, engine, "rest", newClock(storyBegins))
		db, _ := openFaulty(t, &cfg, faults)
		db.Now = cfg.Now
		faults.Whose = func(ctx context.Context) bool { return domain.RequestFrom(ctx).Surface == "rest" }
		many{organizations: 1, environments: 5, users: 1500, hash: "x"}.fill(t, db)
		server := serveOver(t, cfg, db)
		request := []byte("GET /rest/users HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " +
			base64.StdEncoding.EncodeToString([]byte("admin:secret1")) + "\r\n\r\n")
		caller := &client{address: server.host()}
		defer caller.close()
		whole, err := caller.send(request, "GET")
		require.NoError(t, err)
		require.Equal(t, "200 OK", whole.status)
		refused, broken := 0, 0
		for nth := 1; ; nth++ {
			done := faults.Follow(faultdb.Plan{Nth: nth, Kind: faultdb.Broken})
			got, err := caller.send(request, "GET")
			if p := done(); !p.Failed {
				require.NoError(t, err)
				require.Equal(t, len(whole.body), len(got.body))
				break
			}
			switch {
			case err != nil:
				broken++
			default:
				require.Equal(t, "503 Service Unavailable", got.status, "statement %d", nth)
				refused++
			}
		}
		require.Positive(t, refused)
		require.Positive(t, broken)
	})
}
