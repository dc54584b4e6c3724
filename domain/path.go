package domain

import (
	"strconv"
	"strings"
)

// EnvironmentPath is the place of an environment in the tree: the numbers from the root
// down to itself, with slashes, as in "/1/19/25/". Paths compare bytewise; a subtree is
// one range of them. The empty path is no place.
type EnvironmentPath string

const (
	// RootPath is the place of environment 1.
	RootPath EnvironmentPath = "/1/"
	// MaxDepth is how many environments a path may have, the root included.
	MaxDepth = 32
)

// Child returns the place of environment id directly below p.
func (p EnvironmentPath) Child(id EnvironmentID) EnvironmentPath {
	return p + EnvironmentPath(strconv.FormatInt(int64(id), 10)) + "/"
}

// Contains reports whether q is p or lies below it. Nothing lies below the empty path.
func (p EnvironmentPath) Contains(q EnvironmentPath) bool {
	return p != "" && strings.HasPrefix(string(q), string(p))
}

// End returns the first string that is greater than every path in p's subtree.
func (p EnvironmentPath) End() EnvironmentPath { return p[:len(p)-1] + "0" }

// Only returns the first string that is greater than p itself and not greater than any
// path below p, so that [p, p.Only()) is the one environment. Numbers do not begin with 0.
func (p EnvironmentPath) Only() EnvironmentPath { return p + "0" }

// ID returns the number of the environment at p, or 0 for the empty path.
func (p EnvironmentPath) ID() EnvironmentID {
	if len(p) < 3 {
		return 0
	}
	s := string(p[:len(p)-1])
	n, _ := strconv.ParseInt(s[strings.LastIndexByte(s, '/')+1:], 10, 64)
	return EnvironmentID(n)
}

// Parent returns the place directly above p. The root is its own parent.
func (p EnvironmentPath) Parent() EnvironmentPath {
	if p == RootPath || len(p) < 3 {
		return p
	}
	return p[:strings.LastIndexByte(string(p[:len(p)-1]), '/')+1]
}

// Depth returns how many environments p has, the root and itself included.
func (p EnvironmentPath) Depth() int { return max(strings.Count(string(p), "/")-1, 0) }

// UpTo returns the part of p that ends with environment id, or "" if p does not pass it.
func (p EnvironmentPath) UpTo(id EnvironmentID) EnvironmentPath {
	step := "/" + strconv.FormatInt(int64(id), 10) + "/"
	i := strings.Index(string(p), step)
	if i < 0 {
		return ""
	}
	return p[:i+len(step)]
}

// ParsePath reads a path as String writes it. It is for cursors and stored documents;
// people name environments by EnvironmentRef.
func ParsePath(s string) (EnvironmentPath, error) {
	if !strings.HasPrefix(s, string(RootPath)) || !strings.HasSuffix(s, "/") {
		return "", ErrInvalid.Saying("Give a path of environments such as Acme/Prod.")
	}
	steps := strings.Split(s[1:len(s)-1], "/")
	if len(steps) > MaxDepth {
		return "", ErrTooDeep
	}
	for _, step := range steps {
		if _, ok := ParseID[EnvironmentID](step); !ok {
			return "", ErrInvalid.Saying("Give a path of environments such as Acme/Prod.")
		}
	}
	return EnvironmentPath(s), nil
}
