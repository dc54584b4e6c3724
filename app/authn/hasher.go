package authn

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"

	"canopy/domain"
)

// Cost is what hashing a password costs. It is written into each hash.
type Cost struct {
	Memory uint32 // in KiB
	Passes uint32
}

// DefaultCost is 19 MiB and two passes, the minimum OWASP's Password Storage Cheat Sheet
// gives for argon2id with one lane.
var DefaultCost = Cost{Memory: 19 << 10, Passes: 2}

const (
	saltLength = 16
	keyLength  = 32
)

// Hasher makes and checks argon2id hashes (RFC 9106) in the PHC string format. Each takes
// memory and a processor for tens of milliseconds, so at most one runs per processor; a
// bounded number wait for their turn, and the rest are refused. It is safe for concurrent use.
type Hasher struct {
	cost  Cost
	min   int
	queue *queue
	left  *garbage
	// breached may be nil.
	breached *Breached
	// decoy is checked where there is no hash, so that it takes as long. No password is known to fit.
	decoy domain.PasswordHash
}

// maxWaiting is how many may wait for each one that runs.
const maxWaiting = 64

// NewHasher returns a hasher that refuses new passwords of fewer than min characters. It must be closed.
func NewHasher(cost Cost, min int) *Hasher {
	places := runtime.GOMAXPROCS(0)
	h := &Hasher{cost: cost, min: min, queue: newQueue(places, maxWaiting), left: newGarbage(places, restAfter)}
	random := make([]byte, saltLength+keyLength)
	rand.Read(random) // never fails
	h.decoy = formatHash(cost, random[:saltLength], random[saltLength:])
	return h
}

// Against has JudgeChosen refuse the passwords of a file, which must stay open. Call it before h is used.
func (h *Hasher) Against(b *Breached) { h.breached = b }

// Hash returns the hash of a new password in Unicode's form NFKC, which is made in by's turn. It does not judge
// it; it returns domain.ErrOverloaded if too many wait. In a rehearsal it is one that no password has.
func (h *Hasher) Hash(ctx context.Context, by domain.Party, password string) (domain.PasswordHash, error) {
	if domain.Rehearses(ctx) {
		return "rehearsed", nil
	}
	if err := h.queue.enter(ctx, by); err != nil {
		return "", err
	}
	defer h.queue.leave()
	return h.hash(password), nil
}

// Verify reports whether password is the one hash was made of, normalised or, as hashes were once made, as it is
// typed, and whether hash should be made anew because it was made at another cost or of what was not normalised. An
// empty hash fits no password, and takes as long. It returns domain.ErrOverloaded if too many wait.
func (h *Hasher) Verify(ctx context.Context, by domain.Party, hash domain.PasswordHash,
	password string) (ok, renew bool, err error) {
	if err := h.queue.enter(ctx, by); err != nil {
		return false, false, err
	}
	defer h.queue.leave()
	if len(password) > MaxPasswordLength {
		hash, password = "", ""
	}
	known := hash != ""
	if !known {
		hash = h.decoy
	}
	cost, salt, key, err := parseHash(hash)
	if err != nil {
		return false, false, err
	}
	fits := func(password string) bool {
		return subtle.ConstantTimeCompare(h.derive(cost, password, salt, len(key)), key) == 1 && known
	}
	normal := normalise(password)
	if fits(normal) {
		return true, cost != h.cost, nil
	}
	typed := normal != password && fits(password)
	return typed, typed, nil
}

// Close ends what h does by itself, which is to give memory back when no hash was made for a while. Nobody may use h
// any more.
func (h *Hasher) Close() { h.left.stop() }

// Waiting returns how many wait for their turn, and how many were refused because too many did.
func (h *Hasher) Waiting() (now int, refused int64) { return h.queue.load(), h.queue.refused.Load() }

func (h *Hasher) hash(password string) domain.PasswordHash {
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails
	return formatHash(h.cost, salt, h.derive(h.cost, normalise(password), salt, keyLength))
}

func (h *Hasher) derive(cost Cost, password string, salt []byte, length int) []byte {
	defer h.left.add(cost.Memory)
	return argon2.IDKey([]byte(password), salt, cost.Passes, cost.Memory, 1, uint32(length))
}

func formatHash(cost Cost, salt, key []byte) domain.PasswordHash {
	return domain.PasswordHash(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, cost.Memory, cost.Passes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)))
}

// The bounds of a cost: RFC 9106 wants 8 KiB at least. The memory times the passes is what
// it takes; the bound is a few seconds.
const (
	minMemory = 8
	maxMemory = 1 << 20
	maxWork   = 4 * maxMemory
)

// parseHash reads the PHC string format, exactly as formatHash writes it. It refuses costs
// that would exhaust the machine, since hashes can be imported.
func parseHash(hash domain.PasswordHash) (cost Cost, salt, key []byte, err error) {
	parts := strings.Split(string(hash), "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return cost, nil, nil, fmt.Errorf("not an argon2id hash")
	}
	var version, lanes int
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &cost.Memory, &cost.Passes,
		&lanes); err != nil {
		return cost, nil, nil, fmt.Errorf("not an argon2id hash: bad parameters")
	}
	if version != argon2.Version || lanes != 1 || cost.Memory < minMemory || cost.Memory > maxMemory ||
		cost.Passes < 1 || uint64(cost.Memory)*uint64(cost.Passes) > maxWork {
		return cost, nil, nil, fmt.Errorf("an argon2id hash with unsupported parameters")
	}
	salt, errSalt := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, errKey := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errSalt != nil || errKey != nil || len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
		return cost, nil, nil, fmt.Errorf("not an argon2id hash: bad salt or key")
	}
	if formatHash(cost, salt, key) != hash { // the readers above leave out what they do not know
		return cost, nil, nil, fmt.Errorf("not an argon2id hash: something that does not belong there")
	}
	return cost, salt, key, nil
}

// CheckHash returns an error unless hash can be verified by a Hasher. The error does not
// quote it.
func CheckHash(hash domain.PasswordHash) error {
	_, _, _, err := parseHash(hash)
	return err
}
