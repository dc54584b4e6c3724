package domain

import "context"

type asideKey struct{}

// WithAside returns a context whose work is counted by somebody who bounds how much is done at once: aside is called
// when it begins to wait for something else, and what it returns, once or more often, when that is over.
func WithAside(ctx context.Context, aside func() (back func())) context.Context {
	return context.WithValue(ctx, asideKey{}, aside)
}

// Aside says that what ctx is of waits from now on, for its turn or for time to pass, until back is called.
func Aside(ctx context.Context) (back func()) {
	if aside, ok := ctx.Value(asideKey{}).(func() func()); ok {
		return aside()
	}
	return func() {}
}
