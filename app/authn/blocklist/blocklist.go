package blocklist

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"

	"canopy/domain"
)

//go:embed common.bin
var common string

// The form of the list: the sizes of all buckets in half a byte each, then the fingerprints of all
// buckets in ascending order, each bucketBits+fingerprintBits of a hash without what names the bucket.
const (
	bucketBits      = 16
	fingerprintBits = 20
	buckets         = 1 << bucketBits
	sizesLength     = buckets / 2
	// every so many buckets there is a mark of how many fingerprints come before.
	every = 64
)

// marks say how many fingerprints there are before each of every buckets.
var marks = func() (marks [buckets / every]uint32) {
	total := 0
	for b := range buckets {
		if b%every == 0 {
			marks[b/every] = uint32(total)
		}
		total += size(b)
	}
	return marks
}()

// Contains reports whether the password is one of the list, in letters of either case. The password
// is to be in Unicode's form NFKC.
func Contains(password string) bool {
	bucket, fingerprint := locate(password)
	first := int(marks[bucket/every])
	for b := bucket / every * every; b < bucket; b++ {
		first += size(b)
	}
	for i := range size(bucket) {
		if fingerprintAt(first+i) == fingerprint {
			return true
		}
	}
	return false
}

// size returns how many fingerprints a bucket has.
func size(bucket int) int { return int(common[bucket/2]>>(bucket%2*4)) & 15 }

// fingerprintAt returns the nth fingerprint of the list: two take five bytes.
func fingerprintAt(n int) uint32 {
	at := sizesLength + n/2*5
	if n%2 == 0 {
		return uint32(common[at])<<12 | uint32(common[at+1])<<4 | uint32(common[at+2])>>4
	}
	return uint32(common[at+2])&15<<16 | uint32(common[at+3])<<8 | uint32(common[at+4])
}

// locate returns where in the list a password would be.
func locate(password string) (bucket int, fingerprint uint32) {
	sum := sha256.Sum256([]byte(domain.Fold(password)))
	hash := binary.BigEndian.Uint64(sum[:])
	return int(hash >> (64 - bucketBits)), uint32(hash>>(64-bucketBits-fingerprintBits)) & (1<<fingerprintBits - 1)
}
