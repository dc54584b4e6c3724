package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
)

// A reply is a response as it came over the connection.
type reply struct {
	status string
	header textproto.MIMEHeader
	body   []byte
}

// unremarkable are the headers that a file need not write down, with the value they must
// have unless that is empty.
var unremarkable = map[string]string{
	"Date": "", "Content-Length": "", "Transfer-Encoding": "", "Connection": "", "X-Request-Id": "",
	"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
}

// differences returns how a reply differs from what the step says, a line each.
func (s *step) differences(got *reply, known captures) []string {
	var problems []string
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if got.status != s.status {
		complain("the status is %s, not %s", got.status, s.status)
	}
	written := map[string][]string{}
	for _, h := range s.wantHeader {
		written[h.name] = append(written[h.name], h.value)
	}
	for _, name := range slices.Sorted(maps.Keys(written)) {
		complainAboutHeader(complain, name, written[name], got.header[name], known)
	}
	expected := maps.Clone(unremarkable)
	maps.Copy(expected, s.usual)
	for _, name := range slices.Sorted(maps.Keys(got.header)) {
		value, plain := expected[name]
		switch {
		case written[name] != nil:
		case !plain:
			complain("the header %s is not in the file: %q", name, got.header[name])
		case value != "" && !slices.Equal(got.header[name], []string{value}):
			complain("the header %s is %q, not %q", name, got.header[name], value)
		}
	}
	for name, value := range expected {
		if written[name] != nil {
			continue
		}
		if (value != "" || name == "X-Request-Id") && got.header[name] == nil {
			complain("the header %s is missing", name)
		}
	}
	if problem := s.compareBody(got, known); problem != "" {
		complain("%s", problem)
	}
	return problems
}

func complainAboutHeader(complain func(string, ...any), name string, want, got []string, known captures) {
	if len(want) != len(got) {
		complain("the header %s is %q, not %q", name, got, want)
		return
	}
	for i := range want {
		if same, err := known.match(want[i], got[i]); err != nil {
			complain("the header %s: %v", name, err)
		} else if !same {
			complain("the header %s is %q, not %q", name, got[i], want[i])
		}
	}
}

// compareBody returns what is wrong with the body of a reply, empty if nothing is.
func (s *step) compareBody(got *reply, known captures) string {
	want, have := s.wantBody, strings.TrimSuffix(string(got.body), "\n") // as the file's is read
	isJSON := strings.Contains(got.header.Get("Content-Type"), "json") && want != "" && have != ""
	if isJSON {
		var err error
		if want, err = compact(want); err != nil {
			return "the body in the file is not JSON: " + err.Error()
		}
		if have, err = compact(have); err != nil {
			return "the body is not JSON: " + err.Error()
		}
	}
	same, err := known.match(want, have)
	switch {
	case err != nil:
		return err.Error()
	case same:
		return ""
	case isJSON:
		return firstDifference(indent(want), indent(have), known)
	}
	return firstDifference(want, have, known)
}

// compact returns JSON without the white space between its tokens, and otherwise as it is.
func compact(text string) (string, error) {
	var b bytes.Buffer
	err := json.Compact(&b, []byte(text))
	return b.String(), err
}

func indent(text string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		return text
	}
	return b.String()
}

// firstDifference shows the first line in which two texts differ, and all of the second.
func firstDifference(want, got string, known captures) string {
	wanted, found := strings.Split(want, "\n"), strings.Split(got, "\n")
	n := 0
	for ; n < min(len(wanted), len(found)); n++ {
		if same, err := known.match(wanted[n], found[n]); err != nil || !same {
			break
		}
	}
	line := func(lines []string) string {
		if n < len(lines) {
			return strings.TrimSpace(lines[n])
		}
		return "(the end)"
	}
	return fmt.Sprintf("the body differs:\n  file:   %s\n  server: %s\nThe whole body is\n%s", line(wanted), line(found),
		got)
}
