package document

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// from opens a text.
func from(text string) Open {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

// users reads the users of a document that has one section.
func users(t *testing.T, document Document) []UserRecord {
	t.Helper()
	var all []UserRecord
	for s, err := range document.Sections() {
		require.NoError(t, err)
		for u, err := range s.Users {
			require.NoError(t, err)
			all = append(all, u)
		}
	}
	return all
}

// refusal is the sentence that says why a document cannot be read, empty if it can.
func refusal(t *testing.T, document Document) string {
	t.Helper()
	err := WriteJSON(io.Discard, document)
	if err == nil {
		return ""
	}
	require.ErrorIs(t, err, domain.ErrInvalid)
	return domain.AsError(err).Public
}

// holdsStill requires that what was read, written and read again is written the same.
func holdsStill(t *testing.T, text string, read func(Open) Document, write func(io.Writer, Document) error) {
	t.Helper()
	var once, twice bytes.Buffer
	if write(&once, read(from(text))) != nil {
		return
	}
	if err := write(&twice, read(from(once.String()))); err != nil {
		t.Fatalf("%v:\n%s", err, once.String())
	}
	if once.String() != twice.String() {
		t.Fatalf("%s\nis not\n%s", twice.String(), once.String())
	}
}
