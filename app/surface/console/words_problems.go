package console

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"canopy/domain"
)

// problem returns an error's sentence for people, in the language. A sentence that is not known is said in general.
func (w *words) problem(problem *domain.Error) string {
	if w.Language == english.Language {
		return problem.Public
	}
	if text, ok := inFrench(problem.Public); ok {
		return text
	}
	return w.Refusal
}

// inFrench returns what a sentence of the core is in French. What was put into the sentence is put into the other
// one, in the same order; a sentence of the core is put in in French.
func inFrench(sentence string) (string, bool) {
	if text, ok := frenchProblems[sentence]; ok {
		return text, true
	}
	if name, rest, named := strings.Cut(sentence, ": "); named { // whose mistake it is
		if text, ok := frenchProblems[rest]; ok {
			return name + " : " + text, true
		}
	}
	for _, f := range phrases() {
		if found := f.pattern.FindStringSubmatch(sentence); found != nil {
			values := make([]any, len(found)-1)
			for i, value := range found[1:] {
				values[i] = cmp.Or(frenchProblems[value], value)
			}
			return fmt.Sprintf(f.french, values...), true
		}
	}
	return "", false
}

// A phrase is a sentence with places, as a pattern.
type phrase struct {
	pattern *regexp.Regexp
	french  string
}

var verbs = regexp.MustCompile(`%(?:\.\d+)?[dsqv]`)

// phrases returns the sentences that have places, those that say more before those that could stand for them.
var phrases = sync.OnceValue(func() []phrase {
	var all []phrase
	longest := func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }
	for _, english := range slices.SortedFunc(maps.Keys(frenchProblems), longest) {
		french := frenchProblems[english]
		if !verbs.MatchString(english) {
			continue
		}
		var pattern strings.Builder
		at := 0
		for _, place := range verbs.FindAllStringIndex(english, -1) {
			value := "(.*)"
			if english[place[1]-1] == 'd' {
				value = `(-?\d+)`
			}
			pattern.WriteString(regexp.QuoteMeta(english[at:place[0]]) + value)
			at = place[1]
		}
		pattern.WriteString(regexp.QuoteMeta(english[at:]))
		all = append(all, phrase{regexp.MustCompile("^(?s:" + pattern.String() + ")$"), verbs.ReplaceAllString(french, "%s")})
	}
	return all
})

//go:embed problems.fr.txt
var frenchText string

// frenchProblems are the sentences of the core and what they are in French. A test holds that none is missing.
var frenchProblems = func() map[string]string {
	all := map[string]string{}
	for pair := range strings.SplitSeq(strings.TrimSpace(frenchText), "\n\n") {
		english, french, _ := strings.Cut(pair, "\n")
		all[english] = french
	}
	return all
}()
