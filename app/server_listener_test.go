package app

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sendAt writes up to n bytes at a pace to somebody who reads as read does, and returns how many
// were taken and the error of the last write.
func sendAt(t *testing.T, p pace, n int, read func(net.Conn)) (int, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	reader, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	c, err := patient{l, p}.Accept()
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		read(reader)
	}()
	defer func() {
		c.Close()
		reader.Close()
		<-done
	}()
	sent, piece := 0, make([]byte, 16<<10)
	for sent < n {
		written, err := c.Write(piece)
		if sent += written; err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// Whoever reads, but slower than the slowest pace, is hung up on; who is quicker on the whole, and
// pauses for less than the grace, is not.
func TestPaceOfReaders(t *testing.T) {
	t.Parallel()
	const all = 64 << 20
	slow := func(c net.Conn) {
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		for b := make([]byte, 64); ; time.Sleep(time.Millisecond) { // at most 64 KiB a second
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	}
	sent, err := sendAt(t, pace{grace: 300 * time.Millisecond, perSecond: 1 << 20}, all, slow) //nolint:early // how far it got
	require.Less(t, sent, all)
	require.True(t, errors.Is(err, os.ErrDeadlineExceeded), "%v", err)

	silent := func(c net.Conn) { _, _ = c.Read(nil) }
	sent, err = sendAt(t, pace{grace: 100 * time.Millisecond, perSecond: 1 << 20}, all, silent) //nolint:early // how far it got
	require.Less(t, sent, all)
	require.True(t, errors.Is(err, os.ErrDeadlineExceeded), "%v", err)

	pausing := func(c net.Conn) {
		time.Sleep(200 * time.Millisecond)
		_, _ = io.Copy(io.Discard, c)
	}
	sent, err = sendAt(t, pace{grace: time.Minute, perSecond: 1 << 10}, all, pausing)
	require.NoError(t, err)
	require.Equal(t, all, sent)
}
