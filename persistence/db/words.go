package db

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"unicode"

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
// reads as many rows for less.
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
	match := "(" + strings.Join(alternatives, " OR ") + ")"
	if in.Organization != 0 {
		match = quoted(code(int64(in.Organization))) + " AND " + match
		if high := int64(in.Organization) >> 18; high != 0 {
			match = quoted(code(high)) + " AND " + match
		}
	}
	const found = " FROM users_words WHERE users_words MATCH ?"
	return Index{Where("SELECT u.organization_id, u.id FROM (SELECT rowid AS n"+found+") AS w CROSS JOIN users AS u "+
		"WHERE u.id = w.n", match), Where("SELECT 1"+found, match)}, true
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

// The index of words on PostgreSQL. It is made beside the steps: without the extension the
// directory works, only without it.
const (
	wordsIndex = "users_words_idx"
	wordsLock  = 7_012_026
	validWords = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('" + wordsIndex + "') AND indisvalid"
)

var createWords = "CREATE INDEX CONCURRENTLY IF NOT EXISTS " + wordsIndex + " ON users USING gin (" +
	strings.ReplaceAll(haystack, "u.", "") + " gin_trgm_ops)"

// prepareWords makes the index of words where the engine has it from an extension. Where it cannot be had
// that is logged, and nothing else fails.
func (d *DB) prepareWords(ctx context.Context) error {
	if d.dialect.file {
		return nil
	}
	if there, err := d.SearchesWords(ctx); there || err != nil {
		return err
	}
	if _, err := d.write.DB.ExecContext(ctx, "CREATE EXTENSION IF NOT EXISTS pg_trgm"); err != nil {
		slog.WarnContext(ctx, "people cannot be searched inside words, only by beginnings: "+
			"the extension pg_trgm cannot be made in the database", "error", err)
		return nil
	}
	return Translate(d.buildWords(ctx))
}

// buildWords builds the index, unless somebody else does.
func (d *DB) buildWords(ctx context.Context) error {
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
	// Half of an index is left of a build that was cut off.
	for _, statement := range []string{"DROP INDEX CONCURRENTLY IF EXISTS " + wordsIndex, createWords} {
		if _, err := c.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// SearchesWords reports whether there is an index of words.
func (d *DB) SearchesWords(ctx context.Context) (bool, error) {
	if d.dialect.file || d.words.Load() {
		return true, nil
	}
	rows, err := d.read.QueryContext(ctx, validWords)
	n, err := Only(rows, err, Scalar[int], domain.ErrInternal)
	if err == nil {
		d.words.Store(n > 0)
	}
	return n > 0, err
}
