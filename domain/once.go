package domain

import (
	"context"
	"errors"
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

	// Write returns what the request is answered with an outcome of its use case, nil for one that says nothing; ok is
	// false for what is no outcome of it. It is nil where that cannot be told before the end.
	Write func(outcome any) (a Answer, ok bool)

	// Made is that the key is noted with a change, which was committed. Target is what was changed first.
	Made   bool
	Target Target
	// Concluded is what Conclude was told of in the transaction that is under way, nil for nothing. Kept is that it was
	// committed, with the transaction.
	Concluded *Answer
	Kept      bool
	// Whole is what this is a part of, nil for a whole request.
	Whole *Once
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

// ErrPartDone reports that a part of a request was done when it was sent before.
var ErrPartDone = errors.New("this part was done before")

// WithPart returns a context for a part of what the request of ctx asks for, in a transaction of its own, with a name
// that no other part has: where the request is sent again, because it was not answered, the part is not done again. The
// store returns ErrPartDone then, and PartOf what the part changed first.
func WithPart(ctx context.Context, name string) context.Context {
	o := OnceFrom(ctx)
	if o == nil {
		return ctx
	}
	return WithOnce(ctx, &Once{By: o.By, Key: o.Key + "\n" + name, Request: o.Request, For: o.For, Attempt: o.Attempt,
		Whole: o})
}

// PartOf returns what the part of ctx changed first; the zero Target is nothing.
func PartOf(ctx context.Context) (t Target) {
	if o := OnceFrom(ctx); o != nil {
		t = o.Target
	}
	return t
}

// WithOnce returns a context whose changes are those of o.
func WithOnce(ctx context.Context, o *Once) context.Context {
	return context.WithValue(ctx, onceKey{}, o)
}

// Conclude notes the outcome of what a request asks for, nil for one that says nothing, so that its answer is kept with
// the change. It is called in the transaction, at the end of it, with what has come about: after a step that failed it
// is not called. Nothing of the request is done after it. Where there is no domain.Once in ctx it does nothing.
func Conclude(ctx context.Context, outcome any) {
	o := OnceFrom(ctx)
	if o == nil || o.Write == nil || o.Tried || o.Kept {
		return
	}
	if a, ok := o.Write(outcome); ok {
		o.Concluded = &a
	}
}

// OnceFrom returns what WithOnce put into ctx, or nil.
func OnceFrom(ctx context.Context) *Once {
	o, _ := ctx.Value(onceKey{}).(*Once)
	return o
}
