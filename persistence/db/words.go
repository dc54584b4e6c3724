package db

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"canopy/domain"
)

// The index of words finds users by what their alias, names, mail address and phone number have in them. SQLite has
// a table of its own for it, kept by triggers: they are the upkeep of that index. PostgreSQL has an index of its
// extension pg_trgm. Whatever they find may be more than was asked for, never less.

// A Needle is folded text that somebody is searched by.
type Needle struct {
	Text   string
	Begins bool // one of the texts begins with it; else it is anywhere in one
}

// Needles are alternatives: somebody has all needles of one of them.
type Needles [][]Needle

// Haystack is where needles are searched for: users of one organization, 0 for all, whose places begin
// with Path.
type Haystack struct {
	Organization domain.OrganizationID
	Path         domain.EnvironmentPath
}

// An Index is what finds users: Keys is the statement that reads their organization_id and id, and Probe one that
// reads as many rows for less, or more of them where somebody is found in several ways.
type Index struct{ Keys, Probe Predicate }

// Having returns the index that finds the users in the haystack who have the needles. It reports false if it does not
// have what is needed: for an alternative whose needles are all too short, or where there is no such index.
func (d *DB) Having(ctx context.Context, needles Needles, in Haystack) (Index, bool, error) {
	there, err := d.SearchesWords(ctx)
	if err != nil || !there || len(needles) == 0 {
		return Index{}, false, err
	}
	index, ok := d.dialect.having(needles, in)
	return index, ok, nil
}

// A Detail is a text of users that has an index of its own, by what is anywhere in it.
type Detail string

// The details.
const (
	Phone       Detail = "phone"
	Mobile      Detail = "mobile"
	Description Detail = "description"
)

// HavingDetail returns the index that finds the users of an organization, 0 for all, in whose detail the folded text
// is: these and nobody else. It reports false for a text that is too short, or where there is no such index.
func (d *DB) HavingDetail(ctx context.Context, detail Detail, text string,
	o domain.OrganizationID) (Index, bool, error) {
	there, err := d.searchesDetails(ctx)
	if err != nil || !there {
		return Index{}, false, err
	}
	keys, ok := d.dialect.detailed(detail, text, o)
	return Index{keys, keys}, ok, nil
}

// detailedSQLite asks the table users_words_details.
func detailedSQLite(detail Detail, text string, o domain.OrganizationID) (Predicate, bool) {
	match := string(detail) + " : " + quoted([]rune(text)) + ofOrganization(o)
	return Where("SELECT u.organization_id, u.id FROM (SELECT rowid AS n FROM users_words_details "+
			"WHERE users_words_details MATCH ?) AS w CROSS JOIN users AS u WHERE u.id = w.n", match),
		utf8.RuneCountInString(text) >= fewest
}

// detailedPostgres asks the index users_phone_words_idx for a phone number, and for the others
// user_attributes_words_idx.
func detailedPostgres(detail Detail, text string, o domain.OrganizationID) (Predicate, bool) {
	pattern, indexed := "%"+escaped.Replace(text)+"%", hasTrigram(Needle{Text: text})
	if detail == Phone {
		p := Where("u.phone_key LIKE ?", pattern)
		if o != 0 {
			p = p.And("u.organization_id + 0 = ?", int64(o))
		}
		return Where("SELECT u.organization_id, u.id FROM users u WHERE "+p.Text(), p.Args...), indexed
	}
	p := Where("t.value_key LIKE ? AND t.name || '' = ?", pattern, string(detail))
	if o != 0 {
		p = p.And("t.organization_id + 0 = ?", int64(o))
	}
	return Where("SELECT t.organization_id, t.user_id AS id FROM user_attributes t WHERE "+p.Text(), p.Args...), indexed
}

// fewest is how many characters the parts have that SQLite's index has.
const fewest = 3

// havingSQLite asks the table users_words.
func havingSQLite(needles Needles, in Haystack) (Index, bool) {
	alternatives := make([]string, len(needles))
	for i, all := range needles {
		var parts []string
		for _, n := range all {
			text := []rune(n.Text)
			if n.Begins {
				text = append([]rune{31, 31}, text...)
				text = text[max(0, min(1, len(text)-fewest)):]
			}
			for at := 0; at+fewest <= len(text); at++ {
				parts = append(parts, quoted(text[at:at+fewest]))
			}
		}
		if len(parts) == 0 {
			return Index{}, false
		}
		alternatives[i] = "(" + strings.Join(parts, " AND ") + ")"
	}
	match := "(" + strings.Join(alternatives, " OR ") + ")" + ofOrganization(in.Organization)
	const found = " FROM users_words WHERE users_words MATCH ?"
	return Index{Where("SELECT u.organization_id, u.id FROM (SELECT rowid AS n"+found+") AS w CROSS JOIN users AS u "+
		"WHERE u.id = w.n", match), Where("SELECT 1"+found, match)}, true
}

// ofOrganization narrows what SQLite's indexes find to one organization; 0 is all.
func ofOrganization(o domain.OrganizationID) string {
	if o == 0 {
		return ""
	}
	match := " AND " + quoted(code(int64(o)))
	if high := int64(o) >> 18; high != 0 {
		match += " AND " + quoted(code(high))
	}
	return match
}

// code is how the index has the lower 18 bits of an organization's number.
func code(n int64) []rune {
	digits := make([]rune, fewest)
	for i := range digits {
		digits[i] = rune(n>>(12-6*i))&63 + 1
		if digits[i] > 31 {
			digits[i] += 95
		}
	}
	return digits
}

// quoted is a part as a query of the index names it.
func quoted(part []rune) string { return `"` + strings.ReplaceAll(string(part), `"`, `""`) + `"` }

// haystack is the expression that the index of PostgreSQL has of a user u.
const haystack = "(u.environment_path || ' ' || u.alias_key || ' ' || u.first_name_key || ' ' || " +
	"u.last_name_key || ' ' || u.mail_key || ' ' || u.phone_key)"

var escaped = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// havingPostgres asks the index users_words_idx.
func havingPostgres(needles Needles, in Haystack) (Index, bool) {
	alternatives := make([]Predicate, len(needles))
	for i, all := range needles {
		indexed := false
		for _, n := range all {
			indexed = indexed || hasTrigram(n)
			pattern := "%" + either(n.Begins, " ", "") + escaped.Replace(n.Text) + "%"
			alternatives[i] = alternatives[i].And(haystack+" LIKE ?", pattern)
		}
		if !indexed {
			return Index{}, false
		}
	}
	p := AnyOf(alternatives...)
	if in.Path != domain.RootPath {
		p = p.And(haystack+" LIKE ?", string(in.Path)+"%")
	}
	if in.Organization != 0 {
		p = p.And("u.organization_id + 0 = ?", int64(in.Organization))
	}
	keys := Where("SELECT u.organization_id, u.id FROM users u WHERE "+p.Text(), p.Args...)
	return Index{keys, keys}, true
}

// hasTrigram reports whether PostgreSQL's index has a part of the needle: it has words, with two blanks before each.
func hasTrigram(n Needle) bool {
	letters, known := 0, n.Begins
	for _, r := range n.Text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			letters, known = 0, true
			continue
		}
		if letters++; known || letters == fewest {
			return true
		}
	}
	return false
}

// Lazily returns the statement that reads up to n rows of one that reads keys, without reading more of the
// tables for it. Planners are not told: they would take what is common for easily found, and scan.
func (d *DB) Lazily(keys Predicate, n int) Predicate {
	return Predicate{fmt.Sprintf(d.dialect.lazily, keys.Raw) + " LIMIT " + strconv.Itoa(n), keys.Args}
}

// The indexes of words on PostgreSQL: of users, of their phone numbers alone, and of their attributes. They are made
// beside the steps: without the extension the directory works, only without them.
const (
	wordsIndex   = "users_words_idx"
	phonesIndex  = "users_phone_words_idx"
	detailsIndex = "user_attributes_words_idx"
	wordsLock    = 7_012_026
	validIndex   = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass(?) AND indisvalid"
)

// createWords are the statements that make them, with a place for how.
var createWords = map[string]string{
	wordsIndex: "CREATE INDEX %s IF NOT EXISTS " + wordsIndex + " ON users USING gin (" +
		strings.ReplaceAll(haystack, "u.", "") + " gin_trgm_ops)",
	phonesIndex: "CREATE INDEX %s IF NOT EXISTS " + phonesIndex +
		" ON users USING gin (phone_key gin_trgm_ops)",
	detailsIndex: "CREATE INDEX %s IF NOT EXISTS " + detailsIndex +
		" ON user_attributes USING gin (value_key gin_trgm_ops)",
}

// prepareWords makes the indexes of words where the engine has them from an extension. Where they cannot be had
// that is logged, and nothing else fails.
func (d *DB) prepareWords(ctx context.Context) error {
	if d.dialect.file {
		return nil
	}
	if there, err := d.searchesDetails(ctx); there || err != nil {
		return err
	}
	err := d.TryTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "CREATE EXTENSION IF NOT EXISTS pg_trgm")
		return err
	})
	if err != nil {
		slog.WarnContext(ctx, "people cannot be searched inside words, only by beginnings: "+
			"the extension pg_trgm cannot be made in the database", "error", err)
		return nil
	}
	return Translate(d.buildWords(ctx))
}

// buildWords builds the indexes that are missing, unless somebody else does.
func (d *DB) buildWords(ctx context.Context) error {
	if d.filling {
		return d.makeWords(ctx, d.write.DB, "")
	}
	release, held, err := d.tryLock(ctx, wordsLock)
	if err != nil || !held {
		return err
	}
	defer release()
	c, err := d.write.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if !d.servers.pooled.Load() { // else the sessions are not ours, and the role's limit is what counts
		var limit string
		if err := c.QueryRowContext(ctx, "SELECT current_setting('statement_timeout')").Scan(&limit); err != nil {
			return err
		}
		defer func() {
			_, _ = c.ExecContext(context.WithoutCancel(ctx), "SELECT set_config('statement_timeout', $1, false)", limit)
		}()
		if _, err := c.ExecContext(ctx, "SET statement_timeout = 0"); err != nil {
			return err
		}
	}
	return d.makeWords(ctx, c, "CONCURRENTLY")
}

// makeWords makes the indexes that are missing.
func (d *DB) makeWords(ctx context.Context, c interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, how string) error {
	for index, create := range createWords {
		if there, err := d.isValid(ctx, index); there || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		// Half of an index is left of a build that was cut off.
		for _, statement := range []string{"DROP INDEX " + how + " IF EXISTS " + index, fmt.Sprintf(create, how)} {
			if _, err := c.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
	}
	return nil
}

// SearchesWords reports whether there is an index of words.
func (d *DB) SearchesWords(ctx context.Context) (bool, error) {
	return d.known(ctx, &d.words, wordsIndex)
}

// searchesDetails reports whether there are all indexes of words.
func (d *DB) searchesDetails(ctx context.Context) (bool, error) {
	all := map[string]*atomic.Bool{wordsIndex: &d.words, phonesIndex: &d.phones, detailsIndex: &d.details}
	for index, is := range all {
		if there, err := d.known(ctx, is, index); err != nil || !there {
			return false, err
		}
	}
	return true, nil
}

// known reports whether there is an index of words, which once it is stays known.
func (d *DB) known(ctx context.Context, is *atomic.Bool, index string) (bool, error) {
	if d.dialect.file || is.Load() {
		return true, nil
	}
	there, err := d.isValid(ctx, index)
	if there {
		is.Store(true)
	}
	return there, err
}

func (d *DB) isValid(ctx context.Context, index string) (bool, error) {
	rows, err := d.read.QueryContext(ctx, validIndex, index)
	n, err := Only(rows, err, Scalar[int], domain.ErrInternal)
	return n > 0, err
}
