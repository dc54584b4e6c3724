package persistence

import (
	"errors"

	lru "github.com/hashicorp/golang-lru/v2"
)

// owners remembers whose names are that are unique over the directory, each in a table that is stored elsewhere
// than what it leads to. What is remembered is a guess only: whoever follows it asks for a row that still has the
// name, and for the name itself if there is none. K is zero for a name that is nobody's.
type owners[K comparable] struct{ seen *lru.Cache[string, K] }

// ownersSeen is how many names are remembered, each with about 150 bytes.
const ownersSeen = 16 << 10

func newOwners[K comparable]() owners[K] {
	seen, _ := lru.New[string, K](ownersSeen) // it fails for sizes below 1 only
	return owners[K]{seen}
}

// find returns what read finds at the key of the owner of a name, which look looks up unless it is remembered. As many
// statements are sent for a name that is nobody's, for which read is given no key, as for another.
func find[K comparable, V any](o owners[K], name string, missing error, look func() (K, error),
	read func(K) (V, error)) (found V, err error) {
	var nobody K
	key, seen := o.seen.Get(name)
	if seen && key != nobody {
		if found, err = read(key); !errors.Is(err, missing) {
			return found, err
		}
	}
	owner, err := look()
	if err != nil {
		return found, err
	}
	o.seen.Add(name, owner)
	if seen && owner == nobody {
		return found, missing
	}
	return read(owner)
}
