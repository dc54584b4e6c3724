package app_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
)

// TLS is spoken with authenticated cipher suites of version 1.2 or later only, and browsers are
// told to come back with TLS; without it they are not.
func TestTLSIsTheStrongOne(t *testing.T) {
	db, _ := databases[0].open(t)
	_, address := serveFor(t, db, func(cfg *app.Config) { cfg.TLSSelfSigned = true })
	shakes := func(config *tls.Config) error {
		config.InsecureSkipVerify = true //nolint:gosec // self-signed
		c, err := tls.Dial("tcp", strings.TrimPrefix(address, "https://"), config)
		if err == nil {
			c.Close()
		}
		return err
	}
	good := 0
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if suite.SupportedVersions[0] == tls.VersionTLS13 {
			continue
		}
		err := shakes(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
		strong := strings.HasPrefix(suite.Name, "TLS_ECDHE_ECDSA_") &&
			(strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "CHACHA20"))
		if !strong {
			require.Error(t, err, suite.Name)
			continue
		}
		require.NoError(t, err, suite.Name)
		good++
	}
	require.GreaterOrEqual(t, good, 3)
	require.NoError(t, shakes(&tls.Config{MinVersion: tls.VersionTLS13}))
	require.Error(t, shakes(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}))

	client := &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // self-signed
	t.Cleanup(client.CloseIdleConnections)
	for _, path := range []string{"/healthz", "/rest/permissions", "/nothing"} {
		res, err := client.Get(address + path)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, "max-age=31536000", res.Header.Get("Strict-Transport-Security"), path)
	}
	clear, _ := databases[0].open(t)
	_, address = serveFor(t, clear, nil)
	res, err := http.Get(address + "/healthz")
	require.NoError(t, err)
	res.Body.Close()
	require.Empty(t, res.Header.Values("Strict-Transport-Security"))
}
