package db

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
)

// Row is what a scan function reads from: *sql.Rows or *sql.Row.
type Row interface{ Scan(dest ...any) error }

// Collect reads all rows of a statement. It returns an empty slice for none.
func Collect[T any](rows Rows, err error, scan func(Row) (T, error)) ([]T, error) {
	return CollectUpTo(0, rows, err, scan)
}

// mostAtOnce bounds how many rows CollectUpTo makes room for before there is one.
const mostAtOnce = 64

// CollectUpTo is Collect for a statement of a page of n rows: it makes room for them at once.
func CollectUpTo[T any](n int, rows Rows, err error, scan func(Row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, Translate(err)
	}
	defer rows.Close()
	all := make([]T, 0, min(n, mostAtOnce))
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, Translate(err)
		}
		all = append(all, v)
	}
	return all, Translate(rows.Err())
}

// Weighed returns scan, counting what it reads into the weight of the page that is read in ctx. Past
// that it returns domain.ErrHeavy.
func Weighed[T any](ctx context.Context, scan func(Row) (T, error)) func(Row) (T, error) {
	w := domain.WeightFrom(ctx)
	if w == nil {
		return scan
	}
	counted := &weighedRow{weight: w}
	return func(r Row) (T, error) {
		counted.Row = r
		return scan(counted)
	}
}

// valueBytes is what a value takes besides its text.
const valueBytes = 16

type weighedRow struct {
	Row
	weight *domain.Weight
}

// Scan implements row.
func (r *weighedRow) Scan(dest ...any) error {
	if err := r.Row.Scan(dest...); err != nil {
		return err
	}
	bytes := valueBytes * len(dest)
	for _, d := range dest {
		if text, ok := d.(*string); ok {
			bytes += len(*text) + valueBytes*strings.Count(*text, Separator)
		}
	}
	return r.weight.Add(bytes)
}

// Separator stands between the values that a statement packs into one text by concat_ws. No text that is kept has it:
// it is a control character, which domain refuses.
const Separator = "\x1f"

// Packed is the values of a text, which are read one after the other. None may be NULL: concat_ws leaves it out.
type Packed struct {
	rest  string
	short bool // more was read than there is
	ended bool
}

// Unpack returns the values of a packed text.
func Unpack(text string) *Packed { return &Packed{rest: text} }

// Text returns the next value.
func (p *Packed) Text() string {
	p.short = p.short || p.ended
	value, rest, more := strings.Cut(p.rest, Separator)
	p.rest, p.ended = rest, !more
	return value
}

// Number returns the next value as a number.
func (p *Packed) Number() int64 {
	n, err := strconv.ParseInt(p.Text(), 10, 64)
	p.short = p.short || err != nil
	return n
}

// Flag returns the next value as a flag, which one engine writes as 1 and the other as t.
func (p *Packed) Flag() bool {
	text := p.Text()
	return text == "1" || text == "t"
}

// End returns ErrInternal if there were other values than those that were read.
func (p *Packed) End() error {
	if p.short || !p.ended {
		return domain.ErrInternal.Because(errors.New("a packed row has other values than were asked for"))
	}
	return nil
}

// Only reads the one row of a statement; missing if there is none.
func Only[T any](rows Rows, err error, scan func(Row) (T, error), missing error) (T, error) {
	var none T
	all, err := Collect(rows, err, scan)
	if err != nil {
		return none, err
	}
	if len(all) == 0 {
		return none, missing
	}
	return all[0], nil
}

// OnlyIf reads the one row of a statement, the zero value if there is none.
func OnlyIf[T any](rows Rows, err error, scan func(Row) (T, error)) (T, error) {
	var none T
	all, err := Collect(rows, err, scan)
	if err != nil || len(all) == 0 {
		return none, err
	}
	return all[0], nil
}

// Scalar reads one value.
func Scalar[T any](r Row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// In returns the values for an IN of Bun.
func In[T any](values []T) any { return bun.List(values) }

// Millis is how a time is stored: 0 for the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Moment is the time that millis stored.
func Moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
