package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// The connections to PostgreSQL. A fifth of them is left for what does not wait its turn, and for those
// whose statement was given up: each keeps its place until the server has noticed.
const (
	postgresConnections = 20
	leastConnections    = 2
	spareOf             = 5
)

// servers are the connections to the servers that a URL names, of which one takes changes. All
// connections in use lead to the same one; when that is another one than before, or says nothing any
// more, all are dropped at once, and statements under way with them.
type servers struct {
	config *pgxpool.Config // as the URL has it
	nodes  []*node
	// writes is that only a server that takes changes will do. A single one is taken as it is.
	writes bool
	// prepare is that long statements may be kept prepared, unless a pooler was found.
	prepare bool
	pooled  atomic.Bool
	// bare is that the servers cannot say which timeline they are on.
	bare    atomic.Bool
	turns   chan struct{}
	silence atomic.Int64 // the longest in a statement of a request, in nanoseconds; 0 is for ever
	current atomic.Pointer[generation]
	watch   watch
}

// OpenPostgres opens the database that a PostgreSQL URL or key-value string names. It
// does not connect yet, unless several servers are named: then it begins to watch them.
func OpenPostgres(ctx context.Context, dsn string, choices ...Option) (*DB, error) {
	o := chosen(choices)
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// The error of the parser quotes the URL, which may hold a password.
		return nil, errors.New(
			"the database URL cannot be read; an address such as postgres://canopy@db.example:5432/canopy is expected")
	}
	config.ConnConfig.Tracer = o.tracer
	s := newServers(config, dsn)
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	raw := sql.OpenDB(o.connector(s))
	raw.SetMaxIdleConns(0) // the pool keeps them
	db := bun.NewDB(raw, pgdialect.New())
	d := newDB(postgresDialect, db, db)
	d.servers, d.readers = s, cap(s.turns)
	d.hot = func(ctx context.Context, query string, args ...any) (Rows, error) {
		if o.before != nil {
			if err := o.before(ctx, query, args...); err != nil {
				return nil, err
			}
		}
		return s.query(ctx, query, args)
	}
	if len(s.nodes) > 1 {
		s.watch.start()
	}
	return d, nil
}

func newServers(config *pgxpool.Config, dsn string) *servers {
	c := config.ConnConfig
	s := &servers{config: config, prepare: !strings.Contains(dsn, "default_query_exec_mode")}
	s.watch.servers = s
	if s.prepare {
		c.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		config.MaxConns = postgresConnections
	}
	config.MaxConns = max(config.MaxConns, leastConnections)
	config.PingTimeout = askWithin
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	for name, value := range map[string]string{"application_name": "canopy", "timezone": "UTC"} {
		if _, given := c.RuntimeParams[name]; !given {
			c.RuntimeParams[name] = value
		}
	}
	s.nodes = nodesOf(c)
	s.writes = len(s.nodes) > 1 || c.ValidateConnect != nil
	s.turns = make(chan struct{}, max(1, config.MaxConns-max(1, config.MaxConns/spareOf)))
	return s
}

// Watch has the servers of the database asked how they are from now on, until Close: whoever falls
// silent, or is not the one any more that takes changes, loses all connections. It does so from the
// start where several are named. A statement of a request may be silent for as long as silence says.
// Watch does nothing on SQLite.
func (d *DB) Watch(silence time.Duration) {
	if d.servers != nil {
		d.servers.silence.Store(int64(silence))
		d.servers.watch.start()
	}
}

// beyondKey marks a context whose statements do not wait for their turn.
type beyondKey struct{}

// beyond returns a context for what is short and may be asked for by somebody who has a turn.
func beyond(ctx context.Context) context.Context { return context.WithValue(ctx, beyondKey{}, true) }

// turn waits until one more may work on the database.
func (s *servers) turn(ctx context.Context) (taken bool, err error) {
	select {
	case s.turns <- struct{}{}:
		return true, nil
	default:
	}
	if ctx.Value(beyondKey{}) != nil {
		return false, nil
	}
	select {
	case s.turns <- struct{}{}:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// leave gives a turn back.
func (s *servers) leave(taken bool) {
	if taken {
		<-s.turns
	}
}

// take runs acquire with the connections of now, and again where they were dropped meanwhile.
func (s *servers) take(ctx context.Context, acquire func(*generation) error) error {
	for {
		g := s.current.Load()
		err := acquire(g)
		if err == nil || ctx.Err() != nil || g == s.current.Load() {
			return err
		}
	}
}

// query runs a statement past database/sql, prepared if it may be.
func (s *servers) query(ctx context.Context, query string, args []any) (Rows, error) {
	turn, err := s.turn(ctx)
	if err != nil {
		return nil, err
	}
	r := &poolRows{servers: s, turn: turn}
	err = s.take(ctx, func(g *generation) (err error) {
		r.conn, err = g.pool.Acquire(ctx)
		return err
	})
	if err != nil {
		s.leave(turn)
		return nil, err
	}
	s.limit(ctx, r.conn.Conn())
	if s.prepare && !s.pooled.Load() {
		args = append([]any{pgx.QueryExecModeCacheStatement}, args...)
	}
	if r.Rows, err = r.conn.Query(ctx, numbered(query), args...); err != nil {
		_ = r.Close() // it has nothing to say but err
		return nil, err
	}
	return r, nil
}

// poolRows are rows read past database/sql, with the connection that they come by.
type poolRows struct {
	pgx.Rows
	servers *servers
	conn    *pgxpool.Conn
	turn    bool
}

// Close implements Rows. It may be called again.
func (r *poolRows) Close() error {
	r.Rows.Close()
	if r.conn != nil {
		r.conn.Release()
		r.servers.leave(r.turn)
		r.conn = nil
	}
	return nil
}

// Connect implements driver.Connector.
func (s *servers) Connect(ctx context.Context) (driver.Conn, error) {
	turn, err := s.turn(ctx)
	if err != nil {
		return nil, err
	}
	var conn driver.Conn
	err = s.take(ctx, func(g *generation) (err error) {
		conn, err = g.connector.Connect(ctx)
		return err
	})
	if err != nil {
		s.leave(turn)
		return nil, err
	}
	c := &pooledConn{conn.(*stdlib.Conn), s, turn}
	s.limit(ctx, c.Conn())
	return c, nil
}

// Driver implements driver.Connector.
func (s *servers) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// driverConn is named so that its method Conn, which COPY needs, is pooledConn's too.
type driverConn = stdlib.Conn

// pooledConn is a connection out of the pool, which goes back there when it is closed.
type pooledConn struct {
	*driverConn
	servers *servers
	turn    bool
}

// Close implements driver.Conn.
func (c *pooledConn) Close() error {
	err := c.driverConn.Close()
	c.servers.leave(c.turn)
	return err
}

// A generation is connections that are dropped together.
type generation struct {
	servers   *servers
	pool      *pgxpool.Pool
	connector driver.Connector
	heard     atomic.Int64 // when something came by one of them, in nanoseconds of 1970
	reset     atomic.Int64 // when those that rested were closed, as heard

	mu       sync.Mutex
	dropped  bool
	lines    map[*line]bool
	timeline uint32 // of the server they lead to; 0 if that is not known
}

// begin makes a first generation, or the next one.
func (s *servers) begin(ctx context.Context) error {
	g := &generation{servers: s, lines: make(map[*line]bool)}
	config := s.config.Copy()
	config.BeforeConnect = g.lead
	c := config.ConnConfig
	c.DialFunc, c.ValidateConnect, c.OnPgError = g.dial, g.validate, g.failed
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	g.pool, g.connector = pool, stdlib.GetPoolConnector(pool)
	if old := s.current.Swap(g); old != nil {
		old.drop()
	}
	return nil
}

// drop closes all connections at once, whatever they are used for, and makes no more.
func (g *generation) drop() {
	g.mu.Lock()
	g.dropped = true
	lines := g.lines
	g.lines = nil
	g.mu.Unlock()
	for l := range lines {
		l.Conn.Close()
	}
	go g.pool.Close()
}

func (s *servers) close() {
	s.watch.close()
	s.current.Load().pool.Close()
}

// lead has a connection made to the server that takes changes, as far as that is known.
func (g *generation) lead(ctx context.Context, c *pgx.ConnConfig) error {
	n, err := g.servers.watch.leader(ctx)
	if err != nil || n == nil {
		return err
	}
	c.Host, c.Port, c.TLSConfig, c.Fallbacks = n.config.Host, n.config.Port, n.config.TLSConfig, n.config.Fallbacks
	return nil
}

// dial implements pgconn.DialFunc, for connections and for what gives up a statement of one.
func (g *generation) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l := &line{Conn: c, of: g}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dropped {
		c.Close()
		return nil, net.ErrClosed
	}
	g.lines[l] = true
	return l, nil
}

// dialer notices within seconds that a machine is gone, also on a connection that nobody watches.
var dialer = net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second,
	Interval: 2 * time.Second, Count: 3}}

// failed implements pgconn.PgErrorHandler. What a server says that does not take changes, or is about to
// end, it would say on the other connections too: those at rest are closed.
func (g *generation) failed(_ *pgconn.PgConn, err *pgconn.PgError) (open bool) {
	if err.Code == "25006" || strings.HasPrefix(err.Code, "57P0") || strings.HasPrefix(err.Code, "08") {
		now, last := time.Now().UnixNano(), g.reset.Load()
		if g == g.servers.current.Load() && now-last > int64(askEvery) && g.reset.CompareAndSwap(last, now) {
			go g.pool.Reset()
		}
		g.servers.watch.wake()
	}
	return err.Severity != "FATAL" && err.SeverityUnlocalized != "FATAL"
}

// A line is a connection to a server below the protocol. It gives up on a server that says nothing for
// too long while something is waited for.
type line struct {
	net.Conn
	of      *generation
	silence atomic.Int64 // the longest, in nanoseconds; 0 is for ever

	mu      sync.Mutex
	given   bool // somebody set a deadline
	ticking bool // a deadline is set by us
}

// limit has the statements of a request wait no longer for the first word of an answer, and for each
// of the following ones, than a server may be silent.
func (s *servers) limit(ctx context.Context, conn *pgx.Conn) {
	c := conn.PgConn().Conn()
	if secure, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = secure.NetConn()
	}
	if l, ok := c.(*line); ok {
		l.silence.Store(s.silenceOf(ctx))
	}
}

// SetDeadline implements net.Conn.
func (l *line) SetDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given = !t.IsZero()
	return l.Conn.SetDeadline(t)
}

// Read implements net.Conn.
func (l *line) Read(p []byte) (int, error) {
	if err := l.wind(); err != nil {
		return 0, err
	}
	n, err := l.Conn.Read(p)
	if n > 0 {
		l.of.heard.Store(time.Now().UnixNano())
	}
	if err != nil {
		l.of.servers.watch.wake()
	}
	return n, err
}

// wind sets the deadline of a read, unless there is another one.
func (l *line) wind() error {
	limit := time.Duration(l.silence.Load())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.given || limit == 0 && !l.ticking {
		return nil
	}
	l.ticking = limit > 0
	if limit == 0 {
		return l.Conn.SetReadDeadline(time.Time{})
	}
	return l.Conn.SetReadDeadline(time.Now().Add(limit))
}

// Close implements net.Conn.
func (l *line) Close() error {
	l.of.mu.Lock()
	delete(l.of.lines, l)
	l.of.mu.Unlock()
	return l.Conn.Close()
}
