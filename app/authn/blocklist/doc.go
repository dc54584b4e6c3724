// Package blocklist knows the passwords that are guessed first: about 90,000 of the commonest
// ones, words and names, without holding a word of them. Whatever is in the list is found; of
// other passwords three in two million are taken for one of it.
//
// common.bin is written and checked by this package's test, from testdata/words.txt.gz:
//
//	go test ./app/authn/blocklist -run TestListIsCurrent -update
//
// The words are those of two npm packages under the MIT licence, which testdata/LICENSE has:
// @zxcvbn-ts/language-common 4.1.3 (passwords) and @zxcvbn-ts/language-en 4.1.1 (words and names
// of six letters and more). For newer ones unpack what "npm pack" fetches of both into one folder,
// and name its src with -lists as well.
//
// Decisions:
//
//   - An entry is 36 bits of the SHA-256 of a word as domain.Fold leaves it: 16 choose a bucket, 20
//     are kept. Buckets lie one behind the other, their sizes in half a byte each before them. That
//     is 258 kB for what takes 700 kB as text and twice as much as a Go map, and needs no decoder.
//   - Letters of either case are one: whoever guesses tries both.
package blocklist
