package domain

import (
	"context"
	"errors"
)

// Weight bounds how many bytes are read for one page of a list, whatever its entries hold: a
// few of them can be larger than all others together.
type Weight struct {
	Most int // in bytes
	Read int
	Rows int // that were read
}

// ErrHeavy reports that the entries of a page weigh more than they may. Whoever reads the page
// asks for fewer; it is never answered.
var ErrHeavy = errors.New("the page is too heavy")

// Add counts the bytes of a row that was read. It returns ErrHeavy once they are too many; a nil Weight bounds
// nothing.
func (w *Weight) Add(bytes int) error {
	if w == nil {
		return nil
	}
	w.Rows++
	if w.Read += bytes; w.Read > w.Most {
		return ErrHeavy
	}
	return nil
}

type weightKey struct{}

// WithWeight returns a context in which stores count what they read of a list.
func WithWeight(ctx context.Context, w *Weight) context.Context {
	return context.WithValue(ctx, weightKey{}, w)
}

// WeightFrom returns what WithWeight put into ctx, or nil.
func WeightFrom(ctx context.Context) *Weight {
	w, _ := ctx.Value(weightKey{}).(*Weight)
	return w
}
