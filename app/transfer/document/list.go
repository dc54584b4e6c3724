package document

import (
	"bufio"
	"errors"
	"iter"
	"strings"

	"canopy/domain"
)

// List is a list of environments, one complete alias path a line, with nobody in them. An
// environment above one of the list is made as well. It implements Document.
type List struct{ Open Open }

// Sections implements Document. There is one, of no organization.
func (l List) Sections() iter.Seq2[*Section, error] {
	return func(yield func(*Section, error) bool) {
		text, err := l.Open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer text.Close()
		s := &Section{Line: 1, Users: NoUsers}
		lines := bufio.NewScanner(decoded(text))
		n := 1
		for ; lines.Scan(); n++ {
			if path := strings.TrimSpace(lines.Text()); path != "" {
				s.Wanted = append(s.Wanted, WantedEnvironment{Line: n, Path: domain.EnvironmentRef(path)})
			}
		}
		if err := lines.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = domain.ErrInvalid.Saying("Line %d: this line is too long.", n)
			}
			yield(nil, err)
			return
		}
		yield(s, nil)
	}
}
