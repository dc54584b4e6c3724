package main_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// adminPassword is the one of the first superUser in these tests.
const adminPassword = "correct horse"

// A server is a running `canopy serve`.
type server struct {
	*program
	address string // such as http://127.0.0.1:4711
	client  *http.Client
}

var listensLine = regexp.MustCompile(`(?m)^Canopy listens on (https?://\S+)$`)

// serve runs a server in a place, and returns when it says that it listens.
func serve(t testing.TB, at place, flags ...string) *server {
	t.Helper()
	return canopy(append([]string{"serve"}, flags...)...).in(at).with("CANOPY_ADMIN_PASSWORD", adminPassword).serve(t)
}

// serve runs the invocation of a server on a port of its own, and returns when it listens.
func (i *invocation) serve(t testing.TB) *server {
	t.Helper()
	i.args = append(i.args, "--listen", "127.0.0.1:0")
	s := &server{program: i.start(t)}
	eventually(t, func() bool {
		if found := listensLine.FindStringSubmatch(s.out.String()); found != nil {
			s.address = found[1]
			return true
		}
		select {
		case <-s.gone:
			require.FailNow(t, "the server ended", s.err.tail())
		default:
		}
		return false
	}, "the line that says where the server listens")
	s.client = &http.Client{Timeout: patience, Transport: &http.Transport{
		MaxIdleConnsPerHost: 100, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // self-signed
	}}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// A caller is somebody who sends requests to a server.
type caller struct {
	*server
	header http.Header
}

// anonymous carries no credentials.
func (s *server) anonymous() caller { return caller{s, make(http.Header)} }

// with returns the caller with one more header.
func (c caller) with(name, value string) caller {
	c.header = c.header.Clone()
	c.header.Set(name, value)
	return c
}

// as carries a name and a password.
func (s *server) as(login, password string) caller {
	r := http.Request{Header: make(http.Header)}
	r.SetBasicAuth(login, password)
	return caller{s, r.Header}
}

func (s *server) admin() caller { return s.as("admin", adminPassword) }

// bearing carries a token.
func (s *server) bearing(token string) caller {
	return s.anonymous().with("Authorization", "Bearer "+token)
}

// signIn asks for a token.
func (s *server) signIn(t testing.TB, login, password string) string {
	t.Helper()
	token := tokenOf(s.anonymous().post(t, "/auth", fields{"user": login, "password": password}).ok(t))
	require.NotEmpty(t, token)
	return token
}

// tokenOf returns the token of an answer to /auth, if it has one.
func tokenOf(a answer) string {
	var envelope struct{ Data struct{ Token string } }
	_ = json.Unmarshal(a.body, &envelope)
	return envelope.Data.Token
}

// fields is a JSON object.
type fields map[string]any

// An answer is what came back, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request and reads the answer. The error is about the connection only.
func (c caller) send(method, path string, body any) (answer, error) {
	var text io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		text = bytes.NewReader([]byte(b))
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		text = bytes.NewReader(encoded)
	}
	r, err := http.NewRequest(method, c.address+path, text)
	if err != nil {
		return answer{}, err
	}
	r.Header = c.header.Clone()
	if text != nil && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := c.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, all}, err
}

func (c caller) mustSend(t testing.TB, method, path string, body any) answer {
	t.Helper()
	a, err := c.send(method, path, body)
	require.NoError(t, err, "%s %s", method, path)
	return a
}

func (c caller) get(t testing.TB, path string) answer {
	t.Helper()
	return c.mustSend(t, http.MethodGet, path, nil)
}

func (c caller) post(t testing.TB, path string, body any) answer {
	t.Helper()
	return c.mustSend(t, http.MethodPost, path, body)
}

func (c caller) delete(t testing.TB, path string) answer {
	t.Helper()
	return c.mustSend(t, http.MethodDelete, path, nil)
}

// ok requires the status 200.
func (a answer) ok(t testing.TB) answer {
	t.Helper()
	return a.is(t, http.StatusOK)
}

// is requires a status.
func (a answer) is(t testing.TB, status int) answer {
	t.Helper()
	require.Equal(t, status, a.status, "%s", a.body)
	return a
}

// into reads the data of the envelope.
func (a answer) into(t testing.TB, data any) {
	t.Helper()
	envelope := struct {
		Status string
		Data   any
	}{Data: data}
	require.NoError(t, json.Unmarshal(a.body, &envelope), "%s", a.body)
	require.Equal(t, fmt.Sprint(a.status), envelope.Status)
}

// code returns the stable code of an error's envelope.
func (a answer) code(t testing.TB) string {
	t.Helper()
	var envelope struct {
		Status, Error, ThechnicalError string
	}
	require.NoError(t, json.Unmarshal(a.body, &envelope), "%s", a.body)
	require.Equal(t, fmt.Sprint(a.status), envelope.Status)
	require.NotEmpty(t, envelope.Error)
	return envelope.ThechnicalError
}

// A user is what the tests look at of one.
type user struct {
	UserID int64
	Alias  string
	EnvID  int64 `json:"envId"`
	Role   string
	Active bool
	Person struct{ FirstName, LastName, MailAddress, Phone string }
	Group  struct {
		ID    int64
		Alias string
	}
	Envs, EnvsBloque []struct {
		EnvID int64
		Alias string
	}
}

// newUser is what creates a user in the root environment.
func newUser(alias, password string) fields {
	return fields{"alias": alias, "password": password, "group": "User", "envId": "/",
		"person": fields{"firstname": alias, "lastname": "Tester", "mailaddress": alias + "@example.org"}}
}

// list returns the users of a list.
func (a answer) list(t testing.TB) []user {
	t.Helper()
	var all []user
	a.ok(t).into(t, &all)
	return all
}
