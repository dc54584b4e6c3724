package mail

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"

	"canopy/domain"
)

//go:embed letters/*.txt
var letterFiles embed.FS

// Languages are the languages letters are written in; the first is for everybody else.
var Languages = []string{"en", "fr"}

// Letters writes letters. It is safe for concurrent use.
type Letters struct{ catalogs map[string]*template.Template }

// NewLetters reads the words of all languages.
func NewLetters() (*Letters, error) {
	l := &Letters{catalogs: make(map[string]*template.Template)}
	for _, language := range Languages {
		catalog := template.New(language)
		catalog.Funcs(template.FuncMap{"span": func(d time.Duration) (string, error) { return span(catalog, d) },
			"day":    func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
			"moment": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }})
		if _, err := catalog.ParseFS(letterFiles, "letters/"+language+".txt"); err != nil {
			return nil, err
		}
		l.catalogs[language] = catalog
		for _, kind := range domain.LetterKinds {
			for _, part := range []string{".subject", ".text"} {
				if catalog.Lookup(string(kind)+part) == nil {
					return nil, fmt.Errorf("the letters in %s lack %s%s", language, kind, part)
				}
			}
		}
	}
	return l, nil
}

// Write returns the subject, one line, and the text of a letter, in the reader's language.
func (l *Letters) Write(letter domain.Letter) (subject, text string) {
	catalog := l.catalogs[Languages[0]]
	for _, language := range Languages {
		if begins(letter.Language, language) {
			catalog = l.catalogs[language]
		}
	}
	values := struct {
		domain.Letter
		Password, Code string
	}{letter, string(letter.Password), string(letter.Code)}
	subject, text = letter.Subject, letter.Note
	if subject == "" {
		subject = execute(catalog, string(letter.Kind)+".subject", values)
	}
	if text == "" {
		text = execute(catalog, string(letter.Kind)+".text", values)
	}
	return oneLine(subject), strings.TrimSpace(text) + "\n\n" + execute(catalog, "foot", values) + "\n"
}

// begins reports whether a user's language is the given one: "fr", "FR-ca", "fr_FR".
func begins(users, language string) bool {
	users = strings.ToLower(users)
	rest, ok := strings.CutPrefix(users, language)
	return ok && (rest == "" || !unicode.IsLetter(rune(rest[0])))
}

func execute(catalog *template.Template, name string, values any) string {
	var b strings.Builder
	if err := catalog.ExecuteTemplate(&b, name, values); err != nil {
		panic(err) // the letters are ours, and a test writes each of them
	}
	return strings.TrimSpace(b.String())
}

// span writes a duration in the largest unit that it is a number of, or nearly.
func span(catalog *template.Template, d time.Duration) (string, error) {
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}} {
		if d >= 2*unit.is || unit.is == time.Minute {
			var b strings.Builder
			err := catalog.ExecuteTemplate(&b, unit.name, int(d.Round(unit.is)/unit.is))
			return b.String(), err
		}
	}
	return "", nil
}

// oneLine puts a text on one line.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }),
		" ")
}
