package domain

import (
	"context"
	"time"
)

// Once is a request that is to have its effect once, however often it is sent: its caller chose a key for it.
// The store notes the key with the first change that is made in the context of WithOnce, and what was answered
// beside it.
type Once struct {
	By  UserKey // the caller
	Key string  // what the caller calls it, of those who act with the same rights
	// Request tells what is asked for, whole: the same key must not come with another.
	Request string
	// Rights are what the caller may do by their own account: whoever may do other things by then is not told
	// again what was answered.
	Rights string
	// For is how long the answer is kept.
	For time.Duration
	// Attempt tells this request from others with the same key.
	Attempt string

	// Made is that the key is noted with a change, which was committed. Target is what was changed first.
	Made   bool
	Target Target
	// Tried is that the request only tried a change: its answer is not kept.
	Tried bool
}

// AnswerKept is how long a key that a client chose and the answer to it are kept.
const AnswerKept = 24 * time.Hour

// MaxKeptAnswer bounds the body of an answer that is kept, in bytes. Of a longer one it is kept that it was given.
const MaxKeptAnswer = 32 << 10

// Answer is what a request was answered. One whose Status is 0 is not known, or too long.
type Answer struct {
	Status int
	Header [][2]string
	Body   []byte
}

// Kept is what is known of a key.
type Kept struct {
	Answer Answer
	// Given is that the request has ended, if only with an answer that is not kept.
	Given  bool
	Own    bool   // that request is the one that asks
	Target Target // what it changed
}

// Errors about keys of requests.
var (
	ErrOnceKey = &Error{Kind: Invalid, Code: "idempotency_key", Field: "idempotency_key",
		Public: "Give 1 to 255 visible characters, such as a UUID."}
	// ErrOnceReused reports a key that came with another request before.
	ErrOnceReused = &Error{Kind: Invalid, Code: "idempotency_key_reused", Field: "idempotency_key",
		Public: "This key was sent with another request; give each request a key of its own."}
	// ErrOnceRunning reports that the same request is being worked on.
	ErrOnceRunning = &Error{Kind: Conflict, Code: "idempotency_key_running", Field: "idempotency_key", RetryAfter: 1,
		Public: "A request with this key is being worked on; send it again in a moment."}
	// ErrOnceDone reports that the request changed what it was to change, and that its answer is not there.
	ErrOnceDone = &Error{Kind: Conflict, Code: "idempotency_key_done", Field: "idempotency_key",
		Public: "A request with this key changed something already; what it was answered is not kept."}
	// ErrOnceMany reports that a caller used as many keys as may be within AnswerKept.
	ErrOnceMany = &Error{Kind: TooMany, Code: "idempotency_keys", Field: "idempotency_key",
		Public: "There were too many requests with a key within a day; leave the key out."}
)

type onceKey struct{}

// WithOnce returns a context whose changes are those of o.
func WithOnce(ctx context.Context, o *Once) context.Context {
	return context.WithValue(ctx, onceKey{}, o)
}

// OnceFrom returns what WithOnce put into ctx, or nil.
func OnceFrom(ctx context.Context) *Once {
	o, _ := ctx.Value(onceKey{}).(*Once)
	return o
}
