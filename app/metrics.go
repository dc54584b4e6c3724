package app

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"canopy/app/httpx"
	"canopy/domain"
	"canopy/persistence/db"
)

// metrics counts what operators want to see. It implements the counters of tenancy and
// authn. Counters on the way of each decision are looked up once, here.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	decisions [domain.PermissionBits][2]prometheus.Counter
	lookups   map[string][2]prometheus.Counter
	mails     *prometheus.CounterVec
	troubles  *prometheus.CounterVec
}

// caches are the names of the caches that are counted.
var caches = []string{"access", "environments", "groups", "credentials", "tokens", "sign_in_rules"}

func newMetrics(database *db.DB) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "canopy_requests_total",
			Help: "Requests answered."}, []string{"surface", "method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "canopy_request_seconds",
			Help: "Time to answer a request.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16)},
			[]string{"surface", "method", "route"}),
		lookups: make(map[string][2]prometheus.Counter),
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "canopy_mails_total",
			Help: "Mails that were sent, are to be retried, or were given up."}, []string{"result"}),
		troubles: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "canopy_database_errors_total",
			Help: "Requests and jobs that the database kept from being done."}, []string{"kind"}),
	}
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "canopy_decisions_total",
		Help: "Decisions about a permission."}, []string{"permission", "verdict"})
	lookups := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "canopy_cache_lookups_total",
		Help: "Look-ups in a cache."}, []string{"cache", "result"})
	for p := range domain.Permission(domain.PermissionBits) {
		m.decisions[p] = [2]prometheus.Counter{decisions.WithLabelValues(p.String(), "denied"),
			decisions.WithLabelValues(p.String(), "allowed")}
		if _, named := p.Info(); !named {
			decisions.DeleteLabelValues(p.String(), "denied")
			decisions.DeleteLabelValues(p.String(), "allowed")
		}
	}
	for _, name := range caches {
		m.lookups[name] = [2]prometheus.Counter{lookups.WithLabelValues(name, "miss"), lookups.WithLabelValues(name, "hit")}
	}
	connections := func(state string, value func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "canopy_database_connections",
			Help: "Connections to the database.", ConstLabels: prometheus.Labels{"state": state}}, value)
	}
	for _, result := range []string{"sent", "retried", "failed"} {
		m.mails.WithLabelValues(result)
	}
	for _, t := range db.Troubles {
		m.troubles.WithLabelValues(string(t))
	}
	build := ReadBuild()
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "canopy_build_info", Help: "What runs; the value is 1.",
		ConstLabels: prometheus.Labels{"version": build.Version, "revision": build.Revision, "goversion": build.Go}})
	info.Set(1)
	m.registry.MustRegister(info, m.mails, m.troubles, m.requests, m.seconds, decisions, lookups,
		connections("open", func() float64 { open, _ := database.Connections(); return float64(open) }),
		connections("used", func() float64 { _, used := database.Connections(); return float64(used) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Looked implements tenancy.Counter and authn.Counter.
func (m *metrics) Looked(cache string, hit bool) { m.lookups[cache][index(hit)].Inc() }

// Decided implements tenancy.DecisionCounter.
func (m *metrics) Decided(p domain.Permission, allowed bool) { m.decisions[p][index(allowed)].Inc() }

// Mailed implements mail.Counter.
func (m *metrics) Mailed(result string) { m.mails.WithLabelValues(result).Inc() }

// troubled counts an error of the database.
func (m *metrics) troubled(t db.Trouble) { m.troubles.WithLabelValues(string(t)).Inc() }

// showHealth shows whether the database is there.
func (m *metrics) showHealth(up func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "canopy_database_up",
		Help: "Whether the database answers and takes changes, as far as is known: 1 or 0."},
		func() float64 { return float64(index(up())) }))
}

// countWaiting shows how many mails wait, by asking when the metrics are read.
func (m *metrics) countWaiting(waiting func(context.Context) (int64, error)) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "canopy_mails_waiting", Help: "Mails that wait to be sent."},
			func() float64 {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				defer cancel()
				n, err := waiting(ctx)
				if err != nil {
					return math.NaN()
				}
				return float64(n)
			}))
}

// countHashes shows how many hashes of passwords wait for their turn, and how many did not get one.
func (m *metrics) countHashes(waiting func() (now int, refused int64)) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "canopy_password_hashes_waiting",
			Help: "Passwords that wait to be checked or hashed."},
			func() float64 { now, _ := waiting(); return float64(now) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "canopy_password_hashes_refused_total",
			Help: "Passwords that were not checked or hashed because too many waited."},
			func() float64 { _, refused := waiting(); return float64(refused) }))
}

// watch shows how much is in use of what is bounded, and counts who got nothing of it.
func (m *metrics) watch(d *door, bodies *httpx.Budget, common *httpx.Server) {
	answers, turns, entrance := common.Answers, common.Turns, common.Entrance
	overloaded := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "canopy_overloaded_total",
		Help: "Requests and connections that were refused because a budget was used up."}, []string{"budget"})
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	used := func(b *httpx.Budget) func() float64 {
		return func() float64 { n, _ := b.Used(); return float64(n) }
	}
	bodies.Refused = overloaded.WithLabelValues("bodies").Inc
	answers.Refused = overloaded.WithLabelValues("answers").Inc
	turns.Refused = overloaded.WithLabelValues("turns").Inc
	entrance.Refused = overloaded.WithLabelValues("entrance").Inc
	d.refused = overloaded.WithLabelValues("connections").Inc
	m.registry.MustRegister(overloaded)
	gauge("canopy_body_bytes", "Bytes held for large bodies of requests.", used(bodies))
	gauge("canopy_open_answers", "Large answers that are being sent.", used(answers))
	gauge("canopy_connections", "Connections of clients.", func() float64 { return float64(d.count()) })
	gauge("canopy_requests_waiting", "Requests that wait until fewer are worked on, in all or of the same user.",
		func() float64 { _, n := turns.Used(); return float64(n + entrance.Waiting()) })
}

// observe counts a request. The routes are patterns, so that there are few of them.
func (m *metrics) observe(surface, route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(surface, method, route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(surface, method, route).Observe(took.Seconds())
}

// refused counts a request that was refused before it was read. What its client chose is
// no label: there could be any number of them.
func (m *metrics) refused(surface string, status int) {
	m.requests.WithLabelValues(surface, "other", "refused", strconv.Itoa(status)).Inc()
}

func index(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
