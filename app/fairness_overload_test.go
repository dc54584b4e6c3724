package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app"
	"canopy/app/objects"
	"canopy/domain"
)

// dialFrom connects to a server from an address of this machine.
func dialFrom(t *testing.T, from, address string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := dialer.Dial("tcp", strings.TrimPrefix(address, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// held returns how many bytes are in use of the heap, after what is garbage was collected.
func held() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// metric returns the value of a metric that the server shows.
func metric(t *testing.T, address, name string) (value float64) {
	t.Helper()
	res, err := http.Get(address + "/metrics")
	require.NoError(t, err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			_, err := fmt.Sscan(rest, &value)
			require.NoError(t, err)
			return value
		}
	}
	require.NoError(t, lines.Err())
	require.FailNow(t, "there is no metric "+name)
	return 0
}

// headOf reads the head of an answer. A connection that is closed has none, 0.
func headOf(c net.Conn) (int, http.Header) {
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	res, err := http.ReadResponse(bufio.NewReaderSize(c, 1<<10), nil)
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, res.Header
}

// Readers of large lists who do not read on hold little, and take nothing from others.
func TestSlowReadersAreBounded(t *testing.T) {
	flood(t)
	const readers, most = 250, 60 << 20
	db, _ := databases[0].open(t)
	d, address := serveFor(t, db, nil)
	many{organizations: 2, environments: 4, users: 300, hash: adminHash(t, d)}.fill(t, db)
	fat := fatObjects(t, d, 220)
	slow, quiet := signIn(t, address, fat, testPassword), signIn(t, address, "user1.0", testPassword)
	other := visitorFrom(t, "127.0.0.3", "Bearer "+quiet)
	ask := func() error { return other.expect(t.Context(), 200, "GET", address+"/rest/users?limit=100", nil) }
	require.NoError(t, visitorFrom(t, "127.0.0.2", "Bearer "+slow).
		expect(t.Context(), 200, "GET", address+"/rest/objects?everywhere=true", nil))
	require.NoError(t, ask())
	before := held()

	statuses := make(chan int, readers)
	var crowd sync.WaitGroup
	for range readers {
		c := dialFrom(t, "127.0.0.2", address)
		require.NoError(t, c.(*net.TCPConn).SetReadBuffer(4<<10))
		_, err := fmt.Fprintf(c, "GET /rest/objects?everywhere=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
			slow)
		require.NoError(t, err)
		crowd.Go(func() {
			status, header := headOf(c)
			if status == http.StatusServiceUnavailable && header.Get("Retry-After") == "" {
				status = -1
			}
			statuses <- status
		})
	}
	for range 30 {
		require.NoError(t, ask(), "while many do not read")
	}
	crowd.Wait()
	counts := make(map[int]int)
	for range readers {
		counts[<-statuses]++
	}
	require.Equal(t, 8, counts[200], "a sixteenth of all large answers: %v", counts)
	require.Equal(t, readers-8, counts[503], "the others are told so: %v", counts)
	added := held() - before
	t.Logf("%d readers hold %d KiB", readers, added>>10)
	require.Less(t, added, int64(most))
	require.InDelta(t, 8, metric(t, address, "canopy_open_answers"), 0)
	require.InDelta(t, readers-8, metric(t, address, `canopy_overloaded_total{budget="answers"}`)+
		metric(t, address, `canopy_overloaded_total{budget="turns"}`), 0)
	require.NoError(t, ask(), "at the bound")
}

// A page whose entries are heavy has fewer than its limit, and none is missing on the next ones.
func TestHeavyPagesAreShorter(t *testing.T) {
	flood(t)
	for _, engine := range databases {
		t.Run(engine.name, func(t *testing.T) {
			db, _ := engine.open(t)
			d, address := serveFor(t, db, nil)
			many{organizations: 1, environments: 4, users: 10, hash: adminHash(t, d)}.fill(t, db)
			const objects = 180
			token := signIn(t, address, fatObjects(t, d, objects), testPassword)
			read := func(path string) (names []string, next string) {
				req, res := get(address+path, token)(), fasthttp.AcquireResponse()
				require.NoError(t, fasthttp.Do(req, res))
				require.Equal(t, 200, res.StatusCode())
				var list struct{ Data []struct{ Name string } }
				require.NoError(t, json.Unmarshal(res.Body(), &list))
				for _, o := range list.Data {
					names = append(names, o.Name)
				}
				if found := regexp.MustCompile(`<(.*)>; rel="next"`).FindSubmatch(res.Header.Peek("Link")); found != nil {
					next = string(found[1])
				}
				return names, next
			}
			all, _ := read("/rest/objects?everywhere=true")
			require.Len(t, all, objects)
			var paged []string
			pages := 0
			for path := "/rest/objects?everywhere=true&limit=1000"; path != ""; pages++ {
				names, next := read(path)
				require.NotEmpty(t, names)
				require.Less(t, len(names), 160, "two megabytes hold no more")
				paged, path = append(paged, names...), next
			}
			require.Equal(t, all, paged)
			require.Less(t, pages, 20)
			few, _ := read("/rest/objects?everywhere=true&limit=20")
			require.Equal(t, all[:20], few, "what fits is whole")
		})
	}
}

// fatObjects makes objects with much text, and returns the name of an ordinary user who owns them.
func fatObjects(t *testing.T, d *app.Directory, n int) string {
	t.Helper()
	ctx := t.Context()
	operator, err := d.Operator(ctx)
	require.NoError(t, err)
	const owner = "user0.1"
	text := strings.Repeat("\u2028", 2000) // six bytes each in JSON
	attributes := domain.Attributes{"description": text, "keywords": text + text}
	for i := range n {
		_, err := d.Objects.Create(ctx, operator,
			objects.NewObject{Kind: domain.KindObserver, Name: fmt.Sprintf("Watch %d", i),
				Environment: "Org0", Owner: domain.UserRef{Alias: owner}, Attributes: attributes})
		require.NoError(t, err)
	}
	return owner
}

// Bodies that come slowly hold no more than their budget, of which one address has a quarter, and
// small ones need none of it.
func TestSlowBodiesAreBounded(t *testing.T) {
	flood(t)
	const senders, size, budget = 200, 256 << 10, 4 << 20
	db, _ := databases[0].open(t)
	d, address := serveFor(t, db, func(cfg *app.Config) { cfg.MaxBodyMemory = budget })
	many{organizations: 1, environments: 2, users: 10, hash: adminHash(t, d)}.fill(t, db)
	other := visitorFrom(t, "127.0.0.3", "")
	body := `{"user":"user0.0","password":"` + testPassword + `"}`
	signInQuietly := func() error {
		return other.expect(t.Context(), 200, "POST", address+"/auth", strings.NewReader(body))
	}
	large := func() error { // refused for whom it names, and not for its size
		return other.expect(t.Context(), 401, "POST", address+"/auth",
			strings.NewReader(`{"user":"nobody","password":"`+strings.Repeat("x", 100)+`"}`+strings.Repeat(" ", 100<<10)))
	}
	require.NoError(t, signInQuietly())
	before := held()

	heads := map[string]string{
		"with a length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size/2)),
		"in chunks":     fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s", size, strings.Repeat("x", size/2)),
	}
	var crowd sync.WaitGroup
	statuses := make(chan int, 2*senders)
	var conns []net.Conn
	for _, head := range heads {
		for range senders {
			c := dialFrom(t, "127.0.0.2", address)
			conns = append(conns, c)
			crowd.Go(func() {
				_, _ = io.WriteString(c, "POST /rest/users HTTP/1.1\r\nHost: x\r\n"+head)
				status, _ := headOf(c)
				statuses <- status
			})
		}
	}
	for range 30 {
		require.NoError(t, signInQuietly(), "while many send slowly")
	}
	require.NoError(t, large(), "another address has its share")
	// One that was refused was not among those that are held; these go on being silent.
	for n := 0; n < 2*senders-budget/4/size; n++ {
		require.Contains(t, []int{503, 0}, <-statuses, "refused, or closed for being too many")
	}
	added := held() - before
	t.Logf("%d senders hold %d KiB", len(conns), added>>10)
	require.Less(t, added, int64(40<<20))
	require.LessOrEqual(t, metric(t, address, "canopy_body_bytes"), float64(budget/4))
	require.Positive(t, metric(t, address, `canopy_overloaded_total{budget="bodies"}`))
	for _, c := range conns {
		c.Close()
	}
	crowd.Wait()
	require.Eventually(t, func() bool { return metric(t, address, "canopy_body_bytes") == 0 }, time.Minute,
		10*time.Millisecond)
}

// One address has a quarter of all connections; a few more are told so, and the rest is closed.
func TestConnectionsAreBounded(t *testing.T) {
	db, _ := databases[0].open(t)
	_, address := serveFor(t, db, func(cfg *app.Config) { cfg.MaxConnections = 64 })
	const get = "GET /rest/permissions HTTP/1.1\r\nHost: x\r\n\r\n"
	counts := make(map[int]int)
	for range 40 {
		c := dialFrom(t, "127.0.0.2", address)
		_, err := io.WriteString(c, get)
		require.NoError(t, err)
		status, header := headOf(c)
		counts[status]++
		if status == 503 {
			require.Equal(t, "1", header.Get("Retry-After"))
			require.Equal(t, "application/json", header.Get("Content-Type"), "in the envelope of the surface")
		}
		if status == 0 {
			continue
		}
	}
	require.Equal(t, 16, counts[401], "a quarter: %v", counts)
	require.Positive(t, counts[503], "%v", counts)
	require.Equal(t, 24, counts[503]+counts[0], "%v", counts)
	require.NoError(t, visitorFrom(t, "127.0.0.3", "").expect(t.Context(), 401, "GET", address+"/rest/permissions", nil),
		"others are let in")
}

// A body in chunks that breaks off between two of them is no whole one.
func TestBodyThatBreaksOff(t *testing.T) {
	db, _ := databases[0].open(t)
	_, address := serveFor(t, db, nil)
	c := dialFrom(t, "127.0.0.2", address)
	body := `{"user":"admin","password":"` + testPassword + `"}`
	_, err := fmt.Fprintf(c,
		"POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
		len(body), body)
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	status, _ := headOf(c)
	require.Equal(t, 400, status)
	require.NoError(t, visitorFrom(t, "127.0.0.2", "").
		expect(context.Background(), 200, "POST", address+"/auth", strings.NewReader(body)), "whole, it signs in")
}
