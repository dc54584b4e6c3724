//go:build linux

package main_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// resident returns how much memory a process has, in bytes.
func (p *program) resident(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`).FindSubmatch(status)
	require.NotNil(t, found, "%s", status)
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	require.NoError(t, err)
	return kilobytes << 10
}

// clients returns how many connections of clients a server has.
func (s *server) clients(t testing.TB, at place) int {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	sockets := -1 // the one it listens on
	for _, file := range files {
		if to, err := os.Readlink(filepath.Join(folder, file.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			sockets++
		}
	}
	if len(at) > 2 {
		sockets -= int(s.metric(t, `canopy_database_connections{state="open"}`))
	}
	return sockets
}

// largeDirectory imports a directory of n users in one organization's environments, each with much
// to tell.
func largeDirectory(t testing.TB, at place, n int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("alias,firstname,lastname,mailaddress,environment,jobtitle,service,phone\n")
	long := strings.Repeat("x", 99)
	for i := range n {
		fmt.Fprintf(&b, "user%d,First%s,Last%s,user%d@example.org,Large/part %d,%s,%s,%s\n", i, long[:90], long[:90], i, i%7,
			long, long, long)
	}
	importFile(at, write(t, "large.csv", b.String()), "--create-environments").succeeds(t)
}

// A slowReader has asked for everybody and reads no further than the head of the answer.
type slowReader struct {
	conn net.Conn
	head *http.Response
}

func (s *server) slowReader(t testing.TB, token string) slowReader {
	t.Helper()
	c := s.dial(t)
	require.NoError(t, c.(*net.TCPConn).SetReadBuffer(128<<10))
	_, err := io.WriteString(c, "GET /rest/users?total=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+
		"\r\n\r\n")
	require.NoError(t, err)
	head, err := http.ReadResponse(bufio.NewReaderSize(c, 64<<10), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, head.StatusCode)
	return slowReader{c, head}
}

func TestListsStream(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		people, readers, collect := 10_000, 6, "25"
		if testdb.Race {
			collect = "100" // each collection takes many times as long
		}
		largeDirectory(t, at, people)
		// What is held is measured, not what waits for the collector.
		s := canopy("serve").in(at).with("CANOPY_ADMIN_PASSWORD", adminPassword).with("GOGC", collect).serve(t)
		token := s.signIn(t, "admin", adminPassword)
		admin := s.bearing(token)

		// The same list by pages is what it is compared with, and warms everything up.
		var pages []int64
		size := 0
		for path := "/rest/users?limit=1000"; path != ""; {
			a := admin.get(t, path)
			size += len(a.body)
			for _, u := range a.list(t) {
				pages = append(pages, u.UserID)
			}
			next := regexp.MustCompile(`<(.*)>; rel="next"`).FindStringSubmatch(a.header.Get("Link"))
			path = ""
			if next != nil {
				path = next[1]
			}
		}
		require.Len(t, pages, people+1)
		// Every connection of the database is used once, with the cache that it keeps.
		var warm sync.WaitGroup
		for range readers + 2 {
			warm.Go(func() { _, _ = admin.send(http.MethodGet, "/rest/users", nil) })
		}
		warm.Wait()
		s.client.CloseIdleConnections()
		before, routines := s.resident(t), s.metric(t, "go_goroutines")

		var slow []slowReader
		for range readers {
			slow = append(slow, s.slowReader(t, token))
		}
		require.Equal(t, fmt.Sprint(people+1), slow[0].head.Header.Get("X-Total-Count"))
		// While they do not read, others do, and change what was sent and what was not.
		for n := range 10 {
			admin.get(t, "/rest/users?limit=100").ok(t)
			admin.post(t, fmt.Sprintf("/rest/users/%d", pages[len(pages)-1-n]), fields{"active": n%2 == 0}).ok(t)
		}
		during := s.resident(t)
		all := int64(readers * size)
		t.Logf("%d MB before, %d MB with %d readers of %d MB each", before>>20, during>>20, readers, size>>20)
		require.Less(t, during-before, all/2, "%d MB for %d readers of %d MB", (during-before)>>20, readers, size>>20)

		// All go on together: a server gives up on whoever stops for half a minute.
		sizes, errs := make([]int64, readers), make([]error, readers)
		var rest sync.WaitGroup
		for i, r := range slow[1:] {
			rest.Go(func() { sizes[i+1], errs[i+1] = io.Copy(io.Discard, r.head.Body) })
		}
		require.Equal(t, pages, readIDs(t, slow[0].head.Body), "complete and in order")
		rest.Wait()
		require.NoError(t, errors.Join(errs...))
		for _, n := range sizes[1:] {
			require.InDelta(t, size, n, 2000, "as long as the pages together")
		}
		require.Less(t, s.resident(t)-before, all/2)

		// Readers that go away, and ones that wanted the head only, leave nothing behind.
		for range 3 * readers {
			s.slowReader(t, token).conn.Close()
			admin.mustSend(t, http.MethodHead, "/rest/users", nil).ok(t)
		}
		for _, r := range slow {
			r.conn.Close()
		}
		eventually(t, func() bool {
			s.client.CloseIdleConnections()
			return s.metric(t, "go_goroutines") <= routines+2 && s.clients(t, at) <= 2 &&
				s.metric(t, `canopy_database_connections{state="used"}`) == 0
		}, "everything to be free again")
		require.Less(t, s.resident(t)-before, all/2)
		t.Logf("%d MB before, %d MB with %d readers of %d MB each, %d MB after", before>>20, during>>20, readers, size>>20,
			s.resident(t)>>20)
		s.stop(t)
	})
}

// readIDs reads a list of users to its end, without keeping it, and returns their numbers.
func readIDs(t testing.TB, body io.Reader) []int64 {
	t.Helper()
	d := json.NewDecoder(body)
	for {
		token, err := d.Token()
		require.NoError(t, err)
		if token == json.Delim('[') {
			break
		}
	}
	var ids []int64
	for d.More() {
		var u struct{ UserID int64 }
		require.NoError(t, d.Decode(&u))
		ids = append(ids, u.UserID)
	}
	for range 2 { // the list and the envelope
		_, err := d.Token()
		require.NoError(t, err)
	}
	_, err := d.Token()
	require.ErrorIs(t, err, io.EOF)
	return ids
}

// An answer that cannot be finished does not look like a whole one.
func TestListThatBreaksOff(t *testing.T) {
	t.Parallel()
	at := inPostgres(t)
	people := 10_000
	largeDirectory(t, at, people)
	s := serve(t, at, "--request-limit", "1s")
	token := s.signIn(t, "admin", adminPassword)
	r := s.slowReader(t, token)
	db := at.open(t)
	tx, err := db.Begin()
	require.NoError(t, err)
	defer tx.Rollback() //nolint:errcheck // it only holds a lock
	_, err = tx.Exec("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	text, err := io.ReadAll(r.head.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Less(t, len(text), people*700)
}
