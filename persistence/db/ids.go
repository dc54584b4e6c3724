package db

import (
	"context"
	"sync"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"canopy/domain"
)

// leases hands out numbers from blocks that this process has leased. A number is never
// handed out twice; numbers leased and not used when the process ends are lost.
type leases struct {
	db     *DB
	mu     sync.Mutex
	blocks map[string]*block
}

// block is the numbers from next up to but without end.
type block struct{ next, end int64 }

// maxLease is the largest block.
const maxLease = 1000

// NextID returns a number of that kind, which nobody else gets; in a rehearsal that of domain.RehearsedNumber.
func (d *DB) NextID(ctx context.Context, kind string) (int64, error) {
	if n, rehearsed := domain.RehearsedNumber(ctx); rehearsed {
		return n, nil
	}
	return d.ids.next(ctx, kind)
}

// next returns a number of that kind. The lease is a transaction of its own, so that
// creating entities does not serialise on one row.
func (l *leases) next(ctx context.Context, kind string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.blocks[kind]
	if b == nil || b.next == b.end {
		leased, err := l.lease(ctx, kind)
		if err != nil {
			return 0, err
		}
		if l.blocks == nil {
			l.blocks = make(map[string]*block)
		}
		b = leased
		l.blocks[kind] = b
	}
	b.next++
	return b.next - 1, nil
}

// lease takes a block of about a hundredth of the numbers in use, so that a small
// directory counts 1, 2, 3 and a large one seldom asks.
func (l *leases) lease(ctx context.Context, kind string) (*block, error) {
	var b block
	err := l.db.InTx(beyond(ctx), func(ctx context.Context, tx bun.Tx) error {
		first, err := NextNumber(ctx, l.db, tx, kind)
		if err != nil {
			return err
		}
		b = block{first, first + min(max(first/100, 1), maxLease)}
		return SetNext(ctx, tx, kind, b.end)
	})
	return &b, err
}

// NextNumber returns the next number of that kind that nobody has leased, and keeps
// others from leasing until the transaction ends.
func NextNumber(ctx context.Context, d *DB, tx bun.Tx, kind string) (int64, error) {
	rows, err := tx.QueryContext(ctx, "SELECT next FROM id_blocks WHERE name = ?"+d.For("UPDATE"), kind)
	return Only(rows, err, Scalar[int64], domain.ErrInternal)
}

// SetNext makes next the number that is leased next. It returns ErrUnavailable if there are no more.
func SetNext(ctx context.Context, tx bun.Tx, kind string, next int64) error {
	if next > domain.MaxGiven {
		return domain.ErrUnavailable.Saying("The directory has no numbers left.")
	}
	res, err := tx.ExecContext(ctx, "UPDATE id_blocks SET next = ? WHERE name = ?", next, kind)
	return One(res, err, domain.ErrInternal)
}

// The kinds of numbers.
const (
	EnvironmentNumbers = "environment"
	GroupNumbers       = "group"
	UserNumbers        = "user"
	PersonNumbers      = "person"
	ObjectNumbers      = "object"
	CopyRequestNumbers = "copy_request"
)

// NewUUID returns a UUIDv7.
func NewUUID() domain.UUID { return domain.UUID(uuid.Must(uuid.NewV7()).String()) }
