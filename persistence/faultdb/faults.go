package faultdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"regexp"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	_ "modernc.org/sqlite" // whose error is made
)

// Kind is a way in which a statement fails.
type Kind string

// The ways.
const (
	Broken Kind = "error"        // the database refuses it: its disk is full
	Lost   Kind = "connection"   // the connection is lost before it gets there
	Ended  Kind = "context ends" // the request's time is up
)

// Kinds are all of them.
var Kinds = []Kind{Broken, Lost, Ended}

// Faults fails statements of the databases it is given to. Without a plan it fails none.
type Faults struct {
	// Beside reports whether a change is none of what a request asks for, such as a note that
	// somebody signed in. Nil is for none.
	Beside func(statement string) bool
	// Whose reports whether a statement is one of those that are to fail, by its context. Nil is
	// for all.
	Whose func(context.Context) bool

	full     error // what the database says when its disk is full
	prepared open

	mu   sync.Mutex
	plan *Plan
}

// A Plan says which statement is to fail, and what became of that. After the one that fails, what
// would make changes stay fails as well: so whatever the plan, the database keeps as it was.
type Plan struct {
	Nth  int  // the first is 1; 0 fails none, nor what makes changes stay
	All  bool // every statement fails
	Kind Kind
	// Unknown has that many commits of changes come about while the connection is lost over them, so that nobody
	// knows.
	Unknown int
	// Dies has the first commit of changes come about and the connection lost over it, and every statement after it
	// fail, as when the server ends there.
	Dies bool

	Statements []string // those seen, the one that failed included
	Values     [][]any  // of their marks, as many
	Failed     bool     // the nth was there
	// Stopped is that the changes would have stayed: all statements before that are among those
	// seen.
	Stopped bool
	// Kept counts the changes that stayed.
	Kept int
}

// open counts what was prepared and not closed.
type open struct {
	sync.Mutex
	n int
}

func (o *open) add(n int) {
	o.Lock()
	defer o.Unlock()
	o.n += n
}

// Prepared returns how many prepared statements are open.
func (f *Faults) Prepared() int {
	f.prepared.Lock()
	defer f.prepared.Unlock()
	return f.prepared.n
}

// New returns faults for databases of SQLite or PostgreSQL.
func New(postgres bool) (*Faults, error) {
	if postgres {
		return &Faults{full: &pgconn.PgError{Severity: "ERROR", Code: "53100",
			Message: "could not extend file: No space left on device"}}, nil
	}
	full, err := sqliteFull()
	return &Faults{full: full}, err
}

// sqliteFull fills a database, because the driver's errors cannot be made.
func sqliteFull() (error, error) {
	db, err := sql.Open("sqlite", ":memory:?_pragma=max_page_count(2)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("PRAGMA max_page_count = 2; CREATE TABLE t (x blob)"); err != nil {
		return nil, err
	}
	if _, err := db.Exec("INSERT INTO t VALUES (zeroblob(100000))"); err != nil {
		return err, nil
	}
	return nil, errors.New("a small database took a large row")
}

// Follow follows a plan until the returned function is called, which returns it with what became
// of it.
func (f *Faults) Follow(p Plan) (done func() Plan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = &p
	return func() Plan {
		f.mu.Lock()
		defer f.mu.Unlock()
		followed := *f.plan
		f.plan = nil
		return followed
	}
}

// Hot is told of each statement that goes past database/sql.
func (f *Faults) Hot(ctx context.Context, statement string, values ...any) error {
	return f.before(ctx, statement, values, f.changes(statement))
}

// before is called before a statement, and returns its error if it is to fail. What stays is a
// change outside of a transaction, or the end of one that made changes.
func (f *Faults) before(ctx context.Context, statement string, values []any, stays bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.plan
	if p == nil || f.Whose != nil && !f.Whose(ctx) {
		return nil
	}
	if p.All {
		p.Failed = true
		return f.failure(p.Kind)
	}
	p.Statements, p.Values = append(p.Statements, statement), append(p.Values, values)
	if p.Nth > 0 && len(p.Statements) == p.Nth {
		p.Failed = true
		return f.failure(p.Kind)
	}
	if !stays {
		return nil
	}
	if p.Nth > 0 {
		p.Stopped = true
		return f.full
	}
	p.Kept++
	return nil
}

// committed is called after a commit, and returns the error that hides that it came about.
func (f *Faults) committed(ctx context.Context, changed bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.plan
	if p == nil || !changed || p.Unknown == 0 && !p.Dies || f.Whose != nil && !f.Whose(ctx) {
		return nil
	}
	p.Unknown--
	p.Failed = true
	p.All, p.Kind = p.Dies, Lost
	return driver.ErrBadConn
}

func (f *Faults) failure(k Kind) error {
	switch k {
	case Lost:
		return driver.ErrBadConn
	case Ended:
		return context.Canceled // as for requests, whose time is kept by a timer
	}
	return f.full
}

var changing = regexp.MustCompile(`(?is)^\s*(INSERT|UPDATE|DELETE)\b|^\s*WITH\b.*\b(INSERT INTO|UPDATE|DELETE FROM)\b`)

// changes reports whether a statement changes what requests ask for.
func (f *Faults) changes(statement string) bool {
	return changing.MatchString(statement) && (f.Beside == nil || !f.Beside(statement))
}
