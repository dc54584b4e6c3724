package persistence

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"canopy/domain"
)

// taken says which rule of the domain a unique constraint stands for: by its name on
// PostgreSQL, by its columns on SQLite.
var taken = []struct {
	constraint, columns string
	err                 *domain.Error
}{
	{"login_names_pkey", "login_names.name", domain.ErrUserAliasTaken},
	{"mail_addresses_pkey", "mail_addresses.name", domain.ErrUserMailTaken},
	{"environment_names_pkey", "environment_names.organization_id, environment_names.parent_id, environment_names.alias_key", domain.ErrEnvironmentAliasTaken},
	{"groups_alias_key", "groups.organization_id, groups.alias_key", domain.ErrGroupAliasTaken},
	{"object_names_pkey", "object_names.organization_id, object_names.kind, object_names.name", domain.ErrObjectNameTaken},
	{"copy_requests_object_id_key", "copy_requests.organization_id, copy_requests.object_id, copy_requests.to_id", domain.ErrCopyRequested},
}

// translate returns err in the domain's words. Errors of the domain and of the context's
// deadline are returned so that they are recognised; what is unknown stays as it is and
// becomes Internal on the way out.
func translate(err error) error {
	if err == nil {
		return nil
	}
	var known *domain.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return domain.ErrUnavailable.Because(err)
	}
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case errors.As(err, &pg):
		return translatePostgres(pg, err)
	case errors.As(err, &lite):
		return translateSQLite(lite, err)
	case disconnected(err):
		return domain.ErrUnavailable.Because(err)
	}
	return err
}

func translatePostgres(pg *pgconn.PgError, err error) error {
	switch {
	case pg.Code == "23505":
		for _, t := range taken {
			if pg.ConstraintName == t.constraint {
				return t.err.Because(err)
			}
		}
	case pg.Code == "23503":
		return domain.ErrChanged.Because(err)
	case passing(pg.Code), pg.Code == "57014", pg.Code == "55P03":
		return domain.ErrUnavailable.Because(err)
	}
	return err
}

func translateSQLite(lite *sqlite.Error, err error) error {
	switch lite.Code() {
	case sqlitelib.SQLITE_CONSTRAINT_UNIQUE, sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY:
		for _, t := range taken {
			if strings.Contains(lite.Error(), "failed: "+t.columns+" (") {
				return t.err.Because(err)
			}
		}
	case sqlitelib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return domain.ErrChanged.Because(err)
	}
	if busy(lite) {
		return domain.ErrUnavailable.Because(err)
	}
	return err
}

// busy reports whether another writer of an SQLite file was in the way; the low byte of a
// code is its class.
func busy(lite *sqlite.Error) bool {
	class := lite.Code() & 0xff
	return class == sqlitelib.SQLITE_BUSY || class == sqlitelib.SQLITE_LOCKED
}

// passing reports whether a code of PostgreSQL means that the same transaction may
// succeed when it is run again: serialization failure, deadlock, a lost, refused or
// read-only server, too many connections.
func passing(code string) bool {
	switch code {
	case "40001", "40P01", "57P01", "57P02", "57P03", "53300", "25006":
		return true
	}
	return strings.HasPrefix(code, "08")
}

// disconnected reports whether err is the loss of a connection.
func disconnected(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// one turns the result of a statement that must change exactly one row into an error:
// missing if it changed none.
func one(res sql.Result, err error, missing error) error {
	if err != nil {
		return translate(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return translate(err)
	}
	switch n {
	case 1:
		return nil
	case 0:
		return missing
	}
	return errors.New("a statement for one row changed several")
}
