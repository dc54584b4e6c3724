package app_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"canopy/app"
	"canopy/app/authn"
	"canopy/app/transfer"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
	"canopy/persistence/testdb"
)

// engines returns the databases that must give the same answers. With -short it is the embedded one.
func engines() []string {
	if testing.Short() {
		return []string{"sqlite"}
	}
	return []string{"sqlite", "postgres"}
}

// eachEngine runs a test on the databases, side by side.
func eachEngine(t *testing.T, test func(t *testing.T, engine string)) {
	t.Helper()
	onEngines(t, engines(), test)
}

// onEngines is eachEngine for these databases.
func onEngines(t *testing.T, engines []string, test func(t *testing.T, engine string)) {
	t.Helper()
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

// inTurn runs a test on the databases one after the other, so that what it measures is its own.
func inTurn(t *testing.T, test func(t *testing.T, engine string)) {
	t.Helper()
	for _, engine := range engines() {
		t.Run(engine, func(t *testing.T) { test(t, engine) })
	}
}

// flood leaves a test out with -short, except under the race detector: many meet in it.
func flood(t *testing.T) {
	t.Helper()
	if !testdb.Race {
		notShort(t)
	}
}

// notShort leaves a test out with -short: one that takes its time to measure or to walk through
// everything, or needs a browser.
func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out with -short")
	}
}

// A clock stands still until it is set.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time       { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) set(to time.Time)     { c.ms.Store(to.UnixMilli()) }
func newClock(begin time.Time) *clock { c := &clock{}; c.set(begin); return c }

// storyBegins is what the clock shows before a file sets it.
var storyBegins = time.Date(2021, 11, 22, 8, 0, 0, 0, time.UTC)

// quickly is what hashing a password costs in tests. The hashes of the fixtures are made
// with it.
var quickly = authn.Cost{Memory: 8, Passes: 1}

// settings returns the configuration of a test's server, with a folder of its own in which an empty
// directory is.
func settings(t *testing.T, c *clock) app.Config {
	cfg := app.DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	cfg.Data = filepath.Dir(storetest.SQLiteFile(t))
	cfg.ServerKey = "one key for every server of these tests"
	cfg.PasswordCost = quickly
	cfg.Previews.Share = 1000 // nobody waits
	cfg.Now = c.now
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return cfg
}

// fixture returns the directory document that a surface's files begin with.
func fixture(surface string) string {
	return filepath.Join("surface", surface, "testdata", "directory.json")
}

// A running server answers requests until its test ends. Its jobs run when they are told
// to: what they change would depend on how long a test takes.
type running struct {
	*app.Server
	directory *app.Directory
	data      string
}

var linkSecret = regexp.MustCompile(
	`(?:(?:validator|token|secret|uuId)=3?D?|/user/verify/[^/\s]+/)([0-9a-f]{8}-[0-9a-f-]{27})`)

// mailedSecret returns the secret of the link that was mailed last to an address.
func (r *running) mailedSecret(t *testing.T, address string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(r.data, "outbox", "*.eml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no mail was sent: %v", err)
	}
	newest := ""
	for _, name := range names { // in the order in which the mails were posted
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "=\r\n", "") // the lines of quoted-printable
		if linkSecret.MatchString(text) && strings.Contains(text, "To: <"+address+">") {
			newest = text
		}
	}
	found := linkSecret.FindStringSubmatch(newest)
	if found == nil {
		t.Fatal("no mail has a link")
	}
	return found[1]
}

// host returns the server's host and port.
func (r *running) host() string { return strings.TrimPrefix(r.Address(), "http://") }

// serveFixture serves a fresh directory with the fixture of a surface.
func serveFixture(t *testing.T, engine, surface string, c *clock) *running {
	t.Helper()
	r := serve(t, fixtureSettings(t, engine, surface, c))
	if fill := fillings[surface]; fill != nil {
		fill(t, r, c)
	}
	return r
}

// fixtureSettings returns the configuration of a fresh directory with the fixture of a surface.
func fixtureSettings(t *testing.T, engine, surface string, c *clock) app.Config {
	t.Helper()
	cfg := settings(t, c)
	cfg.AnswerFloor = 0
	cfg.AllowPrivateProviders = true   // ours are
	cfg.DNSServer = newZone(t).address // it has no records
	cfg.SignUpEnvironment = signUpEnvironments[surface]
	if surface == "tat" {
		cfg.AutoApprove, cfg.PublicURL = true, "https://tat.example"
	}
	cfg.Redirects = redirects
	if name := filepath.Join("surface", surface, "testdata", "properties.json"); exists(name) {
		cfg.CustomProperties = name
	}
	fill := func(cfg app.Config) error { return importFile(t.Context(), cfg, fixture(surface)) }
	if engine == "postgres" {
		cfg.DatabaseURL = testdb.PostgresFrom(t, surface, func(url string) error {
			template := cfg
			template.DatabaseURL = url
			return fill(template)
		})
	} else {
		cfg.Data = filepath.Dir(testdb.SQLiteFrom(t, surface, func(path string) error {
			template := cfg
			template.Data = filepath.Dir(path)
			return fill(template)
		}))
	}
	return cfg
}

// fillings add to the fixtures what the document of a directory does not hold.
var fillings = map[string]func(*testing.T, *running, *clock){"ethersource": fillEthersource, "axway": fillAxway}

// signUpEnvironments are where newcomers belong in the fixtures, and redirects where servers of
// contract files send browsers.
var (
	signUpEnvironments = map[string]string{"axway": "/Newcomers", "tat": "Acme"}
	redirects          = []string{"/registration-success", "/registration-failed", "https://portal.example"}
)

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func importFile(ctx context.Context, cfg app.Config, name string) error {
	text := app.ReadJSON(func() (io.ReadCloser, error) { return os.Open(name) })
	report, _, err := app.Import(ctx, cfg, text, transfer.ImportOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, problem := range report.Problems {
		return fmt.Errorf("%s:%d: %w", name, problem.Line, problem.Err)
	}
	return nil
}

// serve serves the configured directory.
func serve(t *testing.T, cfg app.Config) *running {
	t.Helper()
	db, err := app.OpenDatabase(t.Context(), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	return serveOver(t, cfg, db)
}

// serveOver serves the directory in an open database.
func serveOver(t *testing.T, cfg app.Config, db *db.DB) *running {
	t.Helper()
	directory, err := app.Wire(t.Context(), cfg, db)
	if err != nil {
		db.Close()
		t.Fatal(err)
	}
	listener, err := app.Listen(&cfg)
	if err != nil {
		directory.Close()
		t.Fatal(err)
	}
	server, err := app.NewServer(directory, listener)
	if err != nil {
		directory.Close()
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := directory.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &running{server, directory, cfg.Data}
}

// surfaces returns the server's own list of surfaces.
func surfaces(t *testing.T) []app.Offered {
	t.Helper()
	return serve(t, settings(t, newClock(storyBegins))).Surfaces()
}

// A client sends requests over one connection, as they are written. It opens another one
// when the server has closed it.
type client struct {
	address string // host and port
	conn    net.Conn
	reader  *bufio.Reader
}

// patience bounds every wait for something that must come. It is no measure of speed.
const patience = 3 * time.Minute

// send sends a request and returns the response with the bytes of its body.
func (c *client) send(request []byte, method string) (*reply, error) {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			return nil, err
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	_, failed := c.conn.Write(request) // a server that refuses may answer before it has read all
	response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		c.close()
		return nil, fmt.Errorf("no response: %w (write: %v)", err, failed)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.close()
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if response.Close {
		c.close()
	}
	return &reply{status: response.Status, header: textproto.MIMEHeader(response.Header), body: body}, nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// compose returns the bytes of the step's request.
func (s *step) compose(host string, known captures) ([]byte, error) {
	var head bytes.Buffer
	head.WriteString(s.method + " " + s.target + " HTTP/1.1\r\nHost: " + host + "\r\n")
	length := false
	for _, h := range s.header {
		length = length || h.name == "Content-Length"
		head.WriteString(h.name + ": " + h.value + "\r\n")
	}
	text, err := known.expand(head.String())
	if err != nil {
		return nil, err
	}
	body, err := known.expand(s.body)
	if err != nil {
		return nil, err
	}
	if !length && (body != "" || s.method == "POST" || s.method == "PUT") {
		text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return []byte(text + "\r\n" + body), nil
}
