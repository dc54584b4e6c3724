//go:build nightly

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// A proxy stands before a server as canopy print says, on ports of its own.
type proxy struct {
	folder, certificate, key   string
	upstream, plain, encrypted string // HOST:PORT
}

// replaced replaces each of pairs, all of which must be in the text.
func replaced(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

func (p *proxy) nginx(t *testing.T) *invocation {
	text := replaced(t, canopy("print", "nginx").succeeds(t), "server 127.0.0.1:8080;", "server "+p.upstream+";",
		"\tlisten [::]:80;\n", "", "\tlisten [::]:443 ssl http2;\n", "",
		"listen 80;", "listen "+p.plain+";", "listen 443 ", "listen "+p.encrypted+" ",
		"/etc/ssl/certs/canopy.pem", p.certificate, "/etc/ssl/private/canopy.key", p.key)
	var folders strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&folders, "%s_temp_path %s;\n", kind, filepath.Join(p.folder, kind))
	}
	file := write(t, "nginx.conf", "daemon off;\nmaster_process off;\nerror_log stderr;\npid "+p.folder+"/pid;\nevents {}\n"+
		"http {\naccess_log off;\n"+folders.String()+text+"}\n")
	i := canopy("-p", p.folder, "-e", "stderr", "-c", file)
	i.program = "/usr/sbin/nginx"
	return i
}

func (p *proxy) caddy(t *testing.T) *invocation {
	_, port, err := net.SplitHostPort(p.plain)
	require.NoError(t, err)
	text := replaced(t, canopy("print", "caddy").succeeds(t), "127.0.0.1:8080", p.upstream, "canopy.example.org {",
		"https://"+p.encrypted+" {\n\ttls "+p.certificate+" "+p.key)
	i := canopy("run", "--adapter", "caddyfile", "--config",
		write(t, "Caddyfile", "{\n\tadmin off\n\thttp_port "+port+"\n}\n"+text))
	i.program = "/usr/bin/caddy"
	return i.with("HOME", p.folder).with("XDG_DATA_HOME", p.folder).with("XDG_CONFIG_HOME", p.folder)
}

// Behind nginx and Caddy, as canopy print sets them up, clients are answered as by the server itself, which sees who
// they are; what breaks off looks broken off; and whoever cannot be served is told when to come back.
func TestProxies(t *testing.T) {
	cluster := testdb.Server(t, testdb.WithFsync())
	at := place{"--data", t.TempDir(), "--database-url", cluster.URL("postgres")}
	largeDirectory(t, at, 40_000)
	certificate, key := makeCertificate(t)
	p := &proxy{certificate: write(t, "cert.pem", certificate), key: write(t, "key.pem", key), plain: freeAddress(t),
		encrypted: freeAddress(t)}
	public := "https://" + p.encrypted
	start := func() *server {
		return serve(t, at, "--trusted-proxies", "127.0.0.1", "--public-url", public, "--request-limit", "10s")
	}
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(certificate)))
	// Clients are on another machine than the proxy, as far as can be seen.
	elsewhere := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: elsewhere.DialContext,
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(client.CloseIdleConnections)
	front := &server{address: public, client: client}

	for name, configured := range map[string]func(*proxy, *testing.T) *invocation{
		"nginx": (*proxy).nginx, "caddy": (*proxy).caddy,
	} {
		t.Run(name, func(t *testing.T) {
			s := start()
			p.upstream, p.folder = strings.TrimPrefix(s.address, "http://"), t.TempDir()
			running := configured(p, t).start(t)
			front.program = running
			eventually(t, func() bool {
				a, err := front.anonymous().send("GET", "/readyz", nil)
				return err == nil && a.status == http.StatusOK
			}, "the proxy")

			// HTTP/2 is spoken, and without TLS people are led to where there is one.
			response, err := client.Get(public + "/healthz")
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, 2, response.ProtoMajor)
			response, err = client.Get("http://" + p.plain + "/console")
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, http.StatusPermanentRedirect, response.StatusCode)

			// The server sees who asks, whoever they say they are.
			a := front.anonymous().with("X-Forwarded-For", "203.0.113.7").get(t, "/healthz").ok(t)
			var seen string
			eventually(t, func() bool {
				for _, line := range s.requestLines(t) {
					if line.ID == a.header.Get("X-Request-Id") {
						seen = line.Address
					}
				}
				return seen != ""
			}, "the line of a request")
			require.Equal(t, "127.0.0.2", seen)
			front.anonymous().get(t, "/metrics").is(t, http.StatusNotFound)

			// Credentials of all kinds pass, and cookies are for HTTPS only.
			front.admin().get(t, "/rest/me").ok(t)
			for _, spelling := range [][2]string{{"Tat_username", "Tat_password"}, {"tat-username", "tat-password"}} {
				front.anonymous().with(spelling[0], "admin").with(spelling[1], adminPassword).get(t, "/user/me").ok(t)
			}
			page := front.anonymous().with("Origin", public).with("Content-Type", "application/x-www-form-urlencoded")
			a = page.post(t, "/console/sign-in", url.Values{"login": {"admin"}, "password": {adminPassword}}.Encode()).
				is(t, http.StatusSeeOther)
			require.Contains(t, a.header.Get("Set-Cookie"), "; secure")
			page.with("Origin", "https://elsewhere.example").post(t, "/console/sign-in", "").is(t, http.StatusForbidden)

			// What may be sent and what is answered is up to the server.
			token := front.signIn(t, "admin", adminPassword)
			admin := front.bearing(token)
			large := fields{"alias": "x", "parent": "/", "description": strings.Repeat("x", 900<<10)}
			direct := s.bearing(token).post(t, "/rest/environments", large)
			require.Equal(t, direct.status, admin.post(t, "/rest/environments", large).status)
			large["description"] = strings.Repeat("x", 3<<20)
			require.Equal(t, "body_too_large", admin.post(t, "/rest/environments", large).
				is(t, http.StatusRequestEntityTooLarge).code(t))
			list := admin.get(t, "/rest/users").ok(t)
			_, want, _ := bytes.Cut(s.bearing(token).get(t, "/rest/users").ok(t).body, []byte(`"data"`))
			_, got, _ := bytes.Cut(list.body, []byte(`"data"`)) // a time stands before it
			require.True(t, bytes.Equal(want, got), "the list is another one")

			// A list is read by the server no faster than by the client, and one that breaks off does not look whole.
			c, err := elsewhere.DialContext(context.Background(), "tcp", p.encrypted)
			require.NoError(t, err)
			require.NoError(t, c.(*net.TCPConn).SetReadBuffer(128<<10))
			secured := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
			defer secured.Close()
			_, err = io.WriteString(secured, "GET /rest/users HTTP/1.1\r\nHost: "+p.encrypted+
				"\r\nAuthorization: Bearer "+token+"\r\n\r\n")
			require.NoError(t, err)
			head, err := http.ReadResponse(bufio.NewReader(secured), nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, head.StatusCode)
			tx, err := at.open(t).Begin()
			require.NoError(t, err)
			_, err = tx.Exec("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
			require.NoError(t, err)
			text, err := io.ReadAll(head.Body)
			require.Less(t, len(text), len(list.body))
			if name != "caddy" { // Debian's is one of those that canopy print warns of
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
			require.NoError(t, tx.Rollback())

			// Without a database, and without a server, there is a 503 that says when to come back.
			refuses := func(lasts time.Duration) {
				t.Helper()
				asked := 0
				for until := time.Now().Add(lasts); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
					a := admin.get(t, "/rest/me").is(t, http.StatusServiceUnavailable)
					wait, err := strconv.Atoi(a.header.Get("Retry-After"))
					assert.NoError(t, err)
					assert.Positive(t, wait)
					asked++
				}
				assert.Greater(t, asked, 1)
			}
			served := func() {
				eventually(t, func() bool { return admin.get(t, "/rest/me").status == http.StatusOK }, "an answer")
			}
			served()
			require.NoError(t, cluster.Kill())
			eventually(t, func() bool { return s.anonymous().get(t, "/readyz").status != http.StatusOK }, "not ready")
			refuses(5 * time.Second)
			require.NoError(t, cluster.Restart(t.Context()))
			served()
			s.stop(t)
			refuses(2 * time.Second)
			running.stop(t)
		})
	}
}
