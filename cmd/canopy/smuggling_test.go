package main_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dial opens a connection on which a test writes what no client would.
func (s *server) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() { c.Close() })
	return c
}

// raw sends a request as it stands and returns the answer and whether the server then closed the
// connection, on which a second, harmless request was already waiting.
func (s *server) raw(t testing.TB, request string) (answer, bool) {
	t.Helper()
	c := s.dial(t)
	_, err := io.WriteString(c, strings.NewReplacer("\n", "\r\n", "<LF>", "\n").
		Replace(request)+"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	r := bufio.NewReader(c)
	response, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	_, err = r.ReadByte()
	return answer{response.StatusCode, response.Header, body}, errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

// What two readers of one connection could cut into requests in different ways is refused, and
// nothing behind it is read. The line ends here become CRLF; a bare LF is written as <LF>.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, inSQLite(t))
	const chunks = "2\n{}\n0\n\n"
	refused := map[string]string{
		"both lengths": "POST /rest/users HTTP/1.1\nHost: x\nContent-Length: 4\nTransfer-Encoding: " +
			"chunked\n\n" + chunks,
		"both lengths the other way round": "POST /rest/users HTTP/1.1\nHost: x\nTransfer-Encoding: " +
			"chunked\nContent-Length: 4\n\n" + chunks,
		"both lengths in small letters": "POST /rest/users HTTP/1.1\nHost: x\ntransfer-encoding: " +
			"chunked\ncontent-length: 4\n\n" + chunks,
		"both lengths in HTTP/1.0": "POST /rest/users HTTP/1.0\nHost: x\nContent-Length: 4\nTransfer-Encoding: " +
			"chunked\n\n" + chunks,
		"both lengths, of no surface": "POST /healthz HTTP/1.1\nHost: x\nContent-Length: 4\nTransfer-Encoding: " +
			"chunked\n\n" + chunks,
		"a length with a blank behind": "POST /rest/users HTTP/1.1\nHost: x\nContent-Length : " +
			"4\nTransfer-Encoding: chunked\n\n" + chunks,
		"a length that is folded away": "POST /rest/users HTTP/1.1\nHost: x\nX-A: b\n Content-Length: " +
			"4\nTransfer-Encoding: chunked\n\n" + chunks,
		"an encoding that is folded away": "POST /rest/users HTTP/1.1\nHost: x\nX-A: b\n\tTransfer-Encoding: " +
			"chunked\nContent-Length: 2\n\n{}",
		"two lengths": "POST /rest/users HTTP/1.1\nHost: x\nContent-Length: 2\nContent-Length: " +
			"4\n\n{}{}",
		"the same length twice": "POST /rest/users HTTP/1.1\nHost: x\nContent-Length: 2\nContent-Length: " +
			"2\n\n{}",
		"a list of lengths":    "POST /rest/users HTTP/1.1\nHost: x\nContent-Length: 2, 2\n\n{}",
		"a length with a sign": "POST /rest/users HTTP/1.1\nHost: x\nContent-Length: +2\n\n{}",
		"two encodings": "POST /rest/users HTTP/1.1\nHost: x\nTransfer-Encoding: " +
			"chunked\nTransfer-Encoding: identity\n\n" + chunks,
		"an encoding of another kind": "POST /rest/users HTTP/1.1\nHost: x\nTransfer-Encoding: xchunked\n\n" + chunks,
		"a bare line feed in an extension": "POST /rest/users HTTP/1.1\nHost: x\nTransfer-Encoding: " +
			"chunked\n\n2;a<LF>\n{}\n0\n\n",
		"a bare line feed behind a size": "POST /rest/users HTTP/1.1\nHost: x\nTransfer-Encoding: " +
			"chunked\n\n2<LF>{}\n0\n\n",
		"a size that is no number": "POST /rest/users HTTP/1.1\nHost: x\nTransfer-Encoding: " +
			"chunked\n\n0x2\n{}\n0\n\n",
		"a chunk that is longer than it says": "POST /rest/users HTTP/1.1\nHost: x\nTransfer-Encoding: " +
			"chunked\n\n2\n{}{}\n0\n\n",
		"two hosts":                "GET /rest/users HTTP/1.1\nHost: x\nHost: y\n\n",
		"no host":                  "GET /rest/users HTTP/1.1\nAccept: */*\n\n",
		"a header without a name":  "GET /rest/users HTTP/1.1\nHost: x\n: y\n\n",
		"a header without a colon": "GET /rest/users HTTP/1.1\nHost: x\nnothing\n\n",
	}
	for name, request := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, closed := s.raw(t, request)
			require.Equal(t, http.StatusBadRequest, a.status, "%s", a.body)
			require.True(t, closed, "the connection is closed")
			require.NotEmpty(t, a.header.Get("X-Request-Id"))
		})
	}
	// The same without what is wrong is read, and so is what comes behind it.
	for _, request := range []string{
		"POST /rest/users HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}",
		"POST /rest/users HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n" + chunks,
		"POST /rest/users HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n2;a\n{}\n0\n\n",
	} {
		a, closed := s.raw(t, request)
		require.Equal(t, http.StatusUnauthorized, a.status, "%s", a.body)
		require.False(t, closed)
	}
	// In the envelope of the surface, where the path could be read.
	a, _ := s.raw(t, refused["both lengths"])
	require.Equal(t, "invalid", a.code(t))
}

// What stands behind the last part of a form belongs to its body still, also where it is a request.
func TestEndOfAFormHidesNoRequest(t *testing.T) {
	t.Parallel()
	s := serve(t, inSQLite(t))
	const form = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--\r\n"
	body := form + strings.Repeat("\r\n", 6000) + "GET /rest/me HTTP/1.1\r\nHost: x\r\n\r\n"
	c := s.dial(t)
	_, err := fmt.Fprintf(c,
		"POST /nothing-here HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: "+
			"%d\r\n\r\n%s"+
			"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", len(body), body)
	require.NoError(t, err)
	r := bufio.NewReader(c)
	for _, status := range []int{http.StatusNotFound, http.StatusOK} {
		response, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.Equal(t, status, response.StatusCode)
	}
}

// Fiber asks for a version of fasthttp that accepts half of the above.
func TestHTTPEngineIsRecent(t *testing.T) {
	t.Parallel()
	info, ok := debug.ReadBuildInfo()
	require.True(t, ok)
	for _, module := range info.Deps {
		if module.Path == "github.com/valyala/fasthttp" {
			var major, minor, patch int
			_, err := fmt.Sscanf(module.Version, "v%d.%d.%d", &major, &minor, &patch)
			require.NoError(t, err)
			require.Nil(t, module.Replace)
			require.True(t, major == 1 && minor >= 73, module.Version)
			return
		}
	}
	require.Fail(t, "fasthttp is not linked")
}
