package db

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/testdb"
)

// Of the connections some are left for what does not wait its turn.
func TestTurns(t *testing.T) {
	d, err := OpenPostgres(t.Context(), testdb.Postgres(t)+"&pool_max_conns=3")
	require.NoError(t, err)
	defer d.Close()
	require.Equal(t, 2, d.Readers())
	one := func(ctx context.Context) error {
		rows, err := d.HotRows(ctx, "SELECT 1")
		_, err = Only(rows, err, Scalar[int], domain.ErrInternal)
		return err
	}
	for range d.Readers() {
		held, err := d.read.Conn(t.Context())
		require.NoError(t, err)
		defer held.Close() //nolint:errcheck // at the end
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, Translate(one(short)), domain.ErrUnavailable)
	require.NoError(t, d.Ping(t.Context()))
	require.NoError(t, one(beyond(t.Context())))
}

// A session has our settings, or those that the URL gives it.
func TestSessionSettings(t *testing.T) {
	url := testdb.Postgres(t)
	for parameters, want := range map[string]string{"": "1min 8s off UTC", "&lock_timeout=3000": "1min 3s off UTC"} {
		d, err := OpenPostgres(t.Context(), url+parameters)
		require.NoError(t, err)
		defer d.Close()
		rows, err := d.QueryContext(t.Context(), "SELECT concat_ws(' ', current_setting('statement_timeout'), "+
			"current_setting('lock_timeout'), current_setting('jit'), current_setting('timezone'))")
		got, err := Only(rows, err, Scalar[string], domain.ErrInternal)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// A server has several ways to it where TLS is tried and need not be.
func TestNodes(t *testing.T) {
	c, err := pgx.ParseConfig("postgres://one:1,two:2/canopy?sslmode=prefer&target_session_attrs=read-write")
	require.NoError(t, err)
	nodes := nodesOf(c)
	require.Len(t, nodes, 2)
	for i, name := range []string{"one:1", "two:2"} {
		require.Equal(t, name, nodes[i].String())
		require.NotNil(t, nodes[i].config.TLSConfig)
		require.Len(t, nodes[i].config.Fallbacks, 1)
		require.Nil(t, nodes[i].config.Fallbacks[0].TLSConfig)
	}
}

// Of several servers that take changes the one is used that was promoted last, and never an older one
// than was seen.
func TestNewestServerIsUsed(t *testing.T) {
	w := &watch{servers: &servers{writes: true}}
	one, two := &node{asked: true}, &node{asked: true}
	w.servers.nodes = []*node{one, two}
	says := func(n *node, writable bool, timeline uint32) {
		n.said = standing{writable: writable, system: "s", timeline: timeline}
		n.err = w.admit(n.said)
		w.primary = w.choose()
	}
	says(one, true, 1)
	says(two, false, 0)
	require.Same(t, one, w.primary)
	says(two, true, 2) // promoted, and the old one goes on
	require.Same(t, two, w.primary)
	says(one, true, 1)
	require.ErrorIs(t, one.err, errOutdated)
	says(two, false, 0)
	require.Nil(t, w.primary)
	says(one, true, 2) // a server like any other again
	require.Same(t, one, w.primary)
	says(two, true, 2)
	require.Same(t, one, w.primary)
	says(two, true, 3)
	require.Same(t, two, w.primary)
}

// A server that is silent for too long is given up, but not before another deadline.
func TestSilence(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	l := &line{Conn: here, of: &generation{servers: &servers{}}}
	defer here.Close()
	buffer := make([]byte, 1)
	l.silence.Store(int64(20 * time.Millisecond))
	_, err := l.Read(buffer)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Equal(t, TroubleTime, TroubleOf(Translate(err)))
	require.True(t, repeatable(err))
	require.False(t, repeatable(commitError{err}))

	late := func() { time.Sleep(60 * time.Millisecond); _, _ = there.Write([]byte("x")) }
	go late()
	l.silence.Store(0)
	_, err = l.Read(buffer)
	require.NoError(t, err)
	go late()
	l.silence.Store(int64(20 * time.Millisecond))
	require.NoError(t, l.SetDeadline(time.Now().Add(time.Minute)))
	_, err = l.Read(buffer)
	require.NoError(t, err)
}

// What a pooler does to prepared statements is said together with the cure.
func TestPreparedBehindAPooler(t *testing.T) {
	for _, code := range []string{"42P05", "26000"} {
		err := Translate(&pgconn.PgError{Severity: "ERROR", Code: code})
		require.ErrorIs(t, err, domain.ErrUnavailable)
		require.ErrorContains(t, err, "default_query_exec_mode=exec")
	}
}
