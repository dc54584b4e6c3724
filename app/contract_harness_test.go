package app_test

import (
	"net/textproto"
	"strings"
	"testing"
)

// TestContractFilesAreStrict holds that a file passes for what it says only.
func TestContractFilesAreStrict(t *testing.T) {
	const id = "017d47c4-8b2e-7c3a-9d1f-2a6b5c4d3e01"
	for name, c := range map[string]struct {
		file, server string
		same         bool
	}{
		"the same":                   {`{"a":1,"b":[true,null]}`, `{"a":1,"b":[true,null]}`, true},
		"white space between tokens": {"{\"a\": 1,\n  \"b\": [ ]}", `{"a":1,"b":[]}`, true},
		"another order of keys":      {`{"a":1,"b":2}`, `{"b":2,"a":1}`, false},
		"a number as text":           {`{"a":1}`, `{"a":"1"}`, false},
		"a number written otherwise": {`{"a":1}`, `{"a":1.0}`, false},
		"a text written otherwise":   {`{"a":"é"}`, `{"a":"\u00e9"}`, false},
		"white space inside of text": {`{"a":"b c"}`, `{"a":"b  c"}`, false},
		"a key more":                 {`{"a":1}`, `{"a":1,"b":2}`, false},
		"a key less":                 {`{"a":1,"b":2}`, `{"a":1}`, false},
		"a key twice":                {`{"a":1}`, `{"a":1,"a":1}`, false},
		"null for nothing":           {`{"a":null}`, `{}`, false},
		"what a pattern would match": {`{"a":"."}`, `{"a":"x"}`, false},
		"a uuid":                     {`{"id":"{{uuid}}"}`, `{"id":"` + id + `"}`, true},
		"a uuid in capitals":         {`{"id":"{{uuid}}"}`, `{"id":"` + strings.ToUpper(id) + `"}`, false},
		"a uuid of another version": {`{"id":"{{uuid}}"}`, `{"id":"` + strings.Replace(id, "7c3a", "4c3a", 1) +
			`"}`, false},
		"any text":             {`{"a":"{{any}}"}`, `{"a":"x"}`, true},
		"any text is one text": {`{"a":"{{any}}"}`, `{"a":"x","b":"y"}`, false},
		"a name of what is in the same body": {`{"a":"{{uuid:ann}}","b":"{{ann}}"}`, `{"a":"` + id + `","b":"` + id + `"}`,
			false},
		"a name that nothing was called before": {`{"a":"{{ann}}"}`, `{"a":"{{ann}}"}`, false},
		"a body that is no JSON":                {`{"a":1}`, `{"a":1`, false},
		"nothing":                               {`{"a":1}`, ``, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := step{status: "200 OK", wantHeader: []headerLine{{"Content-Type", "application/json"}}, wantBody: c.file}
			got := reply{status: "200 OK", header: header("Content-Type", "application/json"), body: []byte(c.server)}
			problems := s.differences(&got, captures{})
			if same := len(problems) == 0; same != c.same {
				t.Errorf("the file says %s and the server %s: %q", c.file, c.server, problems)
			}
		})
	}
}

// header returns the headers of a response, which are unremarkable but for these.
func header(lines ...string) textproto.MIMEHeader {
	h := textproto.MIMEHeader{"X-Request-Id": {"1"}, "X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"no-store"}}
	for i := 0; i < len(lines); i += 2 {
		h.Add(lines[i], lines[i+1])
	}
	return h
}

func TestContractFilesListHeaders(t *testing.T) {
	link := `</rest/users?after=abc&limit=1>; rel="next"`
	for name, c := range map[string]struct {
		file []headerLine
		got  textproto.MIMEHeader
		same bool
	}{
		"the same": {[]headerLine{{"Link", link}}, header("Link", link), true},
		"a placeholder": {[]headerLine{{"Link", strings.Replace(link, "abc", "{{cursor}}", 1)}},
			header("Link", link), true},
		"another value":               {[]headerLine{{"Link", link}}, header("Link", link+"x"), false},
		"one that is missing":         {[]headerLine{{"Link", link}}, header(), false},
		"one that is not in the file": {nil, header("Link", link), false},
		"one that comes twice":        {[]headerLine{{"Link", link}}, header("Link", link, "Link", link), false},
		"one that every response has": {nil, header("Date", "today"), true},
		"one of those, unlike always": {nil, textproto.MIMEHeader{"X-Request-Id": {"1"},
			"X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"public"}}, false},
		"one of those, which is amiss": {nil,
			textproto.MIMEHeader{"X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"no-store"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := step{status: "204 No Content", wantHeader: c.file}
			problems := s.differences(&reply{status: "204 No Content", header: c.got}, captures{})
			if same := len(problems) == 0; same != c.same {
				t.Errorf("%q", problems)
			}
		})
	}
}

func TestContractFilesAreParsed(t *testing.T) {
	told, err := parseStory("x.http",
		"# About.\n\n### One\n# @clock 1500\n# @jobs\nPOST /a?b=c\ntoken: x: y\n\n{\n\n}\n\nHTTP/1.1 200 OK\nlink: "+
			"z\n\nbody\n\n### Two\n"+
			"GET /\n\nHTTP/1.1 204 No Content\n")
	if err != nil || len(told.steps) != 2 {
		t.Fatalf("%d steps, %v", len(told.steps), err)
	}
	s := told.steps[0]
	if s.place != "x.http:3" || s.title != "One" || s.clock.UnixMilli() != 1500 || !s.jobs || s.method != "POST" ||
		s.target != "/a?b=c" ||
		s.header[0] != (headerLine{"Token", "x: y"}) || s.body != "{\n\n}" || s.status != "200 OK" ||
		s.wantHeader[0] != (headerLine{"Link", "z"}) || s.wantBody != "body" {
		t.Errorf("%+v", s)
	}
	request, err := s.compose("h", captures{})
	if want := "POST /a?b=c HTTP/1.1\r\nHost: h\r\nToken: x: y\r\nContent-Length: 4\r\n\r\n{\n\n}"; err != nil ||
		string(request) != want {
		t.Errorf("%q, %v", request, err)
	}
	for name, text := range map[string]string{
		"nothing":                     "",
		"no response":                 "### One\nGET /\n",
		"no request":                  "### One\nHTTP/1.1 200 OK\n",
		"a request of another form":   "### One\nGET / HTTP/1.1\n\nHTTP/1.1 200 OK\n",
		"a header without a value":    "### One\nGET /\nHost\n\nHTTP/1.1 200 OK\n",
		"a clock that is none":        "### One\n# @clock noon\nGET /\n\nHTTP/1.1 200 OK\n",
		"something before the titles": "GET /\n\nHTTP/1.1 200 OK\n",
	} {
		if _, err := parseStory("x.http", text); err == nil {
			t.Errorf("%s was parsed", name)
		}
	}
}

func TestPlaceholdersOfRequests(t *testing.T) {
	known := captures{"ann": "x"}
	for text, want := range map[string]string{
		"{{basic:admin:secret1}}": "YWRtaW46c2VjcmV0MQ==",
		"{{fill:3}}{{ann}}":       "xxxx",
		"{{nobody}}":              "",
		"{{fill:many}}":           "",
		"{{uuid}}":                "",
	} {
		got, err := known.expand(text)
		if (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("%s is %q, %v", text, got, err)
		}
	}
}
