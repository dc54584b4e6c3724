package domain

import (
	"crypto/sha256"
	"encoding/hex"
)

// Version names a state of an entity as one reader is shown it: two that are equal show the same. It says
// nothing of what the reader is not shown, which therefore changes without another version. The empty one
// is none.
type Version string

// ErrStale reports that something is not any more what the change was made for.
var ErrStale = &Error{Kind: Conflict, Code: "stale",
	Public: "This was changed since you read it. Read it again and repeat the change."}

// Check returns ErrStale if v is not now, the version of what is stored. The empty version expects nothing.
func (v Version) Check(now Version) error {
	if v != "" && v != now {
		return ErrStale
	}
	return nil
}

// versionBytes is how much of a hash a version has.
const versionBytes = 8

// VersionOf returns the version of the entity with that UUID whose fields these are.
func VersionOf(id UUID, fields Fields) Version {
	text := []byte(id)
	for _, f := range fields {
		text = append(append(append(append(text, 0), f.Name...), 0), f.Value...) // no field has a NUL
	}
	sum := sha256.Sum256(text)
	return Version(hex.EncodeToString(sum[:versionBytes]))
}
