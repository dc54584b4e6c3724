package authn

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// Whoever waits for their turn or for time to pass is not counted among those who are worked on.
func TestWaitingIsAside(t *testing.T) {
	var outside atomic.Int64
	ctx, cancel := context.WithCancel(domain.WithAside(t.Context(), func() func() {
		outside.Add(1)
		return func() { outside.Add(-1) }
	}))
	q := newQueue(1, 1)
	require.NoError(t, q.enter(ctx, domain.Party{Account: "a"}))
	var l lanes
	require.NoError(t, l.enter(ctx, "a"))
	p := &Passwords{floor: time.Hour}
	require.Zero(t, outside.Load())
	waits := map[string]func(){
		"for a hash":   func() { _ = q.enter(ctx, domain.Party{Account: "b"}) },
		"for a lane":   func() { _ = l.enter(ctx, "a") },
		"for the time": p.Evenly(ctx),
	}
	done := make(chan bool)
	for _, wait := range waits {
		go func() { wait(); done <- true }()
	}
	require.Eventually(t, func() bool { return int(outside.Load()) == len(waits) }, time.Minute, time.Millisecond)
	cancel()
	for range waits {
		<-done
	}
	require.Zero(t, outside.Load())
}
