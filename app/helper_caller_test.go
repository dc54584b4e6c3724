package app_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// A caller sends requests as one person, by what it puts into their headers.
type caller struct {
	base   string
	header map[string]string
}

// basicCaller returns a caller that sends a name and a password with each request.
func basicCaller(base, login, password string) caller {
	return caller{base, map[string]string{"Authorization": "Basic " +
		base64.StdEncoding.EncodeToString([]byte(login+":"+password))}}
}

// answered is a decoded JSON answer or a part of one.
type answered struct{ value any }

// call sends a request, with a body of JSON, if the caller's headers say nothing else, unless that is empty, and returns the status and what came
// back.
func (c caller) call(t *testing.T, method, path, body string) (int, answered) {
	t.Helper()
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI(c.base + path)
	req.Header.SetMethod(method)
	if body != "" {
		req.Header.SetContentType("application/json")
		req.SetBodyString(body)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	require.NoError(t, fasthttp.Do(req, res))
	var value any
	if len(res.Body()) > 0 {
		require.NoError(t, json.Unmarshal(res.Body(), &value), "%s", res.Body())
	}
	return res.StatusCode(), answered{value}
}

// find returns the member that is there behind the keys.
func (a answered) find(t *testing.T, keys ...string) any {
	t.Helper()
	value := a.value
	for _, key := range keys {
		object, ok := value.(map[string]any)
		require.True(t, ok, "%v has no %s", value, key)
		value = object[key]
	}
	return value
}

// each returns the entries of the list behind the keys.
func (a answered) each(t *testing.T, keys ...string) []answered {
	t.Helper()
	list, ok := a.find(t, keys...).([]any)
	require.True(t, ok, "%v", a.value)
	all := make([]answered, len(list))
	for i, value := range list {
		all[i] = answered{value}
	}
	return all
}
