package domain

// Quotas say how many of a kind there may be, so that one tenant or one person cannot fill the
// directory. What an operator imports is counted and not held to them. A quota of 0 is none.
type Quotas struct {
	// Of one organization, without those nested in it. An organization is counted as an environment
	// of the one above it.
	Users, Environments, Groups, Objects int64
	// Of one user: the objects they own, wherever these lie.
	Owned int64
	// Of one user: API keys, and sessions, of which the one unused for longest gives way to a new one.
	Keys, Sessions int64
	// Of one user: requests with a key of their caller's within AnswerKept.
	Answers int64
}

// DefaultQuotas are those of a server nobody configured.
var DefaultQuotas = Quotas{Users: 2_000_000, Environments: 500_000, Groups: 5_000, Objects: 5_000_000, Owned: 20_000,
	Keys: 10, Sessions: 100, Answers: 10_000}

// OverQuota returns the error for a kind of which there are as many as may be.
func OverQuota(kind string, most int64, whose string) *Error {
	return ErrQuota.On(kind).Saying("There may be at most %d %s of one %s; the server's --quotas say so.", most, kind,
		whose)
}
