package openid

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func TestOnlyPublicAddressesAreAsked(t *testing.T) {
	for _, public := range []string{"93.184.216.34:443", "[2606:4700::1111]:443", "[::ffff:93.184.216.34]:443"} {
		require.NoError(t, checkAddress(public), public)
	}
	for _, other := range []string{"127.0.0.1:443", "[::1]:443", "10.1.2.3:443", "172.16.0.1:443", "192.168.1.1:443",
		"169.254.169.254:80", "[fe80::1%eth0]:443", "[fd00::1]:443", "0.0.0.0:443", "[::]:443", "100.64.0.1:443",
		"224.0.0.1:443", "255.255.255.255:443", "240.0.0.1:443", "[::ffff:10.0.0.1]:443", "[64:ff9b::a00:1]:443",
		"[2002:a00:1::]:443", "[ff02::1]:443", "198.18.0.1:443", "no address"} {
		require.Error(t, checkAddress(other), other)
	}
}

// A provider that answers slowly, or not as itself, is asked once in a while, and its answer is not waited for longer
// than a request may take.
func TestSlowProviders(t *testing.T) {
	asked := 0
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	party := NewParty(true, time.Now)
	p := domain.Provider{ProviderKey: domain.ProviderKey{Organization: 7}, Issuer: server.URL, ClientID: "canopy"}
	began := time.Now()
	require.ErrorIs(t, party.Check(t.Context(), &p), domain.ErrProviderUnreachable)
	require.Less(t, time.Since(began), 3*requestTime)
	require.ErrorIs(t, party.Check(t.Context(), &p), domain.ErrProviderUnreachable)
	require.Equal(t, 1, asked)
}

func TestProviderAnswersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"issuer":"` + strings.Repeat("x", answerSize) + `"}`))
	}))
	defer server.Close()
	p := domain.Provider{ProviderKey: domain.ProviderKey{Organization: 7}, Issuer: server.URL, ClientID: "canopy"}
	err := NewParty(true, time.Now).Check(t.Context(), &p)
	require.ErrorIs(t, err, domain.ErrProviderUnreachable)
	require.ErrorContains(t, err, "too large")
	_, err = newClient(http.DefaultTransport, false).Get(server.URL)
	require.ErrorContains(t, err, "TLS only")
}
