package db

import (
	"context"
	"database/sql"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
)

// preparedStatements is how many statements are kept prepared: there are a few for each
// combination of filters.
const preparedStatements = 128

// statements are SQLite's prepared statements, by their texts, those used last. One that has to go
// is closed when nobody is about to run it any more; its rows may still be read then.
type statements struct {
	db     *sql.DB
	recent *lru.Cache[string, *statement]
}

// statement is a prepared statement with the number of those who hold it, the cache included. It is
// closed when there are none.
type statement struct {
	*sql.Stmt
	holders atomic.Int64
}

// hold reports whether the statement is open, and keeps it so until release.
func (s *statement) hold() bool {
	for {
		n := s.holders.Load()
		if n == 0 {
			return false
		}
		if s.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *statement) release() {
	if s.holders.Add(-1) == 0 {
		_ = s.Close()
	}
}

func newStatements(db *sql.DB) *statements {
	// fails for sizes below 1 only
	recent, _ := lru.NewWithEvict(preparedStatements, func(_ string, s *statement) { s.release() })
	return &statements{db, recent}
}

// query runs a statement, prepared.
func (p *statements) query(ctx context.Context, text string, args ...any) (Rows, error) {
	s, found := p.recent.Get(text)
	if !found || !s.hold() {
		var err error
		if s, err = p.prepare(ctx, text); err != nil {
			return nil, err
		}
	}
	defer s.release()
	return s.QueryContext(ctx, args...)
}

// prepare returns a statement that the caller holds. If others prepared the same meanwhile, theirs
// is the one that is kept.
func (p *statements) prepare(ctx context.Context, text string) (*statement, error) {
	prepared, err := p.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s := &statement{Stmt: prepared}
	s.holders.Store(2)
	if _, other, _ := p.recent.PeekOrAdd(text, s); other {
		s.holders.Store(1)
	}
	return s, nil
}

// close closes the statements that nobody is about to run, and the others when they are done.
func (p *statements) close() { p.recent.Purge() }
