package directory

import (
	"context"
	"errors"
	"iter"

	"canopy/domain"
)

// Listed is a list that is read while it is written. Items can be ranged over once; an
// error ends it.
type Listed[T any] struct {
	Items iter.Seq2[T, error]
	// Next is the cursor of the next page, if a limit was given and there is one.
	Next domain.Cursor
	// Total is how many items the filter keeps on all pages, -1 if it was not asked for. More says that there
	// may be others: counting stopped there.
	Total int64
	More  bool
}

// ReadList reads the first page of a list, and the others while they are written unless the
// page has a limit.
func ReadList[T any](ctx context.Context, page domain.Page,
	entries func(context.Context, domain.Page) ([]T, domain.Cursor, error)) (Listed[T], error) {
	list, read := Listed[T]{Total: -1}, lightly(ctx, page.Limit, entries)
	first, next, err := read(page.After)
	if err != nil {
		return list, err
	}
	if page.Limit > 0 {
		list.Next, next = next, ""
	}
	list.Items = Pages(first, next, read)
	return list, nil
}

// How many entries of a list are read at once, at first and later, and how many bytes at most: of
// one that is read to its end while it is written, and of a page with a limit, which is shorter
// than that if its entries are large. One entry is read whatever it weighs.
const (
	firstEntries = 64
	pageEntries  = 256
	pageWeight   = 256 << 10
	limitWeight  = 2 << 20
)

// lightly returns what reads a list's pages behind a cursor by read, with fewer entries where they
// are heavy. A limit of 0 reads one page after the other.
func lightly[T any](ctx context.Context, limit int,
	read func(context.Context, domain.Page) ([]T, domain.Cursor, error)) func(domain.Cursor) ([]T, domain.Cursor, error) {
	n, full, most := limit, limit, limitWeight
	if limit == 0 {
		n, full, most = firstEntries, pageEntries, pageWeight
	}
	return func(after domain.Cursor) ([]T, domain.Cursor, error) {
		for {
			weight, within := domain.Weight{Most: most}, ctx
			if n > 1 {
				within = domain.WithWeight(ctx, &weight)
			}
			page, next, err := read(within, domain.Page{Limit: n, After: after})
			switch {
			case errors.Is(err, domain.ErrHeavy):
				n = max(min(n/2, weight.Rows*3/4), 1) // which is less than what was too much
				continue
			case n == 1:
				n = min(2, full)
			case weight.Read < most/2:
				n = min(2*n, full)
			}
			return page, next, err
		}
	}
}

// Pages returns the entries of a list page after page, beginning with a page that was
// already read, so that the first error can still be answered as one. It can be ranged over
// once: what it yields is valid until the next entry, and nothing is kept of it after that.
func Pages[T any](first []T, next domain.Cursor,
	read func(domain.Cursor) ([]T, domain.Cursor, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for page := first; ; {
			first = nil
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
				page[i] = none
			}
			if next == "" {
				return
			}
			var err error
			if page, next, err = read(next); err != nil {
				yield(none, err)
				return
			}
		}
	}
}
