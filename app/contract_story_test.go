package app_test

import (
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A story is a contract file: requests to a server of its own, in this order, each with the
// whole response.
//
//	### A sentence about what the step shows
//	# A comment.
//	# @clock 1637577153521
//	GET /rest/users?limit=1
//	Authorization: Basic {{basic:admin:secret1}}
//
//	HTTP/1.1 200 OK
//	Content-Type: application/json
//	Link: </rest/users?after={{cursor:next}}&limit=1>; rel="next"
//
//	{"timestamp": 1637577153521, "status": "200", "data": [ … ]}
//
// The clock stands still until the next @clock, and the server's jobs run where a step
// says @jobs; @at SURFACE is a request to another surface, whose description it must be as; @link NAME ADDRESS runs them too and calls the secret of the link mailed last to ADDRESS NAME. A request
// is sent as it is written, with Host and, unless the file has one,
// Content-Length added; placeholder says what stands in double braces. Of a response every header must be written down
// that unremarkable does not list. Of a JSON body white space does not count, everything else
// does: the order of keys, types, escapes.
type story struct {
	name  string
	steps []step
}

// A step is one request with its response.
type step struct {
	place string // file and line
	title string
	clock time.Time // zero leaves the clock as it is
	jobs  bool
	at    string // the surface, if it is not the story's
	// link is what to call the secret of the link mailed last to linkTo.
	link, linkTo string

	method, target string
	header         []headerLine
	body           string

	usual      map[string]string // headers that answers of the surface have unless the file says otherwise
	status     string            // "200 OK"
	wantHeader []headerLine
	wantBody   string
}

type headerLine struct{ name, value string }

// readStory reads a contract file.
func readStory(name string) (story, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return story{}, err
	}
	return parseStory(name, string(text))
}

func parseStory(name, text string) (story, error) {
	s := story{name: name}
	var part []string
	began := 0
	flush := func() error {
		if began == 0 {
			return onlyComments(name, part)
		}
		next, err := parseStep(fmt.Sprintf("%s:%d", name, began), part)
		if next.at == "" {
			next.usual = usualHeaders[surfaceOf(name)]
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, began, err)
		}
		s.steps = append(s.steps, next)
		return nil
	}
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "### ") {
			part = append(part, line)
			continue
		}
		if err := flush(); err != nil {
			return s, err
		}
		part, began = []string{line}, i+1
	}
	if err := flush(); err != nil {
		return s, err
	}
	if len(s.steps) == 0 {
		return s, fmt.Errorf("%s: there is no step", name)
	}
	return s, nil
}

func onlyComments(name string, lines []string) error {
	for i, line := range lines {
		if line != "" && line[0] != '#' {
			return fmt.Errorf("%s:%d: only comments may stand before the first step", name, i+1)
		}
	}
	return nil
}

// usualHeaders are what every answer of a surface has.
var usualHeaders = map[string]map[string]string{
	"rest": {"Etag": ""},
	"axway": {"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache", "Expires": "0",
		"X-Frame-Options": "DENY"},
}

// surfaceOf returns the surface that a contract file is of.
func surfaceOf(name string) string {
	parts := strings.Split(filepath.ToSlash(name), "/")
	if i := slices.Index(parts, "surface"); i >= 0 && i+1 < len(parts) {
		return parts[i+1]
	}
	return ""
}

var (
	requestLine = regexp.MustCompile(`^([A-Z]+) (/\S*)$`)
	statusLine  = regexp.MustCompile(`^HTTP/1\.1 ([1-5][0-9][0-9] .+)$`)
)

// parseStep reads the lines of one step, the title first.
func parseStep(place string, lines []string) (s step, err error) {
	s = step{place: place, title: strings.TrimPrefix(lines[0], "### ")}
	lines = lines[1:]
	for len(lines) > 0 && strings.HasPrefix(lines[0], "#") {
		if ms, ok := strings.CutPrefix(lines[0], "# @clock "); ok {
			n, err := strconv.ParseInt(ms, 10, 64)
			if err != nil {
				return s, fmt.Errorf("the clock is not a number of milliseconds: %w", err)
			}
			s.clock = time.UnixMilli(n).UTC()
		}
		s.jobs = s.jobs || lines[0] == "# @jobs"
		if surface, ok := strings.CutPrefix(lines[0], "# @at "); ok {
			s.at, s.usual = surface, usualHeaders[surface]
		}
		if text, ok := strings.CutPrefix(lines[0], "# @link "); ok {
			s.link, s.linkTo, _ = strings.Cut(text, " ")
		}
		lines = lines[1:]
	}
	answer := 0
	for answer < len(lines) && !statusLine.MatchString(lines[answer]) {
		answer++
	}
	if answer == 0 || answer == len(lines) {
		return s, errors.New("a step is a request and a response")
	}
	first := requestLine.FindStringSubmatch(lines[0])
	if first == nil {
		return s, fmt.Errorf("%q is not a request line", lines[0])
	}
	s.method, s.target = first[1], first[2]
	s.status = statusLine.FindStringSubmatch(lines[answer])[1]
	if s.header, s.body, err = parseMessage(lines[1:answer]); err != nil {
		return s, err
	}
	s.wantHeader, s.wantBody, err = parseMessage(lines[answer+1:])
	return s, err
}

// parseMessage reads headers and, behind an empty line, a body, without the empty lines
// at its end.
func parseMessage(lines []string) (header []headerLine, body string, err error) {
	for i, line := range lines {
		if line == "" {
			return header, strings.TrimRight(strings.Join(lines[i+1:], "\n"), "\n"), nil
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			return nil, "", fmt.Errorf("%q is not a header", line)
		}
		header = append(header, headerLine{textproto.CanonicalMIMEHeaderKey(name), value})
	}
	return header, "", nil
}
