package main_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A request that cannot be done in time is answered in time, and the others meanwhile.
func TestEveryRequestHasADeadline(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at, "--request-limit", "2s")
		admin := s.bearing(s.signIn(t, "admin", adminPassword))
		release := at.holdWrites(t)
		late := make(chan answer, 1)
		began := time.Now()
		go func() {
			a, err := admin.send("POST", "/rest/users", newUser("late", "long enough"))
			if err != nil {
				a.body = []byte(err.Error())
			}
			late <- a
		}()
		s.waitUntilBusy(t)
		admin.get(t, "/rest/users").ok(t)
		a := <-late
		a.is(t, http.StatusServiceUnavailable)
		require.Less(t, time.Since(began), 8*time.Second, "PostgreSQL gives up by itself after ten seconds")
		require.Equal(t, "unavailable", a.code(t))
		wait, err := strconv.Atoi(a.header.Get("Retry-After"))
		require.NoError(t, err)
		require.Positive(t, wait)
		s.logs(t, `"route":"/rest/users","status":503,.*"error":"[^"]*deadline exceeded`)
		release()
		admin.get(t, "/rest/users/late").is(t, http.StatusNotFound)
		admin.post(t, "/rest/users", newUser("late", "long enough")).ok(t)
	})
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	s := serve(t, inSQLite(t), "--max-body", "4096")
	admin := s.admin()
	body := `{"alias": "ada"` + strings.Repeat(" ", 4096)
	admin.post(t, "/rest/users", body[:4095]+"}").is(t, http.StatusBadRequest)

	head := "POST /rest/users HTTP/1.1\r\nHost: x\r\nAuthorization: " + admin.header.Get("Authorization") +
		"\r\nContent-Type: application/json\r\n"
	for name, request := range map[string]string{
		"announced":        head + "Content-Length: 4097\r\n\r\n",
		"announced by far": head + "Content-Length: 99999999999\r\n\r\n",
		// More than lies between a client and the server: it must be read for the client to listen to the answer.
		"announced and sent": head + "Content-Length: 16777216\r\n\r\n" + strings.Repeat(" ", 16<<20),
		"in one chunk": head + "Transfer-Encoding: chunked\r\n\r\n1001\r\n" + strings.Repeat(" ", 4097) +
			"\r\n0\r\n\r\n",
		"in an endless chunk": head + "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n" + strings.Repeat(" ", 5000),
		"in small chunks": head + "Transfer-Encoding: chunked\r\n\r\n" +
			strings.Repeat("400\r\n"+strings.Repeat(" ", 1024)+"\r\n", 5),
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dial(t)
			_, err := io.WriteString(c, request)
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(c), nil)
			require.NoError(t, err)
			text, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			a := answer{response.StatusCode, response.Header, text}
			a.is(t, http.StatusRequestEntityTooLarge)
			if strings.HasPrefix(name, "announced") { // else the path is forgotten with the body
				require.Equal(t, "body_too_large", a.code(t))
			}
			require.True(t, response.Close)
		})
	}
	large := s.raw
	a, closed := large(t, "GET /rest/users HTTP/1.1\nHost: x\nX: "+strings.Repeat("x", 20_000)+"\n\n")
	a.is(t, http.StatusRequestHeaderFieldsTooLarge)
	require.True(t, closed)
}

// A client that does not finish its request does not keep its connection.
func TestSlowRequestsEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, inSQLite(t))
	var clients sync.WaitGroup
	defer clients.Wait()
	for name, request := range map[string]string{
		"a silent connection": "",
		"half a header":       "GET /rest/users HTTP/1.1\r\nHost: x\r\nX-Half",
		"half a body": "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
			"100\r\n\r\n{\"user\":",
	} {
		c := s.dial(t)
		_, err := io.WriteString(c, request)
		require.NoError(t, err)
		if testing.Short() {
			continue // the limit is half a minute
		}
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, c)
			ended <- err
		}()
		clients.Go(func() {
			trickle := time.NewTicker(time.Second)
			defer trickle.Stop()
			for {
				select {
				case err := <-ended:
					var late net.Error
					assert.False(t, errors.As(err, &late) && late.Timeout(), "%s is still open", name)
					return
				case <-trickle.C:
					if request != "" {
						_, _ = io.WriteString(c, "x") // slow, but never silent
					}
				}
			}
		})
	}
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	// address returns what the log says of a request that claims to come from elsewhere.
	address := func(s *server, claimed string) string {
		id := s.anonymous().with("X-Forwarded-For", claimed).get(t, "/healthz").ok(t).header.Get("X-Request-Id")
		var found string
		eventually(t, func() bool {
			for _, line := range s.requestLines(t) {
				if line.ID == id {
					found = line.Address
				}
			}
			return found != ""
		}, "the line")
		return found
	}
	plain := serve(t, inSQLite(t))
	require.Equal(t, "127.0.0.1", address(plain, "203.0.113.7"))
	behind := serve(t, inSQLite(t), "--trusted-proxies", "127.0.0.1, 10.0.0.0/8")
	for claimed, want := range map[string]string{
		"203.0.113.7":                      "203.0.113.7",
		"198.51.100.1, 203.0.113.7":        "203.0.113.7",
		"203.0.113.7, 10.1.2.3":            "203.0.113.7",
		"198.51.100.1, nonsense, 10.1.2.3": "10.1.2.3",
		"nonsense":                         "127.0.0.1",
		"2001:db8::1":                      "2001:db8::1",
	} {
		require.Equal(t, want, address(behind, claimed), claimed)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	certificate, key := makeCertificate(t)
	for name, flags := range map[string][]string{
		"its own certificate": {"--tls-cert", write(t, "cert.pem", certificate), "--tls-key", write(t, "key.pem", key)},
		"a self-signed one":   {"--tls-self-signed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, inSQLite(t), append(flags, "--demo")...)
			require.True(t, strings.HasPrefix(s.address, "https://"))
			s.admin().get(t, "/rest/me").ok(t)
			address := strings.TrimPrefix(s.address, "https://")
			eventually(t, func() bool { return strings.Contains(s.out.String(), "curl ") }, "the hint")
			require.Equal(t, flags[0] == "--tls-self-signed", strings.Contains(s.out.String(), "curl -k -u"))

			old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10,
				MaxVersion: tls.VersionTLS11} //nolint:gosec // refused
			_, err := tls.Dial("tcp", address, old)
			require.Error(t, err)
			c, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
			_, err = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			said, err := io.ReadAll(c)
			require.NoError(t, err, "the connection is closed")
			require.NotContains(t, string(said), "200 OK", "without TLS there is no answer")

			conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // looked at below
			require.NoError(t, err)
			defer conn.Close()
			leaf := conn.ConnectionState().PeerCertificates[0]
			require.NoError(t, leaf.VerifyHostname("127.0.0.1"))
			require.Equal(t, flags[0] == "--tls-cert", leaf.Subject.CommonName == "the test's own")
			s.stop(t)
		})
	}
}

func makeCertificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the test's own"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	block := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", encoded)
}

func TestHealth(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at)
		nobody := s.anonymous()
		// A server that finds its schema behind is alive and not ready.
		db := at.open(t)
		_, err := db.Exec("UPDATE goose_db_version SET version_id = -version_id")
		require.NoError(t, err)
		require.Equal(t, "migrations are pending\n",
			string(nobody.get(t, "/readyz").is(t, http.StatusServiceUnavailable).body))
		require.Equal(t, "alive\n", string(nobody.get(t, "/healthz").ok(t).body))
		s.logs(t, `"route":"/readyz","status":503,.*"error":"[^"]*migrations are pending`)
		_, err = db.Exec("UPDATE goose_db_version SET version_id = -version_id")
		require.NoError(t, err)
		require.Equal(t, "ready\n", string(nobody.get(t, "/readyz").ok(t).body))
		// A schema that was current stays so; the database is not asked again.
		_, err = db.Exec("UPDATE goose_db_version SET version_id = -version_id")
		require.NoError(t, err)
		require.Equal(t, "ready\n", string(nobody.get(t, "/readyz").ok(t).body))
		for path, want := range map[string]int{"/docs": 200, "/docs/swagger-ui.css": 200, "/openapi/rest.yaml": 200,
			"/openapi/none.yaml": 404, "/docs/none.js": 404} {
			require.Equal(t, want, nobody.get(t, path).status, fmt.Sprint(path))
		}
	})
}
