package domain

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// SignIns are sign-ins of one name that are alike: all with one outcome, from one network by one
// surface, within a while. The audit trail keeps them as one entry that says how many there were, so
// that nobody fills it by guessing.
type SignIns struct {
	// Action is SignInSuccess, SignInFailure or SignInPassword.
	Action string
	// User is whose name it is, zero for a name that nobody has; Home is where they belong.
	User UserKey
	Home EnvironmentPath
	// Name is the user's login name, or the one that was tried, as CleanName keeps it.
	Name    string
	Network string
	Surface string
	// Begun is when the while began in which they are counted together; First and Last are the times
	// of the first and the last of Times sign-ins.
	Begun, First, Last time.Time
	Times              int64
}

// The actions of sign-ins in the audit trail, and the kind of their targets. SignInPassword is a right password that
// was not enough: who sent it has not signed in, and may be somebody else who knows it.
const (
	SignInKind     = "signin"
	SignInSuccess  = SignInKind + ":success"
	SignInFailure  = SignInKind + ":failure"
	SignInPassword = SignInKind + ":password"
	// SignInBreakGlass is that of an account that is left out of SignInRules.OnlyProvider, beside its success.
	SignInBreakGlass = SignInKind + ":breakglass"
)

// Others stands for the names or networks of failed sign-ins that are too many to be told apart.
const Others = "(others)"

// ID returns the UUID (v7, of Begun) of the entry that counts s: the same on every server.
func (s *SignIns) ID() UUID {
	h := sha256.New()
	for _, part := range []string{fmt.Sprint(s.Action, " ", s.User.Organization, " ", s.User.User), s.Name, s.Network,
		s.Surface} {
		fmt.Fprintf(h, "%d %s ", len(part), part)
	}
	var b [16]byte
	copy(b[:], h.Sum(nil))
	binary.BigEndian.PutUint64(b[:8], uint64(s.Begun.UnixMilli())<<16|uint64(b[6])<<8|uint64(b[7]))
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	return UUID(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

// Entry returns the entry of the audit trail that counts s. Names that nobody has are the
// operator's to know.
func (s *SignIns) Entry() AuditEntry {
	e := AuditEntry{ID: s.ID(), At: s.First, Action: s.Action,
		Target:       Target{Kind: SignInKind, ID: int64(s.User.User), Name: s.Name},
		Organization: s.User.Organization, Path: s.Home, Changes: []Change{{Field: "network", After: s.Network}},
		Request: Request{Surface: s.Surface}, Times: s.Times, Last: s.Last}
	if s.User.Organization == 0 {
		e.Organization, e.Path = RootOrganization, RootPath
	}
	e.Place = e.Path.ID()
	if s.Action == SignInSuccess {
		e.Actor = Actor{Organization: s.User.Organization, User: s.User.User, Alias: s.Name}
	}
	return e
}

// maxName bounds how much is kept of a name that was tried, in characters.
const maxName = 100

// CleanName returns what to keep of a login name that was tried: printable text, cut.
func CleanName(name string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.ToValidUTF8(name, "") {
		if n == maxName {
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			n++
		}
	}
	return strings.TrimSpace(b.String())
}
