package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"canopy/domain"
)

// How long a server may take to say how it is, and how often it is asked: more often while none takes
// changes.
const (
	askWithin = time.Second
	askEvery  = time.Second
	askSoon   = 100 * time.Millisecond
)

// A node is one of the servers that a URL names.
type node struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn // of its own, nil if there is none
	woken  chan struct{}

	// What it said last; guarded by the watch.
	asked bool
	err   error // nil if it may be used
	said  standing
}

// nodesOf returns the servers of a URL in its order. A server has several ways to reach it where TLS is
// tried and need not be.
func nodesOf(config *pgx.ConnConfig) []*node {
	var nodes []*node
	all := append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}},
		config.Fallbacks...)
	for _, way := range all {
		found := false
		for _, n := range nodes {
			if n.config.Host == way.Host && n.config.Port == way.Port {
				n.config.Fallbacks = append(n.config.Fallbacks, way)
				found = true
			}
		}
		if !found {
			c := config.Copy()
			c.Host, c.Port, c.TLSConfig, c.Fallbacks = way.Host, way.Port, way.TLSConfig, nil
			nodes = append(nodes, &node{config: c, woken: make(chan struct{}, 1)})
		}
	}
	return nodes
}

// String returns what the URL calls a server.
func (n *node) String() string {
	return net.JoinHostPort(n.config.Host, strconv.Itoa(int(n.config.Port)))
}

// standing is what a server says of itself.
type standing struct {
	writable bool
	system   string // the database's number, the same on all servers that were copied from one
	timeline uint32 // it grows with each promotion; 0 if the server does not say
	pooled   bool   // there is a pooler between
}

// stand asks a server for its standing, and gives the session its settings unless there is a pooler
// between.
func (s *servers) stand(ctx context.Context, c *pgconn.PgConn) (standing, error) {
	system, timeline := "(SELECT system_identifier FROM pg_control_system())",
		"CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_walfile_name(pg_current_wal_lsn()) END"
	if s.bare.Load() {
		system, timeline = "''", "''"
	}
	direct := fmt.Sprintf("pg_backend_pid() = %d", c.PID())
	settings := ""
	for _, set := range s.settings() {
		settings += fmt.Sprintf(", CASE WHEN %s THEN set_config('%s', '%s', false) END", direct, set.name, set.value)
	}
	results, err := c.Exec(ctx, "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::bool, "+
		system+", "+timeline+", "+direct+settings).ReadAll()
	var pg *pgconn.PgError
	refused := errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "42") || strings.HasPrefix(pg.Code, "0A"))
	if refused && s.bare.CompareAndSwap(false, true) {
		return s.stand(ctx, c) // not every server lets everybody ask, or knows what a timeline is
	}
	if err != nil {
		return standing{}, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return standing{}, errors.New("the database does not say how it is")
	}
	row := results[0].Rows[0]
	said := standing{writable: string(row[0]) == "t", system: string(row[1]), pooled: string(row[3]) == "f"}
	if file := string(row[2]); len(file) >= 8 {
		n, err := strconv.ParseUint(file[:8], 16, 32)
		if err != nil {
			return standing{}, fmt.Errorf("the timeline of %q: %w", file, err)
		}
		said.timeline = uint32(n)
	}
	return said, nil
}

// A setting of a session. Behind a pooler it has none, where they would become others': its role may.
type setting struct{ name, value string }

// settings returns those that the URL leaves to us.
func (s *servers) settings() (all []setting) {
	for _, set := range []setting{{"jit", "off"}, {"statement_timeout", "60s"}, {"lock_timeout", "8s"}} {
		if _, given := s.config.ConnConfig.RuntimeParams[set.name]; !given {
			all = append(all, set)
		}
	}
	return all
}

// watch knows which server takes changes. Of several it is the one with the highest timeline; one with
// a lower timeline than was ever seen is never used again, as long as this process lives.
type watch struct {
	servers *servers
	ctx     context.Context
	stop    context.CancelFunc // nil before start
	asking  sync.WaitGroup
	// known is closed when each server was asked once, or one is known to take changes and the others took
	// their time.
	known chan struct{}

	mu      sync.Mutex
	late    bool  // the first answers had their time
	primary *node // nil if none is known
	newest  standing
}

// start begins to ask. It does nothing the second time.
func (w *watch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil {
		return
	}
	w.known = make(chan struct{})
	w.ctx, w.stop = context.WithCancel(context.Background())
	for _, n := range w.servers.nodes {
		w.asking.Go(func() { w.follow(n) })
	}
	time.AfterFunc(askWithin, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.late = true
		w.settle()
	})
}

func (w *watch) close() {
	w.mu.Lock()
	stop := w.stop
	w.mu.Unlock()
	if stop != nil {
		stop()
		w.asking.Wait()
	}
}

// wake has the servers asked at once.
func (w *watch) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop == nil {
		return
	}
	for _, n := range w.servers.nodes {
		select {
		case n.woken <- struct{}{}:
		default:
		}
	}
}

// follow asks a server until the watch ends.
func (w *watch) follow(n *node) {
	for {
		said, err := w.ask(n)
		if w.ctx.Err() != nil {
			break
		}
		pause := w.learn(n, said, err)
		select {
		case <-w.ctx.Done():
		case <-n.woken:
		case <-time.After(pause):
		}
	}
	if n.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		defer cancel()
		_ = n.conn.Close(ctx)
	}
}

// ask asks a server once, on its own connection.
func (w *watch) ask(n *node) (standing, error) {
	if n.conn == nil { // within the time that the URL gives
		config := n.config.Copy()
		config.ValidateConnect = nil
		conn, err := pgx.ConnectConfig(w.ctx, config)
		if err != nil {
			return standing{}, err
		}
		n.conn = conn
	}
	ctx, cancel := context.WithTimeout(w.ctx, askWithin)
	defer cancel()
	said, err := w.servers.stand(ctx, n.conn.PgConn())
	if err != nil {
		conn := n.conn
		n.conn = nil
		go func() { _ = conn.Close(ctx) }()
	}
	return said, err
}

// learn keeps what a server said, or that it said nothing, and drops the connections if they lead to
// the wrong one. It returns when to ask again.
func (w *watch) learn(n *node, said standing, err error) time.Duration {
	s := w.servers
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && n == w.primary && w.excused(err) {
		return askSoon
	}
	if err == nil {
		err = w.admit(said)
	}
	n.asked, n.said, n.err = true, said, err
	before := w.primary
	w.primary = w.choose()
	g := s.current.Load()
	g.mu.Lock()
	outdated := w.primary != nil && g.timeline != 0 && g.timeline < w.primary.said.timeline
	g.mu.Unlock()
	if w.primary != before && before != nil || outdated {
		w.renew()
	}
	if w.primary != before {
		w.tell(before, n)
	}
	w.settle()
	if w.primary == nil {
		return askSoon
	}
	return askEvery
}

// excused reports whether an error of the primary says nothing against it: it answered others
// just now, or has no connection left for us.
func (w *watch) excused(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "53300"
	}
	var network net.Error
	late := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
	return late && w.servers.current.Load().heard.Load() > time.Now().Add(-askWithin/2).UnixNano()
}

// admit returns why a server of that standing is not to be used, nil if it is.
func (w *watch) admit(said standing) error {
	switch {
	case w.servers.writes && !said.writable:
		return errReadOnly
	case said.system == w.newest.system && said.writable && said.timeline < w.newest.timeline:
		return fmt.Errorf("%w: timeline %d after %d", errOutdated, said.timeline, w.newest.timeline)
	}
	if said.timeline > 0 {
		w.newest = said
	}
	return nil
}

// Why a server is not used.
var (
	errReadOnly = errors.New("the server takes no changes")
	errOutdated = errors.New("the server is one that another was promoted after; if it was restored from a backup on " +
		"purpose, start Canopy again")
)

// choose returns the server to use: the newest, and of those the one that is used already.
func (w *watch) choose() (best *node) {
	for _, n := range w.servers.nodes {
		switch {
		case !n.asked || n.err != nil:
		case best == nil, n.said.timeline > best.said.timeline,
			n.said.timeline == best.said.timeline && n == w.primary:
			best = n
		}
	}
	return best
}

// renew drops the connections.
func (w *watch) renew() {
	if err := w.servers.begin(context.Background()); err != nil {
		slog.Error("the connections to the database cannot be made anew", "error", err)
	}
}

// tell writes into the log that another server is used than before.
func (w *watch) tell(before, asked *node) {
	switch {
	case w.primary == nil:
		slog.Warn("no server of the database takes changes", "server", asked.String(), "error", asked.err)
	case before == nil && !w.settled():
	default:
		slog.Warn("a server of the database takes changes", "server", w.primary.String(),
			"timeline", w.primary.said.timeline)
	}
}

// settle lets those go on who wait for the first answers.
func (w *watch) settle() {
	if w.settled() {
		return
	}
	for _, n := range w.servers.nodes {
		if !n.asked && (!w.late || w.primary == nil) {
			return
		}
	}
	close(w.known)
}

func (w *watch) settled() bool {
	select {
	case <-w.known:
		return true
	default:
		return false
	}
}

// leader returns the server that takes changes, or nil if nobody watches them, and an error if none is
// known to.
func (w *watch) leader(ctx context.Context) (*node, error) {
	w.mu.Lock()
	watched := w.stop != nil
	w.mu.Unlock()
	if !watched {
		return nil, nil
	}
	select {
	case <-w.known:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.primary != nil {
		return w.primary, nil
	}
	var all []error
	for _, n := range w.servers.nodes {
		all = append(all, n.err)
	}
	return nil, awayError{errors.Join(all...)}
}

// awayError says that no server takes changes at the moment.
type awayError struct{ error }

func (e awayError) Unwrap() error { return e.error }

// validate implements pgconn.ValidateConnectFunc: all connections of a generation lead to one server on
// one timeline.
func (g *generation) validate(ctx context.Context, c *pgconn.PgConn) error {
	said, err := g.servers.stand(ctx, c)
	if err != nil {
		return err
	}
	if said.pooled {
		g.servers.pooled.Store(true)
	}
	w := &g.servers.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.admit(said); err != nil {
		return err
	}
	g.mu.Lock()
	outdated := g.timeline != 0 && g.timeline < said.timeline
	if g.timeline == 0 {
		g.timeline = said.timeline
	}
	g.mu.Unlock()
	if outdated && g == g.servers.current.Load() {
		w.renew() // and this connection with them
	}
	return nil
}

// silenceOf returns how long a server may be silent in a statement of this context, in nanoseconds; 0
// is for ever, as for jobs and commands.
func (s *servers) silenceOf(ctx context.Context) int64 {
	if domain.RequestFrom(ctx).Surface == "" {
		return 0
	}
	return s.silence.Load()
}
