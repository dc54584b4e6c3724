package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

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
	{"environment_names_pkey",
		"environment_names.organization_id, environment_names.parent_id, environment_names.alias_key",
		domain.ErrEnvironmentAliasTaken},
	{"groups_alias_key", "groups.organization_id, groups.alias_key", domain.ErrGroupAliasTaken},
	{"object_names_pkey", "object_names.organization_id, object_names.kind, object_names.name", domain.ErrObjectNameTaken},
	{"api_key_names_pkey", "api_key_names.name", domain.ErrAPIKeyTaken},
	{"registration_code_names_pkey", "registration_code_names.name", domain.ErrRegistrationCodeTaken},
	{"providers_issuer_key", "providers.organization_id, providers.issuer", domain.ErrIssuerTaken},
	{"provider_links_pkey", "provider_links.organization_id, provider_links.issuer, provider_links.subject",
		domain.ErrLinked},
	{"copy_requests_object_id_key", "copy_requests.organization_id, copy_requests.object_id, copy_requests.to_id",
		domain.ErrCopyRequested},
	{"user_marks_pkey", "user_marks.organization_id, user_marks.user_id, user_marks.list, user_marks.name_key",
		domain.ErrAlreadyFavourite},
	{"user_contacts_pkey", "user_contacts.organization_id, user_contacts.user_id, user_contacts.contact_id",
		domain.ErrContact},
}

// Translate returns err in the domain's words: what the database cannot help, or cannot do now, is
// ErrUnavailable with a Trouble in it. Errors of the domain and of the context's deadline are
// returned so that they are recognised; what is unknown stays as it is and becomes Internal on
// the way out.
func Translate(err error) error {
	if err == nil {
		return nil
	}
	var known *domain.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return unavailable(TroubleTime, err)
	}
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // the server was silent for too long
		return unavailable(TroubleTime, err)
	case errors.As(err, &pg):
		return translatePostgres(pg, err)
	case errors.As(err, &lite):
		return translateSQLite(lite, err)
	case disconnected(err):
		return unavailable(TroubleConnection, err)
	}
	return err
}

// Trouble sorts what keeps a database from answering.
type Trouble string

// The troubles.
const (
	TroubleNone       Trouble = ""
	TroubleConnection Trouble = "connection" // it cannot be reached, or lets nobody in
	TroubleTime       Trouble = "time"       // it did not answer in time
	TroubleBusy       Trouble = "busy"       // others were in the way, more often than it was tried
	TroubleFull       Trouble = "full"       // it has no room left
	TroubleReadOnly   Trouble = "read_only"  // it takes no changes
	TroubleStorage    Trouble = "storage"    // it cannot read or write its files, or they are broken
)

// Troubles are all kinds of trouble.
var Troubles = []Trouble{TroubleConnection, TroubleTime, TroubleBusy, TroubleFull, TroubleReadOnly, TroubleStorage}

// troubled is the error of a database in trouble.
type troubled struct {
	error
	trouble Trouble
}

func (t troubled) Unwrap() error { return t.error }

func unavailable(t Trouble, err error) error { return domain.ErrUnavailable.Because(troubled{err, t}) }

// TroubleOf returns what trouble of the database an error comes from, TroubleNone if from none.
func TroubleOf(err error) Trouble {
	var t troubled
	if errors.As(err, &t) {
		return t.trouble
	}
	return TroubleNone
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
	}
	if pg.Code == "42P05" || pg.Code == "26000" {
		return unavailable(TroubleConnection, fmt.Errorf("a pooler keeps apart what is prepared and who uses it; put "+
			"default_query_exec_mode=exec into the database URL: %w", err))
	}
	if t := postgresTrouble(pg.Code); t != TroubleNone {
		return unavailable(t, err)
	}
	return err
}

// postgresTrouble returns what a code means (PostgreSQL's Appendix A), by its class where nothing
// else is said.
func postgresTrouble(code string) Trouble {
	switch code {
	case "25006":
		return TroubleReadOnly
	case "53100":
		return TroubleFull
	case "40001", "40P01", "55P03", "53300":
		return TroubleBusy
	case "57014":
		return TroubleTime
	case "3D000":
		return TroubleConnection
	}
	switch code[:min(len(code), 2)] {
	case "08", "28", "57": // connections, who may connect, an operator's doing
		return TroubleConnection
	case "53", "58", "F0", "XX": // resources, the system around it, its settings, itself
		return TroubleStorage
	}
	return TroubleNone
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
	if t := sqliteTrouble(lite.Code()); t != TroubleNone {
		return unavailable(t, err)
	}
	return err
}

// sqliteTrouble returns what a code means; the low byte of a code is its class.
func sqliteTrouble(code int) Trouble {
	switch code & 0xff {
	case sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED, sqlitelib.SQLITE_PROTOCOL:
		return TroubleBusy
	case sqlitelib.SQLITE_INTERRUPT:
		return TroubleTime
	case sqlitelib.SQLITE_FULL:
		return TroubleFull
	case sqlitelib.SQLITE_READONLY:
		return TroubleReadOnly
	case sqlitelib.SQLITE_IOERR, sqlitelib.SQLITE_CANTOPEN, sqlitelib.SQLITE_PERM, sqlitelib.SQLITE_NOMEM,
		sqlitelib.SQLITE_CORRUPT, sqlitelib.SQLITE_NOTADB:
		return TroubleStorage
	}
	return TroubleNone
}

// busy reports whether another writer of an SQLite file was in the way.
func busy(lite *sqlite.Error) bool { return sqliteTrouble(lite.Code()) == TroubleBusy }

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

// WhyNoConnection says in plain words why PostgreSQL cannot be connected to. It quotes nothing of the
// URL, which may hold a password.
func WhyNoConnection(err error) string {
	var pg *pgconn.PgError
	var unknown *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &pg) && strings.HasPrefix(pg.Code, "28"):
		return "it does not take this user or password"
	case errors.As(err, &pg) && pg.Code == "3D000":
		return "there is no database of that name; make it with createdb"
	case errors.As(err, &pg) && pg.Code == "53300":
		return "it has no connection left"
	case errors.As(err, &pg) && strings.HasPrefix(pg.Code, "57P"):
		return "it is starting or stopping"
	case errors.As(err, &unknown):
		return "its host " + unknown.Name + " is not known"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens at its address and port (the connection was refused)"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "nothing came from its address in time"
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such socket"
	case strings.Contains(err.Error(), "tls error"):
		return "it does not speak TLS as sslmode asks for"
	}
	return "the connection failed"
}

// disconnected reports whether err is the loss of a connection.
func disconnected(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	var away awayError
	return errors.As(err, &away) || errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// One turns the result of a statement that must change exactly one row into an error:
// missing if it changed none.
func One(res sql.Result, err error, missing error) error {
	if err != nil {
		return Translate(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return Translate(err)
	}
	switch n {
	case 1:
		return nil
	case 0:
		return missing
	}
	return errors.New("a statement for one row changed several")
}
