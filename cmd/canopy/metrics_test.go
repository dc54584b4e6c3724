package main_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// metric returns the value of a metric with these labels, in the order in which they are written.
func (s *server) metric(t testing.TB, name string) float64 {
	t.Helper()
	for line := range strings.Lines(string(s.anonymous().get(t, "/metrics").ok(t).body)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			require.NoError(t, err)
			return v
		}
	}
	return 0
}

func TestMetrics(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at)
		admin := s.admin()
		admin.post(t, "/rest/users", newUser("ada", "long enough")).ok(t)
		ada := s.as("ada", "long enough")
		for range 3 {
			admin.get(t, "/rest/users?limit=5").ok(t)
			ada.get(t, "/rest/audit").is(t, 403)
		}
		s.anonymous().get(t, "/rest/users").is(t, 401)
		admin.get(t, "/rest/such/and/such").is(t, 404)
		s.raw(t, "POST /rest/users HTTP/1.1\nHost: x\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\n")
		s.raw(t, "POST /rest/users HTTP/1.1\nHost: x\nHost: y\n\n")

		require.Contains(t, string(s.anonymous().get(t, "/metrics").ok(t).body), "\ncanopy_build_info{")
		with := func(labels string) string { return "{" + labels + "}" }
		for name, want := range map[string]float64{
			"canopy_requests_total" + with(`method="GET",route="/rest/users",status="200",surface="rest"`):      3,
			"canopy_requests_total" + with(`method="GET",route="/rest/users",status="401",surface="rest"`):      1,
			"canopy_requests_total" + with(`method="POST",route="/rest/users",status="200",surface="rest"`):     1,
			"canopy_requests_total" + with(`method="GET",route="/rest/audit",status="403",surface="rest"`):      3,
			"canopy_requests_total" + with(`method="GET",route="unmatched",status="404",surface="rest"`):        1,
			"canopy_requests_total" + with(`method="other",route="refused",status="400",surface="rest"`):        1,
			"canopy_requests_total" + with(`method="other",route="refused",status="400",surface="operations"`):  1,
			"canopy_request_seconds_count" + with(`method="GET",route="/rest/users",surface="rest"`):            4,
			"canopy_request_seconds_bucket" + with(`method="GET",route="/rest/users",surface="rest",le="+Inf"`): 4,
			"canopy_decisions_total" + with(`permission="audit:read",verdict="allowed"`):                        0,
			"canopy_cache_lookups_total" + with(`cache="credentials",result="miss"`):                            2,
		} {
			require.Equal(t, want, s.metric(t, name), name)
		}
		require.GreaterOrEqual(t, s.metric(t, "canopy_decisions_total"+with(`permission="audit:read",verdict="denied"`)), 3.0)
		require.GreaterOrEqual(t, s.metric(t, "canopy_decisions_total"+with(`permission="user:read",verdict="allowed"`)), 3.0)
		require.GreaterOrEqual(t, s.metric(t, "canopy_cache_lookups_total"+with(`cache="credentials",result="hit"`)), 5.0)
		require.GreaterOrEqual(t, s.metric(t, "canopy_cache_lookups_total"+with(`cache="access",result="hit"`)), 3.0)
		require.GreaterOrEqual(t, s.metric(t, "canopy_database_connections"+with(`state="open"`)), 1.0)
		require.Positive(t, s.metric(t, "go_goroutines"))

		// Names that clients choose make no new series.
		before := strings.Count(string(s.anonymous().get(t, "/metrics").body), "\n")
		for _, odd := range []string{"BREW", "X-1", "get"} {
			for i := range 5 {
				_, err := admin.send(odd+strconv.Itoa(i), "/rest/"+odd+strconv.Itoa(i), nil)
				require.NoError(t, err)
			}
		}
		after := strings.Count(string(s.anonymous().get(t, "/metrics").body), "\n")
		require.LessOrEqual(t, after, before+2*18, "one more series of the counter and one histogram at most")
	})
}

// TestWatchedMetricsExist holds that what the alert rules, the dashboard and the README name is what a
// server shows.
func TestWatchedMetricsExist(t *testing.T) {
	s := serve(t, places["sqlite"](t))
	s.anonymous().get(t, "/rest/me").is(t, 401)
	shown := string(s.anonymous().get(t, "/metrics").ok(t).body)
	for _, name := range []string{"../../.github/prometheus-alerts.yaml", "../../.github/grafana-dashboard.json",
		"../../README.md"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		found := regexp.MustCompile(`\b(?:canopy|process|go)_[a-z]+_[a-z_]+\b`).FindAllString(string(text), -1)
		require.Greater(t, len(found), 4, name)
		for _, metric := range found {
			require.Contains(t, shown, metric, name)
		}
	}
}
