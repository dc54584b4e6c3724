package domain

import (
	"fmt"
	"strings"
	"testing"
)

func TestCleanClient(t *testing.T) {
	for in, want := range map[string]string{
		"curl/8.5":                 "curl/8.5",
		"":                         "",
		" a\r\nSet-Cookie: b\x00 ": "aSet-Cookie: b",
		"a\u202eb\u200bc\x1b[31m":  "abc[31m",
		"\xff\xfe é 語":             "é 語",
		strings.Repeat("é", 300):   strings.Repeat("é", 200),
	} {
		if got := CleanClient(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7":                "192.0.2.7",
		"::ffff:192.0.2.7":         "192.0.2.7",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"fe80::1%eth0":             "fe80::/64",
		"0.0.0.0":                  "0.0.0.0",
		"somewhere":                "somewhere",
		"2001:DB8:1:2:ffff:4:5:ff": "2001:db8:1:2::/64",
	} {
		if got := NetworkOf(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}

func TestSecretHashesDoNotPrintAndEmptyOnesFitNothing(t *testing.T) {
	hash := SecretHash("abc")
	if got := fmt.Sprintf("%v %s %#v %+v", hash, hash, hash, Session{Hash: hash}); strings.Contains(got, "abc") {
		t.Errorf("the hash is in %s", got)
	}
	if !hash.Equal("abc") || hash.Equal("abd") || hash.Equal("") || SecretHash("").Equal("") {
		t.Error("hashes are compared wrongly")
	}
}
